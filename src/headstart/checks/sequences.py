"""Sequences: slices of a stack and frames of a film, whose neighbours in number look alike."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from headstart.checks.wording import first
from headstart.data.dataset import Dataset
from headstart.data.words import plural
from headstart.images.stats import ImageStats
from headstart.metrics.interval import wilson
from headstart.metrics.vectors import unit_rows
from headstart.records import Finding

__all__ = ["check_sequences", "sequence_blocks"]

_FEWEST = 10  # images of a sequence
# Of slices of tissue every neighbour looks more alike than any image far away; of photographs that
# are numbered by chance 0.3 to 0.8 of them do.
_ALIKE = 0.9
# A camera that pans forth and back sees what is far away in number again. Then the next image is
# nearly always more alike than the third next, of which chance makes a half.
_STEP, _LOCALLY = 3, 0.75
_BLOCKS = 6  # of a sequence that is the whole set: enough for a test of a sixth, or six folds
_ROWS, _PART = 512, 4096


@dataclass(frozen=True)
class _Sequence:
    """Images that are slices of a stack or frames of a film.

    Attributes:
        name: Their folder, and what their names share.
        items: (n,) int, in order of number.
        cuts: Places at which another scene begins.
    """

    name: str
    items: np.ndarray
    cuts: np.ndarray


def sequence_blocks(dataset: Dataset, stats: ImageStats) -> np.ndarray:
    """Returns which images belong together as parts of a sequence.

    Images whose names differ by their number only are a sequence where neighbours in number look
    more alike than others. They lie in one folder, or are numbered through over several: a film
    that was sorted into classes, or dealt to ``train`` and ``test``. A sequence is cut where
    neighbours do not look alike, and into whole blocks of at most a sixth, so that some can be held
    out.

    Args:
        dataset: N items.
        stats: Their N rows.

    Returns:
        (N,) str: names of blocks, ``""`` for what is no part of a sequence.
    """
    return _blocks(len(dataset), _sequences(dataset, stats))


def check_sequences(dataset: Dataset, stats: ImageStats) -> Iterator[Finding]:
    """Says that images are slices or frames, and how a split keeps neighbours together."""
    sequences = _sequences(dataset, stats)
    if not sequences:
        return
    blocks = _blocks(len(dataset), sequences)
    found = blocks != ""
    names, counts = np.unique(blocks[found], return_counts=True)
    held = dataset.splits == dataset.test_name
    given = held.any() and not held.all()
    across = _neighbours_across(dataset, sequences, held) if given else []
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


def _sequences(dataset: Dataset, stats: ImageStats) -> list[_Sequence]:
    """Returns all sequences; each image is in one at most."""
    found: list[_Sequence] = []
    taken = np.zeros(len(dataset), bool)
    for name, items, folders in _series(dataset, stats):
        fresh = ~taken[items]
        items, folders = items[fresh], folders[fresh]
        cuts = _cuts(_looks(stats, items), folders) if len(items) >= _FEWEST else None
        if cuts is not None:
            found.append(_Sequence(name, items, cuts))
            taken[items] = True
    return found


def _series(dataset: Dataset, stats: ImageStats) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yields what may be one: its name, items in order of number, and the folder of each (int).

    First what is numbered through over several folders: all of them, those of one name in several
    (``train/a`` and ``test/a``), and those in one; then the images of each folder.
    """
    folders, numbers, stems = [], np.zeros(len(dataset), np.int64), []
    for item, name in enumerate(dataset.names):
        folder, _, last = name.rpartition("/")
        match = re.fullmatch(r"(.*?)(\d{1,12})(\D*)", last.rpartition(".")[0])
        folders.append(folder)
        stems.append(f"{match[1]}*{match[3]}" if match and stats.readable[item] else "")
        numbers[item] = int(match[2]) if match else 0
    codes = np.unique(np.array(folders, object).astype(str), return_inverse=True)[1].reshape(-1)
    for part in (lambda _: "", _below, _above, str):
        sets: dict[str, list[int]] = defaultdict(list)
        for item, (folder, stem) in enumerate(zip(folders, stems, strict=True)):
            if stem:
                sets[f"{part(folder)}/{stem}"].append(item)
        for name, each in sets.items():
            items = np.array(each)
            items = items[np.argsort(numbers[items], kind="stable")]
            if part is str or _numbered_through(numbers[items], codes[items]):
                yield name, items, codes[items]


