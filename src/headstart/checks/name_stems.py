"""Copies under other names: what file names say about images made from one another."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headstart.checks.wording import first, joined
from headstart.data.dataset import Dataset
from headstart.data.splits.stems import stem_groups
from headstart.data.words import plural
from headstart.records import Finding

__all__ = ["check_name_stems"]


def check_name_stems(dataset: Dataset) -> Iterator[Finding]:
    """Says which images are versions of one another, by their names."""
    if dataset.groups is not None:
        return
    certain = stem_groups(dataset, sure=True)
    if (certain != "").any():
        stems = np.unique(certain[certain != ""])
        yield Finding(
            "copies_by_name",
            "warning",
            f"{plural(int((certain != '').sum()), 'image')} are by their names versions of "
            f"{plural(len(stems), 'image')}: augmented or copied before the split was drawn.",
            first(joined(dataset, np.flatnonzero(certain == stem)) for stem in stems),
            "They are kept on one side of every split that is drawn here; where the data bring a "
            "split, check that none lies on both sides. Better: keep the originals alone.",
            len(stems),
        )
    perhaps = stem_groups(dataset, sure=False)
    more = perhaps[(perhaps != "") & (certain == "")]
    names, counts = np.unique(more, return_counts=True)
    # Plain numbering, one stem for a whole class, is no sign of anything.
    if len(names) >= max(5, 2 * len(dataset.labels.kinds)) and 2 * len(more) >= len(dataset):
        largest = names[np.argsort(-counts, kind="stable")[:24]]
        yield Finding(
            "stems_by_name",
            "note",
            f"The names of {plural(len(more), 'image')} share {plural(len(names), 'stem')} and "
            f"differ in a number: frames of a burst, versions, or just numbered.",
            tuple(f"{stem.partition('/')[2]}: {(more == stem).sum()} images" for stem in largest),
            "If images of one stem are of one scene or person, say --group stem, so that none lies "
            "on both sides of a split.",
            len(names),
        )
