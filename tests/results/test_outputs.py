"""What models gave for tested items: exact, of every round, and readable as answers again."""

import numpy as np
import pytest

from headstart.data.dataset import Dataset
from headstart.errors import ModelError
from headstart.records import OutputSpec
from headstart.results.items import Items
from headstart.results.outputs import read_parts, read_predictions, write_outputs
from headstart.run import Run

NAMES = tuple(f"{k} ä.png" for k in range(6))
SPEC = OutputSpec("classification", ("name", "truth", "猫"), {"edges": [0.5, 2]})


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def chances(n, classes=3, seed=0):
    found = np.random.default_rng(seed).random((n, classes)).astype(np.float32)
    return found / found.sum(axis=1, keepdims=True)


def items():
    n = len(NAMES)
    data = Dataset.unlabelled(NAMES)
    return Items(data, np.full(n, "test"), np.ones(n, int), np.arange(n), ("",) * n)


def test_every_round_comes_back_exactly(run):
    parts = [
        (np.array([4, 0]), {"probabilities": chances(2), "more": np.arange(4).reshape(2, 2)}, SPEC),
        (np.array([3]), {"probabilities": chances(1, 3, 1)}, SPEC),
    ]
    write_outputs(run, parts)
    found = read_parts(run)
    assert len(found) == 2
    for (rows, outputs, spec), (own_rows, own, own_spec) in zip(found, parts, strict=True):
        assert rows.tolist() == own_rows.tolist()
        assert set(outputs) == set(own)
        for name, array in own.items():
            assert outputs[name].dtype == array.dtype
            assert np.array_equal(outputs[name], array), "to the last bit"
        assert spec == own_spec


def test_more_than_ten_rounds_are_not_mixed_up(run):
    parts = [(np.array([k]), {"probabilities": chances(1, 3, k)}, SPEC) for k in range(12)]
    write_outputs(run, parts)
    for number, (rows, outputs, _) in enumerate(read_parts(run)):
        assert rows.tolist() == [number]
        assert np.array_equal(outputs["probabilities"], chances(1, 3, number))


def test_answers_are_in_the_order_of_items(run):
    first, second = chances(2), chances(3, 3, 1)
    parts = [
        (np.array([4, 0]), {"probabilities": first}, SPEC),
        (np.array([5, 1, 2]), {"probabilities": second}, SPEC),
    ]
    write_outputs(run, parts)
    tested, answers = read_predictions(run, items())
    assert tested.tolist() == [0, 1, 2, 4, 5]
    assert answers.names == tuple(NAMES[i] for i in tested)
    assert answers.classes == SPEC.names
    wanted = np.stack([first[1], second[1], second[2], first[0], second[0]])
    assert np.array_equal(answers.probabilities, wanted)


def test_each_round_is_read_in_its_own_terms(run):
    """Ranges of numbers are made of each round's training items, so rounds differ in them."""
    parts = [
        (np.array([k]), {"probabilities": np.array([[0.0, 1.0]], np.float32)},
         OutputSpec("regression", ("low", "high"), {"edges": edges, "quantity": "age"}))
        for k, edges in enumerate(([0.0, 1.0, 2.0], [0.0, 50.0, 100.0]))
    ]  # fmt: skip
    write_outputs(run, parts)
    _, answers = read_predictions(run, items())
    assert 1 <= answers.values[0] <= 2
    assert 50 <= answers.values[1] <= 100
    assert answers.quantity == "age"


@pytest.mark.parametrize("damage", ["gone", "half", "text", "no specs"])
def test_damage_is_one_clear_line(run, damage):
    from safetensors.numpy import save_file

    write_outputs(run, [(np.arange(6), {"probabilities": chances(6)}, SPEC)])
    content = run.outputs.read_bytes()
    if damage == "gone":
        run.outputs.unlink()
    elif damage == "no specs":
        save_file({"0.items": np.arange(6)}, run.outputs)
    else:
        run.outputs.write_bytes(content[:-20] if damage == "half" else b"name,truth\n")
    with pytest.raises(ModelError, match="run 'headstart train' again") as caught:
        read_parts(run)
    assert str(run.outputs) in str(caught.value)
