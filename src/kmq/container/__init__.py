"""IndexedImage <-> bytes: the `.kmq` file, as `formats/kmq-1.md` specifies it.

`layout` is the head, `summary` what it says to a person, `stripes` the whole file;
`packed` and `mixed_radix` are coding 0, `modelled` is coding 1. Import them by name: the first
two load no NumPy.
"""
