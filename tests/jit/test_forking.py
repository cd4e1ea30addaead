from __future__ import annotations

import os

import pytest

from kmq.jit import forking


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_that_was_under_way_at_the_import_releases_nothing():
    forking._go_on_compiling()
    forking._stop_compiling()
    assert forking.global_compiler_lock.is_locked()
    forking._go_on_compiling()
    assert not forking.global_compiler_lock.is_locked()
