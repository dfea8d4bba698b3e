"""What gives labels away from outside: size, file format, colour mode; over all and per class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from headstart.checks.skill import class_skills, skill
from headstart.data.dataset import Dataset
from headstart.data.labels import present_of
from headstart.data.words import plural
from headstart.images.stats import ImageStats
from headstart.records import Finding

__all__ = ["check_shape", "check_shortcuts", "measurable"]

_ENOUGH = 4_000  # images to measure shortcuts on
_FEWEST = 40
_OF_A_CLASS = 5  # a class needs several images before its looks can be held against it
_SHOW_SHAPE = {"squash": "squashed", "pad": "padded"}
_REMEDY = (
    "A model may learn this instead of the content. Gather the classes the same way, or "
    "bring all images to one size and format before training, and test on new ones."
)


def check_shortcuts(
    dataset: Dataset, stats: ImageStats, clusters: np.ndarray, items: np.ndarray
) -> Iterator[Finding]:
    """Says which outer properties alone tell the classes, or one class from all others.

    Args:
        dataset: N items.
        stats: Their N rows.
        clusters: (N,) int of duplicates and groups, whose members prove a shortcut only once.
        items: (M,) int, those that can be read.
    """
    known = measurable(dataset, items)
    targets = dataset.labels.strata[known]
    if not len(known):
        return
    width, height = (c[known].astype(np.float64) for c in (stats.widths, stats.heights))
    kinds = np.stack([stats.formats[known], stats.modes[known]], axis=1)
    codes = [np.unique(column, return_inverse=True)[1] for column in kinds.T]
    sizes = np.unique(np.stack([width, height]), axis=1, return_inverse=True)[1].reshape(-1)
    size = np.stack([width, height, width / height], axis=1)
    for what, columns, each in (
        ("size", size, (size, sizes)),
        ("file format", codes[0][:, None], (codes[0],)),
        ("colour mode", codes[1][:, None], (codes[1],)),
    ):
        if (columns == columns[0]).all():
            continue
        value, low = skill(columns, targets, clusters[known])
        chance = 1 / len(np.unique(targets))
        if low >= 0.1:
            yield Finding(
                "shortcut_" + what.rpartition(" ")[2],
                "serious" if low >= 0.3 else "warning",
                f"The {what} of an image alone tells its class with a balanced accuracy of "
                f"{chance + value * (1 - chance):.0%}, where guessing has {chance:.0%} "
                f"(at least {chance + low * (1 - chance):.0%} with 95% confidence).",
                _by_class(dataset, stats, known, what),
                _REMEDY,
                len(known),
            )
        if low < 0.3:
            yield from _of_one_class(dataset, stats, (known, clusters[known]), what, each)


def check_shape(
    dataset: Dataset, stats: ImageStats, clusters: np.ndarray, geometries: set[str]
) -> Iterator[Finding]:
    """Says where the shape of an image tells its class, and a model is shown the shape.

    The largest square is the same for images of any shape; a squashed or padded image is not.

    Args:
        dataset: N items.
        stats: Their N rows.
        clusters: (N,) int of duplicates and groups, whose members prove a shortcut only once.
        geometries: How the model brings images to a square.
    """
    shown = [word for each, word in _SHOW_SHAPE.items() if each in geometries]
    known = measurable(dataset, np.flatnonzero(stats.readable))
    if not shown or not len(known):
        return
    shape = (stats.widths[known] / np.maximum(stats.heights[known], 1))[:, None]
    targets = dataset.labels.strata[known]
    if (shape == shape[0]).all():
        return
    value, low = skill(shape, targets, clusters[known])
    if low <= 0:
        return
    chance = 1 / len(np.unique(targets))
    told, least = (chance + each * (1 - chance) for each in (value, low))
    yield Finding(
        "shape_seen",
        "serious" if low >= 0.3 else "warning",
        f"The model sees images {' and '.join(shown)}, which shows it their shape, and width by "
        f"height alone tells the class with a balanced accuracy of {told:.0%}, where guessing has "
        f"{chance:.0%} (at least {least:.0%} with 95% confidence).",
        _by_class(dataset, stats, known, "size"),
        "A part of what it gained may be the shape and not the content. If images will come in "
        "other shapes, train with --views 1 too and compare both on such images.",
        len(known),
    )


def measurable(dataset: Dataset, items: np.ndarray) -> np.ndarray:
    """Returns the (M,) int items on which it can be measured what tells the classes.

    Those with a label whose class has at least five; a random 4,000 of more; none where fewer than
    40 or only one class is left, and of masks and boxes.

    Args:
        dataset: N items.
        items: (L,) int of them.
    """
    if present_of(dataset.labels) is not None:  # an image has no class of its own
        return items[:0]
    strata = dataset.labels.strata
    known = items[dataset.labelled[items]]
    enough = np.bincount(strata[known], minlength=1) >= _OF_A_CLASS
    known = known[np.isin(strata[known], np.flatnonzero(enough))]
    if len(known) > _ENOUGH:
        known = np.sort(np.random.default_rng(0).choice(known, _ENOUGH, replace=False))
    if len(np.unique(strata[known])) < 2 or len(known) < _FEWEST:
        return known[:0]
    return known


def _of_one_class(
    dataset: Dataset,
    stats: ImageStats,
    where: tuple[np.ndarray, np.ndarray],
    what: str,
    properties: tuple[np.ndarray, ...],
) -> Iterator[Finding]:
    """Says which classes a property tells from all the others, though not every class.

    Args:
        dataset: N items.
        stats: Their N rows.
        where: (M,) int items, and their clusters.
        what: The property, for people.
        properties: Each (M, F) float, or (M,) int categories.
    """
    known, clusters = where
    numbers, targets = np.unique(dataset.labels.strata[known], return_inverse=True)
    if len(numbers) < 3:
        return  # two classes are told from each other, or not
    tests = len(numbers) * 4  # two views of the size, one of format and mode
    found = [class_skills(each, targets, clusters, tests=tests) for each in properties]
    lows = np.stack([low for _, low in found])
    best = lows.argmax(axis=0)
    one = np.arange(len(numbers))
    value, low = np.stack([v for v, _ in found])[best, one], lows[best, one]
    told = one[low >= 0.3][np.argsort(-low[low >= 0.3], kind="stable")]
    if not len(told):
        return
    kinds = [dataset.labels.kinds[numbers[each]] for each in told]
    top = told[0]
    typical = dict(zip(numbers.tolist(), _typical(stats, dataset, known, what), strict=True))
    more = f" and {plural(len(told) - 1, 'other class', 'other classes')}" * (len(told) > 1)
    yield Finding(
        f"shortcut_{what.rpartition(' ')[2]}_of_class",
        "serious" if low[top] >= 0.6 else "warning",
        f"The {what} of an image alone tells {kinds[0]}{more} from all other classes"
        f"{', the best' * (len(told) > 1)} with a balanced accuracy of {(1 + value[top]) / 2:.0%}, "
        f"where guessing has 50% (at least {(1 + low[top]) / 2:.0%} with 95% confidence).",
        tuple(
            f"{kind}: {typical[int(numbers[each])]}; told with {(1 + value[each]) / 2:.0%} "
            f"(at least {(1 + low[each]) / 2:.0%})"
            for kind, each in zip(kinds[:12], told)
        ),
        f"{_REMEDY} Until then trust no figure of {'this class' if len(told) == 1 else 'these'}.",
        len(told),
    )


def _by_class(dataset: Dataset, stats: ImageStats, items: np.ndarray, what: str) -> tuple[str, ...]:
    numbers = np.unique(dataset.labels.strata[items])
    kinds = dataset.labels.kinds
    lines = _typical(stats, dataset, items, what)
    return tuple(f"{kinds[number]}: {line}" for number, line in zip(numbers[:12], lines))


def _typical(stats: ImageStats, dataset: Dataset, items: np.ndarray, what: str) -> list[str]:
    """Returns what is usual in each class, in the order of their numbers."""
    lines = []
    strata = dataset.labels.strata
    for number in np.unique(strata[items]):
        own = items[strata[items] == number]
        if what == "size":
            width, height = np.median(stats.widths[own]), np.median(stats.heights[own])
            lines.append(f"median {width:.0f} x {height:.0f}")
            continue
        column = stats.formats if what == "file format" else stats.modes
        most = Counter(column[own].tolist()).most_common(3)
        lines.append(", ".join(f"{value} {count / len(own):.0%}" for value, count in most))
    return lines
