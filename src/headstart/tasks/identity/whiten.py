"""The linear start of an embedding: directions in which one person varies count for less.

It is for metric learning what the linear probe is for classification: found in a moment on frozen
features, hard to beat where people are few, and where training the network begins.
"""

from __future__ import annotations

import numpy as np

from headstart.metrics.vectors import unit_rows

__all__ = ["whitening"]

# Of the mean variance within people. From 0.03 to 1 hardly any difference was measured on faces
# (docs/metric-learning.md); more trust in the few directions that were seen overfits them.
_SHRINKAGE = 0.3


def whitening(
    vectors: np.ndarray, identities: np.ndarray, *, dimension: int = 0, seed: int = 0
) -> np.ndarray:
    """Returns a projection that makes all directions vary alike within a person.

    Source: within-class covariance normalisation (Hatch, Kajarekar and Stolcke, Interspeech
    2006), of unit vectors, the covariance shrunk toward a multiple of the identity. Directions in
    which the given people do not vary, most of them where people are few, keep their length.

    Args:
        vectors: (N, d) float32 frozen features, of any length.
        identities: (N,) int.
        dimension: E; 0, or more than d, is d. Fewer are the leading directions of the given
            vectors, filled up with random ones, which keep the cosines of unseen people too.
        seed: Of the random ones.

    Returns:
        (E, d) float32.
    """
    d = vectors.shape[1]
    unit = unit_rows(vectors)
    _, codes = np.unique(identities, return_inverse=True)
    sums = np.zeros((int(codes.max(initial=-1)) + 1, d))
    np.add.at(sums, codes, unit)
    within = unit - (sums / np.bincount(codes)[:, None])[codes]
    _, spread, directions = np.linalg.svd(within.astype(np.float64), full_matrices=False)
    variances = spread**2 / max(len(unit), 1)
    seen = variances > 1e-6 * max(float(variances.max(initial=0.0)), 1e-12)
    variances, directions = variances[seen], directions[seen]
    square = np.eye(d)
    if len(variances):
        floor = _SHRINKAGE * float(variances.mean())
        # Relative to the directions never seen to vary, which have the floor alone.
        square += (directions.T * (np.sqrt(floor / (variances + floor)) - 1)) @ directions
    # What all images have in common would otherwise outweigh the rest; a cosine knows no other
    # origin than zero, so it is not the mean that is taken away but its direction.
    common = unit.mean(axis=0) / max(float(np.linalg.norm(unit.mean(axis=0))), 1e-12)
    square -= np.outer(square @ common, common)
    if not 0 < dimension < d:
        return square.astype(np.float32)
    _, _, leading = np.linalg.svd(unit @ square, full_matrices=False)
    # A third of the length for what these vectors span; people never seen lie elsewhere too.
    draws = np.random.default_rng(seed).normal(size=(d, dimension))
    basis, _ = np.linalg.qr(np.concatenate([leading[: dimension // 3].T, draws], axis=1))
    return np.ascontiguousarray(basis[:, :dimension].T @ square, np.float32)
