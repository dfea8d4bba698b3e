"""Detections made of true boxes."""

from __future__ import annotations

import numpy as np

from headstart.data.boxes.boxes import Boxes
from headstart.tasks.detection.detections import Detections


def right(labels: Boxes, names: tuple[str, ...], **more) -> Detections:
    """All that is there, found with falling scores."""
    count = len(labels.classes)
    given = {
        "offsets": labels.offsets, "corners": labels.corners.copy(),
        "labels": labels.classes.copy(),
        "scores": np.linspace(0.95, 0.55, count) if count else np.zeros(0), "sizes": labels.sizes,
        "threshold": 0.5,
    }  # fmt: skip
    return Detections(names, labels.names, **given | more)
