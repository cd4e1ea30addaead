"""Images to `.kmq` files and back: clustering and container joined.

What is slow to import (NumPy, Pillow's readers, numba) is imported where it is used,
so that reading a head needs none of it.
"""

from kmq.codec.applying import apply_palette as apply_palette
from kmq.codec.decoding import DataSource as DataSource
from kmq.codec.decoding import decode as decode
from kmq.codec.decoding import info as info
from kmq.codec.decoding import load as load
from kmq.codec.decoding import open as open
from kmq.codec.encoding import apply as apply
from kmq.codec.encoding import encode as encode
from kmq.codec.encoding import encode_pixels as encode_pixels
from kmq.codec.encoding import quantize as quantize
from kmq.codec.encoding import quantize_pixels as quantize_pixels
from kmq.codec.encoding import save as save
from kmq.codec.encoding import to_bytes as to_bytes
from kmq.codec.fitting import fit as fit
from kmq.codec.fitting import fit_histogram as fit_histogram
