"""Sequences: slices of a stack and frames of a film, whose neighbours in number look alike."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from headstart.checks.wording import first
from headstart.data.dataset import Dataset
from headstart.data.words import plural
from headstart.images.stats import ImageStats
from headstart.metrics.vectors import unit_rows
from headstart.records import Finding

__all__ = ["check_sequences", "sequence_blocks"]

_FEWEST = 10  # images of a sequence
# Of slices of tissue every neighbour looks more alike than any image far away; of photographs that
# are numbered by chance 0.45 to 0.7 of them do.
_ALIKE = 0.9
_BLOCKS = 6  # of a sequence that is the whole set: enough for a test of a sixth, or six folds
_ROWS = 512


def sequence_blocks(dataset: Dataset, stats: ImageStats) -> np.ndarray:
    """Returns which images belong together as parts of a sequence.

    Images of one folder whose names differ by their number only are a sequence where neighbours in
    number look more alike than others. It is cut where neighbours do not, and into whole blocks of
    at most a sixth, so that some can be held out.

    Args:
        dataset: N items.
        stats: Their N rows.

    Returns:
        (N,) str: names of blocks, ``""`` for what is no part of a sequence.
    """
    blocks = np.full(len(dataset), "", "U200")
    looks = _looks(stats)
    for name, items in _series(dataset, stats).items():
        if len(items) < _FEWEST:
            continue
        near = np.einsum("ij,ij->i", looks[items[:-1]], looks[items[1:]])
        far = _far(looks[items])
        far.sort()
        if np.searchsorted(far, near, side="left").mean() < _ALIKE * len(far):
            continue
        cuts = np.flatnonzero(near < np.quantile(far, 0.75)) + 1
        most = max(2, -(-len(items) // _BLOCKS))
        for number, scene in enumerate(np.split(items, cuts)):
            parts = -(-len(scene) // most)
            for at, block in enumerate(np.array_split(scene, parts)):
                blocks[block] = f"{name} {number}.{at}"
    return blocks


def check_sequences(dataset: Dataset, stats: ImageStats) -> Iterator[Finding]:
    """Says that images are slices or frames, and how a split keeps neighbours together."""
    blocks = sequence_blocks(dataset, stats)
    found = blocks != ""
    if not found.any():
        return
    names, counts = np.unique(blocks[found], return_counts=True)
    held = dataset.splits == dataset.test_name
    given = held.any() and not held.all()
    across = _neighbours_across(dataset, stats, blocks, held) if given else []
    if across:
        yield Finding(
            "sequence_across_splits",
            "serious",
            f"{plural(len(across), 'test image has a neighbour', 'test images have neighbours')} "
            f"in number among the training images, as slices of a stack or frames of a film that "
            f"look alike, so the split leaks.",
            first(across),
            f"Hold out whole blocks of neighbours: the first or last part of each sequence as "
            f"{dataset.test_name}, or a column of groups (--group).",
            len(across),
        )
    elif not given:
        if dataset.groups is not None:
            return
        yield Finding(
            "sequence",
            "warning",
            f"{plural(int(found.sum()), 'image')} are sequences, as slices of a stack or frames of "
            f"a film are: neighbours in number look more alike than others.",
            first(
                f"{dataset.names[np.flatnonzero(blocks == name)[0]]}: {count} in a row"
                for name, count in zip(names.tolist(), counts.tolist(), strict=True)
            ),
            f"No split is given, so whole blocks of neighbours are held out ({len(names)} blocks). "
            f"Where it is known what belongs together say so with --group COLUMN.",
            int(found.sum()),
        )


def _series(dataset: Dataset, stats: ImageStats) -> dict[str, np.ndarray]:
    """Returns folder and name without number -> its readable items, in order of number."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    readable = stats.readable
    for item, name in enumerate(dataset.names):
        folder, _, last = name.rpartition("/")
        match = re.fullmatch(r"(.*?)(\d{1,12})(\D*)", last.rpartition(".")[0])
        if match and readable[item]:
            found[f"{folder}/{match[1]}*{match[3]}"].append((int(match[2]), item))
    return {name: np.array([item for _, item in sorted(each)]) for name, each in found.items()}


def _looks(stats: ImageStats) -> np.ndarray:
    """Returns (N, 256) float32 grey thumbnails of mean 0 and length 1."""
    grey = stats.thumbnails.astype(np.float32).mean(axis=3).reshape(len(stats.widths), -1)
    return unit_rows(grey - grey.mean(axis=1, keepdims=True), least=1e-6)


def _far(looks: np.ndarray) -> np.ndarray:
    """Returns how alike images of a sequence are that lie a quarter of it apart, or more."""
    some = np.linspace(0, len(looks) - 1, min(len(looks), _ROWS)).astype(int)
    one, other = np.triu_indices(len(some), max(3, len(some) // 4))
    return np.asarray((looks[some] @ looks[some].T)[one, other])


def _neighbours_across(
    dataset: Dataset, stats: ImageStats, blocks: np.ndarray, held: np.ndarray
) -> list[str]:
    """Returns test images and the training image before or after them, unless these are few.

    Of a block held out as it should be, only the first and the last have one.
    """
    across = []
    for items in _series(dataset, stats).values():
        if len(items) < _FEWEST or not (blocks[items] != "").any():
            continue
        given = items[dataset.splits[items] != ""]
        for place in np.flatnonzero(held[given]):
            beside = [b for b in (place - 1, place + 1) if 0 <= b < len(given)]
            trains = [given[b] for b in beside if not held[given[b]]]
            if trains:
                across.append(f"{dataset.names[given[place]]} = {dataset.names[trains[0]]}")
    return across if len(across) > max(2, 0.2 * held.sum()) else []
