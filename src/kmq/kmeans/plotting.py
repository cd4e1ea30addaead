"""A plot of the centroids' paths, made with matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from kmq.errors import KmqError, OptionError
from kmq.kmeans.checks import checked_points
from kmq.kmeans.iteration import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_DRAWN = 5_000
"""The most points that are drawn; if there are more, evenly spaced ones are chosen."""


def plot_path(result: Result, points: ArrayLike) -> Figure:
    """Return a picture of the points and of the path of each centroid.

    A ring marks where a centroid started, a line follows it through the iterations, and a
    cross marks where it ended. Points in the plane have the colour of their cluster. Points
    in space are interpreted as red, green and blue from 0 to 255 and drawn in these colours.
    At most 5,000 points are drawn; if there are more, evenly spaced ones are chosen.

    Parameters
    ----------
    result
        The result of `run`.
    points
        The points that were passed to `run`, (n, 2) or (n, 3).

    Returns
    -------
    figure
        `figure.savefig("path.png")` saves it, as PNG, SVG or PDF. A notebook shows it if it
        has imported matplotlib.pyplot.

    Raises
    ------
    OptionError
        If the points have neither two nor three coordinates, or are not those of the result.
    KmqError
        If matplotlib is not installed; the extra `report` installs it.

    Examples
    --------
    >>> from kmq import kmeans
    >>> points = [[0, 0], [0, 2], [9, 0], [9, 2]]
    >>> result = kmeans.run(points, initial=points[:2])
    >>> kmeans.plot_path(result, points).axes[0].get_title()
    '2 clusters, 2 iterations, error 81'
    """
    checked = checked_points("points", points, result.centroids.shape[1])
    count, dimensions = checked.shape
    if dimensions not in (2, 3):
        raise OptionError(f"points: only 2 or 3 coordinates can be drawn, got {dimensions}")
    if count != len(result.labels):
        raise OptionError(f"points: the result is of {len(result.labels):,} points, got {count:,}")
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise KmqError("plotting needs matplotlib: pip install 'kmq[report]'") from None
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes: Any = figure.add_subplot(projection="3d" if dimensions == 3 else None)
    drawn = np.arange(0, count, -(-count // MOST_DRAWN))
    if dimensions == 3:
        colors: Any = checked[drawn].clip(0, 255) / 255
    else:
        colors = [f"C{label % 10}" for label in result.labels[drawn]]  # matplotlib's own ten
    faint = 0.5 if dimensions == 2 else 0.3
    solid: Any = {"depthshade": False} if dimensions == 3 else {}
    axes.scatter(*checked[drawn].T, c=colors, s=12, alpha=faint, linewidths=0)
    paths = np.array([each.centroids for each in result.history])
    for path in paths.transpose(1, 2, 0):
        axes.plot(*path, color="black", linewidth=1.2, marker=".", markersize=4, zorder=3)
    for ends, marker, face in ((paths[0], "o", "none"), (paths[-1], "X", "black")):
        axes.scatter(
            *ends.T, s=50, marker=marker, facecolors=face, edgecolors="black", zorder=4, **solid
        )
    if dimensions == 3:
        axes.set(xlabel="red", ylabel="green", zlabel="blue")
        axes.zaxis.labelpad = 10  # clear of the numbers
    axes.set_title(_title(result))
    return figure


def _title(result: Result) -> str:
    iterations = len(result.history) - 1
    counted = [
        f"{number:,} {noun}{'' if number == 1 else 's'}"
        for number, noun in ((len(result.centroids), "cluster"), (iterations, "iteration"))
    ]
    error = f"{result.error:,.0f}" if result.error >= 1000 else f"{result.error:.4g}"
    return f"{', '.join(counted)}, error {error}"