def _below(folder: str) -> str:
    return folder.partition("/")[2]


def _above(folder: str) -> str:
    return folder.rpartition("/")[0]


def _numbered_through(numbers: np.ndarray, folders: np.ndarray) -> bool:
    """Whether images of several folders share one count, and not folder by folder."""
    count = len(np.unique(folders))
    changes = int((folders[1:] != folders[:-1]).sum())
    return count > 1 and changes >= 2 * count and bool((np.diff(numbers) > 0).all())


def _looks(stats: ImageStats, items: np.ndarray) -> np.ndarray:
    """Returns (n, 256) float32 grey thumbnails of mean 0 and length 1."""
    found = np.empty((len(items), 256), np.float32)
    for at in range(0, len(items), _PART):
        part = stats.thumbnails[items[at : at + _PART]].astype(np.float32).mean(axis=3)
        found[at : at + _PART] = part.reshape(len(part), -1)
    return unit_rows(found - found.mean(axis=1, keepdims=True), least=1e-6)


def _cuts(looks: np.ndarray, folders: np.ndarray) -> np.ndarray | None:
    """Returns where scenes begin in images in order of number; None where they are no sequence."""
    near = np.einsum("ij,ij->i", looks[:-1], looks[1:])
    far = np.sort(_far(looks, folders))
    if len(far) < _FEWEST:
        return None
    if np.searchsorted(far, near, side="left").mean() >= _ALIKE * len(far):
        return np.flatnonzero(near < np.quantile(far, 0.75)) + 1
    later = np.einsum("ij,ij->i", looks[:-_STEP], looks[_STEP:])
    nearer = near[: len(later)] > later
    # Of each step the next ones share a part: a third of them are evidence of their own.
    if wilson(float(nearer.sum()) / _STEP, len(nearer) / _STEP).low < _LOCALLY:
        return None
    return np.flatnonzero(near < np.median(far)) + 1


def _far(looks: np.ndarray, folders: np.ndarray) -> np.ndarray:
    """Returns how alike images of one folder are that lie a quarter of all apart, or more.

    Of one folder, because images of one class look alike whatever their numbers.
    """
    some = np.linspace(0, len(looks) - 1, min(len(looks), _ROWS)).astype(int)
    one, other = np.triu_indices(len(some), max(3, len(some) // 4))
    same = folders[some[one]] == folders[some[other]]
    return np.asarray((looks[some] @ looks[some].T)[one[same], other[same]])


def _blocks(count: int, sequences: list[_Sequence]) -> np.ndarray:
    """Returns (N,) str names of blocks, each at most a sixth of its sequence."""
    blocks = np.full(count, "", "U200")
    for each in sequences:
        most = max(2, -(-len(each.items) // _BLOCKS))
        for number, scene in enumerate(np.split(each.items, each.cuts)):
            parts = -(-len(scene) // most)
            for at, block in enumerate(np.array_split(scene, parts)):
                blocks[block] = f"{each.name} {number}.{at}"
    return blocks


def _neighbours_across(dataset: Dataset, sequences: list[_Sequence], held: np.ndarray) -> list[str]:
    """Returns test images and the training image before or after them, unless these are few.

    Of a block held out as it should be, only the first and the last have one.
    """
    across = []
    for each in sequences:
        given = each.items[dataset.splits[each.items] != ""]
        for place in np.flatnonzero(held[given]):
            beside = [b for b in (place - 1, place + 1) if 0 <= b < len(given)]
            trains = [given[b] for b in beside if not held[given[b]]]
            if trains:
                across.append(f"{dataset.names[given[place]]} = {dataset.names[trains[0]]}")
    return across if len(across) > max(2, 0.2 * held.sum()) else []
