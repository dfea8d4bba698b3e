"""One way to run a model: a run and a file, of any task, from any kind of image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from tests.data.drawn_sets import folder
from tests.models import CLASSES, MASKS, NUMBERS, exported_file, random_model, write_photos

from headstart.errors import ImageError, ModelError
from headstart.images.preprocess import Preprocess
from headstart.scoring.run_predictor import RunPredictor
from headstart.tasks.predictor import NO_NUMBER, Predictor, spelt_out, spread


@pytest.fixture(scope="module", params=[CLASSES, NUMBERS], ids=lambda spec: spec.task)
def pair(request, tmp_path_factory):
    """(run, file): two predictors of one model."""
    model = random_model(request.param, tta=2)
    path = tmp_path_factory.mktemp("file") / "m.onnx"
    return RunPredictor(model, threshold=0.3), exported_file(model, path)


@pytest.fixture
def photos(tmp_path):
    return write_photos(tmp_path / "photos")


def all_kinds(paths):
    """The same images as paths, bytes, Pillow images and arrays."""
    opened = [Image.open(path) for path in paths]
    return {
        "paths": paths,
        "words": [str(path) for path in paths],
        "bytes": [path.read_bytes() for path in paths],
        "images": opened,
        "arrays": [np.asarray(each) for each in opened],
        "one array of all": np.stack([np.asarray(each) for each in opened]),
        "mixed": [paths[0], paths[1].read_bytes(), opened[2], *map(np.asarray, opened[3:])],
    }


def test_every_kind_of_image_gives_the_same_answers(pair, photos):
    for predictor in pair:
        kinds = all_kinds(photos)
        wanted = predictor.predict_proba(photos)
        for images in kinds.values():
            np.testing.assert_allclose(predictor.predict_proba(images), wanted, atol=1e-4)


def test_a_run_and_its_file_answer_the_same(pair, photos):
    run, file = pair
    here, there = run.predictions(photos), file.predictions(photos)
    assert here.agrees(there).all()
    assert here.names == there.names == tuple(map(str, photos))
    assert list(here.record(0)) == list(there.record(0))
    np.testing.assert_allclose(run.predict_proba(photos), file.predict_proba(photos), atol=1e-4)
    assert run.classes_.tolist() == file.classes_.tolist() == list(run.spec.names)
    assert run.threshold == file.threshold == 0.3


def test_one_is_as_one_of_many(pair, photos):
    for predictor in pair:
        many = predictor.predict_proba(photos)
        for number, images in enumerate(zip(*list(all_kinds(photos).values())[:5], strict=True)):
            for one in images:
                found = predictor.predict_proba(one)
                np.testing.assert_allclose(found, many[number : number + 1], atol=1e-4)


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(pair, photos):
    photos[1].write_bytes(b"no image")
    given = [photos[0], photos[1], b"", np.zeros((4, 4), float), np.asarray(Image.open(photos[2]))]
    for predictor in pair:
        found = predictor.predictions(given)
        assert found.answered.tolist() == [True, False, False, False, True]
        assert set(found.errors) == {str(photos[1]), "image 3", "image 4"}
        assert found.errors["image 4"].startswith(
            "wanted uint8 (H, W, 3) RGB, got float64 (4, 4): of numbers from 0 to 1, (255 * image)"
        )
        assert found.record(2)["error"] == found.text(2) == found.errors["image 3"]
        with pytest.raises(ImageError, match="image 1: wanted uint8"):
            predictor.predict(np.zeros((4, 4, 3), np.float32))
        with pytest.raises(ImageError, match="the file is empty"):
            predictor.predict_proba(b"")


def test_nothing_and_nothing_readable(pair, photos):
    for predictor in pair:
        assert predictor.predict_proba([]).shape == (0, 4)
        assert len(predictor.predictions([])) == 0
        none = predictor.predictions([b"", b"x"])
        assert not none.answered.any()
        assert len(predictor.predictions("gone.png").errors) == 1


def test_answers_are_names_or_numbers(pair, photos):
    run, _ = pair
    answers = run.predict(photos)
    assert answers.shape == (5,)
    assert answers.tolist() == run.predictions(photos).answers().tolist()
    numeric = all(isinstance(each, float) for each in answers.tolist())
    assert numeric == (run.spec is NUMBERS)
    assert repr(run).startswith(f"RunPredictor({run.spec.task}: ")


def test_many_more_than_a_batch_stay_in_order_and_are_told_of(pair, tmp_path):
    photos = write_photos(tmp_path, 40, 20)
    _, file = pair
    told = []
    images = [path.read_bytes() for path in photos]
    images[7] = b"broken"
    found = file.predictions(images, progress=lambda phase, done, total: told.append(done))
    assert told == list(range(1, 41))
    assert list(found.errors) == ["image 8"]
    for number in (0, 16, 39):
        alone = file.predictions(images[number])
        assert file.predictions(images).take(np.array([number])).agrees(alone).all()


def test_outputs_are_spread_over_the_items_that_they_are_of():
    part = {"a": np.array([[1.0], [2.0]], np.float32)}
    found = spread([2, 0], [part], 3, lambda: part)
    np.testing.assert_array_equal(found["a"], [[2], [np.nan], [1]])
    assert spread([], [], 2, lambda: part)["a"].shape == (2, 1)


def test_a_predictor_says_how_outputs_are_computed():
    with pytest.raises(NotImplementedError):
        Predictor().outputs(np.zeros(1))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_answer_that_is_no_number_is_one_error(pair, photos, value):
    """The others of the batch are answered, and "sure" is said of none that is not."""
    for predictor in pair:
        names = [str(each) for each in photos[:3]]
        outputs = {"probabilities": np.full((3, 4), 0.25, np.float32)}
        outputs["probabilities"][1, 2] = value
        found = predictor.decode(outputs, names, errors={})
        assert [found.record(i).get("error") for i in range(3)] == [None, NO_NUMBER, None]
        assert found.errors == {names[1]: NO_NUMBER}
        assert outputs["probabilities"][1, 0] == 0.25, "what was given is left alone"


def test_the_score_is_that_of_scikit_learn(pair, photos):
    from sklearn.metrics import accuracy_score, r2_score

    for predictor in pair:
        answers = predictor.predict(photos)
        truth = np.roll(answers, 1)
        measure = accuracy_score if answers.dtype.kind == "U" else r2_score
        assert predictor.score(photos, truth) == pytest.approx(measure(truth, answers))
        assert predictor.score(photos, answers.tolist()) == 1
        with pytest.raises(ValueError, match="as many answers"):
            predictor.score(photos, truth[:2])


def test_scikit_learn_knows_what_it_is(pair):
    from sklearn.base import is_classifier, is_regressor

    run, _ = pair
    numbers = run.spec.task == "regression"
    assert (is_classifier(run), is_regressor(run)) == (not numbers, numbers)


@pytest.mark.parametrize(
    ("size", "tile", "together"), [(64, None, 16), (4096, 512, 5), (8192, 1024, 1)]
)
def test_few_large_images_are_held_at_once(size, tile, together):
    predictor = Predictor()
    predictor.preprocess, predictor.tta = Preprocess(size=size, geometry="pad", tile=tile), 1
    assert predictor.together == together


def test_masks_of_the_images_of_a_folder_are_left_out_of_it_and_that_is_said(tmp_path, caplog):
    folder(tmp_path)
    names = [f"{tmp_path}/images/{n}.jpg" for n in range(4)]
    assert spelt_out(tmp_path) == names
    assert "4 masks of its images left out (such as masks/0.png)" in caplog.text
    assert spelt_out(f"{tmp_path}/") == names
    assert len(spelt_out([tmp_path / "masks", names[0]])) == 5, "what is named is meant"


def test_what_is_no_share_of_an_image_is_not_given_as_one():
    """Of two classes the width and height of an image had passed for its probabilities."""
    settings = MASKS.settings | {"palette": MASKS.settings["palette"][:2]}
    spec = replace(MASKS, names=MASKS.names[:2], settings=settings)
    predictor = RunPredictor(random_model(spec))
    with pytest.raises(ModelError, match="no probabilities"):
        predictor.predict_proba(np.zeros((8, 9, 3), np.uint8))
    with pytest.raises(ModelError, match="headstart evaluate"):
        predictor.score(np.zeros((8, 9, 3), np.uint8), ["ground"])
