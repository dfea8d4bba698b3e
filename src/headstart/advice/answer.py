"""The answer in words: what was measured, what follows from it, and the rule of thumb beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from headstart.advice.rank import Candidate
from headstart.data.labels import counts_of
from headstart.metrics.interval import wilson
from headstart.records import Estimate
from headstart.strategies.finetuning.plan import FinetunePlan
from headstart.strategies.problem import Prepared

__all__ = ["domain", "expected", "facts_of", "looks_told", "rule_of_thumb", "sentences"]

_Z = 1.96
# Errors fall as a power of the epochs seen, counted from 1 at the probe: on the sets of
# docs/benchmarks.md with more than ten errors the exponents were -0.04, 0.10, 0.17 and 0.28. The
# better of probe and network is kept, so nothing is the least that can come of it.
_GAIN, _MOST_GAIN = 0.15, 0.35
_SMALL_PER_CLASS = 100
_WINNERS = {
    "last": "that layer itself",
    "all": "all stages together",
    "upper": "the upper stages",
    "regions": "regions of the image, which keep where something is",
    "pixels": "a small copy of the image",
}


def facts_of(prepared: Prepared) -> dict[str, object]:
    """Returns what can be said without a network.

    Args:
        prepared: N usable items.
    """
    dataset, stats = prepared.dataset, prepared.stats
    counts = np.array([each for each in counts_of(dataset.labels).values() if each])
    short = np.minimum(stats.widths, stats.heights)
    return {
        "images": len(dataset),
        "classes": len(dataset.labels.kinds),
        "images per class": _spread(counts),
        "independent": f"{len(np.unique(prepared.clusters)):,} (copies and groups count once)",
        "shorter side": f"{_spread(short)} px",
    }


def _spread(values: np.ndarray) -> str:
    """Returns the ends and the middle of some numbers."""
    low, middle, high = (int(each) for each in (values.min(), np.median(values), values.max()))
    return f"{low:,}" if low == high else f"{low:,} to {high:,}, median {middle:,}"


def domain(best: Candidate, n_classes: int) -> tuple[bool, str]:
    """Tells whether the pretrained features fit the data, and says by what.

    They fit where the last layer, the one most of the pretraining's own subject, separates the
    classes: its probe is within noise of the best of all stages, and far above chance.
    """
    accuracy = best.accuracy
    half = (accuracy.high - accuracy.low) / 2
    loss = accuracy.value - best.last
    chance = 1 / n_classes
    near = (best.last - chance) / max(1 - chance, 1e-9)
    fits = loss <= max(half, 0.02) and near > 0.6
    winner = _WINNERS.get(best.features, best.features.replace("stage", "stage "))
    summary = (
        f"Too unlike the pretraining? {'No' if fits else 'In part'}: features of its last layer, "
        f"which is nearest to what it was trained for, reach an accuracy of {best.last:.3f}; the "
        f"best, of {winner}, {accuracy.value:.3f}; guessing {chance:.3f}."
    )
    return fits, summary


def looks_told(said: dict[str, Any] | None) -> list[str]:
    """Returns what further looks at each image bring, in sentences; none where none was tried.

    Args:
        said: The part of `metrics.json` about looks, or None.
    """
    if said is None:
        return []
    first, average = (said["held_out_log_loss"][each] for each in ("first", "average"))
    kept = [each["view"] for each in said["tried"] if each["kept"]]
    tried = ", ".join(each["view"] for each in said["tried"][1:])
    if not kept:
        return [f"Further looks at each image ({tried}) do not lower the held-out log-loss."]
    cost = "in one pass" if said["passes"] == 1 else f"in {said['passes']} passes"
    return [
        f"Look at each image as {' and as '.join(kept)}, {cost}: held-out log-loss {average:.3f}, "
        f"with the first look alone {first:.3f}. --views auto, the default, does so."
    ]


def rule_of_thumb(per_class: float, fits: bool) -> str:
    """Returns the usual advice by size and similarity, which is printed beside what was measured.

    The four cases are those of Stanford's CS231n notes on transfer learning.
    """
    small = per_class < _SMALL_PER_CLASS
    case = {
        (True, True): "few images, like the pretraining's: train a linear classifier on frozen "
        "features",
        (True, False): "few images, unlike the pretraining's: classify activations of earlier "
        "layers",
        (False, True): "many images, like the pretraining's: fine-tune the whole network",
        (False, False): "many images, unlike the pretraining's: fine-tune everything, or train "
        "from scratch",
    }[small, fits]
    return (
        f"The rule of thumb, by which {_SMALL_PER_CLASS} images a class are many, would say: "
        f"{case}. What was measured here goes before it."
    )


def expected(
    validation: Estimate, *, tested: int, chosen_among: int, longer: float = 1.0
) -> Estimate:
    """Returns the accuracy to expect on a test of some size.

    The interval holds the noise of the held-out images, that of the test, a point for having
    chosen the best of several on the same images, and what training goes on to bring: between
    nothing and what it brought at best on other sets.

    Args:
        validation: Accuracy of what was chosen, on held-out training images.
        tested: Images of the test.
        chosen_among: How many were compared.
        longer: Epochs to come for one that was measured; the probe counts as one.
    """
    p, n = validation.value, max(validation.n, 1)
    smooth = (p * n + 2) / (n + 4)  # as Agresti and Coull: never without spread
    spread = math.sqrt(smooth * (1 - smooth) * (1 / n + 1 / max(tested, 1)))
    optimism = 0.005 * math.log2(max(chosen_among, 1) + 1) * 2 * math.sqrt(smooth * (1 - smooth))
    low = max(0.0, min(p - optimism - _Z * spread, wilson(p * n, n).low))
    high = min(1.0, max(p + _Z * spread, wilson(p * n, n).high))
    value = 1 - (1 - p) * longer**-_GAIN
    high = max(high, 1 - (1 - high) * longer**-_MOST_GAIN)
    return Estimate(value, low, high, n, f"prediction for a test of {tested}, 95%")


def sentences(
    candidates: Sequence[Candidate], plan: FinetunePlan, forecast: str | None, hope: Estimate
) -> list[str]:
    """Returns the answer: backbone, size, strategy, what to expect, what more data would bring."""
    best = candidates[0]
    summary = []
    others = [each for each in candidates if each.backbone == best.backbone and each != best]
    if others:
        told = ", ".join(f"{each.accuracy.value:.3f} at {each.image_size} px" for each in others)
        summary.append(
            f"Use {best.image_size} px: {best.accuracy.value:.3f} by cross-validated probe, "
            f"against {told}."
        )
    names = {each.backbone for each in candidates}
    if len(names) > 1:
        summary.append(f"Use {best.backbone}: the best of {len(names)} backbones.")
    summary.append(f"Freeze or fine-tune? {_way(plan)} {' '.join(plan.summary)}")
    what = "the fine-tuned network" if plan.recipe else "a linear classifier of frozen features"
    summary.append(
        f"Expect an accuracy of about {hope.value:.3f} from {what} on a test of this kind "
        f"({hope.low:.3f} to {hope.high:.3f} with 95% confidence)."
    )
    if forecast:
        summary.append(f"Too few images? {forecast}")
    return summary


def _way(plan: FinetunePlan) -> str:
    """Returns the answer to whether to freeze the network, before its reasons."""
    if plan.recipe is None:
        return "Freeze it, and learn a linear classifier of its features (--strategy probe)."
    depth = (
        "all layers" if plan.recipe.freeze == "none" else f"the last {plan.recipe.stages} stages"
    )
    return (
        f"Let 'train' do both and keep what held-out images say is better (--strategy auto); "
        f"fine-tune {depth}."
    )
