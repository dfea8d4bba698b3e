"""An average of linear classifiers is one linear classifier, and no look is kept for nothing."""

from __future__ import annotations

import numpy as np
from tests.probe.vectors import even, vectors_of

from headstart.compute import Compute
from headstart.probe.classifiers import Config, fit_head, make_space
from headstart.probe.ensemble import Member, average, candidate, log_probabilities, merged
from headstart.probe.frozen import Frozen
from headstart.probe.probe import Labelled, probe
from headstart.probe.trials import Grid

GRID = Grid(classifiers=("logistic", "svm"), logistic=(1, 10), svm=(1,), looks=2)


def test_the_merged_head_gives_the_mean_log_probabilities():
    y = even(60)
    vectors = vectors_of(y)
    parts = (np.arange(0, 16), np.arange(10, 28))
    config = Config("logistic", "x", 1.0)
    heads = [fit_head(config, make_space(vectors, part), vectors, y, n_classes=3) for part in parts]
    members = [Member(config, parts[0], 0, 0.7 / 1.5), Member(config, parts[1], 1, 0.3 / 0.6)]
    found = merged(heads, members).scores(vectors)
    wanted = 0.7 * log_probabilities(heads[0].scores(vectors) / 1.5)
    wanted = wanted + 0.3 * log_probabilities(heads[1].scores(vectors) / 0.6)
    difference = found - wanted
    np.testing.assert_allclose(difference, difference[:, :1] + np.zeros(3), atol=1e-4)


def chosen_of(signal: list[float], seed: int = 0):
    """Looks that each see so much of what there is to see, with noise of their own."""
    rng = np.random.default_rng(seed)
    y = np.arange(300) % 3
    found = []
    for look, strength in enumerate(signal):
        scores = strength * np.eye(3)[y] + rng.normal(size=(300, 3))
        found.append(candidate(Config("logistic", f"{look}", 1.0), look, None, scores, y))
    return found, y


def test_looks_that_see_different_things_are_averaged():
    candidates, y = chosen_of([2.0, 2.0, 0.0])
    spaces = [make_space(np.eye(9)[:, 3 * i : 3 * i + 3], np.arange(3)) for i in range(3)]
    candidates = [replace_space(each, space) for each, space in zip(candidates, spaces)]
    both = average(candidates, y, most=2)
    assert {each.look for each in both.members} == {0, 1}
    one = average(candidates, y, most=1)
    assert len({each.look for each in one.members}) == 1
    assert both.loss < 0.9 * one.loss


def test_a_look_that_sees_nothing_more_is_not_kept():
    candidates, y = chosen_of([4.0, 0.0, 0.0])
    space = make_space(np.eye(9)[:, :3], np.arange(3))
    candidates = [replace_space(each, space) for each in candidates]
    assert {each.look for each in average(candidates, y, most=3).members} == {0}


def replace_space(each, space):
    from dataclasses import replace

    return replace(each, space=space)


def test_a_probe_averages_what_its_looks_see():
    y = even(120)
    rng = np.random.default_rng(1)
    one = vectors_of(y) + 2 * rng.normal(size=(120, 28))
    other = vectors_of(y) + 2 * rng.normal(size=(120, 28))
    frozen = Frozen(
        np.hstack([one, other]).astype(np.float32),
        {"a": np.arange(28), "b": np.arange(28, 56)},
        {"a": 0, "b": 1},
    )
    found = probe(frozen, Labelled(y, np.arange(120), 3), Compute(), grid=GRID)
    assert {each.look for each in found.members} == {0, 1}
    assert found.trials[0].chosen
    assert found.trials[0].config.classifier == "average"
    assert found.head.kind == "linear"
    assert found.criterion == "log-loss"
    alone = [trial.log_loss for trial in found.trials[1:]]
    assert found.trials[0].log_loss < min(alone)
    # What is fitted at last is what was tried.
    right = (found.head.scores(frozen.vectors).argmax(axis=1) == y).mean()
    assert right >= (found.held_out.argmax(axis=1) == y).mean()
