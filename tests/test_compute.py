"""Where work runs: defaults, and jobs in order."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from headstart.compute import Compute


def test_the_defaults_are_a_plain_run_on_the_cpu():
    compute = Compute()
    assert (compute.device, compute.workers, compute.seed) == ("cpu", None, 0)
    compute.progress("nobody hears", 1, 2)
    assert replace(compute, seed=3) == Compute(seed=3)
    with pytest.raises(FrozenInstanceError):
        compute.seed = 1  # type: ignore[misc]


def test_jobs_are_done_in_order_and_only_when_asked_for():
    done = []
    results = Compute().map(lambda job: done.append(job) or job * 2, range(4))
    assert done == []
    assert next(results) == 0
    assert done == [0]
    assert list(results) == [2, 4, 6]
    assert list(Compute().map(str, [])) == []
