"""Averages of weights: a greedy soup of good epochs, and the way back toward the probe."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from headstart.training.loop import State

__all__ = ["SelectedWeights", "choose_weights", "mix"]

_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)

Judge = Callable[[State], tuple[float, float, float]]
"""Measure (larger is better), accuracy and log-loss of some weights, on held-out images."""


@dataclass(frozen=True)
class SelectedWeights:
    """Which weights were kept.

    Attributes:
        state: They.
        epochs: Whose average they are.
        share: How far they went from the start (1) or stayed there (0).
        measure: On the held-out images.
        start_measure: Of the starting point, the linear probe, on the same.
    """

    state: State
    epochs: tuple[int, ...]
    share: float
    measure: float
    start_measure: float


def mix(states: list[State], shares: list[float]) -> State:
    """Returns the weighted mean of some weights."""
    result = [each * shares[0] for each in states[0]]
    for state, share in zip(states[1:], shares[1:], strict=True):
        torch._foreach_add_(result, state, alpha=share)
    return result


def choose_weights(
    start: State,
    best: list[tuple[float, float, int, State]],
    judge: Judge,
    *,
    noise: float = 0.0,
) -> SelectedWeights:
    """Averages good epochs while that helps, then goes as far from the start as helps.

    First the greedy soup of the best epochs (Wortsman et al., ICML 2022), then linear
    interpolation between the start and the soup (WiSE-FT; Wortsman et al., CVPR 2022). The
    start itself is among what is tried.

    Args:
        start: The linear probe's weights.
        best: (measure, minus loss, epoch, weights), best first; may be empty.
        judge: On images that were not trained on.
        noise: Difference of the measure that chance explains. Among mixtures that differ by less
            the one that went furthest is kept (it has learnt from the images), if its log-loss
            is no larger than the start's.
    """

    def judged(state: State) -> tuple[float, float]:
        measure, _, loss = judge(state)
        # Weights that are no numbers have scores with a largest one all the same.
        return (measure, -loss) if math.isfinite(loss) else (-math.inf, -math.inf)

    at_start = judged(start)
    best = [each for each in best if math.isfinite(each[1])]
    if not best:
        return SelectedWeights(start, (), 0.0, at_start[0], at_start[0])
    soup, epochs, top = best[0][3], [best[0][2]], best[0][:2]
    for _, _, epoch, state in best[1:]:
        n = len(epochs)
        candidate = mix([soup, state], [n / (n + 1), 1 / (n + 1)])
        found_here = judged(candidate)
        if found_here >= top:
            soup, top = candidate, found_here
            epochs.append(epoch)
    found = {0.0: (at_start, start), 1.0: (top, soup)}
    for share in _SHARES[1:-1]:
        state = mix([start, soup], [1 - share, share])
        found[share] = (judged(state), state)

    def sound(share: float) -> bool:
        # A measure on few images may be a tie where the log-loss says what was undone.
        return found[share][0][1] >= at_start[1]

    # Of equals the one that went furthest: it has learnt from the images.
    share = max(
        found, key=lambda each: (found[each][0][0], each == 1.0 and sound(each), found[each][0][1])
    )
    if noise and share > 0:
        enough = found[share][0][0] - noise
        as_good = [each for each in found if found[each][0][0] >= enough and sound(each)]
        share = max([share, *as_good])
    return SelectedWeights(found[share][1], tuple(epochs), share, found[share][0][0], at_start[0])
