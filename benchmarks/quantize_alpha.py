"""Error and time of kmq compared with its peers, for pictures with alpha.

    python benchmarks/quantize_alpha.py --images DIR [DIR ...] --colors 16,64,256

Every method does the whole job: from an RGBA image to the same image in at most K colours
with alpha, palette found and each pixel mapped, without dithering. The error is the mean
over pixels of the squared difference over all uniform backgrounds, the three channels
summed (`kmq.alpha` derives it). It is given relative to the best of five starts of
scikit-learn's K-means over the distinct colours, weighted, which minimises the same error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, geometric_mean
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from reporting import find_markers, machine_line, markdown_table, time_rounds, write_between
from rich.console import Console
from rich.progress import track

from kmq import clustering

Rgba: TypeAlias = NDArray[np.uint8]
Quantizer: TypeAlias = Callable[[Rgba, int], Rgba]

REFERENCE = "scikit-learn, best of 5"
REFERENCE_STARTS = 5
REFERENCE_TOLERANCE = 1e-5
PACKAGES = ["numpy", "numba", "kmq", "scikit-learn", "imagequant", "Pillow"]


# --- The error -------------------------------------------------------------------------


def points_of(colors: Rgba) -> NDArray[np.float64]:
    """Return (..., 4) colours as points whose squared distance is the error.

    With samples from 0 to 1 they are a (c - 1/2) for red, green and blue, and a / 2; here
    in steps of an 8-bit sample.
    """
    samples = colors.astype(np.float64)
    alpha = samples[..., 3:] / 255
    return np.concatenate([alpha * (samples[..., :3] - 127.5), alpha * 127.5], axis=-1)


def colors_at(points: NDArray[np.float64]) -> Rgba:
    """Return the colours nearest to (n, 4) points: alpha is rounded, then the colour for it."""
    alpha = np.rint(points[:, 3:] * 2)
    rgb = np.rint(127.5 + 255 * points[:, :3] / np.maximum(alpha, 1))
    return np.append(rgb, alpha, axis=1).clip(0, 255).astype(np.uint8)


def mean_squared_distance(image: Rgba, output: Rgba) -> float:
    """Return the mean over pixels of the squared distance."""
    return float(((points_of(image) - points_of(output)) ** 2).sum(axis=2).mean())


# --- The methods -----------------------------------------------------------------------


def quantize_kmq(image: Rgba, colors: int, *, effort: str) -> Rgba:
    """K-means over the distinct colours."""
    return clustering.quantize(image, colors, effort=effort).to_rgba()


def quantize_libimagequant(image: Rgba, colors: int, *, speed: int) -> Rgba:
    """Median cut refined by K-means, weighted by what the eye sees; slower is closer."""
    # The package's own functions leave the speed as it is.
    from imagequant._libimagequant import ffi, lib

    height, width, _ = image.shape
    attributes = lib.liq_attr_create()
    lib.liq_set_max_colors(attributes, colors)
    lib.liq_set_speed(attributes, speed)
    pixels = ffi.from_buffer(np.ascontiguousarray(image))
    picture = lib.liq_image_create_rgba(attributes, pixels, width, height, 0)
    result = ffi.new("liq_result**")
    if lib.liq_image_quantize(picture, attributes, result) != lib.LIQ_OK:
        raise RuntimeError("libimagequant failed")
    lib.liq_set_dithering_level(result[0], 0.0)
    indices = np.empty((height, width), np.uint8)
    lib.liq_write_remapped_image(result[0], picture, ffi.from_buffer(indices), indices.size)
    entries = lib.liq_get_palette(result[0])
    palette = [(each.r, each.g, each.b, each.a) for each in entries.entries[0 : entries.count]]
    lib.liq_result_destroy(result[0])
    lib.liq_image_destroy(picture)
    lib.liq_attr_destroy(attributes)
    return np.array(palette, np.uint8)[indices]


def quantize_pillow(image: Rgba, colors: int) -> Rgba:
    """Cut the colour space, without iterations."""
    reduced = Image.fromarray(image).quantize(
        colors, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
    )
    return np.asarray(reduced.convert("RGBA"))


def quantize_scikit_learn(image: Rgba, colors: int) -> Rgba:
    """K-means over the distinct colours as points, weighted: the best of five starts."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import pairwise_distances_argmin

    seen = np.where(image[..., 3:] == 0, 0, image).astype(np.uint8)
    distinct, places, counts = np.unique(
        seen.reshape(-1, 4), axis=0, return_inverse=True, return_counts=True
    )
    points = points_of(distinct)
    best: tuple[float, Rgba] | None = None
    for start in range(REFERENCE_STARTS):
        estimator = KMeans(colors, n_init=1, random_state=start, tol=REFERENCE_TOLERANCE)
        palette = colors_at(estimator.fit(points, sample_weight=counts).cluster_centers_)
        shown = palette[pairwise_distances_argmin(points, points_of(palette))]
        error = float((((points - points_of(shown)) ** 2).sum(axis=1) * counts).sum())
        if best is None or error < best[0]:
            best = error, shown
    assert best is not None
    return best[1][places].reshape(image.shape)


METHODS: dict[str, Quantizer] = {
    "kmq fast": partial(quantize_kmq, effort="fast"),
    "kmq default": partial(quantize_kmq, effort="default"),
    "kmq best": partial(quantize_kmq, effort="best"),
    "libimagequant, speed 3": partial(quantize_libimagequant, speed=3),
    "libimagequant, speed 1": partial(quantize_libimagequant, speed=1),
    "pillow-fastoctree": quantize_pillow,
    REFERENCE: quantize_scikit_learn,
}


