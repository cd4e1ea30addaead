import numpy as np
import oracle
import pytest

from clustering.images import noise
from kmq.clustering import Histogram
from kmq.clustering.lloyd import OVERSTEP, TOLERANCE, Clusters, alternate, iterate
from kmq.clustering.points import coarsen, distinct_colors


def points_of(height, width, seed=0, bits=0):
    return coarsen(distinct_colors(Histogram.from_image(noise(height, width, seed))), bits)


def plain(points):
    return points.coordinates[:, : len(points)].T.astype(np.float64)


@pytest.mark.parametrize("clusters", [1, 2, 3, 31, 32, 33, 249])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 33), (29, 31)])
def test_assignment_to_whole_colours_is_that_of_brute_force(height, width, clusters):
    points = points_of(height, width)
    centroids = noise(1, clusters, seed=7, levels=8)[0].astype(np.float64)
    assigned = Clusters.around(points, centroids)
    iterate(points, assigned, 1, threads=1)
    labels = oracle.nearest(plain(points), centroids)
    assert np.array_equal(assigned.labels, labels)
    assert np.array_equal(assigned.sums, oracle.cluster_sums(points.sums, labels, clusters))


def test_ties_go_to_the_lowest_index():
    points = points_of(7, 9)
    assigned = Clusters.around(points, np.full((5, 3), 100.0))
    iterate(points, assigned, 1, threads=1)
    assert not assigned.labels.any()


@pytest.mark.parametrize("bits", [0, 3])
@pytest.mark.parametrize("iterations", [1, 2, 7, 60])
def test_iterations_are_those_of_the_textbook(bits, iterations):
    points = points_of(23, 29, bits=bits)
    centroids = noise(1, 13, seed=3)[0].astype(np.float64)
    found = Clusters.around(points, centroids)
    iterate(points, found, iterations, threads=1)
    means, labels, error = oracle.lloyd(
        plain(points), points.sums, centroids, iterations, OVERSTEP, TOLERANCE
    )
    assert np.array_equal(found.labels, labels)
    assert np.allclose(found.centroids, means, atol=1e-3)
    assert np.isclose(found.error, error, rtol=1e-4)


@pytest.mark.parametrize("chunks", [2, 3, 8, 500])
def test_chunks_and_threads_do_not_change_a_bit(chunks):
    points = points_of(31, 37)
    start = noise(1, 40, seed=2)[0].astype(np.float64)
    whole, parts = Clusters.around(points, start), Clusters.around(points, start)
    for threads, count, clusters in ((1, 1, whole), (2, chunks, parts)):
        alternate(
            threads,
            points.coordinates,
            points.sums,
            points.tree,
            clusters.centroids,
            clusters.sums,
            clusters.labels,
            points.energy,
            5,
            count,
        )
    assert np.array_equal(whole.centroids, parts.centroids)
    assert np.array_equal(whole.labels, parts.labels)
    assert np.array_equal(whole.sums, parts.sums)


def test_clusters_carried_over_to_finer_points_keep_their_sums():
    fine = points_of(31, 37)
    coarse = coarsen(fine, 4)
    clusters = Clusters.around(coarse, noise(1, 9, seed=4)[0].astype(np.float64))
    iterate(coarse, clusters, 3, threads=1)
    carried = clusters.carried_over(coarse, fine)
    assert np.array_equal(carried.sums, oracle.cluster_sums(fine.sums, carried.labels, 9))
