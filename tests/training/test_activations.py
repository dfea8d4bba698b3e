"""A frozen part that runs once for each view: the same training, and less work."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from tests.nets.tiny import tunable
from tests.training.trainings import SIZE, assert_same, pictures, training
from timm.models.resnet import BasicBlock

from headstart.errors import BackboneError
from headstart.nets.engines import on_openvino as engine_openvino
from headstart.training import activations as module
from headstart.training.activations import frozen_activations
from headstart.training.checkpoint import Checkpoints
from headstart.training.schedule import Recipe

RECIPE = Recipe(
    epochs=6, batch=8, augment="light", lr=2e-3, ema=0.9, freeze="last", stages=1, frozen_views=4
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return pictures(tmp_path_factory.mktemp("data"), (8, 8, 8))


@pytest.fixture(scope="module")
def validation(tmp_path_factory):
    return pictures(tmp_path_factory.mktemp("validation"), (4, 4, 4), seed=1)


def net():
    made = tunable(size=SIZE, block=BasicBlock)
    made.fuse()
    return made


def with_views(one, tmp_path, *, seen=None):
    """Gives a training views of its frozen part, on the engine that the machine has."""
    backbone = SimpleNamespace(home=tmp_path / "backbone")

    def frozen(augment):
        found = frozen_activations(
            one.net, backbone, one.recipe, one.inputs, augment,
            targets=one.plan.targets, compute=one.compute,
        )  # fmt: skip
        if seen is not None and found is not None:
            see = found._see
            found._see = lambda view: (seen.append(view), see(view))
        return found

    one.frozen = frozen
    return one


def test_of_more_epochs_than_views_each_view_is_seen_once(data, tmp_path):
    seen = []
    one = with_views(training(data, RECIPE, net=net()), tmp_path, seen=seen)
    one.run()
    assert seen == [0, 1, 2, 3]
    assert one.step == one.total


def test_the_first_epochs_are_those_of_a_training_on_images(data, tmp_path):
    """Views 1 to 4 are drawn as epochs 1 to 4 are, so only the engine and half precision differ."""
    recipe = replace(RECIPE, epochs=5)
    plain = training(data, recipe, net=net())
    plain.run(until=4 * plain.plan.per_epoch)
    one = with_views(training(data, recipe, net=net()), tmp_path)
    one.run(until=4 * one.plan.per_epoch)
    assert one.step == plain.step
    moved = [(a - b).abs().max() for a, b in zip(plain.values, plain.start, strict=True)]
    apart = [(a - b).abs().max() for a, b in zip(plain.values, one.values, strict=True)]
    assert max(apart) < 0.1 * max(moved)
    for mine, theirs in zip(one.history, plain.history, strict=True):
        assert mine.loss == pytest.approx(theirs.loss, rel=1e-2)


@pytest.mark.parametrize("freeze", ["head", "last"])
def test_what_is_frozen_does_not_move(data, tmp_path, freeze):
    one = with_views(training(data, replace(RECIPE, freeze=freeze), net=net()), tmp_path)
    one.run()
    learning = {n for n, p in one.net.named_parameters() if p.requires_grad}
    for (name, value), start in zip(one.net.named_parameters(), one.start, strict=False):
        assert torch.equal(value, start) == (name not in learning), name
    assert learning


def test_it_learns(data, validation, tmp_path):
    one = with_views(training(data, RECIPE, net=net(), validation=validation), tmp_path)
    one.run()
    assert one.history[-1].loss < one.history[0].loss


def test_two_replicas_and_one_agree(data, tmp_path):
    one, two = (with_views(training(data, RECIPE, net=net(), replicas=n), tmp_path) for n in (1, 2))
    one.run()
    two.run()
    assert len(two._replicas) == 2
    for mine, theirs in zip(one.values, two.values, strict=True):
        assert torch.allclose(mine, theirs, atol=2e-3)


@pytest.mark.parametrize("stop", [2, 11])
def test_stopped_and_gone_on_it_is_the_same(data, validation, tmp_path, stop):
    def make():
        return with_views(training(data, RECIPE, net=net(), validation=validation), tmp_path)

    whole = make()
    whole.run()
    stopped = make()
    stopped.run(until=stop)
    checkpoints = Checkpoints(tmp_path / "states")
    (tmp_path / "states").mkdir()
    module_save(stopped, tmp_path / "states" / "one.safetensors")
    resumed = make()
    checkpoints.run(resumed, name="one", fingerprint="mark")
    assert_same(whole, resumed)


def module_save(one, file):
    from headstart.training.checkpoint import _save

    _save(one, file, "mark")


@pytest.mark.parametrize(
    "options",
    [
        {"freeze": "none"},
        {"freeze": "gradual"},
        {"mixup": 0.2},
        {"epochs": 4},
        {"epochs": 1},
        {"frozen_views": 0},
        {"frozen_views": 1},
    ],
    ids=str,
)
def test_where_it_does_not_pay_there_are_no_views(data, tmp_path, options):
    one = training(data, replace(RECIPE, **options), net=net())
    backbone = SimpleNamespace(home=tmp_path)
    assert (
        frozen_activations(
            one.net,
            backbone,
            one.recipe,
            one.inputs,
            None,
            targets=one.plan.targets,
            compute=one.compute,
        )
        is None
    )


def test_where_memory_is_short_there_are_fewer_views_or_none(data, tmp_path, monkeypatch):
    one = training(data, RECIPE, net=net())
    backbone = SimpleNamespace(home=tmp_path)

    def count():
        found = frozen_activations(
            one.net,
            backbone,
            one.recipe,
            one.inputs,
            None,
            targets=one.plan.targets,
            compute=one.compute,
        )
        return 0 if found is None else len(found._held)

    full = count()
    size = module._BYTES
    one_view = (
        frozen_activations(
            one.net,
            backbone,
            one.recipe,
            one.inputs,
            None,
            targets=one.plan.targets,
            compute=one.compute,
        )
        ._held[0]
        .nbytes
    )
    assert full == 4
    assert size > 4 * one_view
    monkeypatch.setattr(module, "_BYTES", 2 * one_view)
    assert count() == 2
    monkeypatch.setattr(module, "_BYTES", 2 * one_view - 1)
    assert count() == 0


def test_without_openvino_torch_runs_the_frozen_part(data, tmp_path, monkeypatch):
    fast = with_views(training(data, RECIPE, net=net()), tmp_path)
    fast.run()

    def fails(*args, **options):
        raise BackboneError("not today")

    monkeypatch.setattr(engine_openvino, "convert_graph", fails)
    slow = with_views(training(data, RECIPE, net=net()), tmp_path / "elsewhere")
    slow.run()
    for mine, theirs in zip(fast.values, slow.values, strict=True):
        assert torch.allclose(mine, theirs, atol=2e-3)
