"""IndexedImage, which cannot be invalid: a palette and one index into it for each pixel.

`IndexedImage` is the hinge between the two halves of kmq: clustering never sees bytes, and
the container never sees clustering. The order of the palette is a second, silent hinge:
clustering arranges it so that each half of the index range holds near colours, because the
modelled coding predicts an index by walking down these halves. Any order is legal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kmq import alpha
from kmq.colors import Rgb, parse_color
from kmq.errors import OptionError, warn
from kmq.image.arrays import array_of as array_of
from kmq.image.arrays import frozen, whole_numbers
from kmq.image.arrays import index_dtype as index_dtype
from kmq.image.palette import Palette as Palette
from kmq.metadata import NOTHING, Metadata

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from PIL import Image


class IndexedImage:
    """A palette and one index into it for each pixel; immutable.

    Parameters
    ----------
    palette
        A `Palette`, or an array of shape (K, 3) or (K, 4) that makes one.
    indices
        Array of shape (H, W), whole numbers 0 to K - 1, H and W at least 1.
    is_grey_picture
        Whether the pixels are levels of grey and the indices mean nothing beyond them.
        Pillow sees such an image in mode L. The palette must be grey and opaque.
    metadata
        What the picture says besides its pixels. It does not count when images are compared.

    Attributes
    ----------
    palette : (K, 3) uint8, or (K, 4) where some alpha is below 255; read-only
    indices : (H, W), read-only, uint8 where K is at most 256, else uint16
    is_grey_picture : bool
    metadata : Metadata
    labels : (K,) uint16, read-only, or None
        The labels that the entries stand for, see `from_labels`. The palette then shows
        them as greys: by their upper bytes, or by the lower ones if all are below 256.

    Raises
    ------
    OptionError
        If a shape, a dtype or a value does not fit.
    """

    __slots__ = ("_palette", "indices", "is_grey_picture", "labels", "metadata")
    _palette: Palette
    indices: NDArray[np.uint8] | NDArray[np.uint16]
    is_grey_picture: bool
    metadata: Metadata
    labels: NDArray[np.uint16] | None

    def __init__(
        self,
        palette: Palette | ArrayLike,
        indices: ArrayLike,
        *,
        is_grey_picture: bool = False,
        metadata: Metadata = NOTHING,
    ) -> None:
        given = array_of("indices", indices)
        self._set(palette, given, is_grey_picture, metadata, None)
        object.__setattr__(self, "indices", frozen(self.indices, given))

    @classmethod
    def owning(
        cls,
        palette: Palette | NDArray[np.uint8],
        indices: NDArray[Any],
        *,
        is_grey_picture: bool = False,
        metadata: Metadata = NOTHING,
        labels: NDArray[np.uint16] | None = None,
    ) -> IndexedImage:
        """Return an image of `indices` themselves, not of a copy: nobody else may write to them.

        Parameters and errors are those of `IndexedImage`. With `labels`, (K,), the palette
        must be the greys that show them.
        """
        made = cls.__new__(cls)
        made._set(palette, indices, is_grey_picture, metadata, labels)
        made.indices.flags.writeable = False
        return made

    @classmethod
    def from_pil(cls, image: Image.Image) -> IndexedImage:
        """Return the palette, the indices and the metadata that a Pillow image holds.

        Nothing is converted: the pixels are not turned, so that an orientation in the
        metadata still holds. What cannot be kept is a KmqWarning.

        Parameters
        ----------
        image
            In mode P: every entry in order, with its alpha if it has one. Pixels whose
            index has no entry get one that is black. In mode L or 1: a grey picture,
            whose palette is every level, so that the indices are the levels.

        Raises
        ------
        OptionError
            If the image has another mode, or no pixels; `kmq.quantize` takes it then.
        """
        from PIL import Image

        from kmq.metadata.images import metadata_of

        if not isinstance(image, Image.Image):
            raise OptionError(f"image: expected a Pillow image, got {type(image).__name__}")
        if image.mode in ("L", "1"):
            levels = 256 if image.mode == "L" else 2
            ramp = np.linspace(0, 255, levels).astype(np.uint8)
            palette, is_grey = np.repeat(ramp[:, None], 3, axis=1), True
            if isinstance(key := image.info.get("transparency"), int) and key < levels:
                palette, is_grey = alpha.with_alpha(palette), False
                palette[key, 3] = 0
        elif image.mode == "P":
            palette, is_grey = palette_of(image), False
        else:
            raise OptionError(
                f"image: expected mode P, L or 1, got {image.mode}; kmq.quantize takes any image"
            )
        indices = np.asarray(image, np.uint8)
        metadata, notes = metadata_of(image, is_turned=False)
        for note in notes:
            warn(note)
        return cls(palette, indices, is_grey_picture=is_grey, metadata=metadata)

    @classmethod
    def from_labels(cls, labels: ArrayLike) -> IndexedImage:
        """Return a mask that keeps label numbers: index i stands for the i-th smallest label.

        `kmq decode` and Pillow give the labels back as the samples of a grey picture, of 8
        bits if they are all below 256 (mode L), else of 16 (mode I;16); `to_labels` as an
        array.

        Parameters
        ----------
        labels
            Array of shape (H, W) or (H, W, 1), bool or of any integer dtype, 0 to 65,535.

        Raises
        ------
        OptionError
            If the shape, the dtype or a value does not fit.
        """
        given = array_of("labels", labels)
        if given.dtype == np.bool_:
            given = given.astype(np.uint8)
        if given.ndim == 3 and given.shape[2] == 1:
            given = given[..., 0]
        if given.ndim != 2 or given.size == 0:
            raise OptionError(f"labels: expected shape (H, W), each at least 1, got {given.shape}")
        values, indices = np.unique(
            whole_numbers("labels", given, 65_535, np.uint16), return_inverse=True
        )
        indices = indices.reshape(given.shape)
        greys = (values >> 8 if values[-1] > 255 else values).astype(np.uint8)
        return cls.owning(np.repeat(greys[:, np.newaxis], 3, axis=1), indices, labels=values)

    def with_metadata(self, metadata: Metadata) -> IndexedImage:
        """Return the same palette and indices, which are shared, with other metadata."""
        if metadata == self.metadata:
            return self
        return IndexedImage.owning(
            self._palette,
            self.indices,
            is_grey_picture=self.is_grey_picture,
            metadata=metadata,
            labels=self.labels,
        )

    def _set(
        self,
        palette: Palette | ArrayLike,
        given: NDArray[Any],
        is_grey_picture: bool,
        metadata: Metadata,
        labels: NDArray[np.uint16] | None,
    ) -> None:
        if not isinstance(metadata, Metadata):
            raise OptionError(f"metadata: expected Metadata, got {type(metadata).__name__}")
        object.__setattr__(self, "metadata", metadata)
        colors = palette if isinstance(palette, Palette) else Palette(palette)
        if is_grey_picture and (colors.has_alpha or not colors.is_grey):
            raise OptionError("is_grey_picture: the palette has colours that are no opaque greys")
        if given.ndim != 2 or given.size == 0:
            raise OptionError(f"indices: expected shape (H, W), each at least 1, got {given.shape}")
        checked = whole_numbers("indices", given, len(colors) - 1, index_dtype(len(colors)))
        if labels is not None:
            labels = frozen(np.array(labels, np.uint16), labels)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "_palette", colors)
        object.__setattr__(self, "indices", checked)
        object.__setattr__(self, "is_grey_picture", is_grey_picture)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an IndexedImage is immutable; cannot set {name}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, IndexedImage):
            return NotImplemented
        return (
            self._palette == other._palette
            and self.is_grey_picture == other.is_grey_picture
            and _are_equal(self.labels, other.labels)
            and np.array_equal(self.indices, other.indices)
        )

    def __hash__(self) -> int:
        return hash((self._palette, self.indices.shape, self.indices.tobytes()))

    def __repr__(self) -> str:
        return f"<IndexedImage {self.width}x{self.height} of {len(self._palette)} colours>"

    def _repr_png_(self) -> bytes:
        """Return a PNG file, as which notebooks show an image.

        Of a picture that is wider or higher than 1,024 pixels it is a smaller copy. Labels
        get colours that tell them apart.
        """
        from kmq.image.notebook import picture_as_png

        return picture_as_png(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (
            self._palette,
            self.indices,
            self.is_grey_picture,
            self.metadata,
            self.labels,
        )

    @property
    def palette(self) -> NDArray[np.uint8]:
        """The colours in index order, (K, 3) or (K, 4) uint8, read-only; see `Palette`."""
        return self._palette.colors

    @property
    def width(self) -> int:
        """Pixels in a row."""
        return int(self.indices.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.indices.shape[0])

    @property
    def has_alpha(self) -> bool:
        """Whether some palette entry's alpha is below 255."""
        return self._palette.has_alpha

    @property
    def is_grey(self) -> bool:
        """Whether every palette entry is a grey, whatever its alpha."""
        return self._palette.is_grey

    def to_rgb(self, background: str | Rgb | None = None) -> NDArray[np.uint8]:
        """Return the pixels' colours, a new array of shape (H, W, 3) uint8.

        Parameters
        ----------
        background
            The colour behind transparent pixels: a name, a hex code, or (red, green,
            blue). It makes no difference to an opaque image.

        Raises
        ------
        OptionError
            If the palette has alpha and there is no background, or it is not a colour.
        """
        behind = None if background is None else parse_color(background)
        colors = self.palette
        if self.has_alpha:
            if behind is None:
                raise OptionError(
                    "background: the image has transparent pixels; name the colour to put "
                    "behind them, or take to_rgba()"
                )
            colors = alpha.composite(colors[:, :3], colors[:, 3], behind)
        return np.take(colors, self.indices, axis=0)

    def to_rgba(self) -> NDArray[np.uint8]:
        """Return the pixels' colours and alpha, a new array of shape (H, W, 4) uint8."""
        return np.take(self._palette.to_rgba(), self.indices, axis=0)

    def to_pixels(self) -> NDArray[np.uint8]:
        """Return the pixels, (H, W, 4) uint8 if some entry has alpha, else (H, W, 3)."""
        return np.take(self.palette, self.indices, axis=0)

    def to_labels(self) -> NDArray[np.uint16]:
        """Return the pixels' labels, a new array of shape (H, W) uint16.

        They are what `from_labels` was given; of an image without labels the indices.
        """
        if self.labels is None:
            return self.indices.astype(np.uint16)
        return np.take(self.labels, self.indices)

    def to_pil(self) -> Image.Image:
        """Return a Pillow image.

        Labels have mode L, or I;16 if some are above 255.
        A grey picture has mode L. Any other image of up to 256 colours has mode P, with
        this palette and these indices, even if the palette is grey: the indices may be
        labels. Its alpha is in `info["transparency"]`, as bytes, one for each entry. With
        more colours it has mode L, RGB or RGBA, whichever holds them.
        """
        from PIL import Image

        if self.labels is not None:
            dtype = np.uint8 if self.labels.max() < 256 else np.uint16
            return Image.fromarray(self.to_labels().astype(dtype))
        is_opaque_grey = self.is_grey and not self.has_alpha
        if self.is_grey_picture or (is_opaque_grey and len(self.palette) > 256):
            return Image.fromarray(np.take(self.palette[:, 0], self.indices))
        if len(self.palette) > 256:
            return Image.fromarray(self.to_pixels())
        image = Image.frombytes("P", (self.width, self.height), self.indices.tobytes())
        image.putpalette(self.palette[:, :3].tobytes(), "RGB")
        if self.has_alpha:
            image.info["transparency"] = self.palette[:, 3].tobytes()
        return image


