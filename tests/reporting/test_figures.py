import re
from xml.etree import ElementTree

import pytest

from headstart.reporting.figures import (
    dots,
    draw_learning_curve,
    duration,
    in_points,
    number,
    percent,
    reliability_diagram,
    span,
    track,
)


def estimate(value, low, high):
    return {"value": value, "low": low, "high": high, "n": 100, "method": "Wilson 95%"}


def test_numbers_in_words():
    assert span(estimate(0.96, 0.92, 0.98)) == "96% (92–98)"
    assert span(estimate(0.985, 0.975, 0.991)) == "98.5% (97.5–99.1)"
    assert span(estimate(0.1234, 0.1, 0.2), unit="plain") == "0.123 (0.100–0.200)"
    assert span(None) == span(estimate(None, None, None)) == "–"
    assert (percent(0.5), percent(None), number(float("nan"))) == ("50%", "–", "–")


def test_differences_in_points():
    assert in_points(estimate(0.03, 0.006, 0.054)) == "+3 points (+1 to +5)"
    assert in_points(estimate(-0.011, -0.02, -0.0004)) == "-1.1 points (-2.0 to +0.0)"
    assert in_points(None) == in_points(estimate(None, 0.0, 0.1)) == "–"


@pytest.mark.parametrize(
    ("seconds", "summary"),
    [
        (0.04, "0.0 s"),
        (8.4, "8.4 s"),
        (45, "45 s"),
        (90, "1.5 min"),
        (5000, "83 min"),
        (5400, "1.5 h"),
        (1e6, "278 h"),
        (None, "–"),
        (float("nan"), "–"),
    ],
)
def test_times_in_words(seconds, summary):
    assert duration(seconds) == summary


@pytest.mark.parametrize(
    ("low", "high", "sure", "maybe"), [(0.92, 0.98, 92, 6), (0.963, 1.0, 96, 4), (0, 1, 0, 100)]
)
def test_a_hundred_dots(low, high, sure, maybe):
    drawn = ElementTree.fromstring(dots(estimate((low + high) / 2, low, high)))
    tones = [circle.get("class") for circle in drawn]
    assert len(tones) == 100
    assert (tones.count("sure"), tones.count("maybe")) == (sure, maybe)


def test_a_track_stays_on_its_line():
    drawn = str(track(estimate(0.5, -1, 2), low=0.4, high=0.9))
    places = [float(v) for v in re.findall(r"(?:left|width):([\d.]+)%", drawn)]
    assert all(0 <= place <= 100 for place in places)
    assert "<i" not in track(None)
    assert "&lt;" in track(estimate(0.5, 0.4, 0.6), tone="<")


def inside(svg):
    drawn = ElementTree.fromstring(svg)
    _, _, width, height = map(float, drawn.get("viewBox").split())
    for shape in drawn.iter("circle"):
        assert 0 <= float(shape.get("cx")) <= width
        assert 0 <= float(shape.get("cy")) <= height
    return drawn


def test_reliability_draws_every_bin_and_says_it():
    bins = [{"low": 0.6, "high": 0.7, "confidence": 0.65, "accuracy": 0.5, "n": 8}]
    bins.append({"low": 0.9, "high": 1, "confidence": 0.97, "accuracy": 1.0, "n": 90})
    drawn = inside(reliability_diagram(bins, bins[:1]))
    assert [c.get("class") for c in drawn.iter("circle")] == ["before", "after", "after"]
    assert "confidence 65%, right 50%, 8 images" in drawn.get("aria-label")
    inside(reliability_diagram([]))


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("flat", [True, False])
def test_learning_curve_of_any_length(count, flat):
    points = [
        {"n": 50 * 2**i, "accuracy": estimate(v, max(0, v - 0.1), min(1, v + 0.1))}
        for i, v in enumerate([1.0] * 5 if flat else [0.1, 0.4, 0.7, 0.8, 0.85])
    ][:count]
    assert len(list(inside(draw_learning_curve(points)).iter("circle"))) == count
    forecast = {"n": 9000, "accuracy": estimate(0.9, 0.85, 0.95), "summary": "more"}
    drawn = inside(draw_learning_curve(points, forecast))
    assert [c.get("class") for c in drawn.iter("circle")][-1] == "before"
