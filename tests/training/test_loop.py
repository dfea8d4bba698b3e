"""The loop: it learns what it should, who is frozen stays, and nothing odd stops it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.nets.tiny import Plain, trainable, tunable
from tests.training.trainings import assert_same, pictures, training

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.errors import OptionError
from headstart.images.inputs import InputImages
from headstart.images.preprocess import Preprocess
from headstart.nets.heads.head import Head
from headstart.tasks.classification import learn
from headstart.tasks.classification.validation import Validation
from headstart.training import infer
from headstart.training.average import choose_weights
from headstart.training.loop import Training
from headstart.training.objective import Objective
from headstart.training.schedule import Recipe

SHORT = Recipe(epochs=3, batch=8, augment="light", lr=2e-3)


@pytest.fixture(autouse=True)
def one_thread():
    """On a busy machine torch's threads, which wait by spinning, are many times slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return pictures(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def validation(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return pictures(tmp_path_factory.mktemp("validation"), (4, 4, 4), seed=1)


def changed(one: Training) -> set[str]:
    """Names of the parameters and statistics that are not what they were."""
    names = [name for name, _ in one.net.named_parameters()]
    names += [name for name, each in one.net.named_buffers() if each.is_floating_point()]
    pairs = zip(names, one.values, one.start, strict=True)
    return {name for name, value, start in pairs if not torch.equal(value, start)}


# --- the usual course ---------------------------------------------------------------------------


def test_it_learns(data, validation):
    one = training(data, replace(SHORT, epochs=8, augment="none"), validation=validation)
    one.run()
    assert (one.step, one.total, one.diverged, one.over) == (24, 24, -1, False)
    assert [each.epoch for each in one.history] == list(range(1, 9))
    assert all(each.images == 24 for each in one.history)
    assert all(each.trainable_stages == one.net.n_stages for each in one.history)
    assert one.history[-1].loss < one.history[0].loss - 0.1
    assert one.history[-1].accuracy > one.history[0].accuracy
    assert one.history[-1].val_loss < one.history[0].val_loss
    assert one.history[-1].lr < one.history[1].lr <= SHORT.lr


def test_the_last_epoch_may_be_a_part_of_one_and_the_schedule_ends_with_it(data):
    one = training(data, replace(SHORT, epochs=8, most_steps=4))
    one.run()
    assert (one.step, one.total) == (4, 4)
    assert [each.images for each in one.history] == [24, 8]
    rates = one.recipe.lr * one.recipe.factor(3 / 4)
    assert one.history[-1].lr == pytest.approx(rates)


def test_an_end_that_moves_stretches_what_is_left_of_the_schedule(data):
    one = training(data, replace(SHORT, epochs=8, most_steps=4))
    one.run(until=2)
    one.end_at(10, since=2)
    one.run()
    assert (one.step, len(one.history)) == (10, 4)
    assert one.history[-1].lr == pytest.approx(one.recipe.lr * one.recipe.factor(0.5 + 0.5 * 7 / 8))


def test_the_same_seed_gives_the_same_weights_and_another_one_others(data, validation):
    runs = [training(data, SHORT, validation=validation, seed=seed) for seed in (0, 0, 1)]
    for one in runs:
        one.run()
    assert_same(runs[0], runs[1])
    assert changed(runs[0])
    assert not torch.equal(runs[0].values[0], runs[2].values[0])


def test_workers_make_no_difference(data):
    runs = [training(data, replace(SHORT, epochs=2), workers=workers) for workers in (0, 2)]
    for one in runs:
        one.run()
    assert_same(*runs)


def test_progress_is_told(data):
    seen = []
    progress = lambda *told: seen.append(told)  # noqa: E731
    training(data, SHORT, progress=progress, phase="here").run()
    assert [told[1:] for told in seen] == [(step, 9) for step in range(10)]
    assert seen[0][0] == "here: epoch 1 of 3", "before the first step, which is long in coming"
    assert re.fullmatch(r"here: epoch 1 of 3, loss \d\.\d{3}", seen[1][0])
    assert {told[0].partition(",")[0] for told in seen[-3:]} == {"here: epoch 3 of 3"}


def test_progress_tells_what_held_out_images_said(data, validation):
    seen = []
    one = training(data, SHORT, validation=validation, progress=lambda *told: seen.append(told))
    one.run()
    values = [each.measure for each in one.history]
    assert "held-out" not in seen[2][0]
    assert seen[3][0].endswith(f"held-out {values[0]:.3f}, best {values[0]:.3f}")
    assert seen[-1][0].endswith(f"held-out {values[-1]:.3f}, best {max(values):.3f}")


