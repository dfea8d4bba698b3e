import dataclasses

import numpy as np
import pytest

from headstart.auditing.against import audit_against
from headstart.auditing.audit import audit_columns
from headstart.auditing.from_run import evidence_of_run
from headstart.auditing.wording import lines_of_against
from headstart.compute import Compute
from headstart.errors import OptionError
from headstart.verbs.audit import audit


@pytest.fixture
def one(confounded, monkeypatch):
    data, run = confounded
    monkeypatch.setenv("HEADSTART_CACHE", str(data.parent / "cache"))
    return run, evidence_of_run(run, Compute())


def mended(evidence, share=1.0):
    """The same answers, but that images which contradict the column are answered rightly."""
    column = evidence.dataset.attributes["tint"]
    names = np.unique(column)
    wrong = np.flatnonzero(~evidence.right)
    wrong = wrong[: round(share * len(wrong))]
    scores = evidence.scores.copy()
    scores[wrong] = -3
    scores[wrong, evidence.targets[wrong]] = 3
    assert len(names) == 2
    return dataclasses.replace(evidence, scores=scores)


def asked(evidence, name):
    columns = {"tint": evidence.dataset.attributes["tint"]}
    return audit_columns(evidence, columns, name=name).columns


def test_a_run_that_leans_less_is_told_image_by_image(one):
    run, evidence = one
    better = mended(evidence)
    audits = asked(evidence, "A"), asked(better, "B")
    found = audit_against((run, run), (evidence, better), audits, ("A", "B"))
    (column,) = found.columns
    assert found.images == len(evidence)
    assert column.cost[0] > 0.3 > column.cost[1]
    assert column.cost_change.high < 0
    assert column.cost_change.value == pytest.approx(column.cost[1] - column.cost[0])
    gain = column.unrelated[1] - column.unrelated[0]
    assert column.unrelated_change.value == pytest.approx(gain)
    assert "the second surely leans less on it" in column.claim
    assert found.measured.low > 0
    lines = lines_of_against(found)
    assert lines[0].startswith("Against B")
    back = audit_against((run, run), (better, evidence), audits[::-1], ("B", "A"))
    assert "the first surely leans less on it" in back.columns[0].claim


def test_a_run_beside_itself_shows_no_difference(one):
    run, evidence = one
    audits = asked(evidence, "A"), asked(evidence, "A")
    (column,) = audit_against((run, run), (evidence, evidence), audits, ("A", "A")).columns
    assert column.unrelated_change.value == 0
    assert column.claim.endswith("no difference is sure.")


def test_other_classes_and_no_common_images_are_refused(one):
    run, evidence = one
    audits = asked(evidence, "A"), asked(evidence, "B")
    other = dataclasses.replace(evidence, kinds=("cats", "dogs"))
    with pytest.raises(OptionError, match="only audits of the same classes"):
        audit_against((run, run), (evidence, other), audits, ("A", "B"))
    names = tuple(f"x{name}" for name in evidence.dataset.names)
    apart = dataclasses.replace(
        evidence, dataset=dataclasses.replace(evidence.dataset, names=names)
    )
    with pytest.raises(OptionError, match="share 0 held-out images"):
        audit_against((run, run), (evidence, apart), audits, ("A", "B"))


def test_the_verb_writes_it_down(one, capsys):
    run, _ = one
    found = audit(run.folder, by="tint", against=run.folder)
    assert found.against.images > 0
    _, page = run.audit_files(by=("tint",))
    assert "Beside" in page.read_text()
    with pytest.raises(OptionError, match="--against compares two finished runs"):
        audit(run.folder, repair="tint", out="x", against=run.folder)
