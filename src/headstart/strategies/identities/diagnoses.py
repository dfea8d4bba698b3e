"""What is said about a learnt embedding: in words, and as findings with their remedies."""

from __future__ import annotations

from headstart.metrics.retrieval import Retrieved, gain
from headstart.records import Finding, Severity
from headstart.tasks.identity.collapse import read_curves
from headstart.tasks.identity.embed import EmbeddingTraining
from headstart.tasks.identity.recipe import MetricRecipe

__all__ = ["describe_recipe", "diagnoses"]

Measured = tuple[str, str, Retrieved]
"""Name, words for people, and what was found."""


_WAYS = {
    "frozen": "'headstart enroll' with the same --backbone takes them as they are",
    "whitened": "--recipe freeze=head --epochs 1 stays near it",
    "softmax": "--recipe loss=softmax,head=none",
}


def describe_recipe(recipe: MetricRecipe) -> str:
    """Returns what a recipe makes, for people."""
    if recipe.loss == "softmax":
        return "plain softmax classifier of the training people, its features"
    names = {
        "triplet": f"triplet loss ({recipe.mining})",
        "contrastive": "contrastive loss",
        "supcon": "SupCon loss",
        "arcface": "ArcFace",
        "cosface": "CosFace",
        "proxyanchor": "Proxy-Anchor",
    }
    return f"embedding learnt by {names[recipe.loss]}"


def diagnoses(
    embedded: EmbeddingTraining,
    candidates: list[Measured],
    kept: str,
    *,
    seed: int,
) -> tuple[Finding, ...]:
    """Returns what the curves and the comparison say.

    Args:
        embedded: The training.
        candidates: What was kept first, then what it is measured beside.
        kept: ``"embedding"``, ``"whitened"`` or ``"frozen"``.
        seed: Of intervals.
    """
    return (*_curves(embedded), *_compared(candidates, kept, seed))


def _curves(embedded: EmbeddingTraining) -> list[Finding]:
    return read_curves(
        embedded.history, start=embedded.start, recipe=embedded.recipe, people=embedded.people[0],
        start_measure=embedded.kept.start_measure, measure=embedded.kept.measure,
        share=embedded.kept.share, diverged=embedded.diverged,
    )  # fmt: skip


def _compared(candidates: list[Measured], kept: str, seed: int) -> list[Finding]:
    """Says in words what the embedding must not hide: that something simpler is as good."""
    found = []
    for name, summary, other in candidates[1:]:
        if kept == name:
            continue  # they are the same
        change = gain(candidates[0][2], other, seed=seed)["map_at_r"]
        worse = change.high < 0
        # What was never trained is simpler than a classifier that was: nothing is hidden.
        if change.low > 0 or (name == "softmax" and kept != "embedding" and not worse):
            continue
        points = f"{100 * change.value:+.1f} points ({100 * change.low:+.1f} to "
        points += f"{100 * change.high:+.1f})"
        claim = (
            f"On people never seen the embedding is {'worse' if worse else 'not surely better'} "
            f"than {summary}: mAP@R changed by {points}."
        )
        remedy = f"Prefer {summary} ({_WAYS[name]}). More people to learn from help most."
        severity: Severity = "serious" if worse else "warning"
        if name == "whitened" and not worse:
            severity = "note"
            remedy = (
                "No action needed: what is gained over plain frozen features is mostly the "
                "whitening's. More people to learn from help most."
            )
        found.append(Finding(f"no_better_than_{name}", severity, claim, (), remedy, 1))
    return found