def test_part_of_a_training_is_told_as_the_whole_of_it(data):
    seen = []
    training(data, SHORT, progress=lambda *told: seen.append(told)).run(until=4)
    assert seen[-1][1:] == (4, 4)


def test_in_pieces_it_is_the_same(data, validation):
    whole, pieces = (
        training(data, SHORT, validation=validation),
        training(data, SHORT, validation=validation),
    )
    whole.run()
    for until in (1, 1, 3, 4, 100):
        pieces.run(until=until)
        assert pieces.step == min(until, 9)
    pieces.run()  # nothing is left
    assert_same(whole, pieces)


# --- several replicas ---------------------------------------------------------------------------


def gradients(one: Training) -> dict[str, torch.Tensor]:
    """What the first step would have been taken along."""
    found: dict[str, torch.Tensor] = {}
    own = dict(one.net.named_parameters())
    one.optimiser.step = lambda: found.update({n: p.grad.clone() for n, p in own.items()})
    one.run(until=1)
    return found


def assert_close(
    found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], tolerance: float
) -> None:
    assert set(found) == set(expected)
    for name, gradient in expected.items():
        largest = float(gradient.abs().max())
        assert largest > 0, name
        error = float((found[name] - gradient).abs().max())
        assert error <= tolerance * max(largest, 0.1), f"{name}: {error:.3g} of {largest:.3g}"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"accumulate": 3},
        {"batch": 9},
        {"balance": "weights", "mixup": 0.5},
        {"balance": "logits", "label_smoothing": 0.0},
    ],
)
def test_two_replicas_have_the_gradients_of_one(data, options):
    recipe = replace(SHORT, clip=1e9, **options)
    alone = training(data, replace(recipe, accumulate=1))
    expected = gradients(alone)
    pair = training(data, recipe, replicas=2)
    assert (len(alone._replicas), len(pair._replicas)) == (1, 2)
    found = gradients(pair)
    assert_close(found, expected, 1e-5)


def test_parts_of_a_batch_add_up(data):
    recipe = replace(SHORT, clip=1e9)
    expected = gradients(training(data, recipe))
    for accumulate in (2, 3, 8, 100):
        found = gradients(training(data, replace(recipe, accumulate=accumulate)))
        assert_close(found, expected, 1e-4)


