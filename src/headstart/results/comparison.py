"""Whether two runs really differ: the test images that both measured, compared in pairs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from headstart.errors import DataError, OptionError
from headstart.metrics.statistic import Statistic
from headstart.output import read_json
from headstart.predictions import Predictions
from headstart.results.items import Items, read_items
from headstart.results.outputs import read_predictions
from headstart.run import Run
from headstart.scoring.compare import Comparison, compare_statistics
from headstart.scoring.score import measured
from headstart.tasks import task_of

__all__ = ["compare_runs"]


def compare_runs(first: Run, second: Run, names: tuple[str, str], *, seed: int) -> Comparison:
    """Compares the answers of two runs to the test images that they share.

    Args:
        first: Called A.
        second: Called B.
        names: What they are called in messages.
        seed: Of the intervals.

    Raises:
        ModelError: If one of them is damaged.
        OptionError: If they are of other tasks or labels, or share no two test images.
    """
    task = first.results["task"]
    if second.results["task"] != task:
        raise OptionError(
            f"{names[0]} is a run of {task} and {names[1]} of {second.results['task']}: what they "
            f"measure cannot be compared"
        )
    a, b = read_items(first), read_items(second)
    mine, answers_a = read_predictions(first, a)
    theirs, answers_b = read_predictions(second, b)
    common = _common(a, mine, b, theirs)
    if len(common) < 2:
        raise OptionError(
            f"{names[0]} and {names[1]} share {'one' if len(common) else 'no'} test image, of "
            f"{len(mine):,} and {len(theirs):,}; train both on the same data with the same "
            f"test split, or the same --seed"
        )
    in_a, in_b = common.T
    _same_labels(a, mine[in_a], b, theirs[in_b], names)
    measures = [
        _statistics(task, items, rows, answers.take(places), name)
        for items, rows, answers, places, name in (
            (a, mine[in_a], answers_a, in_a, names[0]),
            (a, mine[in_a], answers_b, in_b, names[1]),
        )
    ]
    found = compare_statistics(
        measures[0], measures[1], task_of(task).PRIMARY, names=names,
        clusters=a.clusters[mine[in_a]], seed=seed,
        notes=_notes((first, second), len(common), (len(mine), len(theirs))),
    )  # fmt: skip
    return replace(found, task=task)


def _common(a: Items, mine: np.ndarray, b: Items, theirs: np.ndarray) -> np.ndarray:
    """Returns (M, 2) places among the tested items of A and of B that are the same file.

    A file that is there twice is known by its name as well.
    """

    def keys(items: Items, tested: np.ndarray) -> list[str]:
        prints = [items.fingerprints[i] for i in tested]
        twice = {each for each, count in Counter(prints).items() if count > 1}
        return [
            f"{each} {items.dataset.names[i]}" if each in twice else each
            for each, i in zip(prints, tested.tolist(), strict=True)
        ]

    place = {key: index for index, key in enumerate(keys(b, theirs))}
    pairs = [(i, place[key]) for i, key in enumerate(keys(a, mine)) if key in place]
    return np.array(pairs, int).reshape(-1, 2)


def _same_labels(
    a: Items, mine: np.ndarray, b: Items, theirs: np.ndarray, names: tuple[str, str]
) -> None:
    """Refuses runs that were trained on other labels of the same images."""
    odd = [
        (i, j)
        for i, j in zip(mine.tolist(), theirs.tolist(), strict=True)
        if a.dataset.labels.text(i) != b.dataset.labels.text(j)
    ]
    if odd:
        i, j = odd[0]
        raise OptionError(
            f"{names[0]} and {names[1]} disagree about the label of {len(odd):,} of "
            f"{len(mine):,} common test images, such as {a.dataset.names[i]} "
            f"({a.dataset.labels.text(i)} or {b.dataset.labels.text(j)}); train both on the same "
            f"labels"
        )


def _statistics(
    task: str, items: Items, rows: np.ndarray, predictions: Predictions, name: str
) -> dict[str, Statistic]:
    """Returns the measures of one run on the common items."""
    try:
        return measured(task, predictions, items.dataset.labels.take(rows)).statistics
    except DataError as error:
        raise OptionError(
            f"{name} does not know the labels of the other run ({error}); compare runs that were "
            f"trained on the same classes"
        ) from None


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
            "test images were matched by their content."
        )
    return tuple(notes)
