"""Models of masks and of boxes as one graph."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from tests.box_models import box_model
from tests.models import exported_file, random_mask_model, tiled_mask_model
from tests.nets.smp_maps import KINDS as DECODERS
from tests.nets.smp_maps import smp_model
from tests.nets.torchvision_maps import KINDS, torchvision_model

from headstart.exporting.map_graph import MapsDeployed
from headstart.exporting.measure import parity_of
from headstart.images.views import views_of
from headstart.scoring.run_predictor import RunPredictor

INPUTS = np.random.default_rng(0).integers(0, 256, (3, 1, 64, 64, 3), np.uint8)


@pytest.mark.parametrize(("kind", "tta"), [("linear", 1), ("pyramid", 2), ("unet", 8)])
def test_the_file_gives_what_the_model_gives_for_any_number_of_images(tmp_path, kind, tta):
    model = random_mask_model(kind=kind, tta=tta)
    given = np.stack([[view.shown(each) for view in views_of(tta)] for each in INPUTS[:, 0]])
    wanted = RunPredictor(model, exact=True).outputs(given)["probabilities"]
    predictor = exported_file(model, tmp_path / "m.onnx")
    assert wanted.shape == (3, 3, 16, 16)
    for count in (1, 3):
        found = predictor.outputs(given[:count])["probabilities"]
        np.testing.assert_allclose(found, wanted[:count], atol=1e-4)


def test_filters_are_in_the_file_and_answer_as_they_do_here(tmp_path):
    model = random_mask_model(kind="linear", tta=2, filters=True)
    model.save(tmp_path / "model")
    given = np.stack([[view.shown(each) for view in views_of(2)] for each in INPUTS[:, 0]])
    wanted = RunPredictor(tmp_path / "model", exact=True).outputs(given)["probabilities"]
    predictor = exported_file(model, tmp_path / "m.onnx")
    assert wanted.shape == (3, 3, 32, 32)
    assert wanted.std() > 0.01
    for count in (1, 3):
        found = predictor.outputs(given[:count])["probabilities"]
        np.testing.assert_allclose(found, wanted[:count], atol=1e-4)


@pytest.mark.parametrize("kind", DECODERS)
def test_named_decoders_answer_from_a_file_as_they_do_here(tmp_path, kind):
    size = 256 if kind == "pan" else 64
    model = smp_model(kind, size)
    given = np.random.default_rng(0).integers(0, 256, (3, 1, size, size, 3), np.uint8)
    wanted = RunPredictor(model, exact=True).outputs(given)["probabilities"]
    assert wanted.std() > 0.01
    predictor = exported_file(model, tmp_path / "m.onnx")
    assert wanted.shape[1:] == model.head.outputs_at(size)["probabilities"]
    for count in (1, 3):
        found = predictor.outputs(given[:count])["probabilities"]
        np.testing.assert_allclose(found, wanted[:count], atol=1e-4)


@pytest.mark.parametrize("tta", [1, 8])
def test_tiles_are_blended_in_the_file_as_they_are_here(tmp_path, tta):
    model = tiled_mask_model(tta=tta)
    model.save(tmp_path / "model")
    here = RunPredictor(tmp_path / "model", exact=True)
    there = exported_file(model, tmp_path / "m.onnx")
    sides = [
        each.dim_value for each in onnx.load(there.path).graph.input[0].type.tensor_type.shape.dim
    ]
    assert sides[1:] == [tta, 64, 64, 3]
    photo = np.random.default_rng(0).integers(0, 256, (210, 300, 3), np.uint8)
    ours, theirs = (each.predictions([photo]) for each in (here, there))
    assert ours.probabilities.shape == (1, 3, 40, 40)
    np.testing.assert_allclose(ours.probability(0), theirs.probability(0), atol=1e-4)
    assert (ours.labels(0) == theirs.labels(0)).mean() > 0.9999
    assert there.nothing(2)["probabilities"].shape == (2, 3, 40, 40)


def test_the_file_says_how_many_numbers_an_image_has(tmp_path):
    predictor = exported_file(random_mask_model(), tmp_path / "m.onnx")
    graph = onnx.load(predictor.path).graph
    [output] = graph.output
    sides = [each.dim_value for each in output.type.tensor_type.shape.dim]
    assert sides == [0, 3, 16, 16]
    # The image lies somewhere: what is opened can say where.
    assert set(predictor.nothing(1)) == {"probabilities", "sizes", "matrices"}


def test_its_shape_is_known_before_it_is_written():
    deployed = MapsDeployed(random_mask_model())
    assert deployed.shapes == {"probabilities": (3, 16, 16)}
    with torch.inference_mode():
        [found] = deployed.eval()(torch.from_numpy(INPUTS))
    np.testing.assert_allclose(found.sum(1).numpy(), 1, atol=1e-5)


def test_boxes_come_out_as_they_do_of_the_model_for_any_number_of_images(tmp_path):
    model = box_model()
    wanted = RunPredictor(model, exact=True).outputs(INPUTS)
    predictor = exported_file(model, tmp_path / "m.onnx")
    assert MapsDeployed(model).shapes == model.head.outputs_at(64)
    for count in (1, 3):
        found = predictor.outputs(INPUTS[:count])
        assert set(found) == {"scores", "boxes"}
        np.testing.assert_allclose(found["scores"], wanted["scores"][:count], atol=1e-5)
        np.testing.assert_allclose(found["boxes"], wanted["boxes"][:count], atol=1e-2)
    graph = onnx.load(predictor.path).graph
    sides = {o.name: [d.dim_value for d in o.type.tensor_type.shape.dim] for o in graph.output}
    assert sides == {name: [0, *shape] for name, shape in model.head.outputs_at(64).items()}
    nothing = predictor.nothing(2)
    assert nothing["scores"].shape == (2, 300)
    assert np.isnan(nothing["scores"]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_torchvisions_detectors_answer_from_a_file_as_they_do_here(tmp_path, kind):
    model = torchvision_model(kind)
    here = RunPredictor(model, exact=True)
    wanted = here.outputs(INPUTS)
    predictor = exported_file(model, tmp_path / "m.onnx")
    assert MapsDeployed(model).shapes == model.head.outputs_at(64)
    names, places = ["#0", "#1", "#2"], here.places([(64, 64)] * 3)
    one = here.decode(wanted | places, names)
    assert len(one.scores) > 10
    for count in (1, 3):
        found = predictor.outputs(INPUTS[:count])
        own = {name: each[:count] for name, each in wanted.items()}
        where = {name: each[:count] for name, each in places.items()}
        told = tuple(here.decode(each | where, names[:count]) for each in (own, found))
        assert parity_of(own, found, told).same
