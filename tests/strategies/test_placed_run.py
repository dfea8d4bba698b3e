"""Kept states, and the floors of every round."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

from tests.strategies.box_sets import scenes, seen

from headstart.strategies.placed_problem import make_placed_problem
from headstart.strategies.placed_run import floors_of, states_of


def test_floors_answer_for_every_tested_image_in_order(tmp_path):
    prepared, _ = seen(scenes(tmp_path, 9, 0))
    problem = make_placed_problem(prepared, "cv", folds=3, seed=0)
    found = floors_of(problem)
    assert set(found) == {"median_box", "whole_image"}
    assert found["median_box"].names == prepared.dataset.names


def test_states_are_kept_where_something_trains(tmp_path):
    with contextlib.ExitStack() as stack:
        ask = SimpleNamespace(
            strategy="auto", run=tmp_path / "run", options={}, resuming=False, overwrite=False,
            log=None, until_written=stack,
        )  # fmt: skip
        place, hear = states_of(ask)
        assert place.is_dir()
        assert callable(hear)
        ask.strategy = "probe"
        assert states_of(ask) == (None, None)
    assert not place.exists()
