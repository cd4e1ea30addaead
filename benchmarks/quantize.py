"""Error and time of kmq beside its peers, for the same images and numbers of colours.

    python benchmarks/quantize.py --images DIR [DIR ...] --colors 16,64,256

Every method does the whole job: from an RGB image to the same image in at most K colours,
palette found and each pixel mapped, without dithering. The error is the mean over pixels of
the squared RGB distance, the three channels summed.
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, geometric_mean, median
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from reporting import find_markers, machine_line, markdown_table, time_rounds, write_between
from rich.console import Console
from rich.progress import track

import kmq
from kmq import pixels

Rgb: TypeAlias = NDArray[np.uint8]
Quantizer: TypeAlias = Callable[[Rgb, int], Rgb]
"""From an image (H, W, 3) and K to the image in at most K colours, (H, W, 3)."""

Reference: TypeAlias = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Errors of k-means++ by image, K and name of the figure."""

IMAGE_EXTENSIONS = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}
REFERENCE_FIGURES = {"kpp1_mean": "k-means++", "kpp10_best": "best of 10"}
REFERENCE_STARTS = 10
REFERENCE_TOLERANCE = 1e-5
"""scikit-learn's `tol`, how far the centroids still move; the error then changes by about
1e-5 of itself, or less, from one iteration to the next."""


# --- The methods -----------------------------------------------------------------------


def quantize_kmq(image: Rgb, colors: int, **options: Any) -> Rgb:
    """K-means over the distinct colours."""
    return kmq.quantize(image, colors, **options).to_rgb()


def quantize_scikit_learn(image: Rgb, colors: int) -> Rgb:
    """K-means over all pixels from one start."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import pairwise_distances_argmin

    points = image.reshape(-1, 3).astype(np.float64)
    found = KMeans(colors, n_init=1, random_state=0).fit(points)
    palette = rounded(found.cluster_centers_)
    nearest = pairwise_distances_argmin(points, palette.astype(np.float64))
    return painted(image, palette, nearest)


def quantize_faiss(image: Rgb, colors: int) -> Rgb:
    """K-means over a sample of 256 K pixels, then a search for all of them."""
    import faiss

    points = image.reshape(-1, 3).astype(np.float32)
    found = faiss.Kmeans(3, colors)
    found.train(points)
    palette = rounded(found.centroids)
    index = faiss.IndexFlatL2(3)
    index.add(palette.astype(np.float32))
    _, nearest = index.search(points, 1)
    return painted(image, palette, nearest)


def quantize_opencv(image: Rgb, colors: int) -> Rgb:
    """K-means over all pixels with the stopping rule of OpenCV's tutorial."""
    import cv2

    cv2.setRNGSeed(0)
    points = image.reshape(-1, 3).astype(np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 10, 1.0)
    _, labels, centers = cv2.kmeans(
        points, colors, np.empty((0, 0)), criteria, 1, cv2.KMEANS_PP_CENTERS
    )
    return painted(image, rounded(centers), labels)


def quantize_libimagequant(image: Rgb, colors: int) -> Rgb:
    """Median cut refined by K-means, weighted by what the eye sees."""
    import imagequant

    height, width, _ = image.shape
    opaque = np.full((height, width, 1), 255, np.uint8)
    indices, palette = imagequant.quantize_raw_rgba_bytes(
        np.concatenate([image, opaque], axis=2).tobytes(),
        width,
        height,
        dithering_level=0.0,
        max_colors=colors,
    )
    entries = np.array(palette, np.uint8).reshape(-1, 4)[:, :3]
    return painted(image, entries, np.frombuffer(indices, np.uint8))


def quantize_pillow(image: Rgb, colors: int, *, method: str) -> Rgb:
    """Cut the colour space, without iterations; `method` names one of Pillow's ways."""
    from PIL import Image

    reduced = Image.fromarray(image).quantize(
        colors, method=Image.Quantize[method], dither=Image.Dither.NONE
    )
    return np.asarray(reduced.convert("RGB"))


