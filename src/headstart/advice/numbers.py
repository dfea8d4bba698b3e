"""What to expect of numbers: how far off a frozen probe is, cross-validated."""

from __future__ import annotations

import numpy as np

from headstart.data.dataset import Dataset
from headstart.nets.heads import softmax
from headstart.probe.probe import Probe
from headstart.records import Predictions
from headstart.scoring.numbers import score_numbers

__all__ = ["how_far_off"]


def how_far_off(
    own: Dataset, probed: Probe, groups: np.ndarray, *, seed: int = 0
) -> tuple[str, ...]:
    """Returns a sentence on the numbers that the best probe predicts; none for classes.

    Args:
        own: N training items.
        probed: What was chosen on them.
        groups: (N,) cluster of each.
        seed: Of the interval.
    """
    if own.bins is None or own.values is None:
        return ()
    rows = probed.chosen_on
    truth = own.values[rows]
    held = softmax(probed.held_out / np.float32(probed.temperature))
    predicted = Predictions(held, own.classes, tuple(own.names[i] for i in rows), bins=own.bins)
    found = score_numbers(
        predicted, truth, constant=np.full(len(rows), np.median(own.values)), clusters=groups[rows],
        seed=seed,
    )  # fmt: skip
    off, constant = found["test"]["mean_absolute_error"], found["baseline"]
    ends = f"{constant.low:.3g} to {constant.high:.3g}"
    return (
        f"Numbers are predicted by naming one of {len(own.classes)} ranges; accuracies are "
        f"those of the "
        f"range. The best frozen probe has a mean absolute error of {off.value:.3g} "
        f"({off.low:.3g} to {off.high:.3g}), cross-validated; the constant (median) baseline "
        f"{constant.value:.3g} ({ends}).",
    )
