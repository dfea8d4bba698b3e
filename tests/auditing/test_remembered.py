import dataclasses
import json
import logging

import pytest

from headstart.auditing.asked import PARTS, asked_now
from headstart.auditing.border import Border
from headstart.auditing.corruptions import Corrupted, Robustness
from headstart.auditing.labels import Suspect
from headstart.auditing.remembered import carried_over, told_of, what_was_measured
from headstart.auditing.wording import lines_of_kept
from headstart.records import Estimate, to_json

ONE = Estimate(0.5, 0.4, 0.6, 10, "drawn")
WORSE = Robustness(
    10, "accuracy", True, ONE, (Corrupted("blur", "much", True, ONE, ONE, False),), False
)


@pytest.fixture
def whole(leaning):
    """An audit of which every part was asked."""
    _, found = leaning
    return dataclasses.replace(
        found, of="model and images", corruptions=WORSE, border=Border(9, 0.5, ONE, ONE, ONE),
        labels=(Suspect("a.png", "cat", "dog", -0.5),), labels_said="1 label to look at",
        repair=("Not kept: weights.",), asked={part: asked_now(1) for part in PARTS},
    )  # fmt: skip


def test_what_was_measured_of_the_same_comes_back_as_it_was(whole, leaning, tmp_path):
    file = tmp_path / "audit.json"
    file.write_text(to_json(whole))
    before = what_was_measured(file, "model and images")
    for fields in PARTS.values():
        for name in fields:
            assert getattr(before, name) == getattr(whole, name), name
    _, found = leaning
    again = carried_over(found, before, ["corruptions", "repair"])
    assert (again.corruptions, again.repair) == (WORSE, ("Not kept: weights.",))
    assert again.border is None, "that is asked anew"
    assert again.asked["corruptions"].kept
    assert again.columns == found.columns
    first, _ = lines_of_kept(again.asked)
    when = whole.asked["corruptions"].when
    assert first.startswith(f"What worse images do was measured on {when[:10]} at {when[11:16]}")
    assert lines_of_kept(whole.asked) == []


def test_what_is_of_another_model_is_dropped_and_that_is_said(whole, leaning, tmp_path, caplog):
    file = tmp_path / "audit.json"
    assert what_was_measured(file, "of") is None
    file.write_text(to_json(dataclasses.replace(whole, corruptions=None)))
    with caplog.at_level(logging.WARNING):
        assert what_was_measured(file, "others") is None
    assert not caplog.records, "nothing that takes minutes is lost"
    file.write_text(to_json(whole))
    value = json.loads(file.read_text())
    del value["asked"]["corruptions"]["when"]
    for text, of in ((to_json(whole), "others"), (json.dumps(value), whole.of), ("[", whole.of)):
        caplog.clear()
        file.write_text(text)
        with caplog.at_level(logging.WARNING):
            assert what_was_measured(file, of) is None
        assert "--corruptions measures it again" in caplog.text
    assert carried_over(leaning[1], None, PARTS) is leaning[1]


def test_an_audit_is_of_a_model_and_of_what_it_answered(confounded, leaning):
    _, run = confounded
    evidence, _ = leaning
    own = told_of(run, evidence)
    fewer = dataclasses.replace(evidence, tested=~evidence.tested)
    assert told_of(run, fewer) == own, "how many are looked at is no matter"
    other = told_of(run, dataclasses.replace(evidence, data="/elsewhere"))
    turned = dataclasses.replace(evidence, data="/elsewhere", scores=-evidence.scores)
    assert len({own, other, told_of(run, turned)}) == 3