def rounded(centroids: Any) -> Rgb:
    """Return the centroids as a palette of 8 bits a channel, (K, 3).

    Sums in float32, as OpenCV's are, can carry the mean of white pixels past 255.
    """
    return np.asarray(np.rint(centroids).clip(0, 255), np.uint8)


def painted(image: Rgb, palette: Rgb, indices: NDArray[Any]) -> Rgb:
    """Return the palette's colours at the indices, one a pixel, in the image's shape."""
    return np.asarray(palette[indices.reshape(image.shape[:2])])


KMQ: dict[str, Quantizer] = {"kmq": quantize_kmq}
BASELINE = "kmq"
if "effort" in inspect.signature(kmq.quantize).parameters:
    KMQ = {
        "kmq fast": partial(quantize_kmq, effort="fast"),
        "kmq default": partial(quantize_kmq, effort="default"),
        "kmq best": partial(quantize_kmq, effort="best"),
    }
    BASELINE = "kmq default"

PEERS: dict[str, Quantizer] = {
    "scikit-learn": quantize_scikit_learn,
    "faiss": quantize_faiss,
    "opencv": quantize_opencv,
    "libimagequant": quantize_libimagequant,
    "pillow-mediancut": partial(quantize_pillow, method="MEDIANCUT"),
    "pillow-fastoctree": partial(quantize_pillow, method="FASTOCTREE"),
}
SLOW = {"scikit-learn", "opencv"}
MOST_COLORS = {"libimagequant": 256, "pillow-mediancut": 256, "pillow-fastoctree": 256}
PACKAGES = {
    "scikit-learn": ["scikit-learn"],
    "faiss": ["faiss-cpu"],
    "opencv": ["opencv-python", "opencv-python-headless"],
    "libimagequant": ["imagequant"],
    "pillow-mediancut": ["Pillow"],
    "pillow-fastoctree": ["Pillow"],
}
"""Where a peer comes from, under all the names that it is published under."""


