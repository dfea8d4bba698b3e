"""`ValidationIdentities`: held-out people who decide which embedding is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from headstart.images.inputs import InputImages
from headstart.metrics.retrieval import neighbour_loss, retrieve
from headstart.training.record import Judged

__all__ = ["ValidationIdentities"]


@dataclass(frozen=True)
class ValidationIdentities:
    """Held-out people who decide which embedding is kept.

    Attributes:
        inputs: M images of the network's size.
        targets: (M,) int identities, none of whom is trained on.
        copies: (M,) int; images of one number are copies and no merit to find.
    """

    inputs: InputImages
    targets: np.ndarray
    copies: np.ndarray

    def judge(self, outputs: np.ndarray) -> Judged:
        """Returns mAP@R, recall@1 and the neighbours' log-loss of (M, D) unit vectors."""
        if not np.isfinite(outputs).all():
            return Judged(0.0, 0.0, math.inf)
        found = retrieve(outputs, self.targets, copies=self.copies)
        if not len(found.items):
            return Judged(0.0, 0.0, math.inf)
        loss = neighbour_loss(outputs, self.targets)
        return Judged(float(found.map_at_r.mean()), float(found.recall_at_1.mean()), loss)
