"""Which arm of masks is kept: the best on held-out training images, and what that rests on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from headstart.probe.dense_scores import paired_gain
from headstart.strategies.mask_arms import Arm

__all__ = ["MaskTrials", "compare_arms"]


@dataclass(frozen=True)
class MaskTrials:
    """Arms beside each other.

    Attributes:
        arms: In the order they were tried.
        best: The one that is kept, as it is kept.
        chosen: Its number among `arms`.
        gains: (value, low, high) of the best over each arm, by the images that both held out;
            None for itself, and where there are none.
    """

    arms: tuple[Arm, ...]
    best: Arm
    chosen: int
    gains: tuple[tuple[float, float, float] | None, ...]

    def with_best(self, arm: Arm) -> MaskTrials:
        """Returns the same with the kept arm as it has learnt on; it must be the last tried."""
        last = len(self.arms) - 1
        gains = self.gains if self.chosen == last else (None,) * len(self.arms)
        return replace(self, best=arm, chosen=last, gains=gains)

    @property
    def said(self) -> str:
        """One sentence on what the choice rests on."""
        others = [
            (gain, arm) for gain, arm in zip(self.gains, self.arms, strict=True) if gain is not None
        ]
        if not others:
            return ""
        (value, low, high), arm = min(others, key=lambda each: each[0][0])
        return (
            f"On held-out training images its mean IoU is {value:+.3f} (95 %: {low:+.3f} to "
            f"{high:+.3f}) from that of the next best, {arm.name} every {arm.head.plan.stride} px."
        )

    def rows(self) -> tuple[dict[str, Any], ...]:
        """Returns the lines of `trials.csv`, the kept one first."""
        lines = []
        for number, (arm, gain) in enumerate(zip(self.arms, self.gains, strict=True)):
            mine = number == self.chosen
            row = (replace(arm, seconds=self.best.seconds) if mine else arm).row()
            low, high = ("", "") if gain is None else (f"{gain[1]:.4f}", f"{gain[2]:.4f}")
            behind = {"behind_low": low, "behind_high": high}
            lines.append((not mine, row | behind | {"chosen": mine}))
        return tuple(row for _, row in sorted(lines, key=lambda each: each[0]))


def compare_arms(arms: list[Arm], clusters: np.ndarray, *, seed: int) -> MaskTrials:
    """Chooses the arm with the largest mean IoU on the images that all of them held out.

    Args:
        arms: Of the same training images.
        clusters: (N,) int of those: what belongs together is drawn together.
        seed: Of the intervals.
    """
    measured = [arm.held for arm in arms]
    rows = [set(held.rows.tolist()) for held in measured if held is not None]
    if len(rows) < len(arms):  # nothing could be held out: the most able one, tried last
        return MaskTrials(tuple(arms), arms[-1], len(arms) - 1, (None,) * len(arms))
    common = np.array(sorted(set.intersection(*rows)))
    counts = [held.on(common) for held in measured if held is not None]
    gains = [
        [paired_gain(one, other, clusters[common], seed=seed) for other in counts] for one in counts
    ]
    best = max(range(len(arms)), key=lambda i: min(gain[0] for gain in gains[i]))
    told = [gain if number != best else None for number, gain in enumerate(gains[best])]
    return MaskTrials(tuple(arms), arms[best], best, tuple(told))