def installed(methods: Mapping[str, Quantizer]) -> dict[str, Quantizer]:
    """Return the methods whose package can be imported, each run once on a small image."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    working = {}
    for name, quantize in methods.items():
        try:
            quantize(noise, 4)
        except ImportError:
            continue
        working[name] = quantize
    return working


# --- What is measured ------------------------------------------------------------------


@dataclass(frozen=True)
class Picture:
    """An image of the benchmark."""

    name: str
    rgb: Rgb
    distinct_colors: int


@dataclass(frozen=True)
class Measurement:
    """One method on one image for one K."""

    image: str
    width: int
    height: int
    distinct_colors: int
    colors: int
    method: str
    error: float
    seconds: list[float]
    median_ms: float


@dataclass(frozen=True)
class Skipped:
    """An image that has no more distinct colours than were asked for."""

    image: str
    distinct_colors: int
    colors: int


def measure(
    picture: Picture, colors: int, methods: Mapping[str, Quantizer], repeats: Mapping[str, int]
) -> list[Measurement]:
    """Check every method's output, and time it.

    All but the slow methods have a run before, which is not timed.
    """
    tasks = {
        name: partial(quantize, picture.rgb, colors)
        for name, quantize in methods.items()
        if colors <= MOST_COLORS.get(name, colors)
    }
    for name, task in tasks.items():
        if name not in SLOW:
            check_output(name, picture, colors, task())
    timed = time_rounds(tasks, repeats)
    for name, timing in timed.items():
        check_output(name, picture, colors, timing.result)
    height, width, _ = picture.rgb.shape
    return [
        Measurement(
            image=picture.name,
            width=width,
            height=height,
            distinct_colors=picture.distinct_colors,
            colors=colors,
            method=name,
            error=mean_squared_distance(picture.rgb, timing.result),
            seconds=timing.seconds,
            median_ms=timing.median_ms,
        )
        for name, timing in timed.items()
    ]


def check_output(method: str, picture: Picture, colors: int, output: Rgb) -> None:
    """Raise ValueError unless the output is an image like the input in at most K colours."""
    where = f"{method}, {picture.name}, K = {colors}"
    if output.shape != picture.rgb.shape or output.dtype != np.uint8:
        raise ValueError(f"{where}: output is {output.dtype} of shape {output.shape}")
    found = len(np.unique(color_keys(output)))
    if found > colors:
        raise ValueError(f"{where}: output has {found} colours")


def mean_squared_distance(image: Rgb, output: Rgb) -> float:
    """Return the mean over pixels of the squared RGB distance, summed in whole numbers."""
    difference = image.astype(np.int32) - output
    total = int((difference**2).sum(dtype=np.int64))
    return total / (image.size // 3)


def color_keys(image: Rgb) -> NDArray[np.uint32]:
    """Return red * 65536 + green * 256 + blue of each pixel, as one row."""
    red, green, blue = image.reshape(-1, 3).astype(np.uint32).T
    return np.asarray(red * 65536 + green * 256 + blue, np.uint32)


# --- The reference ---------------------------------------------------------------------


def reference_errors(image: Rgb, colors: int) -> dict[str, float]:
    """Return mean and best error of ten single starts of scikit-learn's K-means.

    Over the distinct colours with their counts as weights, which is the same
    mathematics as over all pixels.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import pairwise_distances_argmin

    keys, counts = np.unique(color_keys(image), return_counts=True)
    points = np.stack([keys >> 16, keys >> 8 & 255, keys & 255], axis=1).astype(np.float64)
    errors = []
    for start in range(REFERENCE_STARTS):
        estimator = KMeans(
            colors, n_init=1, random_state=start, tol=REFERENCE_TOLERANCE, max_iter=10_000
        )
        palette = np.rint(estimator.fit(points, sample_weight=counts).cluster_centers_)
        nearest = pairwise_distances_argmin(points, palette)
        distances = ((points - palette[nearest]) ** 2).sum(axis=1).astype(np.int64)
        errors.append(int(distances @ counts) / int(counts.sum()))
    return {"kpp1_mean": round(fmean(errors), 3), "kpp10_best": round(min(errors), 3)}


def ratio_to_reference(measurement: Measurement, reference: Reference, figure: str) -> float | None:
    """Return the error as a multiple of the reference's; None for an image not in it."""
    figures = reference.get(measurement.image, {}).get(str(measurement.colors), {})
    return measurement.error / figures[figure] if figure in figures else None


# --- The report ------------------------------------------------------------------------


def summary_table(measurements: list[Measurement], reference: Reference) -> str:
    """Return a table with one row for each K and method."""
    groups: dict[tuple[int, str], list[Measurement]] = {}
    for measurement in measurements:
        groups.setdefault((measurement.colors, measurement.method), []).append(measurement)
    figures = {
        figure: title
        for figure, title in REFERENCE_FIGURES.items()
        if any(ratio_to_reference(each, reference, figure) for each in measurements)
    }
    head = ["K", "method", f"error / {BASELINE}"]
    for title in figures.values():
        head += [f"error / {title}", "worst image"]
    head += ["time, ms", "time / scikit-learn"]
    rows = []
    for (colors, method), group in groups.items():
        row = [str(colors), method, mean_error_ratio(group, groups[colors, BASELINE])]
        for figure in figures:
            row += reference_cells(group, reference, figure)
        row.append(f"{median(each.median_ms for each in group):,.1f}")
        row.append(mean_time_ratio(group, groups.get((colors, "scikit-learn"), [])))
        rows.append(row)
    return markdown_table(head, rows, "rlr" + "rl" * len(figures) + "rr")


