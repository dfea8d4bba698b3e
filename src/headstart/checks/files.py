"""`check_dataset`: everything the data has to say before anything is trained on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from headstart.checks.appearance import check_appearance
from headstart.checks.contents import check_contents
from headstart.checks.duplicates import clusters, exact_duplicates
from headstart.checks.file_names import check_name_heads
from headstart.checks.name_stems import check_name_stems
from headstart.checks.several_labels import indicator_columns
from headstart.checks.turned import copy_pairs
from headstart.checks.wording import ALIKE, SHOWN, first, joined
from headstart.data.dataset import Dataset
from headstart.data.splits.groups import possible_folders
from headstart.data.splits.stems import stem_groups
from headstart.data.tables.numbers import possible_numbers
from headstart.data.tables.roles import called_like_people, hardly_people
from headstart.data.words import plural, spelling
from headstart.images.stats import ImageStats
from headstart.records import Finding, Severity

__all__ = ["are_small", "check_dataset", "most_serious_first"]

_SMALL = 64  # pixels; thumbnails of 16 x 16 hold little less than such an image
_ORDER: dict[Severity, int] = {"serious": 0, "warning": 1, "note": 2}


def check_dataset(
    dataset: Dataset, stats: ImageStats, pairs: np.ndarray | None = None
) -> list[Finding]:
    """Checks files, duplicates, conflicts, splits and the look of images, whatever the labels.

    Args:
        dataset: N items.
        stats: Their N rows.
        pairs: (P, 2) copies, if `turned.copy_pairs` was called before.

    Returns:
        Findings, the serious ones first. `serious` is kept for what would make results
        wrong: conflicting labels, leaks, shortcuts, classes that cannot be learned.
    """
    if pairs is None:
        pairs = copy_pairs(dataset, stats)
    alike = clusters(stats, stem_groups(dataset, sure=True), pairs=pairs)
    together = alike
    if dataset.groups is not None:
        together = clusters(stats, dataset.groups, pairs=pairs)
    found = [
        *_files(dataset, stats),
        *_groups(dataset),
        *_conflicts(dataset, stats, pairs),
        *_across_splits(dataset, alike),
        *_people_across_splits(dataset),
        *_copies(dataset, stats, pairs),
        *check_name_stems(dataset),
        *check_name_heads(dataset),
        *possible_folders(dataset),
        *possible_numbers(dataset),
        *check_contents(dataset, stats),
        *check_appearance(dataset, stats, together),
    ]
    return most_serious_first(found)


def most_serious_first(findings: Iterable[Finding]) -> list[Finding]:
    """Returns findings in the order of their severity, else as they were."""
    return sorted(findings, key=lambda finding: _ORDER[finding.severity])


def _files(dataset: Dataset, stats: ImageStats) -> Iterator[Finding]:
    if stats.errors:
        count = len(stats.errors)
        yield Finding(
            "unreadable_files",
            "serious" if count > len(dataset) / 5 else "warning",
            f"{count:,} of {plural(len(dataset), 'file')} cannot be read as an image.",
            first(f"{dataset.names[i]}: {why}" for i, why in sorted(stats.errors.items())),
            "They are left out by name; replace them or delete them.",
            count,
        )
    if dataset.set_aside:
        count = len(dataset.set_aside)
        yield Finding(
            "set_aside",
            "warning",
            f"{plural(count, 'entry', 'entries')} of the data set could not be used.",
            first(f"{name}: {why}" for name, why in dataset.set_aside),
            "See that nothing is missing that you count on.",
            count,
        )
    unknown = np.flatnonzero(~dataset.labelled)
    if len(unknown):
        columns = ", ".join(dataset.attributes)
        flags = indicator_columns(dataset)
        naming = f" The table has the columns {columns}: name one with --label." if columns else ""
        yield Finding(
            "unlabelled",
            "note",
            f"{len(unknown):,} of {plural(len(dataset), 'image')} have no label.",
            first(dataset.names[i] for i in unknown),
            f"They can be embedded, predicted and pretrained on, not learned from.{naming}",
            len(unknown),
        )
        if flags:
            yield Finding(
                "several_labels",
                "warning",
                f"{len(flags)} columns hold yes or no: several labels per image?",
                first(flags),
                f"One label at a time is learnt here: name it with --label {flags[0]}.",
                len(flags),
            )


def _groups(dataset: Dataset) -> Iterator[Finding]:
    """One person, patient or video under several spellings."""
    if dataset.groups is None:
        return
    spelled: dict[str, list[str]] = {}
    for name in sorted(set(dataset.groups.tolist()) - {""}):
        spelled.setdefault(spelling(name), []).append(name)
    twice = [names for names in spelled.values() if len(names) > 1]
    if twice:
        yield Finding(
            "similar_group_names",
            "warning",
            f"{plural(len(twice), 'group seems', 'groups seem')} to be spelled in several ways, "
            f"and may lie on both sides of a split.",
            first(" = ".join(names) for names in twice),
            "Write them alike if they mean the same.",
            len(twice),
        )


def _conflicts(dataset: Dataset, stats: ImageStats, pairs: np.ndarray) -> Iterator[Finding]:
    """The same image under two labels."""
    labels = dataset.labels

    def differ(group: np.ndarray) -> bool:
        return any(labels.conflict(int(group[0]), int(other)) for other in group[1:])

    exact = [group for group in exact_duplicates(stats) if differ(group)]
    if exact:
        yield Finding(
            "conflicting_labels",
            "serious",
            f"{plural(len(exact), 'image lies', 'images lie')} under two labels at once, byte for "
            "byte.",
            first(joined(dataset, group) for group in exact),
            "Decide which label is right and delete the other copies.",
            len(exact),
        )
    near = [pair for pair in pairs.tolist() if labels.conflict(pair[0], pair[1], near=True)]
    if near:
        yield Finding(
            "conflicting_labels_near",
            "serious",
            f"{plural(len(near), 'pair of images that look', 'pairs of images that look')} nearly "
            "the same, but have different labels.",
            first(joined(dataset, pair) for pair in near),
            "Look at them: where they show the same thing, one of the labels is wrong.",
            len(near),
        )


def _across_splits(dataset: Dataset, alike: np.ndarray) -> Iterator[Finding]:
    splits = dataset.splits
    held = dataset.test_name
    kinds = [("duplicates_across_splits", alike, "are copies of, or look the same as,")]
    if dataset.groups is not None:
        _, numbers = np.unique(dataset.groups, return_inverse=True)
        numbers = np.where(dataset.groups == "", -1 - np.arange(len(dataset)), numbers)
        kinds.append(("groups_across_splits", numbers, "share their group with"))
    test = splits == held
    for check, numbers, what in kinds:
        rest = ~test & (splits != "")
        both = np.intersect1d(numbers[test], numbers[rest])
        leaking = test & np.isin(numbers, both)
        if not leaking.any():
            continue
        yield Finding(
            check,
            "serious",
            f"{leaking.sum():,} of {test.sum():,} {held} images {what} training images, "
            "so the split leaks.",
            first(joined(dataset, np.flatnonzero(numbers == n)) for n in _by_item(numbers, both)),
            f"Move each whole group to one side; until then measure without these {held} images.",
            int(leaking.sum()),
        )


def _people_across_splits(dataset: Dataset) -> Iterator[Finding]:
    """Says that a given split divides people, where a column called so tells and nobody grouped."""
    held = dataset.test_name
    test, rest = dataset.splits == held, (dataset.splits != held) & (dataset.splits != "")
    for name, cells in dataset.attributes.items() if dataset.groups is None else ():
        both = np.setdiff1d(np.intersect1d(cells[test], cells[rest]), [""])
        leaking = test & np.isin(cells, both)
        # "patient" may also say yes or no, or how ill: no split could be drawn by so few values.
        if not called_like_people(name) or hardly_people(cells.tolist()) or not leaking.any():
            continue
        yield Finding(
            "people_across_splits",
            "serious",
            f"{leaking.sum():,} of {test.sum():,} {held} images have a {name} that training images "
            f"have too: if that says who belongs together, the split leaks.",
            first(
                f"{each}: {plural(int((cells[rest] == each).sum()), 'training image')}, "
                f"{(cells[test] == each).sum():,} of {held}"
                for each in both
            ),
            f"Say --group {name} --split none, and a split is drawn that keeps each whole; or move "
            f"each to one side.",
            int(leaking.sum()),
        )


def _by_item(numbers: np.ndarray, wanted: np.ndarray) -> list[int]:
    """Returns the first cluster numbers of those wanted, in order of their first item."""
    hits = numbers[np.isin(numbers, wanted)]
    return list(dict.fromkeys(hits.tolist()))[:SHOWN]


def _copies(dataset: Dataset, stats: ImageStats, pairs: np.ndarray) -> Iterator[Finding]:
    exact = exact_duplicates(stats)
    if exact:
        surplus = sum(len(group) - 1 for group in exact)
        yield Finding(
            "exact_duplicates",
            "warning",
            f"{plural(len(exact), 'image is', 'images are')} there more than once: "
            f"{plural(surplus, 'file')} too many.",
            first(joined(dataset, group) for group in exact),
            "Delete the copies; until then they are kept on one side of every split.",
            surplus,
        )
    many = [group for group in exact if len(group) >= max(5, len(dataset) // 100)]
    if many:
        yield Finding(
            "repeated_image",
            "warning",
            f"{plural(len(many), 'image is', 'images are')} repeated so often that a "
            f"placeholder is "
            "likely.",
            first(f"{dataset.names[g[0]]} ({len(g)} times)" for g in many),
            "Look at it; delete all copies if it stands for an image that was not there.",
            sum(len(group) for group in many),
        )
    if len(pairs):
        involved = len(np.unique(pairs))
        yield Finding(
            "near_duplicates",
            "warning" if involved > len(dataset) / 100 else "note",
            f"{plural(involved, 'image looks', 'images look')} nearly the same as another, as "
            f"copies do that were re-encoded, resized, brightened, mirrored, turned by quarters or "
            f"cropped a little"
            f"{_doubt(stats)}.",
            first(joined(dataset, pair) for pair in pairs),
            "Nothing must be done: they are kept on one side of every split that is drawn here.",
            involved,
        )


def _doubt(stats: ImageStats) -> str:
    """Says where looks prove little: on small images."""
    return f"; {ALIKE}" if are_small(stats) else ""


def are_small(stats: ImageStats) -> bool:
    """Whether half of the images are so small that looks prove little.

    Args:
        stats: Of all images.
    """
    shorter = np.minimum(stats.widths, stats.heights)[stats.readable]
    return bool(len(shorter) and float(np.median(shorter)) <= _SMALL)
