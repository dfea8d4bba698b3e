"""Classes that a given train or test lacks, where an item may have several."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headstart.checks.wording import first
from headstart.data.dataset import Dataset
from headstart.data.words import plural
from headstart.records import Finding, Severity

__all__ = ["check_split_classes"]

_SHOWN = 3


def check_split_classes(
    dataset: Dataset, names: tuple[str, ...], present: np.ndarray
) -> Iterator[Finding]:
    """Says which classes a given train or test has and the other lacks, and on which images.

    Args:
        dataset: N items.
        names: C class names.
        present: (N, C) bool: which classes are on which item.
    """
    test = dataset.tested()
    if not test.any():
        return
    learnt, tested = present[~test].any(axis=0), present[test].any(axis=0)
    held = dataset.test_name
    rows: list[tuple[str, str, np.ndarray, Severity, str]] = [
        ("train", held, tested & ~learnt, "serious", "cannot be learned"),
        (held, "train", learnt & ~tested, "warning", "cannot be measured"),
    ]
    for part, other, missing, severity, why in rows:
        if missing.any():
            yield Finding(
                f"classes_missing_from_{part}", severity,
                f"{plural(int(missing.sum()), 'class is', 'classes are')} in {other} but not in "
                f"{part}, and {why}.",
                first(
                    f"{names[index]}: {_images(dataset, present[:, index])}"
                    for index in np.flatnonzero(missing).tolist()
                ),
                "Give both parts images with all classes.", int(missing.sum()),
            )  # fmt: skip


def _images(dataset: Dataset, there: np.ndarray) -> str:
    return ", ".join(dataset.names[i] for i in np.flatnonzero(there)[:_SHOWN])
