import dataclasses

import numpy as np
import pytest

from headstart.auditing.corruptions import audit_corruptions, examples_of, one_input
from headstart.auditing.from_run import evidence_of_run
from headstart.auditing.wording import lines_of_corruptions
from headstart.compute import Compute
from headstart.images.corrupt import CORRUPTIONS
from headstart.nets.model import Model


@pytest.fixture(scope="module")
def asked(confounded):
    data, run = confounded
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(data.parent / "cache"))
        evidence, model = evidence_of_run(run, Compute()), Model.load(run.folder)
        return audit_corruptions(model, evidence, Compute(), learnt_from=True), evidence, model


def test_every_corruption_is_asked_mildly_and_strongly_on_the_same_images(asked):
    found, evidence, model = asked
    assert found.n == min(300, int(evidence.tested.sum()))
    assert found.measure == "accuracy"
    assert found.share
    assert {(each.name, each.strong) for each in found.kinds} == {
        (name, strong) for name in CORRUPTIONS for strong in (False, True)
    }
    for each in found.kinds:
        assert each.value.value == pytest.approx(found.plain.value + each.change.value, abs=1e-6)
        assert each.change.low <= each.change.value <= each.change.high
        assert each.surely == (each.change.high < 0)
    changes = [each.change.value for each in found.kinds]
    assert changes == sorted(changes), "the worst first"
    assert changes[0] < -0.1, "a tint drowns in much noise or in no light"
    shown = examples_of(one_input(model, evidence, Compute()))
    assert len(shown) == 17
    assert all(each["picture"].startswith("data:image/jpeg") for each in shown)


def test_it_is_told_in_lines(asked):
    found, _, _ = asked
    first, *rest = lines_of_corruptions(found)
    assert "that it learnt from" in first
    assert len(rest) == sum(each.surely for each in found.kinds) > 0
    assert "points" in rest[0]


def test_images_that_are_gone_are_not_asked(asked, tmp_path):
    _, evidence, model = asked
    dataset = dataclasses.replace(evidence.dataset, root=tmp_path)
    gone = dataclasses.replace(evidence, dataset=dataset)
    assert audit_corruptions(model, gone, Compute(), learnt_from=False) is None
    assert one_input(model, gone, Compute()) is None
    few = dataclasses.replace(evidence, tested=np.arange(len(evidence)) < 5)
    assert audit_corruptions(model, few, Compute(), learnt_from=False) is None
