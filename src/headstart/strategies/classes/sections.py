"""What is said of a training: one sentence about its model, and parts of `metrics.json`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from headstart.data.words import plural
from headstart.nets.model import Model
from headstart.probe.probe import Probe
from headstart.strategies.classes.views import look_words
from headstart.strategies.finetuning.plan import FinetuneOutcome, FinetunePlan

if TYPE_CHECKING:
    from headstart.strategies.finetuning.rounds import FinetuneRounds

__all__ = ["advice", "describe", "describe_tuned", "finetuning"]

_NAMES = {
    "logistic": "logistic regression",
    "svm": "linear support vector machine",
    "neighbours": "nearest neighbours",
    "prototypes": "class prototypes",
}


def describe(model: Model, probe: Probe, *, by: str = "cross-validated") -> str:
    """Returns one sentence about a model of frozen features.

    Args:
        model: Of the probe.
        probe: How it was chosen.
        by: What the choice was measured by, such as ``"validation"``.
    """
    tta = f", {model.tta} views averaged" if model.tta > 1 else ""
    looks = model.preprocess.looks
    verb = {
        "square": "cropped to the largest square and resized",
        "crop": "cropped",
        "pad": "padded",
        "squash": "squashed",
    }[model.preprocess.geometry]
    seen = f"images {verb}"
    if len(looks) > 1:
        ways = "; ".join(look_words(each) for each in looks)
        seen = f"each image seen {len(looks)} ways ({ways}), resized"
    if model.preprocess.faces is not None:
        seen = "the largest face of each photo set upright and cut out"
    return (
        f"{_what(probe)} of {model.backbone.name}, {seen} to {model.preprocess.size} px{tta}; "
        f"chosen by {by} {probe.criterion} among {len(probe.trials)} trials"
    )


def _what(probe: Probe) -> str:
    """Returns which classifier, on which vectors."""
    if probe.members:
        read = {config.features.split(" ")[0] for config, _, _ in probe.parts()}
        others = {"regions": "regions of the image", "pixels": "the pixels of a small image"}
        places = ["the stages"] if read - set(others) else []
        places += [words for name, words in others.items() if name in read]
        count = plural(len(probe.members), "linear classifier")
        where = " and on ".join([", on ".join(places[:-1]), places[-1]] if places[1:] else places)
        turned = any(config.mirrored for config, _, _ in probe.parts())
        also = " (also as if mirrored, in learning)" if turned else ""
        return f"average of {count} on {where}{also}"
    named = {
        "all": "all stages", "last": "the last layer", "upper": "the upper stages",
        "regions": "regions of the image",
    }  # fmt: skip
    features = named.get(probe.config.features, probe.config.features.replace("stage", "stage "))
    return f"{_NAMES[probe.config.classifier]} on {features}"


def describe_tuned(model: Model, tuning: FinetuneRounds) -> str:
    """Returns one sentence about a fine-tuned model."""
    last = tuning.rounds[-1]
    depth = {"head": "its head", "last": f"its last {tuning.recipe.stages} stages"}
    what = depth.get(tuning.recipe.freeze, "all its layers")
    epochs = tuning.recipe.epochs
    share = f", {last.kept.share:.0%} of the way from the probe" if last.kept.share < 1 else ""
    seen = look_words(model.preprocess)
    if model.preprocess.faces is not None:
        seen = "the largest face"
    return (
        f"{model.backbone.name} fine-tuned in {what} for {epochs} epoch{'s' * (epochs > 1)} from a "
        f"linear probe{share}, {seen} of each image at "
        f"{model.preprocess.size} px"
    )


def finetuning(tuned: FinetuneOutcome) -> dict[str, Any] | None:
    """Returns the part of `metrics.json` about a fine-tuning, or None where there was none."""
    tuning = tuned.tuning
    if tuning is None:
        return None
    last = tuning.rounds[-1]
    return {
        "kept": tuning.kept,
        "summary": tuning.summary,
        "share": last.kept.share,
        "epochs": last.kept.epochs,
        "refitted": last.refitted,
        "recipe": asdict(tuning.recipe),
        "validation": {
            "n": tuning.gain.n,
            "probe": tuning.probe,
            "finetune": tuning.finetuned,
            "gain": tuning.gain,
        },
        "diagnoses": tuning.diagnoses,
    }


def _tried(plan: FinetunePlan) -> Iterator[str]:
    """Yields what was tried, where that is more than the probe."""
    tried = [each for each in plan.candidates if each.validation is not None]
    if len(tried) > 1:
        told = "; ".join(
            f"{each.name} {each.validation}" + (f", {each.seconds:.0f} s" if each.recipe else "")
            for each in tried
        )
        yield f"Tried, accuracy on held-out training images: {told}."


def advice(tuned: FinetuneOutcome) -> dict[str, Any] | None:
    """Returns the part of `metrics.json` about what `auto` tried, or None."""
    if tuned.plan is None:
        return None
    return {
        "summary": (*tuned.plan.summary, *_tried(tuned.plan)),
        "announced_seconds": round(tuned.plan.seconds, 1),
        "rows": [
            {
                "strategy": candidate.name,
                "epochs": candidate.recipe.epochs if candidate.recipe else 0,
                "accuracy": candidate.validation,
                "seconds": round(candidate.seconds, 1),
            }
            for candidate in tuned.plan.candidates
        ],
    }
