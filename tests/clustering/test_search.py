import numpy as np
import oracle
import pytest

from clustering.images import noise, six, translucent
from kmq.clustering import Histogram
from kmq.clustering.lloyd import Clusters, iterate
from kmq.clustering.merging import merge_cheapest
from kmq.clustering.points import distinct_colors
from kmq.clustering.schedule import Search
from kmq.clustering.search import merge, search, split, split_and_iterate
from kmq.clustering.seeding import draw_far_apart, draw_start, grow_start, random_numbers
from kmq.clustering.splitting import bisect


@pytest.fixture(scope="module", params=["rgb", "rgba"])
def points(request):
    pixels = six()["speckled"][:24, :40].copy()
    if request.param == "rgba":
        pixels = np.dstack([pixels, translucent(24, 40, seed=3)[..., 3]])
    return distinct_colors(Histogram.of_pixels(pixels).with_clear_as_one())


def plain(points):
    return points.coordinates[:, : len(points)].T.astype(np.float64)


def settled(points, count):
    clusters = Clusters.around(points, plain(points)[:: len(points) // count][:count])
    iterate(points, clusters, 20, threads=1)
    return clusters


def test_cuts_gain_what_the_first_eigenvector_gains(points):
    clusters = settled(points, 5)
    gains, parts = bisect(
        points.coordinates,
        points.sums,
        clusters.labels,
        clusters.centroids,
        clusters.sums,
        points.axes,
    )
    expected, _ = oracle.bisect(plain(points), points.sums, clusters.labels, 5)
    assert np.allclose(gains, expected, rtol=0.02)
    for gain, part, whole in zip(gains, parts, clusters.sums, strict=True):
        assert np.isclose(gain, oracle.ward_cost(part, whole - part))


def test_a_cluster_of_one_colour_is_not_split():
    points = distinct_colors(Histogram.of_pixels(np.full((3, 4, 3), 77, np.uint8)))
    assert len(split(points, Clusters.around(points, np.full((1, 3), 77.0)), 1)) == 1


@pytest.mark.parametrize("target", [1, 2, 20, 36, 37])
def test_merges_are_the_cheapest_pairs(points, target):
    clusters = settled(points, 37)
    sums = clusters.sums.copy()
    successor = merge_cheapest(clusters.centroids, sums, points.axes, target)
    expected, expected_successor = oracle.merge_cheapest(clusters.sums, target)
    assert successor.tolist() == expected_successor
    kept = np.unique(successor)
    assert np.array_equal(sums[kept], expected[kept])


def test_merging_keeps_labels_and_sums_together(points):
    merged = merge(points, settled(points, 37), 11)
    assert len(merged) == 11
    assert np.array_equal(merged.sums, oracle.cluster_sums(points.sums, merged.labels, 11))


def test_empty_clusters_are_merged_first(points):
    clusters = settled(points, 8)
    lost = np.full((3, len(points.axes)), 1e6)
    clusters.centroids = np.concatenate([clusters.centroids, lost])
    clusters.sums = np.concatenate([clusters.sums, np.zeros((3, len(points.total)), np.int64)])
    merged = merge(points, clusters, 8)
    assert np.array_equal(merged.sums, clusters.sums[:8])


def test_a_search_never_raises_the_error(points):
    start = settled(points, 12)
    found = search(points, start, Search(3, 4, 3, 6), threads=1)
    assert len(found) == 12
    assert found.error <= start.error


def test_one_kernel_for_few_points_does_what_the_steps_do_one_by_one(points, monkeypatch):
    start = settled(points, 12)
    schedule = Search(3, 4, 3, 6)

    def run():
        return (
            split_and_iterate(points, start, 5, 3, threads=1),
            search(points, start, schedule, threads=1),
        )

    fused = run()
    monkeypatch.setattr("kmq.clustering.search.is_serial", lambda points, threads: False)
    for at_once, in_steps in zip(fused, run(), strict=True):
        assert np.array_equal(at_once.centroids, in_steps.centroids)
        assert np.array_equal(at_once.sums, in_steps.sums)
        assert np.array_equal(at_once.labels, in_steps.labels)
        assert at_once.error == in_steps.error


def test_growth_reaches_every_count_up_to_the_number_of_points(points):
    for count in (1, 2, 3, 17, len(points)):
        assert len(grow_start(points, count, threads=1)) == count


@pytest.mark.parametrize("count", [1, 2, 19])
def test_k_means_plus_plus_draws_as_the_textbook_does(points, count):
    draws = random_numbers(5, 0)
    shares = np.array([next(draws) for _ in range(count)])
    drawn = draw_far_apart(points.coordinates, points.sums, points.axes, shares)
    assert np.array_equal(drawn, oracle.draw_far_apart(plain(points), points.sums[:, -1], shares))


def test_no_more_centroids_are_drawn_than_there_are_points():
    few = distinct_colors(Histogram.of_pixels(noise(1, 3, seed=1)))
    assert len(draw_start(few, 10, seed=0, start=0, threads=1)) == 3


def test_random_numbers_are_split_mix_64():
    # The generator's published first outputs for seed 1234567.
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    for value, expected in zip(random_numbers(0, 1234567), published, strict=False):
        assert value == (expected >> 11) / 2**53
    assert next(random_numbers(1, 0)) != next(random_numbers(2, 0))
