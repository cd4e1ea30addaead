from __future__ import annotations

import numpy as np
import pytest

from kmq.clustering.sorting import stable_order


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 64, 101])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_the_order_is_numpys_stable_one(count, dtype):
    keys = np.random.default_rng(count).integers(0, 9, count).astype(dtype)
    if count > 2 and dtype != np.int64:
        keys[[0, 2]] = np.inf
    assert stable_order(keys).tolist() == np.argsort(keys, kind="stable").tolist()
