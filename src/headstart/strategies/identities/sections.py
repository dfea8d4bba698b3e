"""What is said of a learnt embedding: parts of `metrics.json`, rows of `trials.csv`, a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from headstart.metrics.retrieval import MEASURES, gain, summarise
from headstart.nets.model import Model
from headstart.records import Estimate, Finding
from headstart.strategies.identities.problem import IdentityProblem, MeasuredEmbedding
from headstart.tasks.identity.embed import EmbeddingTraining

__all__ = ["describe_embedding", "embedding_trials", "finetuning_section", "retrieval_section"]

_DECIDED = {
    "embedding": "The embedding was kept",
    "whitened": "The whitened frozen features that training began from were kept",
    "frozen": "The frozen features were kept",
}
_STAYED = {
    "frozen": "frozen features",
    "whitened": "frozen features, whitened within people,",
}


def describe_embedding(model: Model, own: MeasuredEmbedding, kept: str) -> str:
    """Returns one sentence about a model.

    Args:
        model: With everybody enrolled.
        own: What was kept.
        kept: ``"embedding"``, ``"whitened"`` or ``"frozen"``.
    """
    enrolled, width = model.head.arrays["prototypes"].shape
    return (
        f"the mean embedding of each of {enrolled} people, by the {_STAYED.get(kept, own.summary)} "
        f"of {model.backbone.name} ({width} numbers), images at {model.preprocess.size} px"
    )


def retrieval_section(
    problem: IdentityProblem,
    measured: Sequence[MeasuredEmbedding],
    kept: str,
    embedded: EmbeddingTraining,
    dimension: int,
) -> dict[str, Any]:
    """Returns how well identities held out are found again by what was kept and by what is beside.

    Args:
        problem: Who was held out.
        measured: What was kept first, then what it is measured beside.
        kept: ``"embedding"``, ``"whitened"`` or ``"frozen"``.
        embedded: The training.
        dimension: Numbers of an embedding.
    """
    own, seed = measured[0], problem.compute.seed
    return {
        "kept": kept,
        "dimension": dimension,
        "identities": {
            "trained": len(np.unique(problem.identities[problem.split.train])),
            "deciding": embedded.people[1],
            "unseen": len(problem.unseen),
        },
        "measures": MEASURES,
        "rows": [
            {
                "name": each.name,
                "summary": each.summary,
                "measures": summarise(each.found, seed=seed),
                "gain": None if each is own else gain(own.found, each.found, seed=seed),
                "seconds": round(each.seconds, 1),
            }
            for each in measured
        ],
        "start": embedded.start._asdict(),
    }


def embedding_trials(section: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Returns the lines of `trials.csv`, of what `retrieval_section` holds."""
    return tuple(
        _trial(row, section["dimension"], chosen=not number)
        for number, row in enumerate(section["rows"])
    )


def _trial(row: dict[str, Any], dimension: int, *, chosen: bool) -> dict[str, Any]:
    recall: Estimate = row["measures"]["recall_at_1"]
    return {
        "embedding": row["summary"],
        "dimension": dimension,
        "recall_at_1": f"{recall.value:.4f}",
        "low": f"{recall.low:.4f}",
        "high": f"{recall.high:.4f}",
        "map_at_r": f"{row['measures']['map_at_r'].value:.4f}",
        "seconds": f"{row['seconds']:.3f}",
        "chosen": chosen,
    }


def finetuning_section(
    embedded: EmbeddingTraining, kept: str, found: tuple[Finding, ...], seed: int
) -> dict[str, Any]:
    """Returns what the people who decided say of the training.

    Args:
        embedded: The training.
        kept: ``"embedding"``, ``"whitened"`` or ``"frozen"``.
        found: What the curves and the comparison say.
        seed: Of intervals.
    """
    both = {"probe": embedded.val_start, "finetune": embedded.validation}
    change = gain(embedded.validation, embedded.val_start, seed=seed)
    one = change["map_at_r"]
    points = f"{100 * one.value:+.1f} points ({100 * one.low:+.1f} to {100 * one.high:+.1f})"
    return {
        "kept": "finetune" if kept == "embedding" else "probe",
        "summary": f"{_DECIDED[kept]}: among {embedded.people[1]} people held out of the training, "
        f"mAP@R changed by {points}.",
        "measure": "recall@1",
        "share": embedded.kept.share,
        "epochs": embedded.kept.epochs,
        "refitted": embedded.refitted,
        "recipe": asdict(embedded.recipe),
        "validation": {
            "n": len(embedded.validation.items),
            **{name: summarise(each, seed=seed)["recall_at_1"] for name, each in both.items()},
            "gain": change["recall_at_1"],
        },
        "diagnoses": found,
    }
