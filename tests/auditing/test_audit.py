import dataclasses

import numpy as np
import pytest
from tests.confounded import planted

from headstart.auditing.audit import audit_columns, pick_columns, read_with
from headstart.auditing.evidence import Earlier, evidence_of_vectors
from headstart.data.labels import Numbers
from headstart.errors import DataError


def test_a_planted_confound_is_serious_and_says_which_cells_to_fill(leaning):
    _, found = leaning
    (one,) = found.columns
    assert found.serious
    assert one.verdict == "serious"
    assert (one.kind, one.value) == ("young", "woman")
    assert {(w.kind, w.value, w.have) for w in one.gather.wanted} == {
        ("young", "man", 6), ("old", "woman", 6),
    }  # fmt: skip
    assert one.unrelated.value < one.measured.value - 0.1
    assert one.change > 3 * one.change_by_chance
    assert "Audit('run'" in repr(found)
    assert "sex" in found._repr_html_()


def test_without_a_confound_nothing_is_found_however_plainly_it_shows():
    alarms = 0
    for seed in range(10):
        dataset, vectors, clusters = planted(60, seed=seed)
        evidence = evidence_of_vectors(dataset, vectors, clusters, seed=seed)
        (one,) = audit_columns(evidence, dataset.attributes, name="run").columns
        assert one.carried > 0.9
        alarms += one.verdict != "fine"
    assert alarms <= 1


def test_many_columns_of_chance_do_not_alarm_and_do_not_hide_the_one(leaning):
    evidence, _ = leaning
    rng = np.random.default_rng(0)
    columns = {f"coin {i}": rng.choice(["a", "b"], len(evidence)) for i in range(9)}
    found = audit_columns(evidence, columns | evidence.dataset.attributes, name="run")
    assert [each.column for each in found.columns if each.verdict != "fine"] == ["sex"]
    assert found.columns[0].column == "sex"
    assert found.columns[0].p_adjusted >= found.columns[0].p_value


def test_columns_that_cannot_be_asked_are_named(leaning):
    evidence, _ = leaning
    found = audit_columns(evidence, {"same": np.full(len(evidence), "x")}, name="run")
    assert found.columns == ()
    assert "one value" in found.skipped["same"]
    assert not found.serious


def test_columns_are_all_or_those_named(leaning):
    evidence, _ = leaning
    assert list(pick_columns(evidence, [])) == ["sex"]
    assert list(pick_columns(evidence, ["sex"])) == ["sex"]
    with pytest.raises(DataError, match=r"--by age: .* they have sex"):
        pick_columns(evidence, ["age"])


def test_of_other_images_what_goes_together_is_what_was_taught(leaning):
    before, _ = leaning
    dataset, vectors, clusters = planted(60, seed=3)
    fair = evidence_of_vectors(dataset, vectors, clusters)
    # The scores of a model that follows the attribute.
    lean = 3.0 * (2 * (dataset.attributes["sex"] == "woman") - 1)
    score = fair.scores[:, 1] + lean
    fair = dataclasses.replace(fair, scores=np.stack([-score, score], axis=1))
    alone = audit_columns(fair, dataset.attributes, name="run")
    assert not alone.serious
    taught = dataclasses.replace(
        fair, earlier=Earlier(before.dataset, before.targets, before.clusters)
    )
    read, learnt = read_with(taught, "sex", dataset.attributes["sex"])
    assert read.words == ("man", "woman")
    assert len(learnt.values) == 240
    found = audit_columns(taught, dataset.attributes, name="run")
    assert found.serious
    assert found.columns[0].share == pytest.approx((0.95, 0.05))
    assert found.columns[0].cost.value > 0.3


def test_two_columns_that_say_the_same_are_both_told_and_that_it_cannot_be_said_which(leaning):
    evidence, _ = leaning
    sex = evidence.dataset.attributes["sex"]
    columns = {"sex": sex, "pronoun": np.where(sex == "woman", "she", "he")}
    found = audit_columns(evidence, columns, name="run")
    assert {each.column: each.alike for each in found.columns} == {
        "sex": ("pronoun",), "pronoun": ("sex",),
    }  # fmt: skip
    assert "pronoun says nearly the same of these images" in next(
        each.claim for each in found.said if each.column == "sex"
    )


def test_the_number_that_is_learnt_is_no_column(leaning):
    evidence, _ = leaning
    numbers = Numbers("age", np.arange(len(evidence), dtype=float))
    dataset = dataclasses.replace(evidence.dataset, labels=numbers)
    of_numbers = dataclasses.replace(evidence, dataset=dataset)
    cells = np.arange(len(evidence)).astype(str)
    assert read_with(of_numbers, "age", cells) == (
        "is the number itself that the model learnt",
        None,
    )


def test_no_repair_is_advised_of_numbers(leaning):
    evidence, classes = leaning
    assert "--repair sex" in classes.said[0].remedy
    numbers = Numbers("age", np.arange(len(evidence), dtype=float))
    dataset = dataclasses.replace(evidence.dataset, labels=numbers)
    found = audit_columns(
        dataclasses.replace(evidence, dataset=dataset), dataset.attributes, name="run"
    )
    assert found.said[0].remedy.startswith("Gather ")
    assert "--repair" not in found.said[0].remedy, "heads of numbers are not repaired"
