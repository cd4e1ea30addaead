"""A cluster of two worker processes, started once."""

from __future__ import annotations

import os

import pytest

distributed = pytest.importorskip("distributed", reason="needs kmq[distributed]")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """Two processes of one thread each."""
    import dask

    folder = tmp_path_factory.mktemp("dask")
    with (
        dask.config.set({"distributed.admin.log-format": "%(message)s"}),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address="127.0.0.1:0",
            local_directory=os.fspath(folder),
            silence_logs=50,
        ) as made,
    ):
        yield made


@pytest.fixture
def client(cluster):
    with distributed.Client(cluster) as connected:
        yield connected


def pytest_collection_modifyitems(items):
    """Let distributed leave sockets open, which it closes when they are collected."""
    for item in items:
        if "clusters" in item.path.parts or item.path.name == "test_clusters.py":
            for warning in (
                "ignore:unclosed:ResourceWarning",
                "ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning",
            ):
                item.add_marker(pytest.mark.filterwarnings(warning))
