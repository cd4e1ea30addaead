"""Images to `.kmq` files and back: clustering and container joined.

Modules that are slow to import (NumPy, Pillow's readers, numba) are imported where they are
used, so that reading a head needs none of them. Each public function has a module to itself,
because most of it is the description of its parameters.
"""

from kmq.codec.applying import apply as apply
from kmq.codec.applying import apply_palette as apply_palette
from kmq.codec.decoding import DataSource as DataSource
from kmq.codec.decoding import decode as decode
from kmq.codec.decoding import info as info
from kmq.codec.decoding import load as load
from kmq.codec.decoding import open as open
from kmq.codec.encoding import encode as encode
from kmq.codec.fitting import fit as fit
from kmq.codec.fitting import fit_histogram as fit_histogram
from kmq.codec.pixels import encode_pixels as encode_pixels
from kmq.codec.pixels import quantize_pixels as quantize_pixels
from kmq.codec.pixels import to_bytes as to_bytes
from kmq.codec.quantizing import quantize as quantize
from kmq.codec.saving import save as save