def mean_error_ratio(group: list[Measurement], others: list[Measurement]) -> str:
    """Return the geometric mean over images of the error relative to another method's."""
    pairs = zip(group, others, strict=True)
    return f"{geometric_mean(each.error / other.error for each, other in pairs):.3f}"


def mean_time_ratio(group: list[Measurement], others: list[Measurement]) -> str:
    """Return the geometric mean over images of the time relative to another method's."""
    if not others:
        return "-"
    pairs = zip(group, others, strict=True)
    return f"{geometric_mean(each.median_ms / other.median_ms for each, other in pairs):.4f}"


def reference_cells(group: list[Measurement], reference: Reference, figure: str) -> list[str]:
    """Return the geometric mean of the ratios to the reference, and the worst image's."""
    ratios = {
        each.image: ratio
        for each in group
        if (ratio := ratio_to_reference(each, reference, figure)) is not None
    }
    if not ratios:
        return ["-", "-"]
    worst = max(ratios, key=ratios.__getitem__)
    return [f"{geometric_mean(ratios.values()):.3f}", f"{ratios[worst]:.3f} {Path(worst).stem}"]


def notes(
    measurements: list[Measurement],
    skipped: list[Skipped],
    left_out: list[str],
    reference: Reference,
) -> list[str]:
    """Return what a reader of the table has to know, one sentence each."""
    images = {each.image for each in measurements}
    runs: dict[int, list[str]] = {}
    for method, count in {each.method: len(each.seconds) for each in measurements}.items():
        runs.setdefault(count, []).append(method)
    counted = [f"{count} of {', '.join(methods)}" for count, methods in runs.items()]
    lines = [
        f"Ratios are geometric means over {len(images)} images; a time is the median over "
        "them of each one's median run.",
        f"Runs timed: {'; '.join(counted)}.",
    ]
    if left_out:
        lines.append(f"Left out, not installed: {', '.join(left_out)}.")
    if reference and not images <= reference.keys():
        lines.append(f"In the reference: {len(images & reference.keys())} of them.")
    if skipped:
        listed = ", ".join(f"{each.image} at {each.colors}" for each in skipped)
        lines.append(f"Skipped, no more distinct colours than K: {listed}.")
    return lines


def detail(measurement: Measurement, reference: Reference) -> dict[str, Any]:
    """Return a measurement for the JSON file, with its ratios to the reference."""
    ratios = {
        f"error_to_{figure}": ratio
        for figure in REFERENCE_FIGURES
        if (ratio := ratio_to_reference(measurement, reference, figure)) is not None
    }
    return asdict(measurement) | ratios


# --- The command -----------------------------------------------------------------------


def main() -> None:
    """Run the benchmark, or compute a reference, as the command line asks."""
    parser = argument_parser()
    arguments = parser.parse_args()
    label = f"quantize:{arguments.label}"
    try:
        if arguments.write:  # found out now, not after the measurements
            find_markers(arguments.write.read_text(encoding="utf-8").splitlines(), label)
        pictures = read_pictures(arguments.images, arguments.limit)
        cases, skipped = split_cases(pictures, arguments.colors)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    if arguments.recompute_reference:
        write_json(arguments.recompute_reference, recompute_reference(cases))
        return

    reference = read_reference(arguments.reference)
    asked = KMQ | {name: PEERS[name] for name in arguments.peers}
    methods = installed(asked)
    repeats = {
        name: arguments.slow_repeats if name in SLOW else arguments.repeats for name in methods
    }
    measurements = [
        measurement
        for picture, colors in with_progress(cases)
        for measurement in measure(picture, colors, methods, repeats)
    ]

    packages = [package for name in methods for package in PACKAGES.get(name, ["kmq"])]
    machine = machine_line(dict.fromkeys(["numpy", "numba", *packages]))
    table = summary_table(measurements, reference)
    left_out = [name for name in asked if name not in methods]
    remarks = notes(measurements, skipped, left_out, reference)
    report = "\n\n".join([machine, table, "\n".join(remarks)])
    sys.stdout.write(report + "\n")
    if arguments.write:
        write_between(arguments.write, label, report)
    if arguments.json:
        details = {
            "machine": machine,
            "left_out": left_out,
            "skipped": [asdict(each) for each in skipped],
            "measurements": [detail(each, reference) for each in measurements],
        }
        write_json(arguments.json, details)


