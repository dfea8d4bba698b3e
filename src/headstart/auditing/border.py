"""`border_alone`: how well the classes are told with the middle, or the border, greyed out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from headstart.auditing.evidence import Evidence
from headstart.auditing.seen import CoveredPart, vectors_of_parts
from headstart.compute import Compute
from headstart.metrics.confound import mean_of_shares, share_of_cell
from headstart.nets.model import Model
from headstart.probe.held_out import held_out_like
from headstart.records import Estimate

__all__ = ["Border", "border_alone", "corners_of", "greyed"]

_MOST, _FEWEST = 300, 40
_RING = 0.1  # of the side, at each edge
_CORNER = 0.125  # of the side
_GREY = 128


@dataclass(frozen=True)
class Border:
    """Balanced accuracy of a classifier that sees a part of each image only, cross-validated.

    Attributes:
        n: Images.
        chance: Of guessing.
        whole: With nothing greyed, as the model answered while it had not seen them.
        border: Of the outer tenth at each side of the whole image, and its corners enlarged, alone.
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


def corners_of(inputs: np.ndarray) -> np.ndarray:
    """Returns (V, size, size, 3) uint8: the four corners, enlarged, side by side.

    A mark of a few pixels is lost among what else the border shows; here it is large.

    Args:
        inputs: (V, size, size, 3) uint8.
    """
    size = inputs.shape[1]
    edge, half = max(2, round(_CORNER * size)), size // 2
    result = np.full_like(inputs, _GREY)
    near, far = slice(0, edge), slice(size - edge, size)
    for view, into in zip(inputs, result, strict=True):
        for top, rows in ((0, near), (half, far)):
            for left, columns in ((0, near), (half, far)):
                corner = Image.fromarray(view[rows, columns])
                large = corner.resize((half, half), Image.Resampling.BILINEAR)
                into[top : top + half, left : left + half] = np.asarray(large)
    return result


def border_alone(model: Model, evidence: Evidence, compute: Compute) -> Border | None:
    """Embeds up to 300 images three times, and asks each time how well the classes are told.

    The border is that of the whole image, whichever part of it the model looks at.

    Args:
        model: Whose network looks.
        evidence: Whose images.
        compute: Where, and from which seed.

    Returns:
        The three figures; None where too few images are still there.
    """
    own = model.preprocess
    whole = replace(own, geometry="squash", crop_pct=1.0, beside=())
    compute.begin("covering the middle, and the border")
    parts = (
        CoveredPart("middle", own, model.tta, lambda inputs: greyed(inputs, middle=False)),
        CoveredPart("ring", whole, 1, lambda inputs: greyed(inputs, middle=True)),
        CoveredPart("corners", whole, 1, corners_of),
    )
    rows, seen = vectors_of_parts(model, evidence, parts, compute, most=_MOST)
    if len(rows) < _FEWEST:
        return None
    present, targets = np.unique(evidence.targets[rows], return_inverse=True)
    targets = targets.reshape(-1)
    if len(present) < 2 or np.bincount(targets).min() < 2:
        return None
    clusters = evidence.clusters[rows]
    right = evidence.scores[rows].argmax(axis=1) == evidence.targets[rows]
    found = [_balanced(right, targets, clusters)]
    inside = seen[0][:, model.vector_head.columns]
    for vectors in (np.hstack(seen[1:]), inside):
        _, beside = held_out_like(
            None, np.ascontiguousarray(vectors), targets, clusters, seed=compute.seed
        )
        right = beside.scores.argmax(axis=1) == targets
        found.append(_balanced(right, targets, clusters))
    return Border(len(rows), 1 / len(present), found[0], found[1], found[2])


def _balanced(right: np.ndarray, targets: np.ndarray, clusters: np.ndarray) -> Estimate:
    shares = [
        share_of_cell(right[targets == kind], clusters[targets == kind])
        for kind in np.unique(targets)
    ]
    return mean_of_shares(shares)
