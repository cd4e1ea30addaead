"""`kmq.kmeans` beside the textbook and scikit-learn."""

from __future__ import annotations

import dataclasses
import doctest
import sys

import numpy as np
import pytest
from conftest import needs_jit

import kmq
from kmeans import twin
from kmq import jit, kmeans
from kmq.errors import KmqError, OptionError


def whole_points(count, dimensions):
    """Return points in whole numbers, so that sums are exact in any order."""
    return np.random.default_rng(count).integers(-50, 50, (count, dimensions)).astype(float)


def blobs(count, dimensions, clusters):
    random = np.random.default_rng(count + dimensions)
    centers = random.normal(0, 10, (clusters, dimensions))
    return centers[random.integers(0, clusters, count)] + random.normal(0, 3, (count, dimensions))


@pytest.mark.parametrize(
    ("count", "dimensions", "clusters"),
    [(1, 1, 1), (97, 1, 3), (101, 2, 7), (83, 3, 83), (50, 17, 5)],
)
def test_both_steps_do_what_the_textbook_says(count, dimensions, clusters):
    points = whole_points(count, dimensions)
    centroids = points[:clusters] + 0.5
    labels = kmeans.assign(points, centroids)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, twin.assign(points, centroids))
    np.testing.assert_allclose(
        kmeans.update(points, labels, clusters, previous=centroids),
        twin.update(points, labels, centroids),
        rtol=1e-14,
    )


def test_of_equally_near_centroids_the_first_is_taken():
    assert kmeans.assign([[0.0, 0.0]], [[3, 4], [1, 0], [-1, 0], [1, 0]]).tolist() == [1]


@pytest.mark.parametrize(
    ("count", "dimensions", "clusters"), [(151, 1, 4), (301, 2, 5), (203, 5, 9)]
)
def test_a_run_goes_the_textbooks_way(count, dimensions, clusters):
    points = blobs(count, dimensions, clusters)
    start = kmeans.initial_centroids(points, clusters, seed=3)
    result = kmeans.run(points, start, 100)
    expected = twin.run(points, start, 100)
    assert result.has_converged
    assert len(result.history) == len(expected) > 3
    for step, before, centroids in zip(result.history[1:], expected, expected[1:], strict=False):
        np.testing.assert_allclose(step.centroids, centroids, rtol=1e-12)
        assert step.error == pytest.approx(twin.error(points, centroids), rel=1e-12)
        way = np.linalg.norm(centroids - before, axis=1).max()
        assert step.moved == pytest.approx(way, abs=1e-12)
    errors = [step.error for step in result.history]
    assert errors == sorted(errors, reverse=True)
    assert result.history[0].moved == 0
    np.testing.assert_array_equal(result.history[0].centroids, start)
    np.testing.assert_array_equal(result.labels, twin.assign(points, result.centroids))


@pytest.mark.parametrize(("iterations", "dimensions"), [(1, 2), (4, 3), (300, 3), (300, 8)])
def test_it_ends_where_scikit_learn_ends(iterations, dimensions):
    cluster = pytest.importorskip("sklearn.cluster", reason="needs scikit-learn (extra bench)")
    points = blobs(997, dimensions, 12)
    start = kmeans.initial_centroids(points, 12, seed=1)
    ours = kmeans.run(points, start, iterations)
    # It warns where the iterations end before it has converged, in some versions.
    theirs = cluster.KMeans(
        12, init=start, n_init=1, max_iter=iterations, tol=0, algorithm="lloyd"
    ).fit(points)
    assert not ours.empty
    np.testing.assert_array_equal(ours.labels, theirs.labels_)
    np.testing.assert_allclose(ours.centroids, theirs.cluster_centers_, rtol=1e-9)
    assert ours.error == pytest.approx(theirs.inertia_, rel=1e-9)


def test_the_number_of_threads_changes_no_bit():
    points = blobs(5_003, 3, 8)
    start = kmeans.initial_centroids(points, 8, seed=0)
    one = kmeans.run(points, start, 5, threads=1)
    with jit.threads_for_any_work():
        for threads in (2, 3, 8):
            other = kmeans.run(points, start, 5, threads=threads)
            assert one.labels.tobytes() == other.labels.tobytes()
            for first, second in zip(one.history, other.history, strict=True):
                assert first.centroids.tobytes() == second.centroids.tobytes()
                assert (first.error, first.moved) == (second.error, second.moved)