# --- What is measured ------------------------------------------------------------------


@dataclass(frozen=True)
class Measurement:
    """One method on one image for one K.

    `clear_lost` is the share of clear pixels that are not clear any more, `opaque_lost` that
    of opaque pixels that are not opaque any more.
    """

    image: str
    error: float
    milliseconds: float
    clear_lost: float
    opaque_lost: float


def measure(
    name: str, image: Rgba, colors: int, repeats: Mapping[str, int]
) -> dict[str, Measurement]:
    """Check every method's output, and time it; all but scikit-learn have a run before."""
    tasks = {method: partial(quantize, image, colors) for method, quantize in METHODS.items()}
    for method, task in tasks.items():
        if method != REFERENCE:
            task()
    found = {}
    for method, timed in time_rounds(tasks, repeats).items():
        output = timed.result
        if output.shape != image.shape or len(distinct_colors(output)) > colors:
            raise ValueError(f"{method}, {name}, K = {colors}: not the image in {colors} colours")
        found[method] = Measurement(
            image=name,
            error=mean_squared_distance(image, output),
            milliseconds=timed.median_ms,
            clear_lost=share(output[..., 3] > 0, image[..., 3] == 0),
            opaque_lost=share(output[..., 3] < 255, image[..., 3] == 255),
        )
    return found


def share(lost: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    """Return the share of pixels lost among some; 0 if there are none."""
    return float(lost[among].mean()) if among.any() else 0.0


def distinct_colors(image: Rgba) -> Rgba:
    """Return the distinct colours, (n, 4), all clear ones as one."""
    seen = np.where(image[..., 3:] == 0, 0, image)
    return np.unique(seen.reshape(-1, 4), axis=0).astype(np.uint8)


def table(measured: Mapping[int, list[dict[str, Measurement]]]) -> str:
    """Return one row for each K and method."""
    head = ["K", "method", f"error / {REFERENCE}", "worst image", "time, ms"]
    head += ["time / libimagequant, speed 3", "no longer clear", "no longer opaque"]
    rows = []
    for colors, images in measured.items():
        for method in METHODS:
            ratios = {
                each[method].image: each[method].error / each[REFERENCE].error for each in images
            }
            worst = max(ratios, key=ratios.__getitem__)
            times = [each[method].milliseconds for each in images]
            peer = [each["libimagequant, speed 3"].milliseconds for each in images]
            by_peer = geometric_mean(a / b for a, b in zip(times, peer, strict=True))
            rows.append(
                [
                    str(colors),
                    method,
                    f"{geometric_mean(ratios.values()):.3f}",
                    f"{ratios[worst]:.3f} {Path(worst).stem}",
                    f"{fmean(times):,.1f}",
                    f"{by_peer:.2f}",
                    f"{fmean(each[method].clear_lost for each in images):.1%}",
                    f"{fmean(each[method].opaque_lost for each in images):.1%}",
                ]
            )
    return markdown_table(head, rows, "rlrlrrrr")


# --- The command -----------------------------------------------------------------------


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--images", nargs="+", type=Path, required=True, metavar="DIR", help="folders of images")
    add("--half", choices=["first", "second"], help="only every other image, in order of names")
    add("--colors", default="16,64,256", metavar="K,K", help="numbers of colours")
    add("--repeats", type=int, default=5, help="runs timed (default 5; scikit-learn has one)")
    add("--write", type=Path, metavar="FILE", help="put the table between its marker lines there")
    arguments = parser.parse_args()
    label = "quantize:alpha"
    if arguments.write:  # found out now, not after the measurements
        find_markers(arguments.write.read_text(encoding="utf-8").splitlines(), label)
    repeats = dict.fromkeys(METHODS, arguments.repeats) | {REFERENCE: 1}
    pictures = dict(read_pictures(arguments.images))
    if arguments.half:
        names = list(pictures)[arguments.half == "second" :: 2]
        pictures = {name: pictures[name] for name in names}
    measured: dict[int, list[dict[str, Measurement]]] = {}
    cases: list[tuple[int, str]] = [
        (colors, name)
        for colors in map(int, arguments.colors.split(","))
        for name, image in pictures.items()
        if len(distinct_colors(image)) > colors
    ]
    for colors, name in track(cases, description="K-means", console=Console(stderr=True)):
        measured.setdefault(colors, []).append(measure(name, pictures[name], colors, repeats))
    counts = ", ".join(f"{len(images)} at K = {colors}" for colors, images in measured.items())
    remark = (
        f"Images with more colours than K: {counts}. Errors and the ratio of times are geometric "
        "means over them; times and shares of pixels are means. Runs timed: "
        f"{arguments.repeats}, of scikit-learn 1."
    )
    report = "\n\n".join([machine_line(PACKAGES), table(measured), remark])
    sys.stdout.write(report + "\n")
    if arguments.write:
        write_between(arguments.write, label, report)


def read_pictures(folders: list[Path]) -> Iterator[tuple[str, Any]]:
    """Yield name and RGBA pixels of the folders' PNGs."""
    for folder in folders:
        for path in sorted(folder.glob("*.png")):
            with Image.open(path) as image:
                yield path.name, np.asarray(image.convert("RGBA"))


if __name__ == "__main__":
    main()
