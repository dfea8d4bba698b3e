"""Rates over photos of people: what is independent is a person, not a photo and not a pair.

Pairs share photos and people. Intervals draw whole people with replacement, and a pair of two
people counts as often as both were drawn, multiplied (the subsets bootstrap of Bolle, Ratha
and Pankanti, CVIU 2004).
"""

from __future__ import annotations

import math

import numpy as np

from headstart.metrics.interval import effective_wilson, resample, wilson
from headstart.records import Estimate

__all__ = ["REPLICATES", "linked", "pair_rate", "person_rate", "person_weights", "rank_k"]

REPLICATES = 300


def rank_k(ranks: np.ndarray, k: int, identities: np.ndarray, *, seed: int = 0) -> Estimate:
    """Returns the share of probes whose own person is among the `k` best.

    Args:
        ranks: (N,) int place of the probe's own person, 1 for the best.
        k: Places that count.
        identities: (N,) int person of each probe; the interval draws whole people.
        seed: Of the replicates.
    """
    return person_rate(np.asarray(ranks) <= k, identities, seed=seed)


def person_rate(hits: np.ndarray, identities: np.ndarray, *, seed: int = 0) -> Estimate:
    """Returns a share of probes with an interval that knows who belongs together.

    Args:
        hits: (N,) bool.
        identities: (N,) int person of each probe.
        seed: Of the replicates.
    """
    n = len(hits)
    if not n:
        return Estimate(math.nan, 0.0, 1.0, 0, "undefined: no such photo")
    kinds, codes = np.unique(identities, return_inverse=True)
    if len(kinds) == n:
        return wilson(float(np.sum(hits)), n)
    share = np.asarray(hits, np.float64)
    draws = resample(lambda w: w @ share / w.sum(axis=1), codes, seed=seed)
    return effective_wilson(float(share.mean()), draws, n=n, clusters=len(kinds))


def pair_rate(accepted: np.ndarray, photos: np.ndarray, weights: np.ndarray) -> Estimate:
    """Returns the share of pairs of different people that is accepted.

    Args:
        accepted: (A, 2) int 0..P-1: the people of each accepted pair.
        photos: (P,) int photos of each person; all pairs of them were compared.
        weights: (B, P) of `person_weights`.
    """
    drawn = np.concatenate((np.ones((1, len(photos))), weights)) * photos
    # What all pairs weigh, without going through them.
    totals = (drawn.sum(axis=1) ** 2 - (drawn**2).sum(axis=1)) / 2
    wrong = (weights[:, accepted[:, 0]] * weights[:, accepted[:, 1]]).sum(axis=1)
    rates = np.where(totals[1:] > 0, wrong / np.maximum(totals[1:], 1e-9), np.nan)
    n = round(float(totals[0]))
    return effective_wilson(len(accepted) / n, rates, n=n, clusters=int((photos > 0).sum()))


def linked(identities: np.ndarray, impostors: np.ndarray, accepted: np.ndarray) -> np.ndarray:
    """Returns whom to draw together when each enrolled person is an impostor in turn.

    If A is taken for B, then B is as a rule taken for A: that is one mistake seen twice, and
    drawing the two apart makes the interval too narrow: in simulations it missed the truth
    14 to 21 times in a hundred, and drawn together 4 to 9 times (docs/recognition.md).
    So people who are mistaken for each other, by whatever chain, are drawn as one.

    Args:
        identities: (N,) int person of each photo.
        impostors: (N,) int the best other person.
        accepted: (N,) bool whether the photo was taken for that person.

    Returns:
        (N,) int codes 0..C-1.
    """
    chief: dict[int, int] = {}

    def find(person: int) -> int:
        while chief.get(person, person) != person:
            person = chief[person]
        return person

    for one, other in zip(identities[accepted].tolist(), impostors[accepted].tolist(), strict=True):
        chief[find(one)] = find(other)
    found = np.array([find(each) for each in identities.tolist()], int)
    return np.unique(found, return_inverse=True)[1]


def person_weights(identities: int, *, seed: int, replicates: int = REPLICATES) -> np.ndarray:
    """Returns how often each person is drawn, (B, P) float64.

    Args:
        identities: P.
        seed: Of the draws.
        replicates: B.
    """
    draws = np.random.default_rng(seed).integers(0, identities, (replicates, identities))
    draws += np.arange(replicates)[:, None] * identities
    counts = np.bincount(draws.ravel(), minlength=replicates * identities)
    return counts.reshape(replicates, identities).astype(np.float64)
