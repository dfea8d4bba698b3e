"""`FinetunePlan`: what to do beyond the probe; and when nothing beyond it can be shown to pay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headstart.metrics.interval import wilson
from headstart.nets.pretrained.backbone import Backbone
from headstart.probe.cross_validate import CrossValidated, Fold
from headstart.records import Estimate

if TYPE_CHECKING:
    from headstart.nets.model import Model
    from headstart.strategies.finetuning.rounds import FinetuneRounds
    from headstart.training.schedule import Recipe

__all__ = ["FinetuneCandidate", "FinetunePlan", "FinetuneOutcome", "keep_probe", "probe_candidate"]

# With fewer held-out errors than this no fine-tuning can be shown to mend any.
_FEW_ERRORS = 8


@dataclass(frozen=True)
class FinetuneCandidate:
    """One thing that was tried, or could have been.

    Attributes:
        name: For people.
        recipe: None for the probe.
        validation: Accuracy on held-out training images; None where it was not run.
        seconds: It took.
    """

    name: str
    recipe: Recipe | None
    validation: Estimate | None
    seconds: float


@dataclass(frozen=True)
class FinetunePlan:
    """What to do.

    Attributes:
        recipe: How to fine-tune; None: keep the probe.
        refit: Whether to train once more on all training items.
        summary: Why, in sentences.
        candidates: What was tried.
        seconds: What making the plan took and carrying it out is expected to take.
    """

    recipe: Recipe | None
    refit: bool
    summary: tuple[str, ...]
    candidates: tuple[FinetuneCandidate, ...]
    seconds: float


@dataclass(frozen=True)
class FinetuneOutcome:
    """What fine-tuning came to.

    Attributes:
        plan: Of `auto`, else None.
        tuning: None where the plan was to keep the probe.
        model: The fine-tuned model where it was kept.
    """

    plan: FinetunePlan | None
    tuning: FinetuneRounds | None
    model: Model | None


def probe_candidate(part: Fold) -> FinetuneCandidate:
    """Returns the probe of one round as a candidate.

    Args:
        part: With the probe's held-out scores.
    """
    right = part.probe.held_out.argmax(axis=1) == part.round.targets[part.probe.chosen_on]
    return FinetuneCandidate("frozen probe", None, wilson(float(right.sum()), len(right)), 0.0)


def keep_probe(probed: CrossValidated, backbone: Backbone, *, tta: int = 1) -> FinetunePlan | None:
    """Returns the plan to keep the probe where nothing else can be or need be tried; else None.

    Args:
        probed: What `cross_validate` gave; the first round decides.
        backbone: What would be trained.
        tta: Of an image whose frozen features are averaged.
    """
    part = probed.folds[0]
    frozen = None
    if backbone.source.kind == "onnx":
        frozen = f"{backbone.name} is an ONNX file, which cannot be trained: the probe is kept."
    elif tta > 2:
        frozen = f"--tta {tta} averages frozen features of several crops: the probe is kept."
    if frozen:
        return FinetunePlan(None, False, (frozen,), (probe_candidate(part),), 0.0)
    errors = int(
        (part.probe.held_out.argmax(axis=1) != part.round.targets[part.probe.chosen_on]).sum()
    )
    if errors >= _FEW_ERRORS:
        return None
    enough = (
        f"The frozen probe errs on {errors} of {len(part.probe.chosen_on):,} held-out training "
        f"images: too few for fine-tuning to show that it mends any. Keep the probe.",
    )
    return FinetunePlan(None, False, enough, (probe_candidate(part),), 0.0)
