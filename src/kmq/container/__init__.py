"""IndexedImage <-> bytes: the `.kmq` file, as `formats/kmq-1.md` specifies it.

How an index gets into a file: `writing` cuts the image into bands and asks each coding for
its bytes. `packed` stores the band as the digits of one number, in `mixed_radix` unless K
is a power of two. `modelled` pads the band and runs `model`. Its decisions take their
contexts from `spans`, `surroundings` and `palette_tree`, look up probabilities in `slots`,
combine them in `mixing` and are coded by the `range_coder`; `tables` contains the
constants. Finally, `head` writes the sizes, the palette and the length of each stripe.

Code outside this package reads a file through three modules: `head` (SIGNATURE,
`read_head`), `summary` (the head in readable form) and `reading` (the whole file). The first
two do not load NumPy, so import each by its name. `writing` makes a file.
"""
