"""Does a classifier still see a cat? Accuracy on images that went through kmq.

    python benchmarks/classify.py --data DIR

DIR holds `train/` and `test/`, each with a folder of images a class. For each seed, one
small convolutional network is trained on the originals and tested on the originals and
on what kmq makes of them; then, the other way round, one is trained on what kmq makes
of the training images and tested on the originals.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import torch
from numpy.typing import NDArray
from reporting import machine_line, markdown_table, write_between
from torch import Tensor, nn

import kmq
from kmq import pixels

COLORS = (2, 4, 8, 16, 32, 64)
SEEDS = (0, 1, 2)
EPOCHS = 20
BATCH = 128


@dataclass(frozen=True)
class Images:
    """Images of one size with their classes."""

    rgb: NDArray[np.uint8]
    classes: NDArray[np.int64]


@dataclass(frozen=True)
class Figures:
    """What one seed gave at one K; K = 0 stands for the originals."""

    colors: int
    seed: int
    accuracy: float
    agreement: float
    lost: int
    gained: int
    accuracy_other_way: float

    @property
    def p_value(self) -> float:
        """Exact McNemar test: the chance of so uneven a change if kmq changed nothing.

        Q. McNemar, Psychometrika 12 (1947): of the images whose verdict changed, as
        many should have been lost as gained.
        """
        changed, fewer = self.lost + self.gained, min(self.lost, self.gained)
        tail = sum(math.comb(changed, count) for count in range(fewer + 1)) / 2**changed
        return min(1.0, 2 * tail)


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
    """Return three stages of two convolutions each, then a linear layer."""
    layers: list[nn.Module] = []
    channels = 3
    for width in (32, 64, 128):
        for _ in range(2):
            convolution = nn.Conv2d(channels, width, 3, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)
    )


def as_tensor(rgb: NDArray[np.uint8]) -> Tensor:
    """Return (N, H, W, 3) samples as (N, 3, H, W) around 0."""
    return torch.from_numpy(rgb).permute(0, 3, 1, 2).float() / 127.5 - 1


def train(images: Images, seed: int, epochs: int) -> nn.Module:
    """Return a network trained on the images, each flipped at random."""
    torch.manual_seed(seed)
    model = network(int(images.classes.max()) + 1)
    samples, classes = as_tensor(images.rgb), torch.from_numpy(images.classes)
    steps = epochs * math.ceil(len(samples) / BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    model.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(samples)).split(BATCH):
            chosen = samples[batch]
            flipped = torch.where(torch.rand(len(batch), 1, 1, 1) < 0.5, chosen, chosen.flip(3))
            loss = nn.functional.cross_entropy(model(flipped), classes[batch], label_smoothing=0.1)
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
) -> list[Figures]:
    """Return the figures of one seed, the originals' first."""
    originals = test_sets[0]
    model = train(train_sets[0], seed, epochs)
    seen = predict(model, originals)
    right = seen == originals.classes
    figures = []
    for colors, images in test_sets.items():
        predicted = predict(model, images)
        now_right = predicted == images.classes
        other = model if colors == 0 else train(train_sets[colors], seed, epochs)
        figures.append(
            Figures(
                colors,
                seed,
                float(now_right.mean()),
                float((predicted == seen).mean()),
                int((right & ~now_right).sum()),
                int((~right & now_right).sum()),
                float((predict(other, originals) == originals.classes).mean()),
            )
        )
        sys.stderr.write(f"{figures[-1]}\n")
    return figures


def with_spread(values: list[float]) -> str:
    """Return mean and standard deviation in per cent."""
    spread = stdev(values) if len(values) > 1 else 0.0
    return f"{100 * fmean(values):.1f} ± {100 * spread:.1f}"


def table(figures: list[Figures], sizes: dict[int, float]) -> str:
    """Return a row for each K."""
    rows = []
    for colors in sizes:
        group = [each for each in figures if each.colors == colors]
        row = ["original" if colors == 0 else str(colors), f"{sizes[colors]:,.0f}"]
        row.append(with_spread([each.accuracy for each in group]))
        if colors == 0:
            rows.append([*row, "", "", "", with_spread([e.accuracy_other_way for e in group])])
            continue
        row.append(f"{100 * fmean(each.agreement for each in group):.1f}")
        row.append(f"{fmean(e.lost for e in group):.0f} / {fmean(e.gained for e in group):.0f}")
        row.append(", ".join(f"{each.p_value:.2g}" for each in group))
        row.append(with_spread([each.accuracy_other_way for each in group]))
        rows.append(row)
    head = [
        "K",
        "bytes an image",
        "trained on originals: accuracy, %",
        "same answer as for the original, %",
        "answers lost / gained",
        "McNemar p, a seed each",
        "trained at K, tested on originals: accuracy, %",
    ]
    return markdown_table(head, rows, "rrrrrrr")


def plot(figures: list[Figures], path: Path) -> None:
    """Draw accuracy against K, both ways."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4))
    for name, label in (
        ("accuracy", "trained on originals, tested at K"),
        ("accuracy_other_way", "trained at K, tested on originals"),
    ):
        groups = [[getattr(e, name) for e in figures if e.colors == k] for k in COLORS]
        axes.errorbar(
            COLORS,
            [100 * fmean(group) for group in groups],
            [100 * stdev(group) if len(group) > 1 else 0.0 for group in groups],
            fmt="o-",
            capsize=3,
            label=label,
        )
    original = 100 * fmean(each.accuracy for each in figures if each.colors == 0)
    axes.axhline(original, color="black", linestyle="--", label="originals both times")
    axes.set_xscale("log", base=2)
    axes.set(xlabel="K", ylabel="accuracy, %", xticks=COLORS, xticklabels=COLORS)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=90)


def main() -> None:
    """Run the benchmark as the command line asks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the accuracy there")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="put the table between its markers"
    )
    arguments = parser.parse_args()
    train_sets = {0: read_images(arguments.data / "train")}
    test_sets = {0: read_images(arguments.data / "test")}
    files = (path for path in (arguments.data / "test").rglob("*") if path.is_file())
    sizes = {0: fmean(path.stat().st_size for path in files)}
    for colors in COLORS:
        train_sets[colors], _ = through_kmq(train_sets[0], colors)
        test_sets[colors], sizes[colors] = through_kmq(test_sets[0], colors)
    figures = [
        each for seed in SEEDS for each in run_seed(seed, arguments.epochs, train_sets, test_sets)
    ]
    counts = f"{len(train_sets[0].rgb):,} training and {len(test_sets[0].rgb):,} test images"
    machine = machine_line(["torch", "kmq"])
    report = f"{machine}\n\n{counts}, {len(SEEDS)} seeds.\n\n{table(figures, sizes)}"
    sys.stdout.write(report + "\n")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(each) for each in figures], indent=1) + "\n")
    if arguments.plot:
        plot(figures, arguments.plot)
    if arguments.write:
        write_between(arguments.write, "classify", report)


if __name__ == "__main__":
    main()
