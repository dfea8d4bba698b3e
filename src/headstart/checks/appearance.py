"""Checks of how images look from outside: sizes, formats, blanks, and what gives labels away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

import numpy as np

from headstart.checks.duplicates import BLANK
from headstart.data.dataset import Dataset
from headstart.data.split import folds
from headstart.images.stats import ImageStats
from headstart.metrics.vectors import unit_rows
from headstart.records import Finding

__all__ = ["check_appearance", "skill"]

_SHOWN = 24
_ENOUGH = 4_000  # images to measure shortcuts on
_EXTENSIONS = {
    "JPEG": {".jpg", ".jpeg", ".jpe", ".jfif"},
    "MPO": {".jpg", ".jpeg", ".mpo"},
    "PNG": {".png"},
    "GIF": {".gif"},
    "BMP": {".bmp", ".dib"},
    "WEBP": {".webp"},
    "TIFF": {".tif", ".tiff"},
    "PPM": {".ppm", ".pgm", ".pbm", ".pnm"},
    "JPEG2000": {".jp2", ".j2k"},
    "AVIF": {".avif"},
    "HEIF": {".heic", ".heif"},
}


def check_appearance(dataset: Dataset, stats: ImageStats, clusters: np.ndarray) -> list[Finding]:
    """Checks what can be told of images without looking at what they show.

    Args:
        dataset: N items.
        stats: Their N rows.
        clusters: (N,) int of duplicates and groups, whose members prove a shortcut only once.

    Returns:
        Findings, in no order.
    """
    items = np.flatnonzero(stats.readable)
    if not len(items):
        return []
    return [
        *_shortcuts(dataset, stats, clusters, items),
        *_all_alike(stats, items),
        *_blank(dataset, stats, items),
        *_format_outliers(dataset, stats, items),
        *_tiny(dataset, stats, items),
        *_extensions(dataset, stats, items),
        *_modes(dataset, stats, items),
        *_shapes(dataset, stats, items),
    ]


def _names(dataset: Dataset, items: Iterable[int]) -> tuple[str, ...]:
    return tuple(dataset.names[i] for i, _ in zip(items, range(_SHOWN)))


def _sized(dataset: Dataset, stats: ImageStats, item: int) -> str:
    return f"{dataset.names[item]} ({stats.widths[item]} x {stats.heights[item]})"


def _images(count: int) -> str:
    return f"{count:,} image{'s' * (count != 1)}"


def skill(columns: np.ndarray, targets: np.ndarray, clusters: np.ndarray) -> tuple[float, float]:
    """Measures how well a few outer properties alone tell the classes, by nearest neighbours.

    scikit-learn's trees and neighbours do the same; importing them costs longer than a whole
    warm training.

    Args:
        columns: (N, F) float properties, such as width and height; only their ranks count.
        targets: (N,) int classes, none unknown.
        clusters: (N,) int; the five folds are cluster-disjoint.

    Returns:
        Balanced accuracy, cross-validated, as a share of the way from chance (0) to certainty
        (1), and the lower end of its 95 % interval (normal approximation over clusters).
    """
    _, targets = np.unique(targets, return_inverse=True)
    counts = np.bincount(targets)
    places = [np.unique(column, return_inverse=True) for column in columns.T]
    ranks = np.stack([place / max(len(values) - 1, 1) for values, place in places], axis=1)
    part = folds(targets, clusters)
    # Of many neighbours just as near, a random few vote.
    order = np.random.default_rng(0).permutation(len(targets))
    k = int(np.clip(len(targets) // (4 * len(counts)), 3, 25))
    right = np.zeros(len(targets), bool)
    for fold in range(5):
        train, test = order[part[order] != fold], np.flatnonzero(part == fold)
        if not (len(train) and len(test)):
            continue
        far = np.abs(ranks[test, None] - ranks[None, train]).sum(axis=2)
        near = targets[train[np.argpartition(far, min(k, len(train)) - 1, axis=1)[:, :k]]]
        votes = np.zeros((len(test), len(counts)))
        np.add.at(votes, (np.arange(len(test))[:, None], near), 1 / counts[near])
        right[test] = votes.argmax(axis=1) == targets[test]
    recalls = np.bincount(targets, weights=right) / counts
    chance = 1 / len(counts)
    # Frames of one video succeed or fail together, so what varies is clusters, not images.
    _, numbers = np.unique(clusters, return_inverse=True)
    pulls = np.bincount(numbers, weights=(right - recalls[targets]) / counts[targets])
    error = float(np.sqrt((pulls**2).sum())) / len(counts)
    value = (float(recalls.mean()) - chance) / (1 - chance)
    return value, value - 1.96 * error / (1 - chance)


def _shortcuts(
    dataset: Dataset, stats: ImageStats, clusters: np.ndarray, items: np.ndarray
) -> Iterator[Finding]:
    known = items[dataset.labelled[items]]
    # A class needs several images before its looks can be held against it.
    strata = dataset.labels.strata
    enough = np.bincount(strata[dataset.labelled]) >= 5
    known = known[np.isin(strata[known], np.flatnonzero(enough))]
    if len(known) > _ENOUGH:
        known = np.sort(np.random.default_rng(0).choice(known, _ENOUGH, replace=False))
    targets = strata[known]
    if len(np.unique(targets)) < 2 or len(known) < 40:
        return
    width, height = (c[known].astype(np.float64) for c in (stats.widths, stats.heights))
    kinds = np.stack([stats.formats[known], stats.modes[known]], axis=1)
    codes = [np.unique(column, return_inverse=True)[1] for column in kinds.T]
    for what, columns in (
        ("size", np.stack([width, height, width / height], axis=1)),
        ("file format", codes[0][:, None]),
        ("colour mode", codes[1][:, None]),
    ):
        if (columns == columns[0]).all():
            continue
        value, low = skill(columns, targets, clusters[known])
        if low < 0.1:
            continue
        chance = 1 / len(np.unique(targets))
        yield Finding(
            "shortcut_" + what.rpartition(" ")[2],
            "serious" if low >= 0.3 else "warning",
            f"The {what} of an image alone tells its class with a balanced accuracy of "
            f"{chance + value * (1 - chance):.0%}, where guessing has {chance:.0%} "
            f"(at least {chance + low * (1 - chance):.0%} with 95 % confidence).",
            _by_class(dataset, stats, known, what),
            "A model may learn this instead of the content. Gather the classes the same way, or "
            "bring all images to one size and format before training, and test on new ones.",
            len(known),
        )


def _by_class(dataset: Dataset, stats: ImageStats, items: np.ndarray, what: str) -> tuple[str, ...]:
    lines = []
    strata, kinds = dataset.labels.strata, dataset.labels.kinds
    for number in np.unique(strata[items])[:12]:
        own = items[strata[items] == number]
        if what == "size":
            typical = (
                f"median {np.median(stats.widths[own]):.0f} x {np.median(stats.heights[own]):.0f}"
            )
        else:
            column = stats.formats if what == "file format" else stats.modes
            most = Counter(column[own].tolist()).most_common(3)
            typical = ", ".join(f"{value} {count / len(own):.0%}" for value, count in most)
        lines.append(f"{kinds[number]}: {typical}")
    return tuple(lines)


def _all_alike(stats: ImageStats, items: np.ndarray) -> Iterator[Finding]:
    """One scene, again and again: the near-duplicate search is blind to what differs in it."""
    if len(items) < 20:
        return
    some = np.random.default_rng(0).permutation(items)[:200]
    grey = stats.thumbnails[some].mean(axis=3, dtype=np.float32).reshape(len(some), -1)
    grey = unit_rows(grey - grey.mean(axis=1, keepdims=True), least=1e-6)
    likeness = float(np.median((grey @ grey.T)[np.triu_indices(len(some), 1)]))
    if likeness >= 0.9:
        yield Finding(
            "all_alike",
            "warning",
            "The images all look alike from afar (two of them correlate by "
            f"{likeness:.2f} on average), as from a fixed camera.",
            (),
            "New images cannot be told from copies here, so duplicates may go unnoticed or be "
            "seen where there are none: name a --group (day, part, session) to split by.",
            len(items),
        )


def _blank(dataset: Dataset, stats: ImageStats, items: np.ndarray) -> Iterator[Finding]:
    blank = items[stats.contrast[items] < BLANK]
    if len(blank):
        yield Finding(
            "blank_images",
            "warning",
            f"{_images(len(blank))} with one even shade and nothing else.",
            _names(dataset, blank),
            "Look at them; delete them unless nothing is what the class means.",
            len(blank),
        )


def _format_outliers(dataset: Dataset, stats: ImageStats, items: np.ndarray) -> Iterator[Finding]:
    """Palette and one-bit images among photos: what web pages put where an image is missing."""
    drawn = np.isin(stats.modes[items], ("P", "PA", "1")) | (stats.formats[items] == "GIF")
    odd = items[drawn]
    if 0 < len(odd) <= len(items) / 50:
        yield Finding(
            "format_outliers",
            "warning",
            f"{_images(len(odd))} with a colour palette among {len(items) - len(odd):,} without: "
            "perhaps placeholders, icons or drawings.",
            tuple(
                f"{dataset.names[i]} ({stats.formats[i]}, {stats.widths[i]} x {stats.heights[i]})"
                for i in odd[:_SHOWN]
            ),
            "Look at them, and delete those that are no images of their class.",
            len(odd),
        )


def _tiny(dataset: Dataset, stats: ImageStats, items: np.ndarray) -> Iterator[Finding]:
    short = np.minimum(stats.widths, stats.heights)[items]
    middle = float(np.median(short))
    tiny = items[(short < 48) & (short < middle / 4)]
    if len(tiny):
        yield Finding(
            "tiny_images",
            "warning",
            f"{_images(len(tiny))} far smaller than the rest (half of all have a shorter side "
            f"of {middle:.0f} pixels or more): perhaps icons or thumbnails.",
            tuple(
                f"{dataset.names[i]} ({stats.widths[i]} x {stats.heights[i]})"
                for i in tiny[:_SHOWN]
            ),
            "Look at them; replace them by the full images.",
            len(tiny),
        )
    if middle < 100:
        yield Finding(
            "small_images",
            "note",
            f"The images are small: half of them have a shorter side of {middle:.0f} pixels or "
            "less, where pretrained networks usually look at 224.",
            (),
            "They are enlarged, which costs time and little accuracy; larger originals would help.",
            len(items),
        )


def _extensions(dataset: Dataset, stats: ImageStats, items: np.ndarray) -> Iterator[Finding]:
    endings = [PurePosixPath(dataset.names[i]).suffix.lower() for i in items]
    wrong = [
        int(i)
        for i, ending in zip(items, endings)
        if ending not in _EXTENSIONS.get(str(stats.formats[i]), {ending})
    ]
    if wrong:
        yield Finding(
            "wrong_extensions",
            "note",
            f"{_images(len(wrong))} of another format than the ending of the name says.",
            tuple(f"{dataset.names[i]} is {stats.formats[i]}" for i in wrong[:_SHOWN]),
            "They are read all the same; other tools may refuse them.",
            len(wrong),
        )


def _modes(dataset: Dataset, stats: ImageStats, items: np.ndarray) -> Iterator[Finding]:
    modes = stats.modes[items]
    clear = items[np.isin(modes, ("RGBA", "LA", "PA", "La", "RGBa"))]
    if len(clear):
        yield Finding(
            "transparency",
            "note",
            f"{_images(len(clear))} with transparency, which is laid over white.",
            _names(dataset, clear),
            "Where the background should be another, lay them over it yourself.",
            len(clear),
        )
    grey = np.isin(modes, ("L", "LA", "1", "I;16", "I;16B", "I", "F"))
    fewer = items[grey] if grey.mean() <= 0.5 else items[~grey]
    if len(fewer):
        what = "grey among colour images" if grey.mean() <= 0.5 else "in colour among grey images"
        yield Finding(
            "mixed_modes",
            "note",
            f"{_images(len(fewer))} stored {what}.",
            _names(dataset, fewer),
            "All are read as colour. If only some cameras give grey, see that no class depends "
            "on it.",
            len(fewer),
        )


def _shapes(dataset: Dataset, stats: ImageStats, items: np.ndarray) -> Iterator[Finding]:
    width, height = stats.widths[items].astype(float), stats.heights[items].astype(float)
    lost = 1 - np.minimum(width, height) / np.maximum(width, height)
    much = items[lost > 1 / 3]
    if len(much) > len(items) / 20:
        yield Finding(
            "long_images",
            "note",
            f"{len(much):,} of {_images(len(items))} have one side at least half as long again as "
            f"the other: a square cut from the middle loses {lost.mean():.0%} "
            "of the average image.",
            _names(dataset, items[np.argsort(-lost, kind="stable")][: len(much)]),
            "If what matters may lie at the edge, squash or pad images instead of cropping them.",
            len(much),
        )