@needs_jit
def test_every_kind_of_input_takes_the_same_compiled_code():
    points = whole_points(64, 4)
    expected = kmeans.run(points, points[:3], 2).centroids
    backwards = np.asfortranarray(points[:, ::-1])[:, ::-1]
    for given in (points.tolist(), points.astype(np.float32), points.astype(np.int8), backwards):
        found = kmeans.run(given, np.array(points[:3]), 2)
        np.testing.assert_array_equal(found.centroids, expected)
    for kernel in (kmeans.kernels.find_nearest, kmeans.kernels.add_points):
        assert len(getattr(kernel.serial, "signatures", [None])) == 1


def test_a_cluster_without_points_keeps_its_centroid_and_is_named():
    result = kmeans.run([[0.0], [1.0]], [[0.5], [9.0], [-9.0]], 5)
    assert result.centroids.tolist() == [[0.5], [9.0], [-9.0]]
    assert result.empty == result.history[-1].empty == (1, 2)
    assert result.history[0].empty == ()


def test_the_mean_of_no_points_is_nan_and_no_step_takes_it():
    centroids = kmeans.update([[1.0, 2.0]], [2], 3)
    assert np.isnan(centroids[:2]).all()
    with pytest.raises(OptionError, match="centroids: row 0 holds NaN"):
        kmeans.assign([[1.0, 2.0]], centroids)


def test_no_iterations_label_the_points_of_the_start():
    result = kmeans.run([[0.0], [9.0]], [[8.0], [1.0]], 0)
    assert result.labels.tolist() == [1, 0]
    assert (len(result.history), result.error, result.has_converged) == (1, 2.0, False)


def test_more_centroids_than_points_will_do():
    result = kmeans.run([[1.0]], [[5.0], [2.0], [2.0]], 9)
    assert result.labels.tolist() == [1]
    assert result.empty == (0, 2)


def test_results_cannot_be_changed_and_do_not_hold_what_was_given():
    start = np.array([[0.0], [5.0]])
    result = kmeans.run([[0.0], [4.0]], start, 3)
    start[:] = 7
    assert result.history[0].centroids.tolist() == [[0.0], [5.0]]
    assert start.flags.writeable
    for array in (result.centroids, result.labels, result.history[0].centroids):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.labels = None


def test_starts_are_different_points_and_those_of_a_seed_are_the_same():
    points = np.repeat(whole_points(11, 2), 5, axis=0)
    for seed in range(20):
        start = kmeans.initial_centroids(points, 11, seed)
        assert len(np.unique(start, axis=0)) == 11
    np.testing.assert_array_equal(start, kmeans.initial_centroids(points, 11, 19))
    # Drawn once: another machine and another version of Python draw the same.
    line = np.arange(100)[:, None]
    assert kmeans.initial_centroids(line, 4, 0).ravel().tolist() == [49, 90, 9, 29]


def test_far_points_are_drawn_in_proportion_to_their_squared_distance():
    points = np.array([[0.0]] * 98 + [[1.0], [3.0]])
    starts = [kmeans.initial_centroids(points, 2, seed) for seed in range(600)]
    second = [start[1, 0] for start in starts if start[0, 0] == 0]
    assert 0.85 < second.count(3.0) / len(second) < 0.95


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([1.0, 2.0], r"points: expected the shape \(n, d\), both at least 1, got \(2,\)"),
        (np.zeros((0, 2)), r"points: expected the shape .* got \(0, 2\)"),
        (np.zeros((2, 0)), "points: expected the shape"),
        (np.zeros((2, 2, 2)), "points: expected the shape"),
        ([[1.0], [2.0, 3.0]], "points: expected an array"),
        ([[1.0, np.nan]], "points: row 0 holds NaN or an infinity"),
        ([[1.0, 2.0], [-np.inf, 0]], "points: row 1 holds NaN or an infinity"),
        ([[1e141, 0.0]], "points: values beyond 1e\\+140 overflow"),
        ([[-1e141, 0.0]], "points: values beyond"),
        ([[1j, 0]], "points: expected real numbers, got dtype complex128"),
        ([["a", "b"]], "points: expected real numbers"),
        ([[None, 2]], "points: expected real numbers"),
    ],
)
def test_what_are_no_points_is_refused_by_name(points, message):
    for call in (
        lambda: kmeans.assign(points, [[0.0, 0.0]]),
        lambda: kmeans.update(points, [0], 1),
        lambda: kmeans.initial_centroids(points, 1, 0),
        lambda: kmeans.run(points, [[0.0, 0.0]]),
    ):
        with pytest.raises(OptionError, match=message):
            call()


