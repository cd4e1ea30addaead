"""K-means step by step, for points of any dimension: the textbook's algorithm.

Lloyd's algorithm (S. Lloyd, "Least squares quantization in PCM", IEEE Trans. Information
Theory 28(2), 1982) alternates two steps. `assign` labels each point with its nearest
centroid; `update` moves each centroid to the mean of its points. `run` repeats them from
`initial_centroids`, or any others, and records each iteration.

Points are arrays of shape (n, d). All functions compute in float64, and their results do
not depend on the number of threads. To quantize images use `kmq.quantize`, which is
faster and searches beyond the first minimum.

>>> import kmq
>>> points = [[0, 0], [0, 2], [9, 0], [9, 2]]
>>> result = kmq.kmeans.run(points, initial=[[0, 0], [0, 2]], max_iterations=10)
>>> result.centroids.tolist()
[[4.5, 0.0], [4.5, 2.0]]
>>> start = kmq.kmeans.initial_centroids(points, 2, seed=0)
>>> kmq.kmeans.run(points, start, max_iterations=10).error
4.0
"""

from kmq.kmeans.initial import initial_centroids
from kmq.kmeans.iteration import Iteration, Result, run
from kmq.kmeans.plotting import plot_path
from kmq.kmeans.steps import assign, update

__all__ = [
    "Iteration",
    "Result",
    "assign",
    "initial_centroids",
    "plot_path",
    "run",
    "update",
]
