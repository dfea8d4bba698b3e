"""`ArmTrials`: which of several ways to learn is kept, and what that rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

__all__ = ["ArmTrials", "Gain", "TriedArm"]

Gain = tuple[float, float, float]
"""Value, low and high of a difference."""


class TriedArm(Protocol):
    """A way to learn that was tried, a frozen dataclass with `seconds`."""

    @property
    def called(self) -> str:
        """What it is called beside others."""

    @property
    def seconds(self) -> float:
        """Wall time."""

    def row(self) -> dict[str, Any]:
        """Returns its line of `trials.csv`, without what comes from comparing arms."""


A = TypeVar("A", bound=TriedArm)


@dataclass(frozen=True)
class ArmTrials(Generic[A]):
    """Arms beside each other.

    Attributes:
        measure: What they are compared by, for people.
        arms: In the order they were tried.
        chosen: Number of the one that is kept.
        best: That one, as it is kept.
        gains: By how much the kept one is better than each, on the images that both held out;
            None for itself, and where there are none.
        columns: Of each arm what else its line of `trials.csv` has; none for all.
        why: A sentence on why it is kept, where that is not the measure alone.
    """

    measure: str
    arms: tuple[A, ...]
    chosen: int
    best: A
    gains: tuple[Gain | None, ...]
    columns: tuple[dict[str, str], ...] = ()
    why: str = ""

    @classmethod
    def of(
        cls,
        measure: str,
        arms: list[A],
        chosen: int,
        gains: Sequence[Gain | None] | None = None,
        columns: tuple[dict[str, str], ...] = (),
    ) -> ArmTrials[A]:
        """Keeps one of some arms.

        Args:
            measure: What they are compared by.
            arms: In the order they were tried.
            chosen: Number of the one that is kept.
            gains: Of that one over each; None where nothing could be held out.
            columns: As the attribute.
        """
        told: Sequence[Gain | None] = [None] * len(arms) if gains is None else gains
        kept = tuple(gain if number != chosen else None for number, gain in enumerate(told))
        return cls(measure, tuple(arms), chosen, arms[chosen], kept, columns)

    def keeping(self, number: int, arm: A) -> ArmTrials[A]:
        """Returns the same with one arm kept, as it has learnt on."""
        gains = self.gains if number == self.chosen else (None,) * len(self.arms)
        return replace(self, best=arm, chosen=number, gains=gains)

    @property
    def said(self) -> str:
        """One sentence on what the choice rests on."""
        others = [
            (gain, arm) for gain, arm in zip(self.gains, self.arms, strict=True) if gain is not None
        ]
        if not others:
            return ""
        (value, low, high), arm = min(others, key=lambda each: each[0][0])
        why = f" {self.why}" if self.why else ""
        return (
            f"On held-out training images its {self.measure} is {abs(value):.3f} "
            f"{'below' if value < 0 else 'above'} that of the next best, {arm.called} (95%: "
            f"{low:+.3f} to {high:+.3f}).{why}"
        )

    def rows(self) -> tuple[dict[str, Any], ...]:
        """Returns the lines of `trials.csv`, the kept one first."""
        lines = []
        for number, (arm, gain) in enumerate(zip(self.arms, self.gains, strict=True)):
            mine = number == self.chosen
            shown: Any = arm
            row = (replace(shown, seconds=self.best.seconds) if mine else shown).row()
            low, high = ("", "") if gain is None else (f"{gain[1]:.4f}", f"{gain[2]:.4f}")
            row |= self.columns[number] if self.columns else {}
            lines.append(row | {"behind_low": low, "behind_high": high, "chosen": mine})
        return tuple(sorted(lines, key=lambda row: not row["chosen"]))
