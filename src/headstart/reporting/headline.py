"""What stands at the top of a page: the primary measure, what it must beat, and by how much."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from headstart.metrics.statistic import Measure
from headstart.options.ways import has_own_way

__all__ = ["baseline_rows", "doubt_of", "gain_sentence", "headline", "measure_rows", "shifts_of"]

_BASELINES = {
    "constant": "the constant (median) baseline",
    "majority": "always the most frequent class",
    "mean_mask": "the mean of the training masks",
    "median_box": "one median box on every image",
    "whole_image": "a box around every whole image",
    "raw_pixels": "raw pixels without a network",
    "random_weights": "the same network with random weights",
    "scratch": "the same network trained from scratch",
    "frozen": "frozen features of the same network",
    "whitened": "the same, whitened within people",
    "softmax": "a plain softmax classifier's features",
}


def baseline_rows(metrics: Mapping[str, Any], primary: Measure) -> list[dict[str, Any]]:
    """Rows of the comparison, by the primary measure, the best baseline first."""
    rows = []
    for name, measured in (metrics.get("baselines") or {}).items():
        estimate = (measured or {}).get(primary.key)
        if estimate and estimate.get("value") is not None:
            summary = _BASELINES.get(name, name.replace("_", " "))
            rows.append({"summary": summary, "estimate": estimate})
    sign = -1 if primary.larger_is_better else 1
    return sorted(rows, key=lambda row: sign * row["estimate"]["value"])


def measure_rows(metrics: Mapping[str, Any], known: Sequence[Measure]) -> list[dict[str, Any]]:
    """Rows of all measures of the test, as their task calls and explains them."""
    test = metrics.get("test") or {}
    return [
        {
            "words": each.words[0].upper() + each.words[1:],
            "unit": each.unit,
            "meaning": each.meaning,
            "estimate": test[each.key],
        }
        for each in known
        if test.get(each.key)
    ]


def headline(
    metrics: Mapping[str, Any], primary: Measure, beside: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """The primary measure; a share as a count of new images, of 1000 where 100 would be all.

    Args:
        metrics: Of the run.
        primary: The measure that decides.
        beside: Rows of `baselines`, which share its line.
    """
    estimate = (metrics.get("test") or {}).get(primary.key)
    if not estimate or any(estimate.get(key) is None for key in ("value", "low", "high")):
        return None
    found: dict[str, Any] = {
        "estimate": estimate, "words": primary.words, "unit": primary.unit, "ends": (0.0, 1.0),
        "meaning": primary.meaning,
    }  # fmt: skip
    if primary.unit == "share" and not primary.counted:
        return found
    if primary.unit != "share":
        highs = [row["estimate"]["high"] for row in beside if row["estimate"].get("high")]
        return found | {"ends": (0.0, max([estimate["high"], *highs]))}
    of = 1000 if 0.99 < estimate["value"] < 1 and estimate["n"] >= 300 else 100
    counts = {key: math.floor(of * estimate[key] + 0.5) for key in ("value", "low", "high")}
    verb = "identified" if "retrieval" in metrics else "classified"
    return found | {"of": of, "verb": verb, **counts}


def doubt_of(metrics: Mapping[str, Any]) -> str | None:
    """Returns what to say first, and to try, where the network brought nothing for sure.

    None where the gain over raw pixels is sure, or was not measured.
    """
    found = metrics.get("transfer_gain") or {}
    gain = found.get("gain") or {}
    low = gain.get("low")
    if low is None or low > 0:
        return None
    if gain.get("value") is None or math.isnan(gain["value"]):
        return (
            "Nothing could be measured: what is to be found is on none of the test images. Test "
            "on images that show it, or let a part be held out ('headstart train DATA --split "
            "none')."
        )
    if _one_class(metrics):
        return (
            "The test images show one class and nothing else, so always the most frequent class is "
            "right on all of them, and no model can be better. Test on images that show every "
            "class, or let a part be held out ('headstart train DATA --split none')."
        )
    over = _BASELINES.get(found.get("over", ""), "the baseline")
    if found.get("over") != "majority" and not _beats_guessing(metrics):
        over += ", nor than always the most frequent class"
    task = str(metrics.get("task", ""))
    asked = f" --task {task}" if has_own_way(task) else ""
    worse = gain.get("high") is not None and gain["high"] < 0
    bad = (
        f"Surely worse than {over}: what it answers is no use as it is, and the checks may say why"
    )
    doubtful = f"Not surely better than {over}: so far the network brings nothing for certain"
    said = (
        f"{bad if worse else doubtful}. Try "
        f"'headstart advise DATA{asked}' (is it the size, the backbone or the images?)"
    )
    if metrics.get("finetuning") or metrics.get(
        "end_to_end"
    ):  # it was tried, or the task is learnt by nothing else
        return f"{said}."
    return f"{said} and 'headstart train DATA{asked} --strategy finetune'."


def _majority(metrics: Mapping[str, Any]) -> float | None:
    """The primary measure of always the most frequent class, where that is a baseline."""
    measured = (metrics.get("baselines") or {}).get("majority") or {}
    value = (measured.get(metrics.get("primary", "")) or {}).get("value")
    return None if value is None else float(value)


def _one_class(metrics: Mapping[str, Any]) -> bool:
    return (_majority(metrics) or 0.0) > 1 - 1e-9


def _beats_guessing(metrics: Mapping[str, Any]) -> bool:
    """Whether the measure is surely above that of the most frequent class."""
    floor, own = _majority(metrics), (metrics.get("test") or {}).get(metrics.get("primary", ""))
    low = (own or {}).get("low")
    return floor is None or low is None or low > floor


def shifts_of(metrics: Mapping[str, Any]) -> list[str]:
    """Returns what must be said of validation and test images that are unlike the training ones."""
    found = [metrics.get(name) or {} for name in ("validation", "test_shift")]
    return [str(each["summary"]) for each in found if each.get("unlike")]


def gain_sentence(metrics: Mapping[str, Any], primary: Measure) -> str | None:
    """The transfer gain in one sentence, in points of a share or in the unit of the measure."""
    found = metrics.get("transfer_gain") or {}
    gain = found.get("gain")
    if not gain or any(gain.get(end) is None for end in ("value", "low", "high")):
        return None
    over = _BASELINES.get(found.get("over", ""), str(found.get("over", "")).replace("_", " "))
    share = primary.unit == "share"
    value, low, high = ((100 if share else 1) * gain[key] for key in ("value", "low", "high"))
    shown, unit = (".0f", " points") if share else (".3g", "")
    if share and 0 < min(abs(low), abs(high)) < 0.5:
        shown = ".1f"  # or "0 to 2" would stand where nothing of it is 0
    more, less = ("more", "less") if primary.larger_is_better else ("less", "more")
    if low > 0:
        return f"{value:{shown}}{unit} ({low:{shown}} to {high:{shown}}) {more} than {over}."
    if high < 0:
        return f"{-value:{shown}}{unit} ({-high:{shown}} to {-low:{shown}}) {less} than {over}."
    ends = f"({low:+z{shown}} to {high:+z{shown}})"
    return f"Not surely better than {over}: {value:+z{shown}}{unit} {ends}."
