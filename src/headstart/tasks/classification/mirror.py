"""Whether mirror images keep their class: measured, not guessed from the kind of images."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from headstart.tasks.classification.validation import Validation
from headstart.training.loop import Training

__all__ = ["flip_invariant"]

_SURE = 0.05


def flip_invariant(
    training: Training, validation: Validation, pool: ThreadPoolExecutor, scores: np.ndarray
) -> bool:
    """Tells whether a network that has seen no mirrored training image knows mirrored ones.

    Pretrained networks hardly tell an image from its mirror image. Where the classes do
    (characters, left and right hands), mirrored held-out images are predicted worse.

    Args:
        training: At its start.
        validation: Images to mirror.
        pool: From `Training.threads`.
        scores: (M, C) of the held-out images as they are.

    Returns:
        False where mirroring spoils more predictions than it mends and chance does not
        explain it (exact one-sided McNemar test at 5 %).
    """
    from scipy.stats import binomtest

    plain = scores.argmax(axis=1) == validation.targets
    turned = (
        training.outputs(validation.inputs, pool, mirrored=True).argmax(axis=1)
        == validation.targets
    )
    spoilt, mended = int((plain & ~turned).sum()), int((turned & ~plain).sum())
    if spoilt <= mended:
        return True
    test = binomtest(spoilt, spoilt + mended, alternative="greater")
    return bool(test.pvalue >= _SURE)
