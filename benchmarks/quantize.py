"""Error and time of kmq compared with its peers, for the same images and numbers of colours.

    python benchmarks/quantize.py --images DIR [DIR ...] --colors 16,64,256

Every method does the whole job: from an RGB image to the same image in at most K colours,
palette found and each pixel mapped, without dithering. The error is the mean over pixels of
the squared RGB distance, the three channels summed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from error_tables import Measurement, Reference, Skipped, detail, notes, summary_table
from numpy.typing import NDArray
from quantizers import KMQ, MOST_COLORS, PACKAGES, PEERS, SLOW, Quantizer, Rgb, installed
from reporting import find_markers, machine_line, time_rounds, write_between
from rich.console import Console
from rich.progress import track

from kmq import pixels

IMAGE_EXTENSIONS = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}
REFERENCE_STARTS = 10
REFERENCE_TOLERANCE = 1e-5
"""scikit-learn's `tol`, how far the centroids still move; the error then changes by about
1e-5 of itself, or less, from one iteration to the next."""


# --- What is measured ------------------------------------------------------------------


@dataclass(frozen=True)
class Picture:
    """An image of the benchmark."""

    name: str
    rgb: Rgb
    distinct_colors: int


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
