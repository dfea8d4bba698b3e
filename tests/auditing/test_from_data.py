import shutil

import numpy as np
import pytest
from tests.confounded import paint_confounded

from headstart.auditing.audit import audit_columns
from headstart.auditing.from_data import evidence_of_data
from headstart.compute import Compute
from headstart.data.open import open_dataset
from headstart.errors import DataError
from headstart.nets.model import Model


def test_a_model_is_asked_about_fair_images_what_it_was_taught(confounded, tmp_path):
    _, run = confounded
    fair = open_dataset(paint_confounded(tmp_path / "fair", 20, per_class=40, seed=5))
    found = evidence_of_data(run, Model.load(run.folder), fair, "fair", Compute())
    assert found.tested.all()
    assert len(found.earlier.targets) == 120
    audit = audit_columns(found, {"tint": fair.attributes["tint"]}, name="run")
    assert audit.serious
    assert audit.columns[0].share == pytest.approx((56 / 60, 4 / 60), abs=0.01)
    assert audit.columns[0].cost.value > 0.2
    gather = audit.columns[0].gather
    assert gather.then is None, "more of these is no more to learn from"
    assert [each.have for each in gather.wanted] == [4, 4], "what it learnt from, not what is asked"
    assert "that it learnt from have tint" in audit.said[0].claim
    assert "(it learnt from 4)" in audit.said[0].remedy
    assert (found.beside.scores.argmax(axis=1) == found.scores.argmax(axis=1)).all()


def test_what_cannot_be_asked(confounded, tmp_path):
    data, run = confounded
    model = Model.load(run.folder)
    one = tmp_path / "one"
    shutil.copytree(data / "dull", one / "dull")
    with pytest.raises(DataError, match="one class only"):
        evidence_of_data(run, model, open_dataset(one), "one", Compute())
    with pytest.raises(DataError, match="no labels"):
        evidence_of_data(run, model, open_dataset(data / "dull"), "bare", Compute())
    shutil.copytree(data / "dull", one / "other")
    with pytest.raises(DataError, match="other"):
        evidence_of_data(run, model, open_dataset(one), "other", Compute())
    assert np.isfinite(model.temperature)
