"""Which images of a run an export is proven on."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.drawn_masks import draw_masked, masks_of
from tests.exporting.finished import TEST, TRAIN, finished_run
from tests.models import random_mask_model, random_model

from headstart.compute import silent
from headstart.errors import ModelError
from headstart.exporting import material as module
from headstart.exporting.material import Material, gather, seen_parts
from headstart.images.preprocess import Preprocess
from headstart.nets.model import Model
from headstart.run import Run


def gathered(run: Run, data=None, *, seed: int = 0, tta: int = 1) -> Material:
    return gather(run, random_model(tta=tta), data, seed=seed, progress=silent)


def items_of(inputs: np.ndarray) -> list[int]:
    """The i-th image is all of the grey 10 i."""
    assert (inputs == inputs[:, :1, :1, :1, :1]).all()
    return (inputs[:, 0, 0, 0, 0] // 10).tolist()


def test_each_image_has_one_use(tmp_path):
    found = gathered(finished_run(tmp_path), tta=2)
    assert found.shown.shape == (TEST, 2, 48, 48, 3)
    assert items_of(found.shown) == list(range(TRAIN, TRAIN + TEST))
    calibration, compared = items_of(found.calibration), items_of(found.compared)
    assert (len(calibration), len(compared)) == (3, 6)
    assert sorted([*calibration, *compared]) == list(range(TRAIN))
    assert found.labels.targets.tolist() == [i % 4 for i in compared]
    [(tested, _, spec)] = found.tested.parts
    assert (tested.tolist(), spec.task) == (list(range(TRAIN, TRAIN + TEST)), "classification")


def test_the_choice_follows_the_seed(tmp_path):
    run = finished_run(tmp_path)
    one, again, other = (items_of(gathered(run, seed=seed).compared) for seed in (0, 0, 1))
    assert one == again
    assert one != other


def test_labels_stay_with_their_images_where_some_cannot_be_read(tmp_path):
    run = finished_run(tmp_path)
    for number in (0, 4, TRAIN):
        (tmp_path / "images" / f"{number}.png").write_bytes(b"broken")
    (tmp_path / "images" / "7.png").unlink()
    found = gathered(run)
    assert items_of(found.shown) == list(range(TRAIN + 1, TRAIN + TEST))
    compared = items_of(found.compared)
    assert sorted([*items_of(found.calibration), *compared]) == [1, 2, 3, 5, 6, 8]
    assert found.labels.targets.tolist() == [i % 4 for i in compared]


def test_images_are_known_again_elsewhere_under_other_names(tmp_path):
    run = finished_run(tmp_path)
    (tmp_path / "moved").mkdir()
    for number in range(TRAIN + TEST):
        source = tmp_path / "images" / f"{number}.png"
        shutil.move(source, tmp_path / "moved" / f"{chr(120 - number)}.png")
    found = gathered(run, tmp_path / "moved")
    assert items_of(found.shown) == list(range(TRAIN, TRAIN + TEST))
    with pytest.raises(ModelError, match=r"images has none of them any more.*--data"):
        gathered(run)
    with pytest.raises(ModelError, match=r"cannot be read: --data .*there is no such folder"):
        gathered(run, tmp_path / "no" / "where")


@pytest.mark.parametrize(
    ("readable", "said"), [(0, "none of them any more"), (1, "only 1 training im")]
)
def test_fewer_than_two_training_images_prove_nothing(tmp_path, readable, said):
    run = finished_run(tmp_path)
    for number in range(readable, TRAIN):
        (tmp_path / "images" / f"{number}.png").write_bytes(b"broken")
    with pytest.raises(ModelError, match=said):
        gathered(run)


def masks_run(home: Path) -> tuple[Run, Model]:
    """A finished run of masks, and its model."""
    model = random_mask_model()
    masks = masks_of([draw_masked(seed)[1] for seed in range(TRAIN + TEST)])
    return finished_run(home, model, masks), model


def test_of_masks_it_is_known_how_large_the_images_are(tmp_path, monkeypatch):
    run, model = masks_run(tmp_path)
    found = gather(run, model, None, seed=0, progress=silent)
    assert found.shown.shape == (TEST, 1, 64, 64, 3)
    assert (found.shown_sizes == 50).all()
    assert found.compared_sizes.shape == (len(found.compared), 2)
    assert found.labels.read(0).shape == (50, 50)
    # Where they are large, fewer of them are looked at.
    monkeypatch.setattr(module, "_MOST_PIXELS", 2 * 50 * 50)
    assert len(gather(run, model, None, seed=0, progress=silent).shown) == 3
    monkeypatch.setattr(module, "_MOST_NUMBERS", 2 * 3 * 16 * 16)
    assert len(gather(run, model, None, seed=0, progress=silent).shown) == 2
    monkeypatch.setattr(module, "_HELD_NUMBERS", 2 * 3 * 16 * 16)
    monkeypatch.setattr(module, "_HELD_AT_LEAST", 1)
    [(items, outputs, _)] = gather(run, model, None, seed=0, progress=silent).tested.parts
    assert len(items) == 2
    assert {len(each) for each in outputs.values()} == {2}


def test_int8_is_calibrated_on_what_the_network_sees_at_once():
    images = np.random.default_rng(0).integers(0, 256, (3, 2, 96, 96, 3), np.uint8)
    whole = Preprocess(size=96, geometry="pad")
    assert seen_parts(images, whole) is images
    found = seen_parts(images, Preprocess(size=96, geometry="pad", tile=64))
    assert found.shape == (3, 2, 64, 64, 3)
    assert (found[0, 0] == images[0, 0, 32:, :64]).all()
    assert (found[:, 1] == found[:, 0, :, ::-1]).all()
