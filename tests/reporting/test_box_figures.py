"""Curves and sizes are drawn where they are, and read out."""

from __future__ import annotations

import re

import numpy as np

from headstart.reporting.box_figures import precision_recall, size_histogram
from headstart.reporting.figures import HEIGHT, LEFT, TOP, WIDTH

RECALL = np.linspace(0, 1, 101).tolist()


def curve(name: str, until: float) -> dict:
    precision = [1.0 if each <= until else 0.0 for each in RECALL]
    return {"class": name, "recall": RECALL, "precision": precision}


def test_a_line_and_a_dot_for_every_class_in_its_colour():
    rows = [{"recall": {"value": 0.5}, "precision": {"value": 1.0}}, {"recall": {"value": None}}]
    drawn = precision_recall([curve("<cat>", 0.5), curve("dog", 0.9)], ["#111111", "#222222"], rows)
    assert drawn.count("<polyline") == 2
    assert drawn.count("stroke:#222222") == 1
    [dot] = re.findall(
        r'<circle class="at" style="fill:#111111" cx="([0-9.]+)" cy="([0-9.]+)"', drawn
    )
    assert [float(each) for each in dot] == [LEFT + WIDTH / 2, TOP]
    assert "&lt;cat&gt; 100% at 25%, 100% at 50%, 0% at 75%" in drawn


def test_of_many_classes_those_with_most_objects():
    many = [curve(f"class {i}", 0.5) for i in range(40)]
    rows = [{"boxes": i} for i in range(40)]
    drawn = precision_recall(many, [f"#0000{i:02x}" for i in range(40)], rows)
    assert drawn.count("<polyline") == 8
    assert "class 39 " in drawn
    assert "class 31 " not in drawn


def test_sizes_are_bars_as_high_as_they_are_many():
    sizes = {
        "edges": [0, 8, 16, 32], "there": [0, 10, 4, 0], "found": [0, 5, 4, 0],
        "false": [0, 0, 2, 0],
    }  # fmt: skip
    drawn = size_histogram(sizes)
    bars = re.findall(r'<rect class="(\w+)" [^>]*height="([0-9.]+)"', drawn)
    high = {(kind, at): float(value) for at, (kind, value) in enumerate(bars)}
    assert len(bars) == 6
    assert high["there", 0] == HEIGHT
    assert high["found", 1] == HEIGHT / 2
    assert high["false", 5] == HEIGHT / 5
    assert "8–16 px 10 there, 5 found, 0 false alarms" in drawn
    empty = {key: [0, 0, 0, 0] for key in ("there", "found", "false")}
    assert "<svg" in size_histogram(empty | {"edges": [0, 8, 16, 32]})
