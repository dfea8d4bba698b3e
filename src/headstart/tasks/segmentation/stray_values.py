"""Values of no class, and files that lose or hide what they hold."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headstart.checks.wording import first
from headstart.data.dataset import Dataset
from headstart.data.masks.masks import Masks
from headstart.data.words import plural
from headstart.records import Finding

__all__ = ["check_values"]

_STRAY_SHARE = 0.01


def check_values(dataset: Dataset) -> Iterator[Finding]:
    """Yields masks with values of no class, and those whose files are of an unfortunate kind."""
    assert isinstance(dataset.labels, Masks), "a segmentation has masks"
    yield from _values(dataset, dataset.labels)
    yield from _flaws(dataset, dataset.labels)


def _values(dataset: Dataset, labels: Masks) -> Iterator[Finding]:
    """Says how many pixels had the value of no class, and on which masks they are most."""
    items = np.flatnonzero(labels.strays > 0)
    if not len(items):
        return
    area = np.maximum(labels.sizes.prod(axis=1), 1)
    share = labels.strays / area
    order = items[np.argsort(-share[items], kind="stable")]
    overall = labels.strays.sum() / area[labels.known].sum()
    yield Finding(
        "stray_values",
        "warning" if share[order[0]] > 0.1 or overall > _STRAY_SHARE else "note",
        f"{plural(len(items), 'mask holds', 'masks hold')} pixels with values of no class, "
        f"{overall:.2%} of all: they were set to the nearest class.",
        first(f"{dataset.names[i]}: {share[i]:.1%}" for i in order),
        "Compression, smoothing or scaling leaves them along edges. Save masks as PNG, and scale "
        "them by nearest neighbour.",
        len(items),
    )


def _flaws(dataset: Dataset, labels: Masks) -> Iterator[Finding]:
    """Says what is wrong with the files of masks, each kind once."""
    for flaw in sorted(set(labels.flaws) - {""}):
        items = [i for i, each in enumerate(labels.flaws) if each == flaw]
        lossy, cut = "JPEG" in flaw, "transparency" in flaw
        check, remedy = "mask_files", "Look at them, and write them as the others are."
        if lossy:
            check = "lossy_masks"
            remedy = "JPEG changes values along edges. Save masks as PNG, from what they were made."
        elif cut:
            check = "transparent_masks"
            remedy = "What is transparent was taken for background: see that this is meant."
        elif "palette" in flaw:
            check = "palette_as_grey"
            remedy = "Colours that are equally bright are one class so: save the indices instead."
        yield Finding(
            check,
            "note" if cut else "warning",
            f"{plural(len(items), 'mask is', 'masks are')} {flaw}.",
            first(dataset.names[i] for i in items),
            remedy,
            len(items),
        )
