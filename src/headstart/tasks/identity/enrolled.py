"""How well images are known by those enrolled, each enrolled without the image that asks."""

from __future__ import annotations

import numpy as np

from headstart.metrics.vectors import unit_rows
from headstart.nets.heads.head import PROTOTYPE_TEMPERATURE

__all__ = ["enrolled_scores"]


def enrolled_scores(
    vectors: np.ndarray, identities: np.ndarray, copies: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores every image against the mean of each identity, its own mean without it.

    Args:
        vectors: (N, E) unit rows.
        identities: (N,) int; K different ones.
        copies: (N,) int; an image's copies are left out of its own identity's mean too.

    Returns:
        (N, K) scores as a head of prototypes gives them; (N,) int which column is right; (N,)
        bool for which images it exists: those with another image of their identity.
    """
    people, codes = np.unique(identities, return_inverse=True)
    sums = np.zeros((len(people), vectors.shape[1]), np.float32)
    np.add.at(sums, codes, vectors)
    scores = vectors @ unit_rows(sums).T
    asked = np.zeros(len(vectors), bool)
    for item, code in enumerate(codes):
        others = (codes == code) & (copies != copies[item])
        asked[item] = others.any()
        scores[item, code] = vectors[item] @ unit_rows(vectors[others].sum(axis=0)[None])[0]
    return scores / np.float32(PROTOTYPE_TEMPERATURE), codes, asked