def short_of_memory(one: Training, most: int, error: RuntimeError) -> None:
    """Lets the network refuse more than so many images at once."""
    plain = one.net.forward

    def forward(images: torch.Tensor) -> torch.Tensor:
        if len(images) > most:
            raise error
        return plain(images)

    one.net.forward = forward


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("x: not enough memory: y")],
)
def test_where_memory_runs_out_the_parts_become_smaller(data, error):
    recipe = replace(SHORT, clip=1e9)
    expected = gradients(training(data, recipe))
    one = training(data, recipe)
    short_of_memory(one, 2, error)
    assert_close(gradients(one), expected, 1e-4)
    assert -(-recipe.batch // one._gradient.accumulate) <= 2


def test_memory_for_not_even_one_image_is_said(data):
    one = training(data, SHORT)
    short_of_memory(one, 0, torch.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(OptionError, match="smaller --image-size"):
        one.run()


def test_other_errors_are_not_taken_for_a_lack_of_memory(data):
    one = training(data, SHORT)
    short_of_memory(one, 0, RuntimeError("sizes do not match"))
    with pytest.raises(RuntimeError, match="sizes do not match"):
        one.run()


def test_replicas_learn_the_same_every_time(data, validation):
    recipe = replace(SHORT, freeze="gradual")
    runs = [training(data, recipe, validation=validation, replicas=2) for _ in range(2)]
    for one in runs:
        one.run()
    assert_same(*runs)


def test_replicas_have_a_thread_each_and_torch_none_beside(data):
    inside = []
    one = training(
        data, SHORT, replicas=2, progress=lambda *told: inside.append(torch.get_num_threads())
    )
    torch.set_num_threads(2)
    one.run(until=2)
    assert inside == [2, 1, 1], "before the first step, and in each of both"
    assert torch.get_num_threads() == 2  # given back


def test_where_the_network_draws_or_measures_there_is_one(data):
    assert len(training(data, SHORT, replicas=2)._replicas) == 2
    assert len(training(data, replace(SHORT, dropout=0.2), replicas=2)._replicas) == 1
    assert len(training(data, replace(SHORT, freeze_bn_stats=False), replicas=2)._replicas) == 1


@pytest.mark.parametrize("replicas", [1, 2])
def test_scores_are_those_of_the_network_in_order(data, validation, monkeypatch, replicas):
    monkeypatch.setattr(infer, "_BATCH", 5)
    one = training(data, SHORT, validation=validation, replicas=replicas)
    one.run(until=2)
    inputs = one.validation.inputs
    with one.threads() as pool:
        scores = one.outputs(inputs, pool)
        none = one.outputs(InputImages(validation.take(np.arange(0)), inputs.preprocess), pool)
    images = torch.from_numpy(np.stack([inputs[i] for i in range(len(inputs))]))
    with torch.inference_mode():
        expected = one.net.eval()(images).numpy()
    assert (scores.shape, none.shape) == ((12, 3), (0, 3))
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-5)


# --- who learns ---------------------------------------------------------------------------------


def test_only_the_head(data):
    one = training(data, replace(SHORT, freeze="head", freeze_bn_stats=False))
    one.run()
    assert changed(one) == {"head.weight", "head.bias"}


@pytest.mark.parametrize("replicas", [1, 2])
def test_the_last_stages(data, replicas):
    one = training(data, replace(SHORT, freeze="last", stages=1), replicas=replicas)
    one.run()
    blocks = {name.removeprefix("pool.network.").split(".")[0] for name in changed(one)}
    assert blocks == {"layer4", "head"}


def test_norms_and_biases(data):
    one = training(data, replace(SHORT, freeze="norms"))
    one.run()
    shapes = {name: each.ndim for name, each in one.net.named_parameters()}
    assert changed(one) == {n for n in shapes if shapes[n] == 1} | {"head.weight"}


@pytest.mark.parametrize("replicas", [1, 2])
def test_gradual_unfreezing(data, replicas):
    recipe = replace(SHORT, freeze="gradual", epochs=6, ema=0.0)
    one = training(data, recipe, replicas=replicas)
    stages = []
    for step in range(1, one.total + 1):
        one.run(until=step)
        lowest = min(one.net.stages.get(name, 99) for name in changed(one))
        stages.append(one.net.n_stages - lowest)
    expected = [
        one.recipe.trainable_stages(step / one.total, n_stages=one.net.n_stages)
        for step in range(18)
    ]
    assert stages == expected
    assert stages[0] == 1
    assert stages[9] == one.net.n_stages


@pytest.mark.parametrize("frozen", [True, False])
def test_statistics_of_batchnorm(data, frozen):
    one = training(data, replace(SHORT, epochs=1, freeze_bn_stats=frozen))
    one.run()
    moved = {name for name in changed(one) if "running" in name}
    assert bool(moved) == (not frozen)


def test_layer_decay(data):
    one = training(data, replace(SHORT, layer_decay=0.1, weight_decay=0.0, epochs=1))
    one.run()
    steps = {
        name: float((value.detach() - start).abs().max())
        for name, value, start in zip(dict(one.net.named_parameters()), one.values, one.start)
    }
    assert steps["head.weight"] > 10 * steps["pool.network.layer4.0.conv1.weight"]
    assert (
        steps["pool.network.layer4.0.conv1.weight"]
        > 100 * steps["pool.network.layer1.0.conv1.weight"]
    )


@pytest.mark.parametrize("options", [{}, {"layer_decay": 1.0, "backbone_lr": 1.0}])
def test_the_anchor_holds_the_backbone(data, options):
    def distance(**more) -> float:
        one = training(data, replace(SHORT, weight_decay=0.0, **options, **more))
        one.run()
        names = list(dict(one.net.named_parameters()))
        place = names.index("pool.network.layer4.0.conv1.weight")
        return float((one.values[place].detach() - one.start[place]).norm())

    assert distance(anchor_decay=300.0) < 0.7 * distance()


# --- the average of the weights -----------------------------------------------------------------


def test_the_average_follows_the_weights(data):
    one = training(data, replace(SHORT, ema=0.9))
    trail = [one.copy()]
    for step in range(1, one.total + 1):
        one.run(until=step)
        trail.append(one.copy())
    low = torch.stack([each[0] for each in trail]).amin(0)
    high = torch.stack([each[0] for each in trail]).amax(0)
    assert bool(((one.ema[0] >= low - 1e-6) & (one.ema[0] <= high + 1e-6)).all())
    assert not torch.equal(one.ema[0], one.values[0])
    assert training(data, replace(SHORT, ema=0.0)).ema == []


def test_it_is_the_average_that_is_judged_and_kept(data, validation):
    one = training(data, replace(SHORT, ema=0.9, epochs=2), validation=validation)
    one.run()
    measure, loss, epoch, state = max(one.best, key=lambda each: each[2])
    assert epoch == 2
    for kept, average in zip(state, one.ema, strict=True):
        assert torch.equal(kept, average)
    with one.threads() as pool, one.using(one.ema):
        found = one.validation.judge(one.outputs(one.validation.inputs, pool))
    assert found[0] == measure == one.history[-1].measure
    assert found[2] == pytest.approx(-loss, rel=1e-6)
    assert not torch.equal(one.values[0], one.ema[0])


def test_using_gives_the_weights_back(data):
    one = training(data, SHORT)
    one.run(until=2)
    before = one.copy()
    with pytest.raises(ZeroDivisionError), one.using(one.start):
        assert torch.equal(one.values[0], one.start[0]) / 0
    for value, kept in zip(one.values, before, strict=True):
        assert torch.equal(value, kept)


def test_the_best_epochs_are_kept_best_first(data, validation):
    one = training(data, replace(SHORT, epochs=6), validation=validation)
    one.run()
    assert len(one.best) == 3
    order = [each[:2] for each in one.best]
    assert order == sorted(order, reverse=True)
    measures = sorted((each.measure for each in one.history), reverse=True)
    assert [each[0] for each in one.best] == measures[:3]


# --- when it ends -------------------------------------------------------------------------------


def stuck(data: Dataset, validation: Dataset, **options) -> Training:
    """A training that cannot change anything."""
    recipe = replace(SHORT, lr=1e-30, weight_decay=0.0, ema=0.0, epochs=8, **options)
    return training(data, recipe, validation=validation)


def test_patience(data, validation):
    one = stuck(data, validation, patience=2)
    one.run()
    assert (len(one.history), one.over, one.step) == (3, True, 9)
    one.run()
    assert one.step == 9
    patient = stuck(data, validation)
    patient.run()
    assert (len(patient.history), patient.over) == (8, False)


def test_a_plateau_lowers_the_rate(data, validation):
    one = stuck(data, validation, schedule="plateau")
    one.run()
    rates = [each.lr / 1e-30 for each in one.history]
    assert rates[1:3] == pytest.approx([1.0, 1.0])
    assert rates[3:5] == pytest.approx([0.3, 0.3])
    assert rates[5:7] == pytest.approx([0.09, 0.09])


def test_without_held_out_images_there_is_no_plateau(data):
    one = training(data, replace(SHORT, schedule="plateau", epochs=6, patience=2))
    one.run()
    assert len(one.history) == 6
    assert one.history[-1].lr == pytest.approx(SHORT.lr)


def test_weights_that_are_no_numbers(data, validation):
    one = training(data, SHORT, validation=validation)
    with torch.no_grad():
        one.net.head.weight.fill_(float("inf"))
    before = one.copy()
    one.run()
    assert (one.diverged, one.over, one.step, one.history) == (0, True, 0, [])
    for value, kept in zip(one.values, before, strict=True):
        assert torch.equal(value, kept)
    one.run()
    assert one.step == 0


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize("replicas", [1, 2])
@pytest.mark.parametrize("ema", [0.0, 0.99])
def test_an_absurd_rate(data, validation, replicas, ema):
    recipe = replace(SHORT, lr=1e12, warmup=0.0, epochs=8, ema=ema)
    one = training(data, recipe, validation=validation, replicas=replicas)
    one.run()
    assert one.diverged >= 0
    assert one.over
    with one.threads() as pool:

        def judge(state: list) -> tuple[float, float, float]:
            with one.using(state):
                return one.validation.judge(one.outputs(one.validation.inputs, pool))

        kept = choose_weights(one.start, one.best, judge)
    assert kept.share == 0.0
    assert all(bool(each.isfinite().all()) for each in kept.state)


# --- odd data -----------------------------------------------------------------------------------


def test_a_batch_larger_than_the_data(data):
    one = training(data, replace(SHORT, batch=64))
    one.run()
    assert one.total == 3
    assert [each.images for each in one.history] == [24, 24, 24]


def test_batches_of_one_image(tmp_path: Path):
    few = pictures(tmp_path, (2, 1, 1))
    one = training(few, replace(SHORT, batch=1, epochs=2, mixup=0.5), replicas=2)
    one.run()
    assert one.step == 8
    assert all(bool(each.isfinite().all()) for each in one.values)


@pytest.mark.parametrize("balance", ["none", "weights", "oversample", "undersample", "logits"])
def test_a_class_with_one_image(tmp_path: Path, validation, balance):
    lonely = pictures(tmp_path, (8, 7, 1))
    one = training(lonely, replace(SHORT, balance=balance), validation=validation, balanced=True)
    one.run()
    assert one.diverged == -1
    shown = {"oversample": 24, "undersample": 3}.get(balance, 16)
    assert [each.images for each in one.history] == [shown] * 3
    assert all(np.isfinite(each.loss) for each in one.history)


@pytest.mark.parametrize("balance", ["none", "weights", "oversample", "undersample", "logits"])
def test_a_class_without_an_image(tmp_path: Path, balance):
    data = pictures(tmp_path, (6, 6))
    names = (*data.labels.names, "none of these")
    data = replace(data, labels=Classes(names, data.labels.targets))
    one = training(data, replace(SHORT, balance=balance))
    one.run()
    assert one.diverged == -1
    assert all(bool(each.isfinite().all()) for each in one.values)


@pytest.mark.parametrize("mixup", [0.2, 1.0])
def test_mixed_images(data, mixup):
    one = training(data, replace(SHORT, mixup=mixup, epochs=6))
    one.run()
    assert one.diverged == -1
    assert one.history[-1].loss < one.history[0].loss


# --- classes of different size ------------------------------------------------------------------

SEES = Preprocess(8, geometry="square", mean=(0.5, 0.5, 0.5), std=(0.06, 0.06, 0.06))


def greys(folder: Path, counts: tuple[int, int], seed: int) -> Dataset:
    """Images of one grey; on the network's scale the classes are 1.6 deviations apart."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    targets = np.repeat([0, 1], counts)
    names = tuple(f"{i:03}.png" for i in range(len(targets)))
    for name, target in zip(names, targets, strict=True):
        level = np.clip(127.5 + 15.3 * (1.6 * target - 0.8 + rng.normal()), 0, 255)
        Image.new("RGB", (9, 9), (round(level),) * 3).save(folder / name)
    return Dataset(folder, names, Classes(("usual", "rare"), targets), np.full(len(names), ""))


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Dataset]:
    root = tmp_path_factory.mktemp("uneven")
    return greys(root / "train", (200, 10), 0), greys(root / "validation", (60, 60), 1)


def balanced_accuracy(uneven: tuple[Dataset, Dataset], balance: str) -> float:
    train, validation = uneven
    arrays = {"weights": np.zeros((2, 3), np.float32), "bias": np.zeros(2, np.float32)}
    net = trainable(Plain(), SEES, Head("linear", 12 * 12 * 3 + np.arange(3), arrays, 2))
    recipe = Recipe(
        epochs=10, batch=56, lr=0.2, freeze="head", augment="none", balance=balance, ema=0.0,
        weight_decay=0.0, label_smoothing=0.0,
    )  # fmt: skip
    judged = Validation(InputImages(validation, SEES, workers=1), validation.labels.targets, True)
    large = InputImages(train, replace(SEES, size=9), workers=1)
    objective = Objective(
        learn.batches(train.labels.targets, recipe, 0, n_classes=2),
        learn.loss(recipe, train.labels.targets, n_classes=2),
    )
    one = Training(net, recipe, large, objective, judged, Compute(device="cpu", workers=0))
    one.run()
    return one.history[-1].measure


def test_balancing_helps_the_rare_class(uneven):
    plain = balanced_accuracy(uneven, "none")
    assert plain < 0.7
    for balance in ("logits", "weights", "oversample"):
        assert balanced_accuracy(uneven, balance) > plain + 0.15, balance


# --- other networks ---------------------------------------------------------------------------


def test_a_transformer_learns_too(data):
    one = training(data, SHORT, net=tunable("test_vit", size=32, img_size=32))
    one.run()
    assert one.diverged == -1
    assert one.history[-1].loss < one.history[0].loss
