import dataclasses

import numpy as np
import pytest
from tests.confounded import planted

from headstart.auditing.attribute import Attribute
from headstart.auditing.confound import confound_of
from headstart.auditing.evidence import (
    bands_of,
    evidence_of_vectors,
    halves_of,
    halves_said,
    log_odds_of,
    odds,
    targets_of,
)
from headstart.data.dataset import Dataset
from headstart.data.labels import Numbers
from headstart.errors import OptionError
from headstart.records import OutputSpec


def numbers(values):
    n = len(values)
    return Dataset(
        root=None, names=tuple(map(str, range(n))), labels=Numbers("age", np.array(values, float)),
        splits=np.full(n, ""), task="regression",
    )  # fmt: skip


def test_vectors_alone_are_answered_while_held_out():
    dataset, vectors, clusters = planted(6, per_class=40)
    found = evidence_of_vectors(dataset, vectors, clusters)
    assert len(found) == 80
    assert found.kinds == ("old", "young")
    assert found.right.mean() > 0.8
    assert "each while it was held out" in found.said


def test_halves_of_numbers_and_of_those_that_are_mostly_one():
    halves, middle = halves_of(np.array([1.0, 2, 3, 4, np.nan]))
    assert halves.tolist() == [0, 0, 1, 1, -1]
    assert middle == 2.5
    assert halves_of(np.array([0.0, 1, 1, 1]))[0].tolist() == [0, 1, 1, 1]


def test_a_number_is_asked_in_halves():
    data = numbers([10, 20, 30, 40])
    targets, kinds = targets_of(data)
    assert targets.tolist() == [0, 0, 1, 1]
    assert kinds == ("age up to 25", "age above 25")
    spec = OutputSpec("regression", ("low", "mid", "high"), {"edges": [10, 20, 30, 40]})
    scores = log_odds_of(np.array([[1, 0, 0], [0, 1, 0], [0.1, 0.2, 0.7]]), spec, kinds, data)
    assert scores[0, 0] > 20
    assert scores[1, 0] == pytest.approx(0, abs=1e-6)
    assert scores[2, 1] == pytest.approx(np.log(0.8 / 0.2))


def test_classes_of_a_round_are_put_where_all_have_them():
    dataset, _, _ = planted(6, per_class=4)
    spec = OutputSpec("classification", ("young",), {})
    scores = log_odds_of(np.ones((2, 1)), spec, ("old", "young"), dataset)
    assert scores[0, 1] > 20
    assert scores[0, 0] < -20


def test_identities_are_refused():
    import dataclasses

    dataset, _, _ = planted(6, per_class=4)
    with pytest.raises(OptionError, match=r"identity.*--by"):
        targets_of(dataclasses.replace(dataset, task="identity"))


def test_odds_are_finite():
    assert odds(np.log([[0.5, 0.5]])) == pytest.approx(np.zeros((1, 2)), abs=1e-9)
    assert np.isfinite(odds(np.array([[0.0, -np.inf]]))).all()


def test_how_numbers_are_asked_about_is_said(leaning):
    evidence, _ = leaning
    assert halves_said(evidence.dataset) == ""
    ages = Numbers("age", np.arange(len(evidence), dtype=float))
    dataset = dataclasses.replace(evidence.dataset, labels=ages)
    assert halves_said(dataset) == "; age is asked about as two classes, up to 119.5 and above it"


def test_scores_of_numbers_are_compared_within_narrow_bands(leaning):
    evidence, _ = leaning
    assert not bands_of(evidence.dataset).any()
    values = np.arange(len(evidence), dtype=float)
    values[3] = np.nan
    ages = dataclasses.replace(evidence.dataset, labels=Numbers("age", values))
    bands = bands_of(ages)
    assert 2 <= bands.max() + 1 <= 8
    for half in (values <= np.nanmedian(values), values > np.nanmedian(values)):
        spans = [np.ptp(values[half & (bands == each)]) for each in np.unique(bands[half])]
        assert max(spans) < len(evidence) / 6


def test_what_follows_the_number_itself_is_not_called_used(leaning):
    evidence, _ = leaning
    rng = np.random.default_rng(0)
    n = len(evidence)
    age = np.arange(n, dtype=float)
    older = (age + rng.normal(0, n / 8, n) > n / 2).astype(int)  # such as: the old are mostly men
    score = age / n + rng.normal(0, 0.1, n)  # of a model that only knows the age
    targets = (age > np.median(age)).astype(int)
    numbers = dataclasses.replace(
        evidence, dataset=dataclasses.replace(evidence.dataset, labels=Numbers("age", age)),
        targets=targets, scores=np.stack([-score, score], 1), clusters=np.arange(n),
        kinds=("age up to", "age above"), models=np.zeros(n, int), beside=None, space=None,
    )  # fmt: skip
    column = Attribute("gender", older, ("woman", "man"))
    assert confound_of(numbers, column).p_value > 0.05
    classes = dataclasses.replace(numbers, dataset=evidence.dataset)
    assert confound_of(classes, column).p_value < 0.01
