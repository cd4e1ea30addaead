"""Does a classifier still see a cat? Accuracy on images that went through kmq.

    python benchmarks/classify.py --data DIR

DIR contains `train/` and `test/`, each with one folder of images per class. For each seed, one
small convolutional network is trained on the originals and tested on the originals and on
kmq's versions. Conversely, another network is trained on kmq's versions and tested on the
originals.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from reporting import machine_line, write_between
from torch import Tensor, nn
from verdicts import ORIGINALS, Answers, agreement_of_seeds, plot, table, uncertainty

import kmq
from kmq import pixels

COLORS = (2, 4, 8, 16, 32, 64)
SEEDS = (0, 1, 2)
EPOCHS = 16
BATCH = 64
CROP = 2
"""The most pixels by which a training image is shifted, mirrored at its edges."""


@dataclass(frozen=True)
class Images:
    """Images of one size, (n, H, W, 3), with their classes, (n,)."""

    rgb: NDArray[np.uint8]
    classes: NDArray[np.int64]


def read_images(folder: Path) -> Images:
    """Return all images below a folder of folders, in the order of their names."""
    rgb, classes = [], []
    for number, home in enumerate(sorted(path for path in folder.iterdir() if path.is_dir())):
        for path in sorted(home.iterdir()):
            rgb.append(pixels.read(path).rgb)
            classes.append(number)
    return Images(np.stack(rgb), np.array(classes))


def through_kmq(images: Images, colors: int) -> tuple[Images, float]:
    """Return the images in K colours, and the mean size of their files in bytes."""
    indexed = [kmq.quantize(image, colors, threads=1) for image in images.rgb]
    size = fmean(len(kmq.encode(each, threads=1)) for each in indexed)
    return Images(np.stack([each.to_rgb() for each in indexed]), images.classes), size


def network(classes: int) -> nn.Module:
    """Return five convolutions, with pooling after most, then a linear layer."""
    layers: list[nn.Module] = []
    channels = 3
    for widths in ((32,), (64,), (128, 128), (256,)):
        for width in widths:
            convolution = nn.Conv2d(channels, width, 3, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    layers[-1] = nn.AdaptiveAvgPool2d(1)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels, classes))


def as_tensor(rgb: NDArray[np.uint8]) -> Tensor:
    """Return (N, H, W, 3) samples as (N, 3, H, W) around 0."""
    return torch.from_numpy(rgb).permute(0, 3, 1, 2).float() / 127.5 - 1


def augment(samples: Tensor) -> Tensor:
    """Return the samples, each shifted by up to `CROP` pixels and flipped or not, at random."""
    height, width = samples.shape[2:]
    flips = torch.rand(len(samples), 1, 1, 1) < 0.5
    padded = nn.functional.pad(
        torch.where(flips, samples.flip(3), samples), (CROP,) * 4, mode="reflect"
    )
    shifts = torch.randint(0, 2 * CROP + 1, (len(samples), 2)).tolist()
    cropped = [
        each[:, top : top + height, left : left + width]
        for each, (top, left) in zip(padded, shifts, strict=True)
    ]
    return torch.stack(cropped).contiguous(memory_format=torch.channels_last)


def train(images: Images, seed: int, epochs: int) -> nn.Module:
    """Return a network trained on the images."""
    torch.manual_seed(seed)
    model = network(int(images.classes.max()) + 1).to(memory_format=torch.channels_last)
    samples, classes = as_tensor(images.rgb), torch.from_numpy(images.classes)
    steps = epochs * math.ceil(len(samples) / BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    model.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(samples)).split(BATCH):
            with torch.autocast("cpu", torch.bfloat16):  # in half the time
                seen = model(augment(samples[batch]))
                loss = nn.functional.cross_entropy(seen, classes[batch], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


@torch.no_grad()
def predict(model: nn.Module, images: Images) -> NDArray[np.int64]:
    """Return the class that the network sees in each image."""
    return torch.cat([model(part).argmax(1) for part in as_tensor(images.rgb).split(500)]).numpy()


def run_seed(
    seed: int, epochs: int, train_sets: dict[int, Images], test_sets: dict[int, Images]
) -> list[Answers]:
    """Return the answers of one seed's networks, the originals' first."""
    originals = test_sets[ORIGINALS]
    model = train(train_sets[ORIGINALS], seed, epochs)
    answers = []
    for colors, images in test_sets.items():
        started = time.perf_counter()
        other = model if colors == ORIGINALS else train(train_sets[colors], seed, epochs)
        at_k, other_way = predict(model, images), predict(other, originals)
        answers.append(Answers(colors, seed, at_k, other_way))
        sys.stderr.write(
            f"seed {seed}, K {colors or 'original'}: "
            f"{(at_k == originals.classes).mean():.1%}, other way "
            f"{(other_way == originals.classes).mean():.1%}, "
            f"{time.perf_counter() - started:.0f} s\n"
        )
    return answers


def run(data: Path, epochs: int) -> dict[str, Any]:
    """Return all measurements as plain values."""
    train_sets = {ORIGINALS: read_images(data / "train")}
    test_sets = {ORIGINALS: read_images(data / "test")}
    files = (path for path in (data / "test").rglob("*") if path.is_file())
    sizes = {ORIGINALS: fmean(path.stat().st_size for path in files)}
    for colors in COLORS:
        train_sets[colors], _ = through_kmq(train_sets[ORIGINALS], colors)
        test_sets[colors], sizes[colors] = through_kmq(test_sets[ORIGINALS], colors)
    answers = [each for seed in SEEDS for each in run_seed(seed, epochs, train_sets, test_sets)]
    return {
        "machine": machine_line(["torch", "kmq"]),
        "training_images": len(train_sets[ORIGINALS].rgb),
        "truth": test_sets[ORIGINALS].classes.tolist(),
        "sizes": [[colors, size] for colors, size in sizes.items()],
        "answers": [
            [each.colors, each.seed, each.at_k.tolist(), each.other_way.tolist()]
            for each in answers
        ],
    }


def main() -> None:
    """Run the benchmark as the command line asks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, metavar="DIR")
    source.add_argument("--answers", type=Path, metavar="FILE", help="what --json wrote before")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every answer there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw accuracy and agreement")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="put the table between its markers"
    )
    arguments = parser.parse_args()
    if arguments.answers:
        measured = json.loads(arguments.answers.read_text())
    else:
        measured = run(arguments.data, arguments.epochs)
    if arguments.json:
        arguments.json.write_text(json.dumps(measured) + "\n")
    truth = np.array(measured["truth"])
    answers = [
        Answers(colors, seed, np.array(at_k), np.array(other_way))
        for colors, seed, at_k, other_way in measured["answers"]
    ]
    seeds = len({each.seed for each in answers})
    report = (
        f"{measured['machine']}\n\n"
        f"{measured['training_images']:,} training and {len(truth):,} test images, {seeds} seeds. "
        f"Two networks of different seeds give the same answer for "
        f"{100 * agreement_of_seeds(answers):.1f} % of the originals. So many images tell an "
        f"accuracy alone to ±{100 * uncertainty(answers, truth):.1f} points (95 %).\n\n"
        f"{table(answers, truth, dict(measured['sizes']))}"
    )
    sys.stdout.write(report + "\n")
    if arguments.plot:
        plot(answers, truth, arguments.plot)
    if arguments.write:
        write_between(arguments.write, "classify", report)


if __name__ == "__main__":
    main()