LINE = [[0.0], [1.0], [2.0]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kmeans.assign(LINE, [[0.0, 1.0]]), "centroids: expected 1 coordinates per row"),
        (lambda: kmeans.run(LINE, [[np.nan]]), "initial: row 0 holds NaN"),
        (lambda: kmeans.run(LINE, LINE, -1), "max_iterations: expected a whole number"),
        (lambda: kmeans.run(LINE, LINE, threads=0), "threads"),
        (
            lambda: kmeans.update(LINE, [0, 1], 2),
            r"labels: expected one per point",
        ),
        (lambda: kmeans.update(LINE, [0, 1, 2], 2), "labels: expected numbers from 0 to 1, got 2"),
        (lambda: kmeans.update(LINE, [0, -1, 1], 2), "labels: .* got -1"),
        (lambda: kmeans.update(LINE, [0.0, 1.0, 1.0], 2), "labels: .* dtype float64"),
        (lambda: kmeans.update(LINE, [[0], [1, 2]], 2), "labels: expected an array"),
        (lambda: kmeans.update(LINE, [0, 0, 0], 0), "clusters: expected a whole number"),
        (lambda: kmeans.update(LINE, [0, 0, 0], 2, previous=[[1.0]]), "previous: expected 2"),
        (lambda: kmeans.initial_centroids(LINE, 4, 0), "k: expected a whole number from 1 to 3"),
        (lambda: kmeans.initial_centroids([[1.0], [1.0]], 2, 0), "k: 2 different points .* are 1"),
        (lambda: kmeans.initial_centroids(LINE, 2, -1), "seed: expected a whole number"),
    ],
)
def test_other_wrong_arguments_are_refused_by_name(call, message):
    with pytest.raises(OptionError, match=message):
        call()


@pytest.mark.parametrize("name", [*kmeans.__all__, None])
def test_the_examples_of_the_docstrings_run(name):
    if name == "plot_path":
        pytest.importorskip("matplotlib", reason="needs matplotlib (extra report)")
    documented = kmeans if name is None else getattr(kmeans, name)
    finder = doctest.DocTestFinder(recurse=False)
    tests = [test for test in finder.find(documented, name or "kmq.kmeans") if test.examples]
    assert len(tests) == (name not in ("Iteration", "Result"))
    for test in tests:
        outcome = doctest.DocTestRunner().run(test)
        assert outcome.failed == 0


def test_importing_kmq_is_enough():
    assert kmq.kmeans is kmeans
    assert "kmeans" in dir(kmq)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_path_of_every_centroid_is_drawn(dimensions):
    pytest.importorskip("matplotlib", reason="needs matplotlib (extra report)")
    points = blobs(6_001, dimensions, 3)
    result = kmeans.run(points, points[:3], 10)
    (axes,) = kmeans.plot_path(result, points).axes
    assert len(axes.lines) == 3
    for cluster, line in enumerate(axes.lines):
        path = np.array([step.centroids[cluster] for step in result.history])
        drawn = line.get_data_3d() if dimensions == 3 else line.get_data()
        np.testing.assert_array_equal(np.transpose(drawn), path)
    assert "3 clusters, " in axes.get_title()


def test_paths_that_cannot_be_drawn_are_refused(monkeypatch):
    result = kmeans.run(whole_points(5, 4), whole_points(5, 4)[:2])
    with pytest.raises(OptionError, match="only 2 or 3 coordinates"):
        kmeans.plot_path(result, whole_points(5, 4))
    result = kmeans.run(LINE, LINE[:2])
    with pytest.raises(OptionError, match="points: expected 1 coordinates"):
        kmeans.plot_path(result, whole_points(3, 2))
    plane = whole_points(5, 2)
    with pytest.raises(OptionError, match="of 5 points, got 4"):
        kmeans.plot_path(kmeans.run(plane, plane[:2]), plane[:4])
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(KmqError, match=r"pip install 'kmq\[report\]'"):
        kmeans.plot_path(kmeans.run(plane, plane[:2]), plane)
