import dataclasses

import numpy as np

from headstart.auditing.attribute import read_attribute
from headstart.auditing.confound import Taught, confound_of, judged
from headstart.records import Estimate


def test_every_figure_of_an_attribute(leaning):
    evidence, _ = leaning
    read = read_attribute("sex", evidence.dataset.attributes["sex"], evidence.targets)
    found = confound_of(evidence, read)
    assert found.p_value < 0.05
    assert 0.93 < found.associated.value < 0.97
    assert found.skill > 0.9
    assert found.carried > 0.9
    assert [cell.images for cell in found.cells] == [114, 6, 6, 114]
    assert [cell.aligned for cell in found.cells] == [True, False, False, True]
    assert found.aligned.value - found.opposing.value == found.cost.value
    assert found.others == ("old", "man")


def test_the_rule_of_the_verdict(leaning):
    _, audit = leaning
    (found,) = audit.columns
    assert judged(found) == "serious"
    unsure = Estimate(0.2, -0.01, 0.4, 100, "")
    assert judged(dataclasses.replace(found, cost=unsure)) == "warning"
    assert judged(dataclasses.replace(found, cost=None)) == "warning"
    assert judged(dataclasses.replace(found, p_adjusted=0.06)) == "fine"
    loose = Estimate(0.6, 0.5, 0.7, 100, "")
    assert judged(dataclasses.replace(found, associated=loose)) == "fine"


def test_what_leaves_one_class_is_not_asked(leaning):
    evidence, _ = leaning
    read = read_attribute("sex", evidence.dataset.attributes["sex"], evidence.targets)
    one = dataclasses.replace(read, values=np.where(evidence.targets == 0, read.values, -1))
    assert "one class" in confound_of(evidence, one)


def test_taught_leaves_out_what_is_not_known():
    taught = Taught(np.array([0, 1, -1, 1]), np.array([0, -1, 1, 1]), np.arange(4))
    assert [part.tolist() for part in taught.known()] == [[0, 1], [0, 1], [0, 3]]


def test_without_vectors_only_the_scores_are_asked(leaning):
    evidence, _ = leaning
    read = read_attribute("sex", evidence.dataset.attributes["sex"], evidence.targets)
    bare = dataclasses.replace(evidence, space=None, beside=None)
    found = confound_of(bare, read)
    assert found.carried is None
    assert found.change is None
    assert found.p_value < 0.05


def test_where_hardly_an_image_contradicts_it_nobody_can_say_what_unrelated_would_be(leaning):
    evidence, _ = leaning
    sex = evidence.dataset.attributes["sex"]
    read = read_attribute("sex", sex, evidence.targets)
    men = np.flatnonzero((evidence.targets == 1) & (sex == "man"))
    values = read.values.copy()
    values[men[2:]] = -1
    found = confound_of(evidence, dataclasses.replace(read, values=values))
    assert found.unrelated.undefined.startswith("undefined: only 2 images contradict")
