"""`compare`: whether two runs really differ, by their answers to the same test images."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headstart.errors import ModelError, OptionError
from headstart.options.command import command
from headstart.options.compare import CompareOptions
from headstart.results.files import read_errors
from headstart.run import Run, read_json
from headstart.scoring.compare import Comparison, compare_answers, compare_numbers

__all__ = ["compare"]

_HEAD = ["name", "truth", "predicted", "confidence"]
# The table keeps five decimals: what it calls 0.00000 is no more than this, and never nothing.
_LEAST = 5e-6


@command(CompareOptions)
def compare(options: CompareOptions) -> Comparison:
    """Tells by a paired test whether two runs really differ.

    The test images that both runs measured, known by their names, are compared one by one. They
    count as standing alone: a run does not keep which of them belong together.

    Returns:
        A `Comparison`.

    Raises:
        ModelError: If one of them is not a run, or its predictions cannot be read.
        OptionError: If the two cannot be compared: other classes, no common test images, or
            other truths of the same images.
    """
    runs = Run.open(options.first), Run.open(options.second)
    names = f"{options.first}", f"{options.second}"
    a, b = _read(runs[0].predictions), _read(runs[1].predictions)
    _same_classes(a, b, names)
    places = {name: index for index, name in enumerate(b.names)}
    common = [(index, places[name]) for index, name in enumerate(a.names) if name in places]
    if len(common) < 2:
        raise OptionError(
            f"{names[0]} and {names[1]} share {'one' if common else 'no'} test image, of "
            f"{len(a.names):,} and {len(b.names):,}; train both on the same data with the same "
            f"test split, or the same --seed"
        )
    in_a, in_b = np.array(common).T
    # Both in the order of A's classes.
    order = np.array([b.classes.index(name) for name in a.classes])
    place = np.argsort(order)
    targets, others = a.targets[in_a], place[b.targets[in_b]]
    odd = np.flatnonzero(targets != others)
    if len(odd):
        raise OptionError(
            f"{names[0]} and {names[1]} disagree about the class of {len(odd):,} of "
            f"{len(common):,} common test images, such as {a.names[in_a[odd[0]]]} "
            f"({a.classes[targets[odd[0]]]} or {a.classes[others[odd[0]]]}); "
            f"train both on the same labels"
        )
    found = compare_answers(
        targets,
        (a.labels[in_a], place[b.labels[in_b]]),
        (a.probabilities[in_a], b.probabilities[in_b][:, order]),
        names=names,
        notes=_notes(runs, len(common), (len(a.names), len(b.names))),
        seed=options.seed,
    )
    if not all(run.numbers.is_file() for run in runs):
        return found
    off = [read_errors(run.numbers) for run in runs]
    shared = [a.names[index] for index in in_a]
    errors = [np.array([each[name] for name in shared]) for each in off]
    return compare_numbers(found, (errors[0], errors[1]), seed=options.seed)


@dataclass(frozen=True)
class _Answers:
    """The content of `predictions.csv`: N items, C classes."""

    names: tuple[str, ...]
    classes: tuple[str, ...]
    targets: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray


def _read(path: Path) -> _Answers:
    """Reads the table that `results.write_run.write_predictions` writes."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.reader(stream))
    except (OSError, ValueError, csv.Error) as error:
        raise ModelError(f"{path} cannot be read ({error}); run 'headstart train' again") from None
    # By place, not by name: a class may be called "truth".
    head = rows[0] if rows else []
    classes = {name: index for index, name in enumerate(head[len(_HEAD) :])}
    if head[: len(_HEAD)] != _HEAD or not classes:
        raise ModelError(
            f"{path} is not a table of predictions: its first line should begin "
            f"{','.join(_HEAD)}; run 'headstart train' again"
        )
    names: dict[str, None] = {}
    targets, labels, chances = [], [], []
    for number, row in enumerate(rows[1:], start=1):
        try:
            name, truth, label, _, *shares = row
            values = [float(each) for each in shares]
            targets.append(classes[truth])
            labels.append(classes[label])
            if len(values) != len(classes) or name in names or not np.isfinite(values).all():
                raise ValueError
        except (KeyError, ValueError):
            raise ModelError(
                f"{path} is damaged: row {number} is not one image with its classes and "
                f"{len(classes)} probabilities; run 'headstart train' again"
            ) from None
        names[name] = None
        chances.append(values)
    return _Answers(
        tuple(names),
        tuple(classes),
        np.array(targets, int),
        np.array(labels, int),
        np.clip(np.array(chances, float).reshape(-1, len(classes)), _LEAST, 1.0),
    )


def _same_classes(a: _Answers, b: _Answers, names: tuple[str, str]) -> None:
    extra = [sorted(set(x.classes) - set(y.classes)) for x, y in ((a, b), (b, a))]
    if any(extra):
        parts = [
            f"only {name} has {', '.join(each[:5])}{', …' if len(each) > 5 else ''}"
            for name, each in zip(names, extra, strict=True)
            if each
        ]
        raise OptionError(
            f"{names[0]} and {names[1]} do not know the same classes ({'; '.join(parts)}); "
            f"compare runs that were trained on the same classes"
        )


def _notes(runs: tuple[Run, Run], common: int, tested: tuple[int, int]) -> tuple[str, ...]:
    """Says what a reader of the verdict must know besides."""
    notes = []
    if max(tested) > common:
        notes.append(
            f"Compared on the {common:,} test images that both measured; {tested[0] - common:,} "
            f"of A's and {tested[1] - common:,} of B's are left out."
        )
    prints = [read_json(run.dataset).get("fingerprint") for run in runs]
    if prints[0] != prints[1]:
        notes.append(
            "The data sets of A and B do not hold the same images (their fingerprints differ); "
            "test images were matched by name."
        )
    if any("cluster" in run.accuracy.method for run in runs):
        notes.append(
            "Some test images belong together (a group, or near-duplicates), and they were "
            "compared as if each stood alone: the interval and p are surer than they should be."
        )
    return tuple(notes)
