"""`Model`: what is read back predicts what was saved."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.numpy import load_file, save_file
from timm.models import save_for_hf

from headstart.errors import BackboneError, ModelError, OutputError
from headstart.fingerprint import fingerprint_file, fingerprint_json
from headstart.images.preprocess import Preprocess
from headstart.metrics.vectors import unit_rows
from headstart.nets.heads.head import Head, nearest, neighbour_scores, softmax
from headstart.nets.model import Model
from headstart.nets.pretrained.backbone import open_backbone
from headstart.probe.familiar import calibrated_unlike
from headstart.records import OutputSpec

CLASSES = ("apple", "bär", "cat/dog")
WIDTH = 12


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    place = tmp_path_factory.mktemp("backbone")
    save_for_hf(timm.create_model("test_resnet", num_classes=2), place, safe_serialization=True)
    return place


def head(kind: str) -> Head:
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    columns = np.array([7, 1, 2, 11])
    common = {"mean": normal(4), "scale": np.abs(normal(4))}
    if kind == "linear":
        return Head("linear", columns, {"weights": normal(3, 4), "bias": normal(3)}, 3)
    if kind == "prototypes":
        return Head("prototypes", columns, {**common, "prototypes": unit_rows(normal(3, 4))}, 3)
    labels = rng.integers(0, 3, 20)
    return Head("neighbours", columns, {**common, "memory": unit_rows(normal(20, 4)),
                                        "labels": labels}, 3, k=5)  # fmt: skip


def model(weights: Path, kind: str = "linear") -> Model:
    preprocess = Preprocess(48, "pad", 0.9, "bilinear", (0.5, 0.4, 0.3), (0.2, 0.2, 0.2))
    return Model(
        open_backbone(str(weights)),
        head(kind),
        OutputSpec("classification", CLASSES),
        preprocess,
        2,
        1.7,
    )


@pytest.mark.parametrize("kind", ["linear", "neighbours", "prototypes"])
def test_round_trip(weights, tmp_path, kind):
    before = model(weights, kind)
    before.save(tmp_path / "run" / "model")
    vectors = np.random.default_rng(1).normal(size=(30, WIDTH)).astype(np.float32)
    for place in (tmp_path / "run" / "model", str(tmp_path / "run")):
        after = Model.load(place)
        assert (after.spec, after.preprocess) == (before.spec, before.preprocess)
        assert (after.tta, after.temperature) == (2, 1.7)
        assert after.head.meta() == before.head.meta()
        np.testing.assert_array_equal(after.head.scores(vectors), before.head.scores(vectors))
        after_all, before_all = after.outputs(vectors), before.outputs(vectors)
        np.testing.assert_array_equal(after_all["probabilities"], before_all["probabilities"])
        saved = after.backbone.network.state_dict()
        for name, weight in before.backbone.network.state_dict().items():
            assert torch.equal(saved[name], weight)
        assert after.backbone.fingerprint == before.backbone.fingerprint  # so caches are shared
    assert not list(tmp_path.rglob("*.pkl")) + list(tmp_path.rglob("*.pt"))


def test_probabilities(weights):
    vectors = np.random.default_rng(1).normal(size=(30, WIDTH)).astype(np.float32)
    trained = model(weights)
    probabilities = trained.outputs(vectors)["probabilities"]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    expected = softmax(trained.head.scores(vectors) / 1.7)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-5)


def test_what_is_not_there(tmp_path):
    with pytest.raises(ModelError, match="neither a model nor a run"):
        Model.load(tmp_path)


def test_an_existing_folder_is_not_overwritten(weights, tmp_path):
    with pytest.raises(OutputError, match="cannot write the model"):
        model(weights).save(tmp_path)


def change(folder: Path, **values: object) -> None:
    file = folder / "model.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def sealed(folder: Path, **values: object) -> None:
    """Writes the description anew, with fingerprints that fit: damage that only numbers tell."""
    file = folder / "model.json"
    value = {**json.loads(file.read_text()), **values}
    del value["fingerprints"]
    head = fingerprint_file(folder / "head.safetensors").hex()
    prints = {"head": head, "description": fingerprint_json(value)}
    file.write_text(json.dumps({**value, "fingerprints": prints}))


def refused(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        Model.load(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_later_version(weights, tmp_path):
    model(weights).save(tmp_path / "m")
    change(tmp_path / "m", format=99)
    with pytest.raises(ModelError, match="newer than this one: upgrade"):
        Model.load(tmp_path / "m")


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize("file", ["model.json", "head.safetensors"])
@pytest.mark.parametrize("damage", [cut, Path.unlink, lambda file: file.write_bytes(b"")])
def test_damaged_files(weights, tmp_path, file, damage):
    model(weights).save(tmp_path / "m")
    damage(tmp_path / "m" / file)
    with pytest.raises(ModelError):
        Model.load(tmp_path / "m")


@pytest.mark.parametrize(
    "values",
    [{"head": 3}, {"head": {"kind": "linear"}}, {"preprocess": {}}, {"tta": "two"},
     {"output": None}, {"temperature": None}],
)  # fmt: skip
def test_nonsense_in_the_description(weights, tmp_path, values):
    model(weights).save(tmp_path / "m")
    change(tmp_path / "m", **values)
    with pytest.raises(ModelError, match="damaged"):
        Model.load(tmp_path / "m")


@pytest.mark.parametrize(
    "values",
    [{"temperature": -1}, {"temperature": 0}, {"temperature": True}, {"temperature": "1"},
     {"temperature": 10**400}, {"tta": 5}, {"tta": 10**9}, {"tta": 1.0},
     {"output": {"task": "classification", "names": "abc", "settings": {}}},
     {"output": {"task": "classification", "names": ["a", "b"], "settings": {}}},
     {"output": {"task": "classification", "names": ["a", "b", "b"], "settings": {}}},
     {"output": {"task": "classification", "names": ["a", "b", 3], "settings": {}}},
     {"format": "2"}, {"preprocess": []}, {"backbone": None}],
)  # fmt: skip
def test_numbers_that_cannot_be_are_refused_by_file(weights, tmp_path, values):
    model(weights).save(tmp_path / "m")
    sealed(tmp_path / "m", **values)
    assert "model.json is damaged" in refused(tmp_path / "m")


@pytest.mark.parametrize(
    "values",
    [{"size": 30000}, {"size": 0}, {"size": "48"}, {"geometry": "evil"}, {"crop_pct": 0},
     {"interpolation": "evil"}, {"mean": [0.5, 0.5]}, {"std": [0.2, 0.2, 0]},
     {"std": [float("inf")] * 3}, {"faces": {"template": [[0, 0]], "detector": "d",
                                             "fingerprint": ""}}],
)  # fmt: skip
def test_preprocessing_that_cannot_be_is_refused(weights, tmp_path, values):
    model(weights).save(tmp_path / "m")
    before = json.loads((tmp_path / "m" / "model.json").read_text())["preprocess"]
    sealed(tmp_path / "m", preprocess={**before, **values})
    assert "model.json is damaged" in refused(tmp_path / "m")


def spoil(array: np.ndarray, value: float) -> np.ndarray:
    array = array.copy()
    array.flat[0] = value
    return array


@pytest.mark.parametrize(
    ("kind", "name", "made"),
    [
        ("linear", "weights", lambda a: spoil(a, np.nan)),
        ("linear", "bias", lambda a: spoil(a, np.inf)),
        ("linear", "bias", lambda a: a[:2]),
        ("linear", "weights", lambda a: a[:, :3]),
        ("linear", "columns", lambda a: spoil(a, -1)),
        ("linear", "columns", lambda a: spoil(a, 10**6)),
        ("linear", "columns", lambda a: a.astype(np.float32)),
        ("neighbours", "labels", lambda a: spoil(a, 3)),
        ("neighbours", "labels", lambda a: a[:5]),
        ("neighbours", "scale", lambda a: spoil(a, np.nan)),
        ("prototypes", "prototypes", lambda a: a[:2]),
    ],
)
def test_a_head_that_is_none_is_refused(weights, tmp_path, kind, name, made):
    """It would name a class, or fail in the middle of an answer."""
    model(weights, kind).save(tmp_path / "m")
    file = tmp_path / "m" / "head.safetensors"
    arrays = load_file(file)
    save_file({**arrays, name: np.ascontiguousarray(made(arrays[name]))}, file)
    sealed(tmp_path / "m")
    assert "head.safetensors" in refused(tmp_path / "m")


def test_a_head_with_an_array_too_few_or_too_many(weights, tmp_path):
    model(weights).save(tmp_path / "m")
    file = tmp_path / "m" / "head.safetensors"
    arrays = load_file(file)
    for changed in ({**arrays, "more": arrays["bias"]}, {**arrays, "bias": None}):
        save_file({k: v for k, v in changed.items() if v is not None}, file)
        sealed(tmp_path / "m")
        assert "head.safetensors is damaged" in refused(tmp_path / "m")


def test_what_was_changed_since_it_was_written_is_refused(weights, tmp_path):
    """Another head or other names fit as well, so only a fingerprint tells."""
    model(weights).save(tmp_path / "m")
    whole = (tmp_path / "m" / "model.json").read_text()
    change(tmp_path / "m", temperature=1.8)
    assert "model.json is not what was written" in refused(tmp_path / "m")
    (tmp_path / "m" / "model.json").write_text(whole.replace('"apple"', '"aqple"'))
    assert "model.json is not what was written" in refused(tmp_path / "m")
    (tmp_path / "m" / "model.json").write_text(whole.replace('"fingerprints"', '"fingerprintt"'))
    assert "model.json" in refused(tmp_path / "m")
    (tmp_path / "m" / "model.json").write_text(whole)
    file = tmp_path / "m" / "head.safetensors"
    arrays = load_file(file)
    save_file({**arrays, "weights": -arrays["weights"]}, file)
    assert "head.safetensors is not what was written" in refused(tmp_path / "m")


@pytest.mark.parametrize("place", range(5, 60, 7))
def test_a_flipped_bit_in_a_head_is_found(weights, tmp_path, place):
    model(weights).save(tmp_path / "m")
    file = tmp_path / "m" / "head.safetensors"
    content = bytearray(file.read_bytes())
    content[-place] ^= 1
    file.write_bytes(content)
    refused(tmp_path / "m")


def test_models_of_an_earlier_headstart_are_one_line(weights, tmp_path):
    model(weights).save(tmp_path / "m")
    change(tmp_path / "m", format=2)
    assert "earlier headstart" in refused(tmp_path / "m")


def test_deep_nesting_is_one_line(weights, tmp_path):
    model(weights).save(tmp_path / "m")
    (tmp_path / "m" / "model.json").write_text("[" * 200_000)
    assert "model.json" in refused(tmp_path / "m")


def test_others_may_read_it(weights, tmp_path):
    model(weights).save(tmp_path / "m")
    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.rglob("*.*")}
    assert modes["head.safetensors"] == modes["model.json"]


def test_a_detector_elsewhere_is_refused(weights, tmp_path):
    """The name comes out of a file that may come from anywhere."""
    faces = {"detector": "../../etc/passwd", "fingerprint": "0", "template": [[0.5, 0.5]] * 5}
    model(weights).save(tmp_path / "m")
    before = json.loads((tmp_path / "m" / "model.json").read_text())["preprocess"]
    sealed(tmp_path / "m", preprocess={**before, "faces": faces})
    assert "detector" in refused(tmp_path / "m")


def test_damaged_backbone_is_said(weights, tmp_path):
    model(weights).save(tmp_path / "m")
    cut(tmp_path / "m" / "backbone" / "model.safetensors")
    with pytest.raises((ModelError, BackboneError)):
        _ = Model.load(tmp_path / "m").backbone.network


def test_backbone_of_another_training_is_refused(weights, tmp_path):
    """Weights that were exchanged give vectors that the head knows nothing of."""
    model(weights).save(tmp_path / "m")
    torch.manual_seed(1)
    other = timm.create_model("test_resnet", num_classes=2)
    save_for_hf(other, tmp_path / "m" / "backbone", safe_serialization=True)
    with pytest.raises(ModelError, match="backbone"):
        Model.load(tmp_path / "m")


# --- the parts of a head ------------------------------------------------------------------------


def test_nearest_are_sorted_and_right():
    similarity = np.random.default_rng(0).normal(size=(20, 50))
    for k in (1, 7, 50, 90):
        found, cosines = nearest(similarity, k=k)
        expected = np.argsort(-similarity, axis=1)[:, : min(k, 50)]
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(cosines, np.take_along_axis(similarity, expected, axis=1))


def test_votes_by_hand():
    labels, cosines = np.array([[2, 0, 2]]), np.array([[0.9, 0.9, 0.9]], np.float32)
    scores = neighbour_scores(labels, cosines, n_classes=3)
    np.testing.assert_allclose(np.exp(scores), [[1.01 / 3.03, 0.01 / 3.03, 2.01 / 3.03]], rtol=1e-5)
    near = neighbour_scores(labels, np.array([[0.9, 0.2, -1]], np.float32), n_classes=3)
    assert np.exp(near[0, 2]) > 0.97
    assert np.isfinite(near).all()


def test_softmax_of_large_scores():
    np.testing.assert_allclose(softmax(np.array([[1e4, 0, -1e4]])), [[1, 0, 0]])


def test_what_is_unlike_goes_with_the_model_and_damage_is_found(weights, tmp_path):
    rng = np.random.default_rng(3)
    vectors = np.abs(rng.normal(size=(40, WIDTH))).astype(np.float32)
    unlike = calibrated_unlike(vectors, np.arange(40) % 3, np.arange(40), np.arange(4, WIDTH))
    known = replace(model(weights), unlike=unlike)
    known.save(tmp_path / "model")
    found = Model.load(tmp_path / "model").outputs(vectors)
    assert found["unlike"].tolist() == known.outputs(vectors)["unlike"].tolist()
    file = tmp_path / "model" / "unlike.safetensors"
    save_file(unlike.scaled(2).arrays, file)
    with pytest.raises(ModelError, match=r"unlike.safetensors is not what was written"):
        Model.load(tmp_path / "model")
    file.unlink()
    with pytest.raises(ModelError, match=r"unlike.safetensors is damaged"):
        Model.load(tmp_path / "model")
    wide = replace(unlike, columns=unlike.columns + 10**6)
    replace(known, unlike=wide).save(tmp_path / "wide")
    with pytest.raises(ModelError, match="reads column"):
        Model.load(tmp_path / "wide")
    model(weights).save(tmp_path / "old")  # as earlier versions wrote them
    assert not (tmp_path / "old" / "unlike.safetensors").exists()
    assert set(Model.load(tmp_path / "old").outputs(vectors)) == {"probabilities"}
