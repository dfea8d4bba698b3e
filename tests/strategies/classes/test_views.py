"""Further looks: tried where errors remain, kept where they pay, the same in every use."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from tests.strategies.problems import asking, material

from headstart.compute import Compute
from headstart.data.open import open_dataset
from headstart.features.extract import extract
from headstart.images.preprocess import Preprocess
from headstart.images.views import Look
from headstart.metrics.interval import wilson
from headstart.nets.pretrained.backbone import open_backbone
from headstart.probe.classifiers import Config
from headstart.probe.cross_validate import CrossValidated
from headstart.probe.frozen import Frozen
from headstart.probe.mirrored import mirror_cells
from headstart.probe.trials import Trial
from headstart.scoring.run_predictor import RunPredictor
from headstart.strategies.classes import train as train_module
from headstart.strategies.classes.train import train_classes
from headstart.strategies.classes.views import Viewed, _grid, look_words
from headstart.strategies.clock import Clock

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


def test_fine_tuning_starts_from_the_look_that_serves_best(edges, tmp_path, monkeypatch):
    """And has to beat the average of what was kept, not the first look, which is blind."""
    seen = {}

    def fine_tuned(problem, network, probed, ask, compute, clock):
        seen.update(network=network, probed=probed)

    monkeypatch.setattr(train_module, "_fine_tuned", fine_tuned)
    found = train(edges, tmp_path, views=None, strategy="finetune")
    assert seen["network"].preprocess.geometry == "squash"
    assert not seen["network"].preprocess.beside
    width = found.model.backbone.info.bounds[-1]
    assert seen["network"].features.vectors.shape == (40, width)
    probe = seen["probed"].probe
    own = seen["probed"].final.targets[probe.chosen_on]
    assert (probe.held_out.argmax(axis=1) == own).mean() > 0.9
    names = {trial.config.features for trial in probe.trials}
    assert {"last", "all", "stage1"} <= names, "those of the first look, by their plain names"
    assert probe.criterion == "accuracy"


def test_what_is_tried_on_further_looks_was_good_on_the_first():
    def trial(features, classifier, strength, value):
        accuracy = wilson(100 * value, 100)
        return Trial(Config(classifier, features, strength), 9, 5, 1, accuracy, value, 0.5, 0.0)

    trials = [
        *(trial("last", "logistic", c, a) for c, a in ((1, 0.7), (3, 0.8), (10, 0.75), (30, 0.78))),
        *(trial("last", "svm", c, a) for c, a in ((0.1, 0.6), (1, 0.65))),
        trial("last", "prototypes", 0, 0.9),
        trial("stage1", "logistic", 1, 0.5),
    ]
    first = SimpleNamespace(
        trials=trials, held_out=np.zeros((100, 2)), head=SimpleNamespace(n_classes=2)
    )
    grid = _grid(first, ["a", "b"], 2)
    assert set(grid.own) == {"last (a)", "last (b)", "pixels (a)", "pixels (b)"}
    assert grid.own["last (b)"].logistic == (3, 10, 30)
    assert grid.own["last (b)"].svm == (0.1, 1)
    assert grid.looks == 2
    many = SimpleNamespace(**{**vars(first), "head": SimpleNamespace(n_classes=2000)})
    fewer = _grid(many, ["a"], 2).own
    assert set(fewer) == {"last (a)"}
    assert fewer["last (a)"].logistic == (3,)


@pytest.fixture(scope="module")
def shaded(tmp_path_factory):
    """(images, what was trained on them): their classes differ by a shade in one corner only.

    That is too little for a network to care.
    """
    root = tmp_path_factory.mktemp("shades")
    rng = np.random.default_rng(0)
    for label, level in (("dark", -5), ("light", 5)):
        (root / "data" / label).mkdir(parents=True)
        for k in range(60):
            pixels = rng.integers(60, 196, (6, 6, 3)).repeat(16, axis=0).repeat(16, axis=1)
            pixels[:16, :16] = 128 + level
            file = root / "data" / label / f"{k:02}.png"
            Image.fromarray(pixels.astype(np.uint8)).save(file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root / "cache"))
        return root / "data", train(root / "data", root, views=None)


def test_what_the_network_is_blind_to_is_seen_in_the_pixels(shaded, tmp_path):
    data, found = shaded
    assert "on the pixels of a small image" in found.summary
    truth = found.prepared.dataset.labels.targets[found.items]
    assert (found.predictions.probabilities.argmax(axis=1) == truth).mean() > 0.9
    found.model.save(tmp_path / "model")
    again = RunPredictor(tmp_path / "model").predict_proba(sorted(data.rglob("*.png")))
    assert (again.argmax(axis=1) == np.arange(120) // 60).mean() > 0.9


def test_where_the_fine_tuned_network_was_kept_its_one_look_was():
    first = CrossValidated((), None, None)
    start = SimpleNamespace(preprocess=Preprocess(32, "squash"))
    names = ("the largest square", "the whole, squashed")
    tried = [{"view": name, "kept": True} for name in names]
    copies = {"without": 0.4, "with": 0.3, "kept": True}
    said = {"tried": tried, "passes": 2, "mirrored_copies": copies}
    viewed = Viewed(None, first, start, first, said)
    assert viewed.tuned() == {
        "tried": [{"view": names[0], "kept": False}, {"view": names[1], "kept": True}], "passes": 1,
        "mirrored_copies": copies | {"kept": False},
    }  # fmt: skip
    assert Viewed.once(start, first).tuned() is None


def test_mirrored_copies_are_as_mirrored_images_give_them(tmp_path):
    """The small image to a level or two; regions are nearer than those of the image itself."""
    rng = np.random.default_rng(0)
    for label in ("a", "b"):
        for k in range(3):
            pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1)
            pixels[:, 64:] = 40
            for place, each in (("plain", pixels), ("turned", pixels[:, ::-1])):
                (tmp_path / place / label).mkdir(parents=True, exist_ok=True)
                Image.fromarray(each).save(tmp_path / place / label / f"{k}.png")
    backbone, found = open_backbone("starter"), []
    for place in ("plain", "turned"):
        data, seen = open_dataset(tmp_path / place), replace(backbone.preprocess, size=128)
        each = extract(data, backbone, preprocess=seen, device="cpu", workers=1)
        found.append(Frozen.of_stages(each.vectors, each.slices))
    one, other = found
    assert one.sides == {"pixels": 12, "regions": 4}
    assert one.pixels is not None
    made, wanted = mirror_cells(one.vectors[:, one.pixels], 12), other.vectors[:, one.pixels]
    np.testing.assert_allclose(made, wanted, atol=0.01)
    columns = one.sets["regions"]
    made, wanted = mirror_cells(one.vectors[:, columns], 4), other.vectors[:, columns]
    assert abs(made - wanted).mean() < 0.8 * abs(one.vectors[:, columns] - wanted).mean()


def test_what_mirrored_copies_brought_is_said(shaded):
    """Here one corner is the class, so that a copy would teach that it is not."""
    said = shaded[1].sections["views"]["mirrored_copies"]
    assert set(said) == {"without", "with", "kept"}
    assert not said["kept"]
    assert said["with"] > 0.98 * said["without"]


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
