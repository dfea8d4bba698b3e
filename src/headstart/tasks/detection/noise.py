"""What another arithmetic does to boxes, seen on some images and put on the boxes of others.

It moves sides a little and scores a little, loses an object here and finds one there. Each box of
another image gets what became of a box with nearly its score.
"""

from __future__ import annotations

import numpy as np

from headstart.metrics.overlap import overlaps
from headstart.tasks.protocol import Outputs

__all__ = ["disturbed", "noise_of"]

_SAME = 0.5  # overlap from which on a box is taken for the same
_EDGE = 1e-6
_FEWEST, _SHARE = 8, 0.02  # neighbours in score that a box may take after, of all boxes


def noise_of(before: Outputs, after: Outputs) -> Outputs:
    """Returns what became of K boxes on each of N images, and which of another K are new.

    Args:
        before: Settled outputs (`settle`), by the one arithmetic.
        after: By the other.

    Returns:
        ``logits`` (N, K) of the boxes before, -inf where none is; ``moved`` (N, K, 4) sides, in
        sides of the box; ``raised`` (N, K) logits, -inf where it is lost; and ``boxes``
        (N, K, 4), ``scores`` (N, K), ``labels`` (N, K) of those that nothing before overlaps.
    """
    logits = _logits(before["scores"])
    moved = np.zeros(before["boxes"].shape)
    raised = np.where(np.isfinite(logits), -np.inf, 0.0)
    new = {name: array.copy() for name, array in after.items()}
    for item in range(len(logits)):
        mine, theirs = (np.flatnonzero(each["scores"][item] > 0) for each in (before, after))
        first, second = (e["boxes"][item].astype(np.float64) for e in (before, after))
        same = overlaps(first[mine], second[theirs])
        same *= before["labels"][item][mine][:, None] == after["labels"][item][theirs][None]
        for row in range(len(mine)):  # the most certain first, each takes the nearest that is free
            best = int(same[row].argmax()) if len(theirs) else 0
            if not len(theirs) or same[row, best] < _SAME:
                continue
            one, other = mine[row], theirs[best]
            sides = np.tile(np.maximum(first[one, 2:] - first[one, :2], _EDGE), 2)
            moved[item, one] = (second[other] - first[one]) / sides
            raised[item, one] = _logits(after["scores"][item, other]) - logits[item, one]
            new["scores"][item, other] = 0
            same[:, best] = 0
    found = {name: new[name] for name in ("boxes", "scores", "labels")}
    return {"logits": logits, "moved": moved, "raised": raised} | found


def disturbed(
    outputs: Outputs, noise: Outputs, some: np.ndarray, rng: np.random.Generator
) -> Outputs:
    """Returns settled outputs of other images with the noise of some images on them.

    Args:
        outputs: Of N images.
        noise: See `noise_of`, of M images.
        some: (R,) int of those; the noise of one counts as often as it is among them.
        rng: Which box gets which noise.
    """
    scores, boxes = outputs["scores"], outputs["boxes"].astype(np.float64)
    there = scores > 0
    known = noise["logits"][some].ravel()
    order = rng.permutation(np.flatnonzero(np.isfinite(known)))  # equal scores in any order
    order = order[np.argsort(known[order], kind="stable")]
    changed, placed = scores.astype(np.float64), boxes.copy()
    if len(order) and there.any():
        own = _logits(scores[there])
        like = order[_near(known[order], own, rng)]
        raised = noise["raised"][some].ravel()[like]
        changed[there] = np.where(np.isfinite(raised), _shares(own + raised), 0.0)
        sides = np.tile(np.maximum(boxes[there][:, 2:] - boxes[there][:, :2], _EDGE), 2)
        placed[there] = boxes[there] + sides * noise["moved"][some].reshape(-1, 4)[like]
    rows = rng.choice(some, len(scores))
    parts = {
        "boxes": (placed, noise["boxes"][rows]),
        "scores": (changed, noise["scores"][rows]),
        "labels": (outputs["labels"], noise["labels"][rows]),
    }
    found = {
        name: np.concatenate(both, axis=1).astype(outputs[name].dtype)
        for name, both in parts.items()
    }
    return {name: found.get(name, array) for name, array in outputs.items()}


def _near(known: np.ndarray, own: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns (K,) places of (M,) ascending numbers that are near to each of (K,) others."""
    reach = min(max(_FEWEST, round(_SHARE * len(known))), len(known))
    place, away = np.searchsorted(known, own), rng.integers(0, reach, len(own))
    low, high = np.maximum(place - 1 - away, 0), np.minimum(place + away, len(known) - 1)
    nearer = np.abs(known[low] - own) < np.abs(known[high] - own)
    return np.where(nearer, low, high)


def _logits(scores: np.ndarray) -> np.ndarray:
    """Returns log-odds; -inf where nothing is."""
    inner = np.clip(np.asarray(scores, np.float64), _EDGE, 1 - _EDGE)
    return np.where(np.asarray(scores) > 0, np.log(inner / (1 - inner)), -np.inf)


def _shares(logits: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -50, 50))))
