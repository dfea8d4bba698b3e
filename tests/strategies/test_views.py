"""Further looks: tried where errors remain, kept where they pay, the same in every use."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from tests.strategies.problems import asking, material

from headstart.compute import Compute
from headstart.data.open import open_dataset
from headstart.images.preprocess import Preprocess
from headstart.images.views import Look
from headstart.probe.cross_validate import CrossValidated
from headstart.scoring.run_predictor import RunPredictor
from headstart.strategies.clock import Clock
from headstart.strategies.train_classes import train_classes
from headstart.strategies.views import Viewed, look_words

CPU = Compute(device="cpu", workers=1)


@pytest.fixture
def edges(tmp_path):
    """Long images whose classes differ at the far end only, which the largest square cuts off."""
    rng = np.random.default_rng(0)
    for label, level in (("dark", 30), ("light", 220)):
        (tmp_path / "data" / label).mkdir(parents=True)
        for k in range(20):
            pixels = rng.integers(90, 160, (40, 120, 3), dtype=np.uint8)
            pixels[:, :16] = pixels[:, -16:] = level
            Image.fromarray(pixels).save(tmp_path / "data" / label / f"{k:02}.png")
    return tmp_path / "data"


def train(data, tmp_path, **options):
    prepared, network = material(open_dataset(data))
    network = replace(network, preprocess=replace(network.preprocess, geometry="square"))
    again = material_of(prepared, network)
    with asking(tmp_path / "run", **options) as ask:
        return train_classes(prepared, again, ask, CPU, Clock())


def material_of(prepared, network):
    from headstart.features.extract import extract
    from headstart.probe.frozen import Frozen

    found = extract(
        prepared.dataset, network.backbone, preprocess=network.preprocess, device="cpu", workers=1
    )
    return replace(network, features=Frozen.of_stages(found.vectors, found.slices))


def test_what_the_square_cuts_off_is_seen_by_another_look(edges, tmp_path):
    blind = train(edges, tmp_path, views=1)
    seeing = train(edges, tmp_path, views=None)
    accuracy = [
        (each.predictions.answers() == np.array(each.prepared.dataset.labels.names)[
            each.prepared.dataset.labels.targets[each.items]]).mean()
        for each in (blind, seeing)
    ]  # fmt: skip
    assert accuracy[0] < 0.8
    assert accuracy[1] == 1
    assert "views" not in blind.sections
    kept = [each["view"] for each in seeing.sections["views"]["tried"] if each["kept"]]
    assert "the whole, squashed" in kept
    assert seeing.sections["views"]["passes"] == len(kept) == len(seeing.model.preprocess.looks)
    assert "squashed" in seeing.summary
    losses = {each["view"]: each["log_loss"] for each in seeing.sections["views"]["tried"]}
    assert losses["the whole, squashed"] < losses["the largest square"]


def test_the_model_that_is_kept_answers_as_its_head_on_its_looks(edges, tmp_path):
    found = train(edges, tmp_path, views=3)
    found.model.save(tmp_path / "model")
    predictor = RunPredictor(tmp_path / "model")
    photos = sorted(edges.rglob("*.png"))
    probabilities = predictor.predict_proba(photos)
    assert (probabilities.argmax(axis=1) == np.arange(40) // 20).all()
    again = train(edges, tmp_path, views=3)
    assert np.array_equal(again.model.head.arrays["weights"], found.model.head.arrays["weights"])


def test_where_something_else_was_kept_no_look_was():
    network = None
    first = CrossValidated((), None, None)
    tried = [{"view": "a", "kept": True}, {"view": "b", "kept": False}]
    viewed = Viewed.once(network, first, {"tried": tried, "passes": 2})
    assert viewed.refused() == {
        "tried": [{"view": "a", "kept": False}, {"view": "b", "kept": False}], "passes": 1,
    }  # fmt: skip
    assert Viewed.once(network, first).refused() is None


def test_without_errors_nothing_else_is_tried(make_images, tmp_path):
    found = train(make_images(per_class=20), tmp_path, views=None)
    assert "views" not in found.sections
    assert not found.model.preprocess.beside


def test_words():
    seen = Preprocess(32, "square", beside=(Look("squash"), Look("crop", 0.74), Look("pad")))
    assert [look_words(each) for each in seen.looks] == [
        "the largest square",
        "the whole, squashed",
        "the middle 74%",
        "the whole, padded",
    ]
