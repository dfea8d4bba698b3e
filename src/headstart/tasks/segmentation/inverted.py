"""Single masks that are inverted: the background is marked, and the thing is left out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headstart.checks.wording import first
from headstart.data.dataset import Dataset
from headstart.data.masks.masks import IGNORED, Masks
from headstart.data.words import plural
from headstart.errors import DataError
from headstart.images.threads import ordered_map
from headstart.records import Finding

__all__ = ["check_inverted"]

_SIDE, _RING = 64, 2
_MOST, _FEWEST = 600, 8
_USUAL, _FAR = 2.0, 4.0  # spreads from the middle of the others
_LEAST = 0.03  # of a share is no spread
_APART = 0.5  # of the edge of the image must differ, or nothing is sure
_SOMETHING = 0.25  # of what the others show, at least
_FEW = 0.2  # of the masks may be so: more are a habit


def check_inverted(dataset: Dataset) -> Iterator[Finding]:
    """Yields masks that are far from all others as they are, and like them when inverted.

    What is compared is how much of the image, and of its edge, is background. Up to 600 masks are
    looked at; sets whose masks are often so are left alone.
    """
    labels = dataset.labels
    assert isinstance(labels, Masks), "a segmentation has masks"
    items = np.flatnonzero((labels.pixels > 0).sum(axis=1) > 1)
    items = items[np.linspace(0, len(items) - 1, min(_MOST, len(items))).astype(int)]
    if len(items) < _FEWEST:
        return

    def look(item: int) -> tuple[float, float]:
        try:
            mask = labels.read(item, (_SIDE, _SIDE))
        except DataError:  # named elsewhere
            return np.nan, np.nan
        known, ground = mask != IGNORED, mask == 0
        edge = known.copy()
        edge[_RING:-_RING, _RING:-_RING] = False
        return _share(ground[edge]), _share(ground[known])

    shares = np.array(list(ordered_map(look, items.tolist())))
    seen = ~np.isnan(shares).any(axis=1)
    items, shares = items[seen], shares[seen]
    if len(items) < _FEWEST:
        return
    middle = np.median(shares, axis=0)
    spread = np.maximum(1.4826 * np.median(np.abs(shares - middle), axis=0), _LEAST)
    own, turned = (np.abs(each - middle) / spread for each in (shares, 1 - shares))
    far = (own[:, 0] > _FAR) & (np.abs(1 - 2 * shares[:, 0]) > _APART)
    # A close-up that fills its image is no mask of nothing that was inverted.
    something = shares[:, 1] > _SOMETHING * (1 - middle[1])
    found = items[far & something & (turned < _USUAL).all(axis=1)]
    if not len(found) or len(found) > _FEW * len(items):
        return
    yield Finding(
        "inverted_masks",
        "warning",
        f"{plural(len(found), 'mask seems', 'masks seem')} to be inverted: what is background on "
        f"the others is marked, and what is marked there is background.",
        first(dataset.names[item] for item in found),
        "Lay them over their images and see; then exchange the two values in these files.",
        len(found),
    )


def _share(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else np.nan
