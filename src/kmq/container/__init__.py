"""IndexedImage <-> bytes: the `.kmq` file, as `formats/kmq-1.md` specifies it.

One index's way into a file: `stripes` cuts the image into bands and asks each coding for
its bytes. `packed` stores the band as the digits of one number, in `mixed_radix` unless K
is a power of two. `modelled` pads the band and runs `model`, whose decisions take their
contexts from `spans`, `surroundings` and `palette_tree`, find their probabilities in
`slots`, weigh them in `mixing` and leave through the `range_coder`; `tables` holds the
constants. `head` then writes down the sizes, the palette and how long each stripe is.

Code outside this room reads a file through three modules: `head` (SIGNATURE, `read_head`),
`summary` (what a head tells a person) and `stripes` (the whole file). The first two load
no NumPy, so import each by its name.
"""
