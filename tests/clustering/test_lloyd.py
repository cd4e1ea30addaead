import numpy as np
import oracle
import pytest

from clustering.images import of_channels
from kmq import jit
from kmq.clustering import Histogram, lloyd
from kmq.clustering.lloyd import OVERSTEP, TOLERANCE, Clusters, iterate
from kmq.clustering.points import coarsen, distinct_colors, with_heavy_clear


@pytest.fixture(params=[3, 4], ids=["rgb", "rgba"])
def channels(request):
    return request.param


def points_of(channels, height, width, seed=0, bits=0):
    histogram = Histogram.of_pixels(of_channels(channels, height, width, seed))
    return coarsen(distinct_colors(histogram, with_alpha=channels == 4), bits)


def centroids_of(channels, count, seed, levels=256):
    colors = of_channels(channels, 1, count, seed, levels)[0]
    return np.array([oracle.coordinates(color) for color in colors], np.float64)


def plain(points):
    return points.coordinates[:, : len(points)].T.astype(np.float64)


@pytest.mark.parametrize("clusters", [1, 2, 3, 31, 32, 33, 249])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 33), (29, 31)])
def test_assignment_to_whole_colours_is_that_of_brute_force(channels, height, width, clusters):
    points = points_of(channels, height, width)
    centroids = centroids_of(channels, clusters, seed=7, levels=8)
    assigned = Clusters.around(points, centroids)
    iterate(points, assigned, 1, threads=1)
    labels = oracle.nearest(plain(points), centroids)
    assert np.array_equal(assigned.labels, labels)
    assert np.array_equal(assigned.sums, oracle.cluster_sums(points.sums, labels, clusters))


def test_ties_go_to_the_lowest_index(channels):
    points = points_of(channels, 7, 9)
    assigned = Clusters.around(points, np.full((5, channels), 100.0))
    iterate(points, assigned, 1, threads=1)
    assert not assigned.labels.any()


@pytest.mark.parametrize("bits", [0, 3])
@pytest.mark.parametrize("iterations", [1, 2, 7, 60])
def test_iterations_are_those_of_the_textbook(channels, bits, iterations):
    points = points_of(channels, 23, 29, bits=bits)
    centroids = centroids_of(channels, 13, seed=3)
    found = Clusters.around(points, centroids)
    iterate(points, found, iterations, threads=1)
    means, labels, error = oracle.lloyd(
        plain(points), points.sums, centroids, iterations, OVERSTEP, TOLERANCE
    )
    assert np.array_equal(found.labels, labels)
    assert np.allclose(found.centroids, means, atol=1e-3)
    assert np.isclose(found.error, error, rtol=1e-4)


@pytest.mark.parametrize("threads", [2, 3, 8, 100])
@pytest.mark.parametrize("chunks_per_thread", [1, 4])
def test_chunks_and_threads_do_not_change_a_bit(channels, threads, chunks_per_thread, monkeypatch):
    monkeypatch.setattr(lloyd, "CHUNKS_PER_THREAD", chunks_per_thread)
    points = points_of(channels, 31, 37)
    start = centroids_of(channels, 40, seed=2)
    whole, parts = Clusters.around(points, start), Clusters.around(points, start)
    iterate(points, whole, 5, threads=1)
    with jit.threads_for_any_work():
        iterate(points, parts, 5, threads)
    assert np.array_equal(whole.centroids, parts.centroids)
    assert np.array_equal(whole.labels, parts.labels)
    assert np.array_equal(whole.sums, parts.sums)
    assert whole.error == parts.error


@pytest.mark.parametrize("bits", [0, 1, 4])
def test_clusters_carried_over_to_finer_points_keep_their_sums(channels, bits):
    fine = points_of(channels, 31, 37)
    coarse = coarsen(fine, bits)
    clusters = Clusters.around(coarse, centroids_of(channels, 9, seed=4))
    iterate(coarse, clusters, 3, threads=1)
    carried = clusters.carried_over(coarse, fine)
    assert np.array_equal(carried.sums, oracle.cluster_sums(fine.sums, carried.labels, 9))


def test_ties_between_colours_with_alpha_are_exact():
    # Each translucent colour lies halfway between two centroids.
    alphas = np.arange(2, 254, 2, dtype=np.uint8)
    colors = np.stack([np.full_like(alphas, 77), alphas, 255 - alphas, alphas], axis=1)
    points = distinct_colors(Histogram(colors, np.ones(len(colors), int)))
    means = plain(points)
    apart = np.array([4321, 50_000, -7, 1111])
    centroids = np.concatenate([means + apart, means - apart])
    assigned = Clusters.around(points, centroids)
    iterate(points, assigned, 1, threads=1)
    assert np.array_equal(assigned.labels, oracle.nearest(means, centroids))


def test_sums_are_corrected_where_points_stand_for_other_numbers_of_pixels():
    points = points_of(4, 31, 37)
    heavy = with_heavy_clear(points)
    clusters = Clusters.around(heavy, centroids_of(4, 9, seed=4))
    iterate(heavy, clusters, 3, threads=1)
    clusters.recount(heavy, points)
    assert np.array_equal(clusters.sums, oracle.cluster_sums(points.sums, clusters.labels, 9))
