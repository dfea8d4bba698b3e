"""`border_alone`: how well the classes are told with the middle, or the border, greyed out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.auditing.evidence import Evidence
from headstart.compute import Compute
from headstart.errors import ImageError
from headstart.images.decode import read_bytes
from headstart.images.given import inputs_of
from headstart.metrics.confound import mean_of_shares, share_of_cell
from headstart.nets.engine import stream
from headstart.nets.model import Model
from headstart.probe.held_out import held_out_like
from headstart.records import Estimate

__all__ = ["Border", "border_alone", "greyed"]

_MOST, _FEWEST = 300, 40
_RING = 0.1  # of the side, at each edge
_GREY = 128


@dataclass(frozen=True)
class Border:
    """Balanced accuracy of a classifier that sees a part of each image only, cross-validated.

    Attributes:
        n: Images.
        chance: Of guessing.
        whole: With nothing greyed, as the model answered while it had not seen them.
        border: Of the outer tenth at each side alone.
        middle: Without that tenth.
    """

    n: int
    chance: float
    whole: Estimate
    border: Estimate
    middle: Estimate

    @property
    def telling(self) -> bool:
        """Whether the border tells the class about as well as the rest does."""
        least = self.chance + 0.1 * (1 - self.chance)
        return self.border.low > least and self.border.value >= self.middle.value - 0.05


def greyed(inputs: np.ndarray, *, middle: bool) -> np.ndarray:
    """Returns (V, size, size, 3) uint8 with the middle, or the border, in grey.

    Args:
        inputs: (V, size, size, 3) uint8.
        middle: Which of the two.
    """
    size = inputs.shape[1]
    edge = max(1, round(_RING * size))
    inner = slice(edge, size - edge)
    result = inputs.copy()
    if middle:
        result[:, inner, inner] = _GREY
        return result
    result[:] = _GREY
    result[:, inner, inner] = inputs[:, inner, inner]
    return result


def border_alone(model: Model, evidence: Evidence, compute: Compute) -> Border | None:
    """Embeds up to 300 images twice, and asks each time how well the classes are told.

    Args:
        model: Whose network looks.
        evidence: Whose images.
        compute: Where, and from which seed.

    Returns:
        The three figures; None where too few images are still there.
    """
    rng = np.random.default_rng(compute.seed)
    rows: list[int] = []
    inputs: list[np.ndarray] = []
    for row in rng.permutation(len(evidence)).tolist():
        if len(rows) == _MOST:
            break
        try:
            data = read_bytes(evidence.dataset.path(row))
            inputs.append(inputs_of(data, model.preprocess, model.tta))
            rows.append(row)
        except ImageError:
            continue
    if len(rows) < _FEWEST:
        return None
    present, targets = np.unique(evidence.targets[rows], return_inverse=True)
    targets = targets.reshape(-1)
    if len(present) < 2 or np.bincount(targets).min() < 2:
        return None
    views = [np.stack([greyed(each, middle=side) for each in inputs]) for side in (True, False)]
    clusters = evidence.clusters[rows]
    right = evidence.scores[rows].argmax(axis=1) == evidence.targets[rows]
    found = [_balanced(right, targets, clusters)]
    compute.begin("covering the middle, and the border")
    both = _embedded(model, np.concatenate(views), compute)[:, model.vector_head.columns]
    for vectors in (both[: len(rows)], both[len(rows) :]):
        _, beside = held_out_like(
            None, np.ascontiguousarray(vectors), targets, clusters, seed=compute.seed
        )
        right = beside.scores.argmax(axis=1) == targets
        found.append(_balanced(right, targets, clusters))
    return Border(len(rows), 1 / len(present), found[0], found[1], found[2])


def _embedded(model: Model, inputs: np.ndarray, compute: Compute) -> np.ndarray:
    """Returns (N, D) vectors of (N, V, size, size, 3) uint8."""
    images = inputs.reshape(-1, *inputs.shape[2:])
    engine = model.backbone.engine(
        model.preprocess, images=len(images), proof=images[:1], device=compute.device
    )
    starts = range(0, len(images), engine.batch)
    parts = ((start, images[start : start + engine.batch]) for start in starts)
    vectors = np.concatenate([each for _, each in stream(engine, parts)])
    return model.preprocess.pooled(vectors, model.tta)


def _balanced(right: np.ndarray, targets: np.ndarray, clusters: np.ndarray) -> Estimate:
    shares = [
        share_of_cell(right[targets == kind], clusters[targets == kind])
        for kind in np.unique(targets)
    ]
    return mean_of_shares(shares)
