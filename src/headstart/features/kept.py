"""`kept_vectors`: what the cache holds of a network's vectors, by the images' fingerprints alone.

Whoever asks a finished run a further question needs neither its images nor its network for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headstart.choices import Device
from headstart.features.extract import feature_store
from headstart.images.preprocess import Preprocess
from headstart.nets.pretrained.backbone import Backbone

__all__ = ["kept_vectors"]


def kept_vectors(
    fingerprints: Sequence[str],
    backbone: Backbone,
    preprocess: Preprocess,
    *,
    tta: int = 1,
    device: Device = "auto",
) -> np.ndarray | None:
    """Returns the (N, D) float32 vectors of N images, or None where one of them is not kept.

    Args:
        fingerprints: N hexadecimal fingerprints of the files' content.
        backbone: The network.
        preprocess: How images were fitted, every look of it.
        tta: How many views were averaged.
        device: Where the network ran.
    """
    keys = [bytes.fromhex(each) for each in fingerprints]
    looks = []
    for look in preprocess.looks:
        store = feature_store(backbone, look, tta, device)
        rows = [store.get(key) for key in keys]
        found = [row for row in rows if row is not None]
        if len(found) < len(rows) or not found:
            return None
        looks.append(np.stack(found))
    return looks[0] if len(looks) == 1 else np.hstack(looks)
