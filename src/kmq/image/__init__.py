"""`IndexedImage`, which is never invalid: a palette, and one index into it for each pixel.

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
from kmq.image.pillow import palette_of as palette_of
from kmq.image.pillow import parts_of, to_pillow
from kmq.metadata import NOTHING, Metadata

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from PIL import Image


class IndexedImage:
    """A palette, and one index into it for each pixel; immutable and never invalid.

    This is what `quantize`, `apply` and `load` return, and what `encode` stores as it is.

    Parameters
    ----------
    palette : Palette or array of shape (K, 3) or (K, 4)
        The colours in index order, K from 1 to 65,536: red, green and blue in sRGB, and
        alpha that is not premultiplied, from 0 to 255.
    indices : array of shape (H, W)
        For each pixel the number of its palette entry: whole numbers from 0 to K - 1; H and W
        are at least 1. The array is copied.
    is_grey_picture : bool, default False
        Whether the pixels are levels of grey and the indices have no meaning of their own.
        Pillow gets such an image in mode L. All colours must be opaque greys.
    metadata : Metadata, default empty
        Resolution, EXIF, XMP and text. Comparing images ignores it.

    Attributes
    ----------
    palette : array of uint8, shape (K, 3), or (K, 4) if some alpha is below 255
        The colours in index order. Read-only.
    indices : array of uint8, or uint16 if K is above 256; shape (H, W)
        The index of each pixel. Read-only.
    is_grey_picture : bool
        Whether the pixels are levels of grey.
    metadata : Metadata
        Resolution, EXIF, XMP and text.
    labels : array of uint16, shape (K,), or None
        The label that each entry stands for, if `from_labels` made the image. The palette then
        shows labels as greys: their upper bytes, or their lower ones if all are below 256.
        Read-only.

    Raises
    ------
    OptionError
        A shape, a dtype or a value does not fit. The message names the argument.

    Examples
    --------
    >>> import kmq
    >>> flag = kmq.IndexedImage([[255, 255, 255], [255, 0, 0]], [[0, 0, 0], [1, 1, 1]])
    >>> flag
    <IndexedImage 3x2 of 2 colours>
    >>> flag.to_rgb()[1, 0].tolist()
    [255, 0, 0]
    >>> kmq.load(kmq.encode(flag)) == flag
    True
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
        """Return an image that takes over `indices` without copying them.

        Nobody may write to them afterwards. With `labels`, of shape (K,), the palette must be
        the greys that show them.
        """
        made = cls.__new__(cls)
        made._set(palette, indices, is_grey_picture, metadata, labels)
        made.indices.flags.writeable = False
        return made

    @classmethod
    def from_pil(cls, image: Image.Image) -> IndexedImage:
        """Return the palette, the indices and the metadata of a Pillow image.

        Nothing is converted. The pixels are not turned, so that an orientation in the
        metadata still holds.

        Parameters
        ----------
        image : PIL.Image.Image
            In mode P the palette is that of the image, with its alpha; an index beyond it
            gets a black entry. In mode L or 1 the palette is every level of grey, so that the
            indices are the levels.

        Raises
        ------
        OptionError
            The image has another mode, or no pixels. `kmq.quantize` takes any mode.

        Warns
        -----
        KmqWarning
            Some of the metadata cannot be kept.

        Examples
        --------
        >>> from PIL import Image
        >>> import kmq
        >>> kmq.IndexedImage.from_pil(Image.new("1", (4, 3)))
        <IndexedImage 4x3 of 2 colours>
        """
        from kmq.metadata.images import metadata_of

        palette, indices, is_grey = parts_of(image)
        metadata, notes = metadata_of(image, is_turned=False)
        for note in notes:
            warn(note)
        return cls(palette, indices, is_grey_picture=is_grey, metadata=metadata)

    @classmethod
    def from_labels(cls, labels: ArrayLike) -> IndexedImage:
        """Return a mask that keeps label numbers: index i stands for the i-th smallest label.

        `to_labels` returns the labels as an array. Pillow and `kmq decode` return them as the
        samples of a grey picture: 8 bits (mode L) if all are below 256, else 16 bits (mode
        I;16).

        Parameters
        ----------
        labels : array of shape (H, W) or (H, W, 1)
            The label of each pixel, from 0 to 65,535: bool or any integer dtype.

        Raises
        ------
        OptionError
            The shape, the dtype or a value does not fit.

        Examples
        --------
        >>> import kmq
        >>> mask = kmq.IndexedImage.from_labels([[0, 700], [700, 9000]])
        >>> mask.indices.tolist()
        [[0, 1], [1, 2]]
        >>> mask.to_labels().tolist()
        [[0, 700], [700, 9000]]
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
        """Return the same image with other metadata; palette and indices are shared."""
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
            raise OptionError("is_grey_picture: the palette has colours other than opaque greys")
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
        """Return the PNG file that notebooks show.

        It is a smaller copy of a picture that is wider or higher than 1,024 pixels. Labels get
        colours that tell them apart.
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
        """The colours in index order, (K, 3), or (K, 4) with alpha, uint8, read-only."""
        return self._palette.colors

    @property
    def width(self) -> int:
        """The number of pixels in a row."""
        return int(self.indices.shape[1])

    @property
    def height(self) -> int:
        """The number of rows."""
        return int(self.indices.shape[0])

    @property
    def has_alpha(self) -> bool:
        """Whether some palette entry's alpha is below 255."""
        return self._palette.has_alpha

    @property
    def is_grey(self) -> bool:
        """Whether every palette entry is a grey; alpha does not matter."""
        return self._palette.is_grey

    def to_rgb(self, background: str | Rgb | None = None) -> NDArray[np.uint8]:
        """Return the pixels' colours, a new array of shape (H, W, 3) uint8.

        Parameters
        ----------
        background : str or (int, int, int), optional
            Colour to put behind transparent pixels: a name, a hex code, or (red, green, blue)
            from 0 to 255. It has no effect on an opaque image.

        Raises
        ------
        OptionError
            The palette has alpha and there is no background, or it is not a colour.
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

        They are those that `from_labels` was given. For any other image they are the indices.
        """
        if self.labels is None:
            return self.indices.astype(np.uint16)
        return np.take(self.labels, self.indices)

    def to_pil(self) -> Image.Image:
        """Return a Pillow image in the simplest mode that holds this one.

        A grey picture has mode L; labels have mode L, or I;16 if some are above 255. Any other
        image of up to 256 colours has mode P, with this palette and these indices, and the
        alpha of each entry in ``info["transparency"]``, as bytes. With more colours the mode
        is L, RGB or RGBA.
        """
        return to_pillow(self)


def _restored(
    palette: Palette,
    indices: NDArray[Any],
    is_grey_picture: bool,
    metadata: Metadata,
    labels: NDArray[np.uint16] | None,
) -> IndexedImage:
    """Return the image that was pickled."""
    return IndexedImage.owning(
        palette,
        indices.copy(),
        is_grey_picture=is_grey_picture,
        metadata=metadata,
        labels=labels,
    )


def _are_equal(one: NDArray[Any] | None, other: NDArray[Any] | None) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))
