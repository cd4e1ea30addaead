"""IndexedImage <-> bytes: the `.kmq` file, as `formats/kmq-1.md` specifies it.

`layout` is the head, `summary` what it says to a person, `stripes` the whole file;
`packed` and `mixed_radix` are the coding of a stripe. Import them by name: the first
two load no NumPy.
"""
