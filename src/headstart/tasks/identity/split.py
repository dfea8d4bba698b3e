"""Who is held out when identities matter: whole people, never some of their images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.data.splits.split import lots_of
from headstart.errors import DataError

__all__ = ["FEWEST", "IdentitySplit", "both_sides", "hold_identities", "split_identities"]

FEWEST = 6
"""Two identities to train on, two to choose the weights by, two to test on."""

_INNER = 0.2


@dataclass(frozen=True)
class IdentitySplit:
    """Who trains and who tests; no identity does both.

    Attributes:
        train: (N,) bool.
        test: (N,) bool.
        kind: ``"given"``: the data's own split, which was by identity; ``"drawn"``: there was
            none; ``"redrawn"``: there was one, but with the same identities on both sides.
        summary: One sentence about it.
    """

    train: np.ndarray
    test: np.ndarray
    kind: str
    summary: str


def both_sides(targets: np.ndarray, splits: np.ndarray) -> np.ndarray:
    """Returns the identities that a split has in its test (or validation) and in its training.

    Args:
        targets: (N,) int identities.
        splits: (N,) str as `Dataset.splits` has them.

    Returns:
        (K,) int, ascending; empty where there is no split.
    """
    tested, trained = _given(splits)
    return np.intersect1d(targets[tested], targets[trained])


def split_identities(
    targets: np.ndarray,
    splits: np.ndarray,
    names: Sequence[str],
    *,
    unseen: float = 0.5,
    seed: int = 0,
) -> IdentitySplit:
    """Holds identities out entirely.

    A split that the data bring is kept where it is by identity already. Where the same people
    are on both sides it measures how well known people are known again, which is not what an
    embedding is for: then, and where there is no split, a share of the identities is drawn, by
    their names: one person more moves hardly anybody.

    Args:
        targets: (N,) int identities, none of them unknown.
        splits: (N,) str as `Dataset.splits` has them.
        names: Of the identities, by their numbers.
        unseen: Share of the identities to hold out, above 0 and below 1.
        seed: Of the draw.

    Raises:
        DataError: If there are too few identities.
    """
    identities = np.unique(targets)
    if len(identities) < FEWEST:
        raise DataError(
            f"{len(identities)} identities are too few for an embedding: two to train on, two to "
            f"choose the weights by and two to test on are the least, and some hundred are what "
            f"it takes; 'headstart advise DATA --task identity' says what to do instead"
        )
    tested, trained = _given(splits)
    mixed = np.intersect1d(targets[tested], targets[trained])
    if tested.any() and trained.any() and not len(mixed):
        sides = [len(np.unique(targets[mask])) for mask in (trained, tested)]
        if sides[0] >= FEWEST - 2 and sides[1] >= 2:
            summary = (
                f"Measured once on the data's own split, which is by identity: {sides[1]} people "
                f"({tested.sum():,} images) whom training never saw."
            )
            return IdentitySplit(trained, tested, "given", summary)
        raise DataError(
            f"the split has {sides[0]} identities to train on and {sides[1]} to test on: at least "
            f"{FEWEST - 2} and 2 are needed; leave the split out to have identities drawn"
        )
    count = int(np.clip(round(unseen * len(identities)), 2, len(identities) - (FEWEST - 2)))
    held = _with_pairs(_mixed(identities, names, seed), targets)[:count]
    test = np.isin(targets, held)
    summary = (
        f"Measured once on {count} of {len(identities)} people ({test.sum():,} images) who were "
        f"held out entirely (seed {seed}): training never saw them."
    )
    if len(mixed):
        summary += (
            f" The data's own split has {len(mixed)} people on both sides, so it was not used: it "
            f"would measure how well known people are known again."
        )
    return IdentitySplit(~test, test, "redrawn" if len(mixed) else "drawn", summary)


def hold_identities(
    targets: np.ndarray, names: Sequence[str], *, share: float = _INNER, seed: int = 0
) -> np.ndarray:
    """Returns (N,) bool: images of the identities that decide which weights are kept.

    Args:
        targets: (N,) int identities of the training images, at least four.
        names: Of the identities, by their numbers.
        share: Of the identities; at least two are held, and at least two are left.
        seed: Of the draw.
    """
    identities = np.unique(targets)
    count = int(np.clip(round(share * len(identities)), 2, max(2, len(identities) - 2)))
    return np.isin(targets, _with_pairs(_mixed(identities, names, seed), targets)[:count])


def _mixed(identities: np.ndarray, names: Sequence[str], seed: int) -> np.ndarray:
    """Returns the identities in an order that their names decide, and nobody else's."""
    drawn = lots_of([names[identity] for identity in identities], seed)
    return identities[np.argsort(drawn, kind="stable")]


def _given(splits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns which images test and which train, as `split_dataset` reads a split."""
    name = "test" if (splits == "test").any() else "val"
    tested = splits == name
    return tested, ~tested if tested.any() else np.zeros(len(splits), bool)


def _with_pairs(identities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Puts those with one image last: they have nothing to be found."""
    counts = np.bincount(targets)
    return np.concatenate([identities[counts[identities] > 1], identities[counts[identities] == 1]])
