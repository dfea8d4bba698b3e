import itertools
import re
from xml.etree import ElementTree

import pytest

from headstart.reporting.curves import accuracy_curve, loss_curve

KEYS = ("epoch", "trainable_stages", "lr", "loss", "accuracy", "val_loss", "val_accuracy")


@pytest.fixture
def make_epochs(make_history):
    """Returns a function that makes rows as the report reads them."""

    def make(*args, **options):
        rows = make_history(*args, **options)
        cells = [[row[1], *row[2:8]] for row in rows]
        return [
            {key: None if cell == "" else float(cell) for key, cell in zip(KEYS, row, strict=True)}
            for row in cells
        ]

    return make


def places(drawn):
    """Every pair of coordinates of a figure."""
    for shape in drawn.iter():
        if shape.tag == "circle":
            yield float(shape.get("cx")), float(shape.get("cy"))
        if shape.tag in ("polyline", "polygon"):
            for pair in shape.get("points").split():
                x, y = pair.split(",")
                yield float(x), float(y)
        if shape.tag == "line":
            yield float(shape.get("x1")), float(shape.get("y1"))
            yield float(shape.get("x2")), float(shape.get("y2"))


def sound(svg):
    """The figure as a tree, everything within the panel and its labels apart."""
    drawn = ElementTree.fromstring(svg)
    assert drawn.get("role") == "img"
    assert all(58 <= x <= 334 and 9.9 <= y <= 200.1 for x, y in places(drawn))
    below = [float(t.get("x")) for t in drawn.iter("text") if t.get("y") == "218"]
    assert below
    assert all(b - a >= 20 for a, b in itertools.pairwise(below))
    beside = [t.text for t in drawn.iter("text") if t.get("text-anchor") == "end"]
    assert 2 <= len(beside) <= 7
    assert len(set(beside)) == len(beside)
    assert max(map(len, beside)) <= 7
    return drawn


def tones(drawn, tag):
    return [shape.get("class") for shape in drawn.iter(tag)]


@pytest.mark.parametrize("count", [1, 2, 3, 10, 11, 12, 20, 60, 150, 1000])
@pytest.mark.parametrize("validation", [True, False])
def test_curves_of_any_length(make_epochs, count, validation):
    epochs = make_epochs(count, validation=validation)
    for draw in (loss_curve, accuracy_curve):
        drawn = sound(draw(epochs, [count]))
        lines = [tone for tone in tones(drawn, "polyline") if "line" in tone]
        assert lines == (["line trained", "line validation"][: 1 + validation] if count > 1 else [])
        assert ("validation kept" in tones(drawn, "circle")) == validation
        assert len(tones(drawn, "circle")) == (
            (1 + validation) * count if count <= 25 else validation
        )
    assert tones(sound(loss_curve(epochs)), "polygon") == (["rate"] if count > 1 else [])


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 0.01, 0.3, 7.0, 900.0, 3e6, 1e30])
@pytest.mark.parametrize("offset", [0, 1])
def test_losses_of_any_size(make_epochs, scale, offset):
    epochs = make_epochs(6)
    for row in epochs:
        row["loss"], row["val_loss"] = (
            scale * (offset + row[key] / 10) for key in ("loss", "val_loss")
        )
    sound(loss_curve(epochs, [3]))


def test_the_same_loss_throughout_has_an_axis():
    for value in (0.0, 0.7):
        sound(loss_curve([{"epoch": e, "loss": value, "val_loss": value} for e in (1.0, 2.0)]))
    sound(loss_curve([{"epoch": 1.0}]))
    sound(accuracy_curve([{"epoch": 1.0}]))


def test_a_line_breaks_where_a_value_is_not_known(make_epochs):
    epochs = make_epochs(9)
    epochs[4]["loss"] = epochs[4]["val_loss"] = epochs[8]["loss"] = None
    drawn = sound(loss_curve(epochs))
    assert tones(drawn, "polyline") == 2 * ["line trained"] + 2 * ["line validation"]
    assert "epoch 9 training –" in drawn.get("aria-label")


@pytest.mark.parametrize("probe", [0.02, 0.915, 1.0, None, float("nan")])
def test_the_probe_is_a_line_across(make_epochs, probe):
    drawn = sound(accuracy_curve(make_epochs(), (8, 9), probe))
    known = probe is not None and probe == probe
    assert tones(drawn, "line").count("probe") == known
    assert (re.search(r"the probe \d+%$", drawn.get("aria-label")) is not None) == known


def test_a_perfect_training_has_height():
    epochs = [{"epoch": float(e), "accuracy": 1.0, "val_accuracy": 1.0} for e in range(1, 6)]
    heights = {y for x, y in places(sound(accuracy_curve(epochs, (5,), 1.0))) if x > 60}
    assert 10.0 in heights


def test_what_is_read_out_is_short(make_epochs):
    label = ElementTree.fromstring(accuracy_curve(make_epochs(200))).get("aria-label")
    assert label.count("epoch ") == 6
    assert "epoch 1 " in label
    assert "epoch 200 " in label
