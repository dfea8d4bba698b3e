"""`check_dataset`: everything the data has to say before anything is trained on it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np

from headstart.checks.appearance import check_appearance
from headstart.checks.duplicates import clusters, exact_duplicates, near_duplicates
from headstart.data.dataset import Dataset
from headstart.data.groups import possible_folders
from headstart.data.numbers import possible_numbers
from headstart.images.stats import ImageStats
from headstart.records import Finding, Severity

__all__ = ["check_dataset"]

_SHOWN = 24
_ORDER: dict[Severity, int] = {"serious": 0, "warning": 1, "note": 2}
_FEW = 5


def check_dataset(
    dataset: Dataset, stats: ImageStats, pairs: np.ndarray | None = None
) -> list[Finding]:
    """Checks files, duplicates, classes, splits and the look of images.

    Args:
        dataset: N items.
        stats: Their N rows.
        pairs: (P, 2) near duplicates, if `duplicates.near_duplicates` was called before.

    Returns:
        Findings, the serious ones first. `serious` is kept for what would make results
        wrong: conflicting labels, leaks, shortcuts, classes that cannot be learned.
    """
    if pairs is None:
        pairs = near_duplicates(stats)
    alike = clusters(stats, pairs=pairs)
    together = alike if dataset.groups is None else clusters(stats, dataset.groups, pairs=pairs)
    found = [
        *_files(dataset, stats),
        *_conflicts(dataset, stats, pairs),
        *_across_splits(dataset, alike),
        *_copies(dataset, stats, pairs),
        *_classes(dataset, alike),
        *_possible_groups(dataset),
        *possible_folders(dataset),
        *possible_numbers(dataset),
        *check_appearance(dataset, stats, together),
    ]
    return sorted(found, key=lambda finding: _ORDER[finding.severity])


def _s(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _first(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(item for item, _ in zip(items, range(_SHOWN)))


def _joined(dataset: Dataset, group: Iterable[int]) -> str:
    names = [dataset.names[i] for i in group]
    more = f" = … ({len(names)} in all)" if len(names) > 6 else ""
    return " = ".join(names[:6]) + more


def _files(dataset: Dataset, stats: ImageStats) -> Iterator[Finding]:
    if stats.errors:
        count = len(stats.errors)
        yield Finding(
            "unreadable_files",
            "serious" if count > len(dataset) / 5 else "warning",
            f"{count:,} of {_s(len(dataset), 'file')} cannot be read as an image.",
            _first(f"{dataset.names[i]}: {why}" for i, why in sorted(stats.errors.items())),
            "They are left out by name; replace them or delete them.",
            count,
        )
    if dataset.set_aside:
        count = len(dataset.set_aside)
        yield Finding(
            "set_aside",
            "warning",
            f"{_s(count, 'entry', 'entries')} of the data set could not be used.",
            _first(f"{name}: {why}" for name, why in dataset.set_aside),
            "See that nothing is missing that you count on.",
            count,
        )
    unknown = np.flatnonzero(~dataset.labelled)
    if len(unknown):
        columns = ", ".join(dataset.attributes)
        naming = f" The table has the columns {columns}: name one with --label." if columns else ""
        yield Finding(
            "unlabelled",
            "note",
            f"{len(unknown):,} of {_s(len(dataset), 'image')} have no label.",
            _first(dataset.names[i] for i in unknown),
            f"They can be embedded, predicted and pretrained on, not learned from.{naming}",
            len(unknown),
        )


def _conflicts(dataset: Dataset, stats: ImageStats, pairs: np.ndarray) -> Iterator[Finding]:
    """The same image under two labels."""
    targets, numbers = dataset.targets, dataset.values
    labels = targets if numbers is None else numbers

    def differ(group: np.ndarray) -> bool:
        return len(set(labels[group][targets[group] >= 0].tolist())) > 1

    exact = [group for group in exact_duplicates(stats) if differ(group)]
    if exact:
        where = "in two classes" if numbers is None else "under two numbers"
        yield Finding(
            "conflicting_labels",
            "serious",
            f"{_s(len(exact), 'image lies', 'images lie')} {where} at once, byte for byte.",
            _first(_joined(dataset, group) for group in exact),
            "Decide which label is right and delete the other copies.",
            len(exact),
        )
    one, two = targets[pairs[:, 0]], targets[pairs[:, 1]]
    # A little older or heavier is no conflict; two ranges away is.
    apart = 0 if numbers is None else 1
    near = pairs[(np.abs(one - two) > apart) & (one >= 0) & (two >= 0)]
    if len(near):
        yield Finding(
            "conflicting_labels_near",
            "serious",
            f"{_s(len(near), 'pair of near duplicates has', 'pairs of near duplicates have')} "
            "different labels.",
            _first(_joined(dataset, pair) for pair in near),
            "Look at them: where they show the same thing, one of the labels is wrong.",
            len(near),
        )
    yield from _same_classes(dataset, stats, pairs)


def _same_classes(dataset: Dataset, stats: ImageStats, pairs: np.ndarray) -> Iterator[Finding]:
    """Two classes that are one: in their images, or by their names."""
    targets, classes, counts = dataset.targets, dataset.classes, dataset.counts
    links = [pairs, *(np.stack([g[:-1], g[1:]], axis=1) for g in exact_duplicates(stats))]
    edges = np.concatenate(links)
    kinds = targets[edges]
    edges = edges[(kinds[:, 0] != kinds[:, 1]) & (kinds.min(axis=1, initial=0) >= 0)]
    shared: dict[tuple[int, int], set[int]] = {}
    for i, j in edges.tolist():
        low, high = sorted((int(targets[i]), int(targets[j])))
        item = min((i, j), key=lambda index: counts[targets[index]])
        shared.setdefault((low, high), set()).add(item)
    same = [p for p, items in shared.items() if len(items) > min(counts[list(p)]) / 2]
    if same:
        yield Finding(
            "identical_classes",
            "serious",
            f"{_s(len(same), 'pair of classes holds', 'pairs of classes hold')} mostly the same "
            "images.",
            _first(f"{classes[a]} = {classes[b]}" for a, b in sorted(same)),
            "Merge them, or mend whatever copied one into the other.",
            len(same),
        )
    spelled: dict[str, list[str]] = {}
    for name in classes:
        spelled.setdefault(re.sub(r"[\W_]+", "", name).casefold() or name, []).append(name)
    twice = [names for names in spelled.values() if len(names) > 1]
    if twice:
        yield Finding(
            "similar_class_names",
            "warning",
            f"{_s(len(twice), 'class seems', 'classes seem')} to be spelled in several ways.",
            _first(" = ".join(names) for names in twice),
            "Rename the folders or labels if they mean the same.",
            len(twice),
        )


def _across_splits(dataset: Dataset, alike: np.ndarray) -> Iterator[Finding]:
    splits = dataset.splits
    # As in split_dataset: without a test, the validation items are the test.
    held = "test" if (splits == "test").any() else "val"
    kinds = [("duplicates_across_splits", alike, "show the same image as")]
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
            _first(_joined(dataset, np.flatnonzero(numbers == n)) for n in _by_item(numbers, both)),
            f"Move each whole group to one side; until then measure without these {held} images.",
            int(leaking.sum()),
        )


def _by_item(numbers: np.ndarray, wanted: np.ndarray) -> list[int]:
    """Returns the first cluster numbers of those wanted, in order of their first item."""
    hits = numbers[np.isin(numbers, wanted)]
    return list(dict.fromkeys(hits.tolist()))[:_SHOWN]


def _copies(dataset: Dataset, stats: ImageStats, pairs: np.ndarray) -> Iterator[Finding]:
    exact = exact_duplicates(stats)
    if exact:
        surplus = sum(len(group) - 1 for group in exact)
        yield Finding(
            "exact_duplicates",
            "warning",
            f"{_s(len(exact), 'image is', 'images are')} there more than once: "
            f"{_s(surplus, 'file')} too many.",
            _first(_joined(dataset, group) for group in exact),
            "Delete the copies; until then they are kept on one side of every split.",
            surplus,
        )
    many = [group for group in exact if len(group) >= max(5, len(dataset) // 100)]
    if many:
        yield Finding(
            "repeated_image",
            "warning",
            f"{_s(len(many), 'image is', 'images are')} repeated so often that a placeholder is "
            "likely.",
            _first(f"{dataset.names[g[0]]} ({len(g)} times)" for g in many),
            "Look at it; delete all copies if it stands for an image that was not there.",
            sum(len(group) for group in many),
        )
    if len(pairs):
        involved = len(np.unique(pairs))
        yield Finding(
            "near_duplicates",
            "warning" if involved > len(dataset) / 100 else "note",
            f"{_s(involved, 'image')} have a near duplicate: the same image, re-encoded, "
            "resized, brightened or cropped a little.",
            _first(_joined(dataset, pair) for pair in pairs),
            "Nothing must be done: they are kept on one side of every split that is drawn here.",
            involved,
        )


def _classes(dataset: Dataset, alike: np.ndarray) -> Iterator[Finding]:
    if not dataset.classes:
        return
    names, counts = np.array(dataset.classes), dataset.counts
    if len(names) == 1:
        yield Finding(
            "one_class",
            "serious",
            f"There is only one class, {names[0]!r}: nothing can be told apart.",
            (),
            "Add a second class, if only a folder of everything else.",
            1,
        )
    # Copies teach nothing new, so it is different images that count.
    seen = np.unique(np.stack([dataset.targets, alike])[:, dataset.labelled], axis=1)
    distinct = np.bincount(seen[0], minlength=len(names))
    for check, severity, mask, what in (
        ("classes_of_one", "serious", distinct <= 1, "a single image (copies not counted)"),
        (
            "small_classes",
            "warning",
            (distinct > 1) & (distinct < _FEW),
            f"fewer than {_FEW} images",
        ),
    ):
        if mask.any() and len(names) > 1:
            yield Finding(
                check,
                severity,  # type: ignore[arg-type]
                f"{_s(int(mask.sum()), 'class has', 'classes have')} {what}.",
                _first(f"{name}: {n}" for name, n in zip(names[mask], distinct[mask])),
                "Add images, or leave the class out: it can be neither learned nor measured.",
                int(mask.sum()),
            )
    ratio = counts.max() / max(counts.min(), 1)
    if ratio >= 3:
        big, small = names[counts.argmax()], names[counts.argmin()]
        yield Finding(
            "imbalance",
            "warning" if ratio >= 10 else "note",
            f"The largest class has {ratio:.0f} times as many images as the smallest.",
            (f"{big}: {counts.max():,}", f"{small}: {counts.min():,}"),
            "Go by balanced accuracy, and by the share of the largest class as the baseline.",
            len(names),
        )
    yield from _classes_of_splits(dataset)


def _classes_of_splits(dataset: Dataset) -> Iterator[Finding]:
    known = dataset.labelled & (dataset.splits != "")
    held = "test" if (dataset.splits == "test").any() else "val"
    has = {
        part: np.bincount(dataset.targets[known & mask], minlength=len(dataset.classes)) > 0
        for part, mask in ((held, dataset.splits == held), ("train", dataset.splits != held))
    }
    if not (has[held].any() and has["train"].any()):
        return
    for part, other, severity, why in (
        ("train", held, "serious", "cannot be learned"),
        (held, "train", "warning", "cannot be measured"),
    ):
        missing = has[other] & ~has[part]
        if missing.any():
            count = int(missing.sum())
            yield Finding(
                f"classes_missing_from_{part}",
                severity,  # type: ignore[arg-type]
                f"{_s(count, 'class is', 'classes are')} in {other} but not in {part}, and {why}.",
                _first(np.array(dataset.classes)[missing].tolist()),
                "Give both sides the same classes, spelled the same.",
                count,
            )


def _possible_groups(dataset: Dataset) -> Iterator[Finding]:
    """Names such as ``p07_frame12`` in which the first part recurs: a person, a video?"""
    if dataset.groups is not None or len(dataset) < 20:
        return
    stems = [name.rpartition("/")[2].rpartition(".")[0] for name in dataset.names]
    heads = [re.split(r"[_\- .]", stem, maxsplit=1) for stem in stems]
    if sum(len(head) == 2 for head in heads) < 0.9 * len(stems):
        return
    firsts, numbers, counts = np.unique(
        [head[0] for head in heads], return_inverse=True, return_counts=True
    )
    # More groups than classes, or they would only repeat the labels.
    cells = len(np.unique(np.stack([numbers, dataset.targets]), axis=1).T)
    if not (max(5, 2 * len(dataset.classes)) <= len(firsts) <= len(stems) / 3) or (
        cells == len(firsts) and len(firsts) <= len(dataset.classes)
    ):
        return
    some = np.argsort(-counts, kind="stable")[:6]
    yield Finding(
        "possible_groups",
        "note",
        f"File names begin with one of {len(firsts):,} recurring parts, perhaps persons, videos "
        "or devices.",
        tuple(f"{firsts[k]}: {counts[k]} images" for k in some),
        "If images of one part resemble each other, put the part into a column of attributes.csv "
        "and name it with --group, so that none lies on both sides of a split.",
        len(firsts),
    )