def _restored(
    palette: Palette,
    indices: NDArray[Any],
    is_grey_picture: bool,
    metadata: Metadata,
    labels: NDArray[np.uint16] | None,
) -> IndexedImage:
    """Return what was pickled."""
    return IndexedImage.owning(
        palette,
        indices.copy(),
        is_grey_picture=is_grey_picture,
        metadata=metadata,
        labels=labels,
    )


def _are_equal(one: NDArray[Any] | None, other: NDArray[Any] | None) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))


def palette_of(image: Image.Image) -> NDArray[np.uint8]:
    """Return the palette of a Pillow image in mode P, (K, 4), with an entry for every index."""
    image.load()
    entries = np.array(image.getpalette("RGBA") or [], np.uint8).reshape(-1, 4)
    missing = int(np.asarray(image).max(initial=0)) + 1 - len(entries)
    black = np.full((max(missing, 0), 4), (0, 0, 0, 255), np.uint8)
    palette = np.concatenate([entries, black])
    transparency = image.info.get("transparency")
    if isinstance(transparency, bytes):  # the alpha of the first entries
        alphas = np.frombuffer(transparency, np.uint8)[: len(palette)]
        palette[: len(alphas), 3] = alphas
    elif isinstance(transparency, int) and 0 <= transparency < len(palette):
        palette[transparency, 3] = 0
    return palette
