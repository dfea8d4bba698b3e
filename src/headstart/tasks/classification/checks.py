"""What only classes can have wrong: too few images, twins, none of them in a split."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from headstart.checks.columns import check_columns
from headstart.checks.file_names import check_name_numbers
from headstart.checks.several_labels import check_several_labels
from headstart.checks.wording import first
from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.data.words import plural, spelling
from headstart.records import Finding, Severity

__all__ = ["check_classes", "classes_of"]

_FEW = 5
# As pandas, R, databases and spreadsheets write what is not there, and as people do.
_UNKNOWN = frozenset(
    {"nan", "na", "n/a", "null", "none", "#n/a", "\\n", "?", "??", "-", "--", ".", "todo", "tbd",
     "unlabeled", "unlabelled", "unannotated", "no label", "missing", "unknown"}
)  # fmt: skip


def classes_of(dataset: Dataset) -> Classes:
    """Returns the labels of a classification."""
    assert isinstance(dataset.labels, Classes), "a classification has classes"
    return dataset.labels


def check_classes(dataset: Dataset, clusters: np.ndarray) -> Iterator[Finding]:
    """Yields classes that are one, too small, out of balance, missing, or told by names and tables.

    Args:
        dataset: N items.
        clusters: (N,) int; items of one cluster are the same image, or nearly so.
    """
    yield from check_several_labels(dataset)
    yield from _same_classes(dataset, clusters)
    yield from _no_names(dataset)
    yield from _classes(dataset, clusters)
    together = clusters
    if dataset.groups is not None:
        own = np.where(
            dataset.groups == "", np.char.add("\0", clusters.astype(str)), dataset.groups
        )
        together = np.unique(own, return_inverse=True)[1]
    yield from check_columns(dataset, together)
    yield from check_name_numbers(dataset, together)


def _same_classes(dataset: Dataset, clusters: np.ndarray) -> Iterator[Finding]:
    """Two classes that are one: in their images, or by their names."""
    labels = classes_of(dataset)
    targets, classes, counts = labels.targets, labels.names, labels.counts
    shared: dict[tuple[int, int], set[int]] = {}
    order = np.argsort(clusters, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(clusters[order])) + 1):
        present = sorted(set(targets[group].tolist()) - {-1})
        for low, high in combinations(present, 2):
            smaller = min(low, high, key=lambda each: counts[each])
            items = group[targets[group] == smaller].tolist()
            shared.setdefault((low, high), set()).update(items)
    same = [p for p, items in shared.items() if len(items) > min(counts[list(p)]) / 2]
    if same:
        yield Finding(
            "identical_classes",
            "serious",
            f"{plural(len(same), 'pair of classes holds', 'pairs of classes hold')} mostly "
            f"the same "
            "images.",
            first(f"{classes[a]} = {classes[b]}" for a, b in sorted(same)),
            "Merge them, or mend whatever copied one into the other.",
            len(same),
        )
    spelled: dict[str, list[str]] = {}
    for name in classes:
        spelled.setdefault(spelling(name), []).append(name)
    twice = [names for names in spelled.values() if len(names) > 1]
    if twice:
        yield Finding(
            "similar_class_names",
            "warning",
            f"{plural(len(twice), 'class seems', 'classes seem')} to be spelled in several ways.",
            first(" = ".join(names) for names in twice),
            "Rename the folders or labels if they mean the same.",
            len(twice),
        )


def _no_names(dataset: Dataset) -> Iterator[Finding]:
    """Says that classes of a table are called as one writes what is not known."""
    labels = classes_of(dataset)
    counts = np.bincount(labels.targets[labels.known], minlength=len(labels.kinds))
    odd = [
        (name, int(count))
        for name, count in zip(labels.kinds, counts, strict=True)
        if name.lower() in _UNKNOWN and count
    ]
    if odd and dataset.source == "table":
        yield Finding(
            "classes_of_nothing",
            "warning",
            f"{plural(len(odd), 'class is', 'classes are')} called as people and programs write "
            f"what they do not know.",
            first(f"{name}: {plural(count, 'image')}" for name, count in odd),
            "If nobody knows the class of these images, leave their cells empty: they are learnt "
            "as a class of their own now.",
            sum(count for _, count in odd),
        )


def _classes(dataset: Dataset, alike: np.ndarray) -> Iterator[Finding]:
    labels = classes_of(dataset)
    if not labels.names:
        return
    names, counts = np.array(labels.names), labels.counts
    if len(labels.names) == 1:
        yield Finding(
            "one_class",
            "serious",
            f"There is only one class, {labels.names[0]!r}: nothing can be told apart.",
            (),
            "Add a second class, if only a folder of everything else.",
            1,
        )
    # Copies teach nothing new, so it is different images that count.
    seen = np.unique(np.stack([labels.targets, alike])[:, dataset.labelled], axis=1)
    distinct = np.bincount(seen[0], minlength=len(names))
    few = (distinct > 1) & (distinct < _FEW)
    rows: list[tuple[str, Severity, np.ndarray, str, str]] = [
        ("classes_of_one", "serious", distinct <= 1, "a single image (copies not counted)",
         "it can be neither learned nor measured"),
        ("small_classes", "warning", few, f"fewer than {_FEW} images",
         "little is learned of so few, and hardly anything can be measured"),
    ]  # fmt: skip
    for check, severity, mask, what, why in rows:
        if mask.any() and len(names) > 1:
            yield Finding(
                check,
                severity,
                f"{plural(int(mask.sum()), 'class has', 'classes have')} {what}.",
                first(f"{name}: {n}" for name, n in zip(names[mask], distinct[mask])),
                f"Add images, or leave the class out: {why}.",
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
    """Says which classes one part has and another lacks, of every part that is given."""
    known = dataset.labelled
    splits = np.where(dataset.splits == "", "train", dataset.splits)  # such items train
    labels, held = classes_of(dataset), dataset.test_name
    has = {
        part: np.bincount(labels.targets[known & (splits == part)], minlength=len(labels.names)) > 0
        for part in ("train", "val", "test")
    }
    if not has[held].any() or not (has["train"] | (has["val"] & (held == "test"))).any():
        return
    # What is given for choosing is learnt from in the end, too.
    learnt = has["train"] | has["val"] if held == "test" else has["train"]
    rows: list[tuple[str, str, np.ndarray, Severity, str]] = [
        ("train", held, has[held] & ~learnt, "serious", "cannot be learned"),
        (held, "train", learnt & ~has[held], "warning", "cannot be measured"),
    ]
    if held == "test" and has["val"].any() and has["train"].any():
        rows += [
            ("val", "train", has["train"] & ~has["val"], "warning",
             "of no weight where a model is chosen by val"),
            ("train", "val", has["val"] & ~has["train"], "warning",
             "unknown where a model is chosen by val"),
        ]  # fmt: skip
    for part, other, missing, severity, why in rows:
        if missing.any():
            count = int(missing.sum())
            unknown = "_val_only" * (part == "train" and other != held)
            yield Finding(
                f"classes_missing_from_{part}{unknown}",
                severity,
                f"{plural(count, 'class is', 'classes are')} in {other} but not in {part}, and "
                f"{why}.",
                first(np.array(labels.names)[missing].tolist()),
                "Give all parts the same classes, spelled the same.",
                count,
            )
