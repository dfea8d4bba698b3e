"""`advise --task identity`: whether these images can teach an embedding of identities."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headstart.advice.people import PeopleFacts, people_facts, people_findings, people_sentences
from headstart.checks.duplicates import clusters as find_clusters
from headstart.compute import Compute
from headstart.features.extract import extract
from headstart.images.preprocess import Preprocess
from headstart.metrics.retrieval import retrieve, summarise
from headstart.nets.pretrained.backbone import Backbone
from headstart.probe.frozen import feature_sets
from headstart.records import Estimate, Finding
from headstart.strategies.prepare import face_flags
from headstart.strategies.problem import Prepared
from headstart.tasks.identity.split import FEWEST

__all__ = ["PeopleAdvice", "advise_people"]

_MOST = 4_000  # every image is compared with every other


@dataclass(frozen=True)
class PeopleAdvice:
    """What stands between these images and an embedding, and what to do.

    Attributes:
        data: What was looked at.
        summary: The answer, in sentences.
        findings: What was found, the worst first.
        command: The training to run.
        facts: Counted and measured, for the best backbone.
        rows: Backbone -> retrieval by its frozen features, the best first.
        skipped: Backbone -> why it was not tried.
    """

    data: str
    summary: tuple[str, ...]
    findings: tuple[Finding, ...]
    command: str
    facts: PeopleFacts
    rows: dict[str, dict[str, Estimate]]
    skipped: dict[str, str]

    def __repr__(self) -> str:
        return f"PeopleAdvice({self.data!r}: {' '.join(self.summary)})"


def advise_people(
    data: str | Path,
    whole: Prepared,
    networks: list[tuple[Backbone, Preprocess]],
    skipped: dict[str, str],
    compute: Compute,
    *,
    faces: float | None,
    detector: str | None = None,
) -> PeopleAdvice:
    """Measures frozen features on all identities and says what follows.

    Args:
        data: As it was given.
        whole: Its usable items.
        networks: Each with the preprocessing to use.
        skipped: Backbone -> why it cannot be had.
        compute: Where; its seed is that of intervals, and of the draw where there are very many.
        faces: Share of the images with a face; None where nobody looked.
        detector: That found them; None where the images are taken as they are.
    """
    seed = compute.seed
    dataset = whole.dataset
    chosen = np.arange(len(dataset))
    if len(chosen) > _MOST:
        chosen = np.sort(np.random.default_rng(seed).permutation(len(chosen))[:_MOST])
    own = dataset.take(chosen)
    copies = find_clusters(whole.stats.take(chosen), None)
    measured: list[tuple[Backbone, Preprocess, dict[str, Estimate] | None]] = []
    for network, preprocess in networks:
        features = extract(
            own,
            network,
            preprocess=preprocess,
            device=compute.device,
            workers=compute.workers,
            progress=compute.progress,
        )
        columns = feature_sets(features.slices)["last"]
        found = retrieve(features.vectors[:, columns], own.labels.strata, copies=copies)
        known = summarise(found, seed=seed) if len(found.items) else None
        measured.append((network, preprocess, known))
    measured.sort(key=lambda each: -(each[2]["map_at_r"].value if each[2] else 0.0))
    best, preprocess, frozen = measured[0]
    sizes = np.stack([whole.stats.widths, whole.stats.heights], axis=1)
    facts = people_facts(
        dataset, sizes, backbone=best.name, input_size=best.preprocess.size,
        pretraining_classes=best.pretraining_classes, trainable=best.source.kind != "onnx",
        faces=faces, frozen=frozen,
    )  # fmt: skip
    findings = people_findings(facts)
    return PeopleAdvice(
        data=str(data),
        summary=tuple(people_sentences(facts, findings)),
        findings=tuple(findings),
        command=_command(data, best, facts, preprocess.size, detector),
        facts=facts,
        rows={network.source.place: known for network, _, known in measured if known is not None},
        skipped=skipped,
    )


def _command(
    data: str | Path, network: Backbone, facts: PeopleFacts, size: int, detector: str | None
) -> str:
    learns = facts.identities >= FEWEST and facts.trainable
    task = (
        ["--task", "identity"] if learns else ["--strategy", "auto" if facts.trainable else "probe"]
    )
    words = ["headstart", "train", data, "--backbone", network.source.place, "--image-size", size]
    return shlex.join([str(each) for each in [*words, *task, *face_flags(detector)]]) + " -o RUN"
