"""What the curves of an embedding's training say: collapse, idleness, rote learning; and remedies.

A collapse is when all images come to lie at nearly the same point: hardest mining at a high rate
is the usual way there (Schroff, Kalenichenko and Philbin, CVPR 2015, section 3.2; Hermans, Beyer
and Leibe, 2017, appendix; pytorch-metric-learning, issue 20). The loss then stays at its margin,
and nothing in its value says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from headstart.records import Finding
from headstart.tasks.identity.health import Health
from headstart.tasks.identity.metric_loss import MARGIN
from headstart.tasks.identity.recipe import MetricRecipe
from headstart.training.record import Epoch

__all__ = ["collapsed", "read_curves"]

# Of the distance between people at the start that must be left, and the least of it.
_LEFT, _LEAST = 0.2, 0.005
# Directions, as a share of what the start has.
_FLAT = 0.3
_IDLE = 0.02
_STUCK = 0.95
# Measures of the people who decide vary by about this much.
_LOST = 0.05
_CEILING = 0.97
_LEAST_RATE = 1e-6  # whoever trains at less does not train

# What a finding shows of the curves.
Lines = tuple[str, ...]


def collapsed(epoch: Epoch, start: Health) -> bool:
    """Tells whether all embeddings of an epoch were nearly the same point.

    Args:
        epoch: With its embeddings' health.
        start: Of the embeddings before the first step.
    """
    if not math.isfinite(epoch.mean_negative_cosine):
        return True
    apart = 1 - start.mean_negative_cosine
    return 1 - epoch.mean_negative_cosine < max(_LEFT * apart, min(_LEAST, apart / 2))


def read_curves(
    history: Sequence[Epoch],
    *,
    start: Health,
    recipe: MetricRecipe,
    people: int,
    start_measure: float,
    measure: float,
    share: float,
    diverged: int = -1,
) -> list[Finding]:
    """Reads the curves of an embedding's training.

    Args:
        history: One record an epoch.
        start: Of the embeddings before the first step.
        recipe: How it was trained.
        people: Identities that were trained on.
        start_measure: mAP@R of the start among the people who decided.
        measure: mAP@R of what was kept, among the same.
        share: How far from the start the kept weights are; 0: the start was kept.
        diverged: Step at which the loss was not a number, or -1.

    Returns:
        What went wrong, the worst first; or one note that nothing did.
    """
    found: list[Finding] = []
    lines = _lines(history, start)
    if diverged >= 0:
        found.append(
            Finding(
                "rate_too_high", "warning",
                f"The loss was not a number any more at step {diverged + 1}; the weights from "
                f"before are kept.",
                lines, _sentence(_slower(recipe, 3)), 1,
            )
        )  # fmt: skip
    if not history:
        return found
    last = history[-1]
    bad = [each for each in history if collapsed(each, start)]
    shape = _collapse(bad, last, start, recipe, lines) or _flat(last, start, recipe, lines)
    if shape is not None:
        found.append(shape)
    best = max(each.measure for each in history)
    if not bad and diverged < 0 and best < start_measure - _LOST:
        found.append(_rate_too_high(start_measure, best, recipe, lines))
    if not found:
        verdict = _memorised(last, people, start_measure, lines) or _idle(last, recipe, lines)
        found.append(verdict or _trained_well(last, start, start_measure, measure, lines))
    if share == 0:
        found.append(
            Finding(
                "start_kept", "note",
                f"No epoch knew people held out better than the embedding that training began from "
                f"(mAP@R {start_measure:.3f}): that one, on frozen features, is kept.",
                (), "Nothing to do for the result; see what else is said here.", 1,
            )
        )  # fmt: skip
    return found


def _collapse(
    bad: list[Epoch], last: Epoch, start: Health, recipe: MetricRecipe, lines: Lines
) -> Finding | None:
    """Images of all people at nearly the same point, in some epochs."""
    if not bad:
        return None
    margin = recipe.margin or MARGIN
    stuck = recipe.loss == "triplet" and recipe.mining == "hard" and last.loss > _STUCK * margin
    loss = f"; the loss stays at its margin ({last.loss:.2f} of {margin:.2f})" if stuck else ""
    worst = max(
        bad,
        key=lambda each: (
            each.mean_negative_cosine if math.isfinite(each.mean_negative_cosine) else 1.0
        ),
    )
    return Finding(
        "collapse", "serious",
        f"The embedding collapsed in epoch {bad[0].epoch}: all images lie at nearly the "
        f"same point (mean cosine of different people {worst.mean_negative_cosine:.3f}, "
        f"at the start {start.mean_negative_cosine:.3f}; {worst.active_triplets:.0%} of "
        f"all triplets violate the margin){loss}.",
        lines, _against_collapse(recipe), len(bad),
    )  # fmt: skip


def _flat(last: Epoch, start: Health, recipe: MetricRecipe, lines: Lines) -> Finding | None:
    """Embeddings that spread in few directions."""
    least = max(_FLAT * min(start.effective_rank, recipe.identities - 1), 1.2)
    if not last.effective_rank < least:
        return None
    return Finding(
        "flat_embedding", "warning",
        f"The embeddings of a batch of {recipe.identities} people spread in "
        f"{last.effective_rank:.1f} directions only (at the start "
        f"{start.effective_rank:.1f}): most of its length is not used, and people fall on "
        "top of each other.",
        lines, _against_collapse(recipe), 1,
    )  # fmt: skip


def _rate_too_high(
    start_measure: float, best: float, recipe: MetricRecipe, lines: Lines
) -> Finding:
    return Finding(
        "rate_too_high", "warning",
        f"Training undid what the pretrained network knew: among people held out mAP@R "
        f"fell from {start_measure:.3f} to at best {best:.3f}.",
        lines,
        _sentence(f"{_slower(recipe, 3)}, or freeze more (--recipe freeze=last)"), 1,
    )  # fmt: skip


def _memorised(last: Epoch, people: int, start_measure: float, lines: Lines) -> Finding | None:
    """Training people that are known by heart, and no others better than before."""
    room = start_measure < _CEILING  # what is known already cannot be known better
    if not (room and last.accuracy > 0.95 and last.measure < start_measure + 0.01):
        return None
    return Finding(
        "memorised", "warning",
        f"Images of the {people} training people find each other ({last.accuracy:.0%}), "
        f"people held out are not known again better than before "
        f"({last.measure:.3f}, before {start_measure:.3f}): {people} people are learnt "
        f"by heart.",
        lines,
        "Add people, not images of the same ones: hundreds are needed to learn what "
        "tells any two apart; or use a backbone that was trained on such images.", 1,
    )  # fmt: skip


def _idle(last: Epoch, recipe: MetricRecipe, lines: Lines) -> Finding | None:
    """Triplets that have nothing more to teach."""
    if not (last.active_triplets < _IDLE and recipe.loss == "triplet"):
        return None
    return Finding(
        "idle_triplets", "note",
        f"In the last epoch {last.active_triplets:.1%} of all triplets violated the "
        f"margin: hardly anything was left to learn from.",
        lines,
        "Train for fewer epochs, or make it harder: --recipe mining=distance, a larger "
        "margin, or more people in a batch (identities=16).", 1,
    )  # fmt: skip


def _trained_well(
    last: Epoch, start: Health, start_measure: float, measure: float, lines: Lines
) -> Finding:
    return Finding(
        "trained_well", "note",
        f"No collapse: images of different people came to lie further apart or stayed "
        f"(mean cosine {last.mean_negative_cosine:.3f}, at the start "
        f"{start.mean_negative_cosine:.3f}), in {last.effective_rank:.1f} directions; "
        f"mAP@R among people held out went from {start_measure:.3f} to {measure:.3f}.",
        lines, "No action needed.", 1,
    )  # fmt: skip


def _against_collapse(recipe: MetricRecipe) -> str:
    """Returns the remedy that fits the recipe, the likeliest cause first."""
    ways = []
    if recipe.loss == "triplet" and recipe.mining == "hard":
        ways.append("mine semi-hard or distance-weighted triplets (--recipe mining=semihard)")
    ways.append(_slower(recipe, 10))
    if recipe.freeze != "gradual":
        ways.append("start with the network frozen (--recipe freeze=gradual)")
    if recipe.loss in ("triplet", "contrastive"):
        ways.append("or take a loss that holds on to each person (--recipe loss=arcface)")
    return _sentence("; ".join(ways))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _slower(recipe: MetricRecipe, times: int) -> str:
    """Returns the advice to train at a part of the rate, down to where nothing would be learnt."""
    part = {3: "a third", 10: "a tenth"}[times]
    if recipe.lr / times < _LEAST_RATE:
        return f"leave --lr out: at {recipe.lr:.2g} the rate is not what did it"
    return f"train at {part} of the rate (--lr {recipe.lr / times:.2g})"


def _lines(history: Sequence[Epoch], start: Health) -> tuple[str, ...]:
    places = sorted({round(i) for i in np.linspace(0, len(history) - 1, 5)}) if history else []
    before = (
        f"before: cosine of different people {start.mean_negative_cosine:.3f}, "
        f"{start.effective_rank:.1f} directions, {start.active_triplets:.0%} of triplets active"
    )
    return (
        before,
        *(
            f"epoch {each.epoch}: loss {each.loss:.3f}, cosine {each.mean_negative_cosine:.3f}, "
            f"{each.effective_rank:.1f} directions, {each.active_triplets:.0%} active; held out: "
            f"mAP@R {each.measure:.3f}, recall@1 {each.val_accuracy:.3f}"
            for each in (history[place] for place in places)
        ),
    )