def argument_parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--images", nargs="+", type=Path, required=True, metavar="DIR", help="folders of images")
    add("--limit", type=positive, metavar="N", help="only the first N images of each folder")
    add(
        "--colors", type=color_list, default=[16, 64, 256], metavar="K,K", help="numbers of colours"
    )
    add("--peers", type=peer_list, default=list(PEERS), metavar="NAME,NAME", help=", ".join(PEERS))
    add("--repeats", type=positive, default=5, help="runs timed (default 5)")
    add(
        "--slow-repeats",
        type=positive,
        default=1,
        help=f"runs timed of {' and '.join(sorted(SLOW))} (default 1)",
    )
    add(
        "--reference", type=Path, metavar="FILE", help="JSON with errors of k-means++ to compare to"
    )
    add("--json", type=Path, metavar="FILE", help="write every measurement there")
    add("--write", type=Path, metavar="FILE", help="put the table between its marker lines there")
    add("--label", default="photos", help="which marker lines: quantize:LABEL (default photos)")
    add(
        "--recompute-reference",
        type=Path,
        metavar="FILE",
        help="instead of measuring, compute a reference for these images and write it there",
    )
    return parser


def positive(text: str) -> int:
    """Return a whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def color_list(text: str) -> list[int]:
    """Return the different numbers of colours, ascending."""
    return sorted({positive(part) for part in text.split(",")})


def peer_list(text: str) -> list[str]:
    """Return names of peers; none for an empty text."""
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in PEERS:
            raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(PEERS)}")
    return names


def read_pictures(folders: list[Path], limit: int | None) -> list[Picture]:
    """Return the images of the folders in order of their names, the first `limit` of each."""
    pictures: dict[str, Picture] = {}
    for folder in folders:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_EXTENSIONS)
        for path in paths[:limit]:
            if path.name in pictures:
                raise ValueError(f"two images are named {path.name}")
            rgb = pixels.read(path, background="white").rgb
            pictures[path.name] = Picture(path.name, rgb, len(np.unique(color_keys(rgb))))
    return list(pictures.values())


def split_cases(
    pictures: list[Picture], color_counts: list[int]
) -> tuple[list[tuple[Picture, int]], list[Skipped]]:
    """Return the images to measure with their K, and those that K does not reduce."""
    cases = []
    skipped = []
    for colors in color_counts:
        for picture in pictures:
            if picture.distinct_colors > colors:
                cases.append((picture, colors))
            else:
                skipped.append(Skipped(picture.name, picture.distinct_colors, colors))
    if not cases:
        raise ValueError("no image has more distinct colours than were asked for")
    return cases, skipped


def with_progress(cases: list[tuple[Picture, int]]) -> Iterable[tuple[Picture, int]]:
    """Return the cases, with a progress bar on standard error."""
    return track(cases, description="K-means", console=Console(stderr=True))


def recompute_reference(
    cases: list[tuple[Picture, int]],
) -> dict[str, dict[str, dict[str, float]]]:
    """Return the reference errors by image and K."""
    reference: dict[str, dict[str, dict[str, float]]] = {}
    for picture, colors in with_progress(cases):
        errors = reference_errors(picture.rgb, colors)
        reference.setdefault(picture.name, {})[str(colors)] = errors
    return reference


def read_reference(path: Path | None) -> Reference:
    """Return the errors that a reference file holds; none without a file."""
    if path is None:
        return {}
    errors: Reference = json.loads(path.read_text(encoding="utf-8"))
    return errors


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file to be read by people too."""
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
