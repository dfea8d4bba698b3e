"""What `train --strategy embed` learns and measures: imported only when it is wanted (torch)."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from headstart.checks.duplicates import clusters as find_clusters
from headstart.choices import Device
from headstart.errors import OptionError
from headstart.features.extract import Features, extract
from headstart.images.inputs import InputImages
from headstart.images.pixels import Progress
from headstart.images.preprocess import Preprocess
from headstart.metrics.retrieval import Retrieved, retrieve
from headstart.nets.backbone import Backbone, open_backbone, pick_device
from headstart.nets.embedder import project
from headstart.nets.heads import Head, softmax, unit_rows
from headstart.nets.model import Model
from headstart.nets.weights import save_network
from headstart.probe.probe import feature_sets
from headstart.records import Finding
from headstart.strategies.diagnoses import describe, diagnoses
from headstart.strategies.prepare import Prepared
from headstart.tasks.identity.embed import EmbeddingTraining, embed, enrolled_scores, vectors_of
from headstart.tasks.identity.recipe import MetricRecipe
from headstart.tasks.identity.split import IdentitySplit, split_identities
from headstart.tasks.identity.whiten import whitening
from headstart.training.checkpoint import Checkpoints
from headstart.training.record import OnEpoch

__all__ = ["EmbeddingCandidate", "EmbeddingResult", "learn_embedding"]


@dataclass(frozen=True)
class EmbeddingCandidate:
    """One embedding, measured on the people held out.

    Attributes:
        name: ``"frozen"``, ``"whitened"``, ``"softmax"`` or the loss.
        summary: For people.
        found: What every test image found among the other test images.
        labels: (M,) int whom each test item was taken for, by the means of the others' images.
        seconds: It took to learn.
    """

    name: str
    summary: str
    found: Retrieved
    labels: np.ndarray
    seconds: float


@dataclass(frozen=True)
class EmbeddingResult:
    """What learning an embedding came to.

    Attributes:
        people: Who trained and who was held out.
        items: (M,) int test items that have another image of their identity.
        classes: (K,) int the identities held out, ascending.
        probabilities: (M, K) of the model for those, each item enrolled by the others' images.
        uncalibrated: (M, K) before temperature scaling.
        candidates: What was kept first, then what it is measured beside.
        kept: ``"embedding"``; or what it began from, ``"whitened"`` or ``"frozen"``, where no epoch
            was better.
        embedded: The training.
        softmax: The training of the plain classifier, where there was one.
        copies: (N,) int near-duplicates.
        dropped: (N,) bool training items left out: near-duplicates or groups of test items.
        findings: What the curves and the comparison say.
        model: Every identity of the data enrolled.
    """

    people: IdentitySplit
    items: np.ndarray
    classes: np.ndarray
    probabilities: np.ndarray
    uncalibrated: np.ndarray
    candidates: tuple[EmbeddingCandidate, ...]
    kept: str
    embedded: EmbeddingTraining
    softmax: EmbeddingTraining | None
    copies: np.ndarray
    dropped: np.ndarray
    findings: tuple[Finding, ...]
    model: Model


def learn_embedding(
    data: Prepared,
    features: Features,
    backbone: Backbone,
    recipe: MetricRecipe,
    *,
    vectors: np.ndarray,
    preprocess: Preprocess,
    softmax_too: bool,
    place: Path,
    seed: int,
    device: Device,
    workers: int | None,
    on_epoch: OnEpoch,
    progress: Progress,
) -> EmbeddingResult:
    """Learns an embedding of some people and measures it on others, beside what it must beat.

    Args:
        data: N usable items; classes are identities.
        features: Where the stages lie in the vectors.
        backbone: Copied, not changed.
        recipe: How.
        vectors: (N, D) float32 frozen features of the items.
        preprocess: Of the network.
        softmax_too: Train a plain classifier beside, with the same steps.
        place: Folder for states, and for the network.
        seed: Of everything drawn.
        device: Where it runs.
        workers: Processes that decode and augment.
        on_epoch: Called with the name of a training and every epoch.
        progress: Called as steps are done.

    Raises:
        DataError: If there are too few identities.
        OptionError: If nobody held out has two images.
    """
    y, where = data.dataset.targets, pick_device(device)
    people = split_identities(y, data.dataset.splits, unseen=recipe.unseen, seed=seed)
    # A group may be the person itself; copies are about images.
    grouped = data.dataset.groups is not None
    copies = find_clusters(data.stats, None) if grouped else data.clusters
    dropped = people.train & np.isin(data.clusters, np.unique(data.clusters[people.test]))
    items, test = np.flatnonzero(people.train & ~dropped), np.flatnonzero(people.test)
    columns = feature_sets(features.slices)["last"]
    checkpoints = Checkpoints(place)

    def measure(
        name: str, summary: str, unit: np.ndarray, begun: float | None
    ) -> EmbeddingCandidate:
        found = retrieve(unit, y[test], copies=copies[test])
        if not len(found.items):
            raise OptionError(
                "nobody held out has two different images, so nobody can be known again: give "
                "people with several images each, or another --seed"
            )
        scores, _, asked = enrolled_scores(unit, y[test], copies[test])
        spent = time.perf_counter() - begun if begun else 0.0
        return EmbeddingCandidate(
            name, summary, found, np.unique(y[test])[scores[asked].argmax(axis=1)], spent
        )

    def train(one: MetricRecipe, name: str) -> EmbeddingTraining:
        return embed(
            data.dataset, vectors, columns, copies, backbone, one, items=items,
            preprocess=preprocess, checkpoints=checkpoints, name=name, on_epoch=on_epoch, seed=seed,
            device=where, workers=workers, progress=progress,
        )  # fmt: skip

    frozen = project(vectors, columns, None)
    candidates = [measure("frozen", "frozen features, nearest image by cosine", frozen[test], None)]
    start, kept = None, "frozen"
    if recipe.head == "whitened":
        start, kept = (
            whitening(vectors[items][:, columns], y[items], dimension=recipe.dimension, seed=seed),
            "whitened",
        )
        unit = project(vectors[test], columns, start)
        candidates.append(measure("whitened", "the same, whitened within people", unit, None))
    mark = time.perf_counter()
    embedded = train(recipe, "embedding")
    if embedded.kept.share > 0:
        kept = "embedding"
    model, unit = _deployed(
        data, vectors, embedded, backbone, start, columns, preprocess, place, device, workers,
        progress,
    )  # fmt: skip
    own = describe(recipe) if kept == "embedding" else f"{describe(recipe)}: stayed where it began"
    candidates.insert(0, measure(recipe.loss, own, unit[test], mark))
    classifier = None
    if softmax_too and recipe.loss != "softmax":
        mark = time.perf_counter()
        plain = replace(
            recipe, loss="softmax", mining="semihard", margin=0.0, head="none", dimension=0
        )
        classifier = train(plain, "softmax")
        inputs = InputImages(data.dataset.take(test), preprocess, workers=workers)
        seen = vectors_of(classifier.net, inputs, device=where)
        candidates.append(measure("softmax", describe(plain), seen, mark))
    scores, _, asked = enrolled_scores(unit[test], y[test], copies[test])
    scores = scores[asked]
    return EmbeddingResult(
        people=people,
        items=test[asked],
        classes=np.unique(y[test]),
        probabilities=softmax(scores / np.float32(embedded.temperature)),
        uncalibrated=softmax(scores),
        candidates=tuple(candidates),
        kept=kept,
        embedded=embedded,
        softmax=classifier,
        copies=copies,
        dropped=dropped,
        findings=diagnoses(
            embedded,
            [(candidate.name, candidate.summary, candidate.found) for candidate in candidates],
            kept,
            people,
            seed=seed,
        ),
        model=model,
    )


def _deployed(
    data: Prepared,
    vectors: np.ndarray,
    embedded: EmbeddingTraining,
    backbone: Backbone,
    start: np.ndarray | None,
    columns: np.ndarray,
    preprocess: Preprocess,
    place: Path,
    device: Device,
    workers: int | None,
    progress: Progress,
) -> tuple[Model, np.ndarray]:
    """Returns the model, and (N, E) unit embeddings of all items as it will compute them.

    Every identity of the data is enrolled by its images; nobody needs to be trained on for that.
    """
    projection = embedded.projection
    if embedded.kept.share > 0:
        home = place / "backbones" / (re.sub(r"[^\w.-]+", "_", backbone.name) or "backbone")
        shutil.rmtree(home, ignore_errors=True)  # of an earlier try to finish
        save_network(embedded.net.pool.network, backbone.source, home)
        backbone = open_backbone(str(home))
        found = extract(
            data.dataset, backbone, preprocess=preprocess, device=device, workers=workers,
            progress=progress,
        )  # fmt: skip
        unit = project(found.vectors, columns, projection)
    else:  # what it began from
        projection = start
        unit = project(vectors, columns, projection)
    y, n_classes = data.dataset.targets, len(data.dataset.classes)
    sums = np.zeros((n_classes, unit.shape[1]), np.float32)
    np.add.at(sums, y, unit)
    arrays = {
        "mean": np.zeros(unit.shape[1], np.float32),
        "scale": np.ones(unit.shape[1], np.float32),
        "prototypes": unit_rows(sums).astype(np.float32),
    }
    if projection is not None:
        arrays["projection"] = projection
    head = Head("prototypes", columns, arrays, n_classes)
    model = Model(backbone, head, data.dataset.classes, preprocess, 1, float(embedded.temperature))
    return model, unit
