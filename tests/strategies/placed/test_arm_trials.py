"""Arms beside each other: the kept one first, and what the choice rests on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from headstart.strategies.placed.arm_trials import ArmTrials


@dataclass(frozen=True)
class Tried:
    called: str
    seconds: float = 1.0

    def row(self):
        return {"arm": self.called, "held": "", "behind_low": "", "seconds": self.seconds}


ARMS = [Tried("plain"), Tried("better"), Tried("good")]
GAINS = [(0.2, 0.1, 0.3), (0.0, 0.0, 0.0), (0.05, -0.1, 0.2)]


def test_the_kept_one_stands_first_and_the_sentence_names_the_next_best():
    trials = ArmTrials.of("mean IoU", ARMS, 1, GAINS, tuple({"held": str(n)} for n in range(3)))
    assert trials.best is ARMS[1]
    assert trials.gains == (GAINS[0], None, GAINS[2])
    assert trials.said == (
        "On held-out training images its mean IoU is 0.050 above that of the next best, good "
        "(95%: -0.100 to +0.200)."
    )
    rows = trials.rows()
    assert [(row["arm"], row["chosen"]) for row in rows] == [
        ("better", True), ("plain", False), ("good", False),
    ]  # fmt: skip
    assert [row["held"] for row in rows] == ["1", "0", "2"]
    assert (rows[0]["behind_low"], rows[1]["behind_low"]) == ("", "0.1000")
    # A column that an arm names itself stays where the arm has it.
    assert list(rows[0]) == ["arm", "held", "behind_low", "seconds", "behind_high", "chosen"]


def test_what_learnt_on_takes_the_place_of_what_was_tried():
    trials = ArmTrials.of("AP", ARMS, 1, GAINS)
    after = replace(ARMS[1], seconds=9.0)
    same = trials.keeping(1, after)
    assert (same.best, same.gains) == (after, trials.gains)
    assert same.rows()[0]["seconds"] == 9.0
    other = trials.keeping(2, ARMS[2])
    assert other.rows()[0]["arm"] == "good"
    assert other.said == ""


def test_without_held_out_images_nothing_is_claimed():
    trials = ArmTrials.of("AP", ARMS, 0)
    assert (trials.best, trials.said) == (ARMS[0], "")
