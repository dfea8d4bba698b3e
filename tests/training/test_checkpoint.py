"""Killed and gone on, a training is the same one, to the last bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tests.training.trainings import assert_same, pictures, training

from headstart.data.dataset import Dataset
from headstart.errors import ModelError, OutputError
from headstart.training import checkpoint as module
from headstart.training.checkpoint import Checkpoints
from headstart.training.loop import Training
from headstart.training.schedule import Recipe

ROOT = Path(__file__).resolve().parents[2]
# Two steps an epoch; with six stages, gradual unfreezing has a boundary at every early step.
RECIPE = Recipe(epochs=4, batch=8, augment="light", lr=2e-3, ema=0.9)


# Trainings that nobody stopped, so that each is run once.
WHOLE: dict[tuple[Recipe, int], Training] = {}


class Killed(Exception):
    pass


@pytest.fixture(autouse=True)
def one_thread():
    """On a busy machine torch's threads, which wait by spinning, are many times slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return pictures(tmp_path_factory.mktemp("data"), (6, 5, 5))


@pytest.fixture(scope="module")
def validation(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return pictures(tmp_path_factory.mktemp("validation"), (3, 3, 3), seed=1)


def run(one: Training, folder: Path, *, every: float = 3600.0, mark: str = "mark") -> Training:
    Checkpoints(folder, every=every).run(one, name="one", fingerprint=mark)
    return one


def kill(one: Training, folder: Path, *, step: int) -> None:
    """Ends a training in the middle of a step; its last state is that of the step before."""
    checkpoints = Checkpoints(folder, every=3600.0)

    def progress(phase: str, done: int, total: int) -> None:
        if done == step:
            raise Killed
        checkpoints.every = 0.0 if done == step - 1 else 3600.0

    one.compute = replace(one.compute, progress=progress)
    with pytest.raises(Killed):
        checkpoints.run(one, name="one", fingerprint="mark")


def whole_and_resumed(
    data: Dataset, validation: Dataset, folder: Path, recipe: Recipe, *stops: int, replicas: int = 1
) -> tuple[Training, Training]:
    """The same training without a stop, and killed in each of some steps."""

    def make(**options: object) -> Training:
        return training(data, recipe, validation=validation, replicas=replicas, **options)

    whole = WHOLE.get((recipe, replicas))
    if whole is None:
        whole = WHOLE[recipe, replicas] = make()
        whole.run()
        assert whole.step == whole.total == 8
    for stop in stops:
        kill(make(), folder, step=stop)
    begun = []
    resumed = run(make(progress=lambda phase, done, total: begun.append(done)), folder)
    assert begun[:2] == [stops[-1] - 1, stops[-1]]  # it went on, and did the lost step again
    assert not all(torch.equal(*pair) for pair in zip(whole.values, whole.start, strict=True))
    return whole, resumed


# Killed in step k, the last state is that of step k - 1: 3 goes on from an epoch's end.
@pytest.mark.parametrize("stops", [(1,), (2,), (3,), (4,), (8,), (2, 6)])
def test_gradual_unfreezing_with_an_average(data, validation, tmp_path, stops):
    recipe = replace(RECIPE, freeze="gradual")
    assert_same(*whole_and_resumed(data, validation, tmp_path, recipe, *stops))


@pytest.mark.parametrize(
    "options",
    [
        {"dropout": 0.5},
        {"mixup": 0.5, "augment": "strong"},
        {"freeze_bn_stats": False},
        {"optimiser": "sgd", "schedule": "plateau", "anchor_decay": 5.0, "ema": 0.0},
        {"accumulate": 3, "balance": "weights", "schedule": "one-cycle"},
        {"freeze": "norms", "balance": "logits", "augment": "standard"},
        {"freeze": "last", "stages": 1, "schedule": "cyclical", "clip": 0.01},
    ],
    ids=lambda options: "-".join(map(str, options)),
)
def test_whatever_the_recipe(data, validation, tmp_path, options):
    recipe = replace(RECIPE, **options)
    assert_same(*whole_and_resumed(data, validation, tmp_path, recipe, 3, 6))


def test_with_two_replicas(data, validation, tmp_path):
    recipe = replace(RECIPE, freeze="gradual")
    whole, resumed = whole_and_resumed(data, validation, tmp_path, recipe, 4, replicas=2)
    assert len(resumed._replicas) == 2
    assert_same(whole, resumed)


def test_a_lowered_rate_stays_lowered(data, validation, tmp_path):
    recipe = replace(RECIPE, schedule="plateau", lr=1e-30, weight_decay=0.0, epochs=5, warmup=0.0)
    whole = training(data, recipe, validation=validation)
    whole.run()
    assert whole.history[3].lr < 0.5 * whole.history[0].lr
    kill(training(data, recipe, validation=validation), tmp_path, step=8)
    assert_same(whole, run(training(data, recipe, validation=validation), tmp_path))


def test_without_held_out_images(data, tmp_path):
    whole = training(data, RECIPE)
    whole.run()
    kill(training(data, RECIPE), tmp_path, step=6)
    assert_same(whole, run(training(data, RECIPE), tmp_path))


def test_kept_states_are_rare(data, tmp_path, monkeypatch):
    saved = []
    save = module._save
    monkeypatch.setattr(
        module, "_save", lambda one, *rest: saved.append(one.step) or save(one, *rest)
    )
    run(training(data, RECIPE), tmp_path, every=3600.0)
    assert saved == [8]
    assert [each.name for each in tmp_path.iterdir()] == ["one.safetensors"]
    saved.clear()
    (tmp_path / "other").mkdir()
    run(training(data, RECIPE), tmp_path / "other", every=0.0)
    assert sorted(set(saved)) == list(range(1, 9))


def test_a_finished_training_is_not_begun_again(data, validation, tmp_path):
    first = run(training(data, RECIPE, validation=validation), tmp_path)
    seen = []
    again = training(data, RECIPE, validation=validation, progress=lambda *told: seen.append(told))
    assert_same(first, run(again, tmp_path))
    assert not seen


def test_a_training_that_was_given_up_stays_so(data, validation, tmp_path):
    recipe = replace(RECIPE, patience=1, lr=1e-30, weight_decay=0.0)
    first = run(training(data, recipe, validation=validation), tmp_path)
    assert (first.over, first.step) == (True, 4)
    assert_same(first, run(training(data, recipe, validation=validation), tmp_path))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_training_that_went_astray_stays_so(data, validation, tmp_path):
    recipe = replace(RECIPE, lr=1e12, warmup=0.0)
    first = run(training(data, recipe, validation=validation), tmp_path)
    assert first.diverged >= 0
    again = run(training(data, recipe, validation=validation), tmp_path)
    assert (again.diverged, again.over, again.step) == (first.diverged, True, first.step)
    assert len(again.history) == len(first.history)


def test_two_trainings_side_by_side(data, tmp_path):
    for name, seed in (("one", 0), ("two", 1)):
        one = training(data, RECIPE, seed=seed)
        Checkpoints(tmp_path).run(one, name=name, fingerprint=name)
    again = training(data, RECIPE, seed=1)
    Checkpoints(tmp_path).run(again, name="two", fingerprint="two")
    assert_same(one, again)


def test_nothing_is_kept_without_a_folder(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = training(data, replace(RECIPE, epochs=1))
    Checkpoints(None).run(one, name="one", fingerprint="mark")
    assert one.step == 2
    assert not list(tmp_path.iterdir())


# --- what is refused ----------------------------------------------------------------------------


def test_the_state_of_another_training_is_refused(data, tmp_path):
    run(training(data, RECIPE), tmp_path, mark="these images")
    other = training(data, RECIPE)
    before = other.copy()
    with pytest.raises(ModelError, match=r"other images or with other options.*delete"):
        run(other, tmp_path, mark="those images")
    assert other.step == 0
    assert all(torch.equal(a, b) for a, b in zip(other.values, before, strict=True))


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def text(file: Path) -> None:
    file.write_text("no tensors " * 100)


def nameless(file: Path) -> None:
    save_file({"value.00000": torch.zeros(3)}, file)


def numberless(file: Path) -> None:
    save_file({"value.00000": torch.zeros(3)}, file, metadata={"fingerprint": "mark"})


def garbled(file: Path) -> None:
    save_file({}, file, metadata={"fingerprint": "mark", "numbers": "{"})


def incomplete(file: Path) -> None:
    numbers = '{"step": 1, "slow": 1, "over": false, "diverged": -1, "sums": [0, 0, 0], '
    numbers += '"history": [], "best": []}'
    save_file({"value.00000": torch.zeros(3)}, file,
              metadata={"fingerprint": "mark", "numbers": numbers})  # fmt: skip


@pytest.mark.parametrize("damage", [cut, empty, text, nameless, numberless, garbled, incomplete])
def test_a_damaged_state_is_refused_by_name(data, tmp_path, damage):
    file = tmp_path / "one.safetensors"
    run(training(data, replace(RECIPE, epochs=1)), tmp_path)
    damage(file)
    with pytest.raises(ModelError, match=r"one\.safetensors.*delete"):
        run(training(data, replace(RECIPE, epochs=1)), tmp_path)


def test_where_nothing_can_be_written(data, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot write .*one\.safetensors"):
        run(training(data, replace(RECIPE, epochs=1)), tmp_path / "file" / "folder")


def test_a_full_disk_keeps_the_state_before(data, tmp_path, monkeypatch):
    whole = training(data, RECIPE)
    whole.run()
    write, count = module.write_atomic, []

    def full(file: Path, content: bytes) -> None:
        count.append(file)
        if len(count) == 5:
            raise OSError(28, "No space left on device")
        write(file, content)

    monkeypatch.setattr(module, "write_atomic", full)
    with pytest.raises(OutputError, match=r"No space left.*--resume"):
        run(training(data, RECIPE), tmp_path, every=0.0)
    assert_same(whole, run(training(data, RECIPE), tmp_path))


# --- a real kill --------------------------------------------------------------------------------

CHILD = """
import sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from headstart.training.checkpoint import Checkpoints
from tests.training.test_checkpoint import RECIPE
from tests.training.trainings import pictures, training
from dataclasses import replace

def progress(phase, done, total):
    print(done, flush=True)
    time.sleep(0.05)

root = Path(sys.argv[1])
one = training(
    pictures(root / "again", (6, 5, 5)), replace(RECIPE, freeze="gradual", dropout=0.2),
    validation=pictures(root / "held again", (3, 3, 3), seed=1), workers=1, progress=progress,
)
Checkpoints(root / "states", every=0.0).run(one, name="one", fingerprint="mark")
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 here")
def test_kill_9(data, validation, tmp_path):
    recipe = replace(RECIPE, freeze="gradual", dropout=0.2)
    whole = training(data, recipe, validation=validation)
    whole.run()
    states = tmp_path / "states"
    states.mkdir()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert child.stdout is not None
    try:
        for line in child.stdout:
            if int(line) == 4:
                break
    finally:
        child.kill()
        child.communicate()
    assert child.returncode == -signal.SIGKILL
    begun = []
    resumed = training(
        data, recipe, validation=validation, progress=lambda *told: begun.append(told[1])
    )
    run(resumed, states)
    assert 4 <= begun[1] <= 6
    assert_same(whole, resumed)


def test_what_a_clock_decides_is_decided_once(tmp_path):
    states = Checkpoints(tmp_path, prefix="first-")
    assert states.once("epochs", lambda: (4, "four of ten")) == (4, "four of ten")
    assert states.once("epochs", lambda: (9, "")) == (4, "four of ten")
    assert states.once("others", lambda: (9, "")) == (9, "")
    assert Checkpoints(None).once("epochs", lambda: (9, "")) == (9, "")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"decided": 1.5, "why": ""}',
                                     '{"decided": -1, "why": ""}', '{"decided": 1}'])  # fmt: skip
def test_a_damaged_decision_is_refused_by_name(tmp_path, content):
    (tmp_path / "epochs.json").write_text(content)
    with pytest.raises(ModelError, match=r"epochs\.json is damaged.*delete"):
        Checkpoints(tmp_path).once("epochs", lambda: (1, ""))


def test_a_decision_that_cannot_be_kept_ends_the_run(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot write .*epochs\.json"):
        Checkpoints(tmp_path / "file" / "folder").once("epochs", lambda: (1, ""))
