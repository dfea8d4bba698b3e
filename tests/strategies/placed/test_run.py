"""Kept states, and the floors of every round."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import pytest
from tests.strategies.box_sets import QUIET, scenes, seen

from headstart.errors import OptionError
from headstart.strategies.placed.problem import make_placed_problem
from headstart.strategies.placed.run import (
    Session,
    begin_session,
    floors_of,
    learn_rounds,
    states_of,
)


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
        states = states_of(ask)
        place = states.checkpoints.folder
        assert place.is_dir()
        assert callable(states.on_epoch)
        ask.strategy = "probe"
        nothing = states_of(ask)
        assert (nothing.checkpoints.folder, nothing.on_epoch) == (None, None)
    assert not place.exists()


def test_scratch_is_refused_in_the_words_of_the_task():
    ask = SimpleNamespace(strategy="scratch")
    with pytest.raises(OptionError, match="boxes have no training from scratch"):
        begin_session("boxes", None, None, ask, QUIET, None, kind=Session)


def test_a_session_knows_who_trains_and_tests_and_marks_the_states_of_a_round(tmp_path):
    prepared, network = seen(scenes(tmp_path, 9, 3))
    ask = SimpleNamespace(strategy="probe", evaluation="auto", folds=3)
    session = begin_session("boxes", prepared, network, ask, QUIET, None, kind=Session)
    assert session.maps is network.maps
    assert session.spec.names == prepared.dataset.labels.names
    assert (len(session.problem.rounds), session.problem.learnings) == (1, 1)
    own = session.states_as("round1-", 9.0)
    assert (own.checkpoints.prefix, own.seconds) == ("round1-", 9.0)


def test_what_is_kept_is_learnt_once_more_only_where_there_were_several_rounds(tmp_path):
    prepared, _ = seen(scenes(tmp_path, 9, 3))
    learnt = []

    def learn(items, mark):
        learnt.append((len(items), mark))
        return mark or "all"

    held = make_placed_problem(prepared, "auto", folds=3, seed=0)
    assert learn_rounds(held, learn) == (["all"], "all")
    crossed = make_placed_problem(prepared, "cv", folds=3, seed=0)
    assert crossed.learnings == 4
    rounds, final = learn_rounds(crossed, learn)
    assert (rounds, final) == (["round1-", "round2-", "round3-"], "all")
    assert learnt[-1] == (9, "")
