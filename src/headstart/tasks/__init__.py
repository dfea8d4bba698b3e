"""What is predicted: a folder of agreed functions for each kind of answer (`tasks.protocol`).

Nothing below imports this room, and whoever needs a task asks for it by its name.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from headstart.errors import OptionError

if TYPE_CHECKING:  # options ask for the names alone, and must not wait for numpy
    from pathlib import Path

    import numpy as np

    from headstart.data.dataset import Dataset
    from headstart.data.labels import Labels
    from headstart.images.stats import ImageStats
    from headstart.predictions import Predictions
    from headstart.records import Finding, OutputSpec
    from headstart.tasks.protocol import Learner, Outputs, Places, Task

__all__ = [
    "TASKS",
    "check_everything",
    "decode",
    "decode_parts",
    "has_objects",
    "keep_labels",
    "kept_labels",
    "learner_of",
    "placed",
    "settle",
    "task_of",
    "told_apart",
    "usual_threshold",
    "words_of",
]

TASKS = {
    "classification": "headstart.tasks.classification",
    "regression": "headstart.tasks.regression",
    "identity": "headstart.tasks.identity",
    "segmentation": "headstart.tasks.segmentation",
    "detection": "headstart.tasks.detection",
}
"""Name of a task -> its package."""


def task_of(name: str) -> Task:
    """Returns the torch-free functions of a task.

    Raises:
        OptionError: If there is no such task.
    """
    if name not in TASKS:
        raise OptionError(f"--task {name}: there is no such task; choose {', '.join(TASKS)}")
    return cast("Task", importlib.import_module(TASKS[name]))


def words_of(name: str) -> dict[str, str]:
    """Returns measure -> what people call it, in the order of the task; nothing without a task."""
    return {each.key: each.words for each in task_of(name).MEASURES} if name else {}


def learner_of(name: str) -> Learner:
    """Returns the functions of a task that need torch."""
    return cast("Learner", importlib.import_module(f"{TASKS[name]}.learn"))


def check_everything(dataset: Dataset, stats: ImageStats, pairs: np.ndarray) -> list[Finding]:
    """Returns what any data can have wrong and what only this kind of labels can.

    Args:
        dataset: N items.
        stats: Their N rows.
        pairs: (P, 2) near duplicates.
    """
    from headstart.checks.duplicates import clusters as find_clusters
    from headstart.checks.files import check_dataset, most_serious_first

    alike = find_clusters(stats, pairs=pairs)
    own = task_of(dataset.task).check(dataset, stats, alike) if dataset.labelled.any() else ()
    return most_serious_first([*check_dataset(dataset, stats, pairs), *own])


def keep_labels(task: str, labels: Labels, file: Path) -> None:
    """Writes labels of a run that are more than a text in its table; nothing where they are not.

    Args:
        task: Whose they are.
        labels: Of N items.
        file: To write.
    """
    write = getattr(task_of(task), "write_labels", None)
    if write is not None:
        write(labels, file)


def kept_labels(about: Mapping[str, Any], texts: list[str], file: Path) -> Labels:
    """Returns the labels of a run.

    Args:
        about: Its `dataset.json`.
        texts: N texts of its table, as `Labels.text` gives them.
        file: What `keep_labels` wrote.

    Raises:
        ModelError: If that file is missing or damaged.
        ValueError: If a text is not a label of the task.
    """
    from headstart.data.tables.numbers import parse_labels

    read = getattr(task_of(about["task"]), "read_labels", None)
    if read is not None:
        return cast("Labels", read(tuple(about["classes"]), len(texts), file))
    return parse_labels(texts, about["task"], about["quantity"])


def placed(name: str) -> bool:
    """Tells whether answers of a task are places on an image: decoding asks where it lay."""
    return bool(getattr(task_of(name), "PLACED", False))


def told_apart(name: str) -> str:
    """Tells what answers of a task tell images apart by, which a column might give away.

    Returns:
        ``"classes"``; ``"halves"``, those of a number; or ``""`` where it is neither.
    """
    return str(getattr(task_of(name), "TOLD_APART", ""))


def has_objects(name: str) -> bool:
    """Tells whether answers of a task are any number of objects, each with a score."""
    return bool(getattr(task_of(name), "OBJECTS", False))


def usual_threshold(spec: OutputSpec) -> float:
    """Returns below which probability an answer is "not sure", where nobody says otherwise.

    A half; of a pixel none, and of an object what was chosen in training.
    """
    return float(spec.settings.get("threshold", 0.0 if placed(spec.task) else 0.5))


def settle(outputs: Outputs, spec: OutputSpec) -> Outputs:
    """Returns what is worth keeping of a network's raw outputs, before they are decoded.

    A task whose network says something of every cell has its own `settle`; all others keep all.
    """
    own = getattr(task_of(spec.task), "settle", None)
    return outputs if own is None else cast("Outputs", own(outputs, spec))


def decode(outputs: Outputs, spec: OutputSpec, places: Places) -> Predictions:
    """Turns raw outputs into the answers of the task that they are of."""
    return task_of(spec.task).decode(outputs, spec, places)


def decode_parts(
    parts: Sequence[tuple[np.ndarray, Outputs, OutputSpec]], names: tuple[str, ...]
) -> tuple[np.ndarray, Predictions]:
    """Returns items and answers of several models, each of its own items, in order of item.

    Probabilities of classes say which model gave them: those of two are not on one scale.

    Args:
        parts: ((m,) int items, outputs of them, what decodes them) of each model.
        names: N names of all items.
    """
    import numpy as np

    from headstart.stacking import concatenate
    from headstart.tasks.protocol import Places

    items = np.concatenate([part for part, _, _ in parts])
    answers = [
        decode(outputs, spec, Places(tuple(names[i] for i in part), {}))
        for part, outputs, spec in parts
    ]
    order = np.argsort(items, kind="stable")
    joined = concatenate(answers)
    if len(parts) > 1 and hasattr(joined, "models"):
        sizes = [len(part) for part, _, _ in parts]
        joined = replace(cast("Any", joined), models=np.repeat(np.arange(len(parts)), sizes))
    return items[order], joined.take(order)
