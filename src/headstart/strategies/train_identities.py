"""From usable items to an embedding that knows identities again which it was never trained on."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from headstart.checks.duplicates import clusters as find_clusters
from headstart.compute import Compute
from headstart.errors import BackboneError, OptionError
from headstart.features.extract import extract
from headstart.images.inputs import InputImages
from headstart.metrics.retrieval import MEASURES, Retrieved, gain, retrieve, summarise
from headstart.metrics.vectors import unit_rows
from headstart.nets.backbone import Backbone, pick_device
from headstart.nets.embedder import project
from headstart.nets.heads import Head, softmax
from headstart.nets.model import Model
from headstart.predictions import Predictions
from headstart.probe.frozen import Frozen
from headstart.records import Estimate, Finding, OutputSpec
from headstart.resume import Unfinished
from headstart.strategies.clock import Clock
from headstart.strategies.diagnoses import describe_recipe, diagnoses
from headstart.strategies.finetune import keep_network
from headstart.strategies.problem import FrozenNetwork, Prepared
from headstart.strategies.train_classes import Ask
from headstart.strategies.trained import Histories, Trained
from headstart.tasks import decode_parts
from headstart.tasks.identity.embed import (
    EmbeddingTraining,
    Material,
    embed,
    enrolled_scores,
    vectors_of,
)
from headstart.tasks.identity.recipe import MetricRecipe
from headstart.tasks.identity.split import IdentitySplit, split_identities
from headstart.tasks.identity.whiten import whitening
from headstart.training.checkpoint import Checkpoints
from headstart.training.record import OnEpoch
from headstart.training.track import open_trackers

__all__ = ["train_identities"]


@dataclass(frozen=True)
class _Way:
    """One embedding, measured on the identities held out.

    Attributes:
        name: ``"frozen"``, ``"whitened"``, ``"softmax"`` or the loss.
        summary: For people.
        found: What every test image found among the other test images.
        scores: (M, K) of the test images that have another of their identity.
        seconds: It took to learn.
    """

    name: str
    summary: str
    found: Retrieved
    scores: np.ndarray
    seconds: float


def train_identities(
    prepared: Prepared, network: FrozenNetwork, ask: Ask, compute: Compute, clock: Clock
) -> Trained:
    """Learns an embedding of some identities and measures it on others, beside what it must beat.

    Args:
        prepared: The usable items; classes are identities.
        network: With its frozen features of them.
        ask: What is wanted; its recipe is a `MetricRecipe`.
        compute: Where, and from which seed.
        clock: Notes how long each phase takes.

    Raises:
        DataError: If there are too few identities.
        OptionError: If nobody held out has two images.
        BackboneError: If the backbone cannot be trained.
    """
    recipe = ask.recipe
    assert isinstance(recipe, MetricRecipe), "identities are learnt by a metric recipe"
    if network.backbone.source.kind == "onnx":
        raise BackboneError(
            f"{network.backbone.name} is an ONNX file and can only be used frozen: --task "
            f"classification --strategy probe"
        )
    task = _Task(prepared, network, recipe, compute)
    place = ask.until_written.enter_context(
        Unfinished(ask.run).held(ask.options, resuming=ask.resuming, overwrite=ask.overwrite)
    )
    on_epoch, close = open_trackers(
        ask.log, run=ask.run.name, options=ask.options, folder=ask.run.absolute().parent
    )
    ask.until_written.callback(close)
    states = Checkpoints(place)
    with clock.phase("learn the embedding"):
        ways, start, stayed = task.frozen_ways()
        begun = time.perf_counter()
        embedded = task.learn(recipe, "embedding", states, on_epoch)
        kept = "embedding" if embedded.kept.share > 0 else stayed
        backbone, projection, unit = _deployed(task, embedded, start, place)
        summary = describe_recipe(recipe)
        own = summary if kept == "embedding" else f"{summary}: stayed where it began"
        ways.insert(0, task.measured(recipe.loss, own, unit[task.test], begun))
        trainings = {"embedding": embedded}
        if ask.baselines != "none" and recipe.loss != "softmax":
            way, plain = task.softmax(states, on_epoch)
            ways.append(way)
            trainings["softmax"] = plain
    model = _model(task, backbone, projection, unit, embedded.temperature)
    return _trained(task, ways, kept, trainings, model)


class _Task:
    """What the steps share: who trains and who tests, and the frozen features."""

    def __init__(
        self, prepared: Prepared, network: FrozenNetwork, recipe: MetricRecipe, compute: Compute
    ) -> None:
        dataset = prepared.dataset
        self.prepared, self.network, self.recipe = prepared, network, recipe
        self.compute, self.y = compute, dataset.labels.strata
        self.split: IdentitySplit = split_identities(
            self.y, dataset.splits, unseen=recipe.unseen, seed=compute.seed
        )
        # A group may be the person itself; copies are about images.
        grouped = dataset.groups is not None
        self.copies = find_clusters(prepared.stats, None) if grouped else prepared.clusters
        tested = np.unique(prepared.clusters[self.split.test])
        self.dropped = self.split.train & np.isin(prepared.clusters, tested)
        self.items = np.flatnonzero(self.split.train & ~self.dropped)
        self.test = np.flatnonzero(self.split.test)
        self.columns = network.features.sets["last"]
        self.material = Material(
            dataset, network.features.vectors, self.columns, self.copies, network.backbone,
            network.preprocess,
        )  # fmt: skip

    @property
    def asked(self) -> np.ndarray:
        """(M,) int test items that have another image of their identity."""
        _, _, asked = enrolled_scores(
            np.ones((len(self.test), 1), np.float32), self.y[self.test], self.copies[self.test]
        )
        return self.test[asked]

    @property
    def known(self) -> np.ndarray:
        """(K,) int the identities held out, ascending."""
        return np.unique(self.y[self.test])

    def measured(self, name: str, summary: str, unit: np.ndarray, begun: float | None) -> _Way:
        """Measures the (T, E) unit embeddings of the test items."""
        y, copies = self.y[self.test], self.copies[self.test]
        found = retrieve(unit, y, copies=copies)
        if not len(found.items):
            raise OptionError(
                "nobody held out has two different images, so nobody can be known again: give "
                "people with several images each, or another --seed"
            )
        scores, _, asked = enrolled_scores(unit, y, copies)
        spent = time.perf_counter() - begun if begun else 0.0
        return _Way(name, summary, found, scores[asked], spent)

    def frozen_ways(self) -> tuple[list[_Way], np.ndarray | None, str]:
        """Returns what is measured without training, the projection it begins at, and its name."""
        vectors, columns, recipe = self.network.features.vectors, self.columns, self.recipe
        frozen = project(vectors[self.test], columns, None)
        ways = [self.measured("frozen", "frozen features, nearest image by cosine", frozen, None)]
        if recipe.head != "whitened":
            return ways, None, "frozen"
        start = whitening(
            vectors[self.items][:, columns], self.y[self.items], dimension=recipe.dimension,
            seed=self.compute.seed,
        )  # fmt: skip
        unit = project(vectors[self.test], columns, start)
        ways.append(self.measured("whitened", "the same, whitened within people", unit, None))
        return ways, start, "whitened"

    def learn(
        self, recipe: MetricRecipe, name: str, states: Checkpoints, on_epoch: OnEpoch
    ) -> EmbeddingTraining:
        """Trains on the identities that are not held out."""
        return embed(
            self.material, recipe, self.items, self.compute, checkpoints=states, name=name,
            on_epoch=on_epoch,
        )  # fmt: skip

    def softmax(self, states: Checkpoints, on_epoch: OnEpoch) -> tuple[_Way, EmbeddingTraining]:
        """Trains a plain classifier with the same steps and measures its features."""
        begun = time.perf_counter()
        plain = replace(
            self.recipe, loss="softmax", mining="semihard", margin=0.0, head="none", dimension=0
        )
        trained = self.learn(plain, "softmax", states, on_epoch)
        inputs = InputImages(
            self.prepared.dataset.take(self.test), self.network.preprocess,
            workers=self.compute.workers,
        )  # fmt: skip
        seen = vectors_of(trained.net, inputs, device=pick_device(self.compute.device))
        return self.measured("softmax", describe_recipe(plain), seen, begun), trained


def _deployed(
    task: _Task, embedded: EmbeddingTraining, start: np.ndarray | None, place: Path
) -> tuple[Backbone, np.ndarray | None, np.ndarray]:
    """Returns backbone, projection, and (N, E) unit embeddings of all items as they will be."""
    network = task.network
    if embedded.kept.share == 0:  # what it began from
        unit = project(network.features.vectors, task.columns, start)
        return network.backbone, start, unit
    backbone = keep_network(embedded.net.pool.network, network.backbone, place)
    found = extract(
        task.prepared.dataset, backbone, preprocess=network.preprocess,
        device=task.compute.device, workers=task.compute.workers, progress=task.compute.progress,
    )  # fmt: skip
    columns = Frozen.of_stages(found.vectors, found.slices).sets["last"]
    return backbone, embedded.projection, project(found.vectors, columns, embedded.projection)


def _model(
    task: _Task,
    backbone: Backbone,
    projection: np.ndarray | None,
    unit: np.ndarray,
    temperature: float,
) -> Model:
    """Returns the model with every identity of the data enrolled by its images.

    Nobody needs to be trained on for that.
    """
    names = task.prepared.dataset.labels.kinds
    sums = np.zeros((len(names), unit.shape[1]), np.float32)
    np.add.at(sums, task.y, unit)
    arrays = {
        "mean": np.zeros(unit.shape[1], np.float32),
        "scale": np.ones(unit.shape[1], np.float32),
        "prototypes": unit_rows(sums).astype(np.float32),
    }
    if projection is not None:
        arrays["projection"] = projection
    head = Head("prototypes", task.columns, arrays, len(names))
    spec = OutputSpec("identity", names)
    return Model(backbone, head, spec, task.network.preprocess, 1, float(temperature))


def _trained(
    task: _Task,
    ways: list[_Way],
    kept: str,
    trainings: dict[str, EmbeddingTraining],
    model: Model,
) -> Trained:
    """Puts together what was learnt, measured and tried."""
    dataset, embedded, seed = task.prepared.dataset, trainings["embedding"], task.compute.seed
    names = dataset.labels.kinds
    spec = OutputSpec("identity", tuple(names[k] for k in task.known))
    items = task.asked

    def answers(scores: np.ndarray, temperature: float = 1.0) -> Predictions:
        outputs = {"probabilities": softmax(scores / np.float32(temperature))}
        return decode_parts([(items, outputs, spec)], dataset.names)[1]

    own, *others = ways
    dimension = int(model.head.arrays["prototypes"].shape[1])
    probabilities = softmax(own.scores / np.float32(embedded.temperature))
    rows = _rows(ways, seed)
    found = diagnoses(
        embedded, [(way.name, way.summary, way.found) for way in ways], kept, task.split, seed=seed
    )
    return Trained(
        prepared=task.prepared,
        model=model,
        summary=_describe(model, own, kept, len(names), dimension),
        evaluation=(
            "holdout",
            f"{task.split.summary} Each of their images was taken for the nearest of them, every "
            f"one enrolled by the mean of the other images.",
        ),
        answered=((items, {"probabilities": probabilities}, spec),),
        predictions=answers(own.scores, embedded.temperature),
        uncalibrated=answers(own.scores),
        clusters=task.y,
        dropped=task.dropped,
        baselines={way.name: answers(way.scores) for way in others},
        trials=tuple(_trial(row, dimension, row is rows[0]) for row in rows),
        findings=found,
        histories=Histories(
            {name: each.history for name, each in trainings.items()}, task.items,
            embedded.recipe, ("mean_negative_cosine", "effective_rank", "active_triplets"),
        ),
        sections={
            "learning_curve": {"points": [], "forecast": None},
            "finetuning": _finetuning(embedded, kept, found, seed),
            "retrieval": {
                "kept": kept,
                "dimension": dimension,
                "identities": {
                    "trained": len(np.unique(task.y[task.split.train])),
                    "deciding": embedded.people[1],
                    "unseen": len(task.known),
                },
                "measures": MEASURES,
                "rows": rows,
                "start": embedded.start._asdict(),
            },
        },
    )  # fmt: skip


def _rows(ways: list[_Way], seed: int) -> list[dict[str, Any]]:
    own = ways[0]
    return [
        {
            "name": way.name,
            "summary": way.summary,
            "measures": summarise(way.found, seed=seed),
            "gain": gain(own.found, way.found, seed=seed) if way is not own else None,
            "seconds": round(way.seconds, 1),
        }
        for way in ways
    ]


def _trial(row: dict[str, Any], dimension: int, chosen: bool) -> dict[str, Any]:
    """Returns one line of `trials.csv`."""
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


def _finetuning(
    embedded: EmbeddingTraining, kept: str, found: tuple[Finding, ...], seed: int
) -> dict[str, Any]:
    """Returns the part of `metrics.json` about the training."""
    both = {"probe": embedded.val_start, "finetune": embedded.validation}
    measured = {name: summarise(found, seed=seed) for name, found in both.items()}
    change = gain(embedded.validation, embedded.val_start, seed=seed)
    words = {
        "embedding": "The embedding was kept",
        "whitened": "The whitened frozen features that training began from were kept",
        "frozen": "The frozen features were kept",
    }[kept]
    one = change["map_at_r"]
    points = f"{100 * one.value:+.1f} points ({100 * one.low:+.1f} to {100 * one.high:+.1f})"
    return {
        "kept": "finetune" if kept == "embedding" else "probe",
        "summary": f"{words}: among {embedded.people[1]} people held out of the training, mAP@R "
        f"changed by {points}.",
        "measure": "recall@1",
        "share": embedded.kept.share,
        "epochs": embedded.kept.epochs,
        "refitted": embedded.refitted,
        "recipe": asdict(embedded.recipe),
        "validation": {
            "n": len(embedded.validation.items),
            **{name: each["recall_at_1"] for name, each in measured.items()},
            "gain": change["recall_at_1"],
        },
        "diagnoses": found,
    }


def _describe(model: Model, own: _Way, kept: str, enrolled: int, dimension: int) -> str:
    names = {"frozen": "frozen features", "whitened": "frozen features, whitened within people,"}
    what = names.get(kept, own.summary)
    return (
        f"the mean embedding of each of {enrolled} people, by the {what} of "
        f"{model.backbone.name} ({dimension} numbers), images at {model.preprocess.size} px"
    )
