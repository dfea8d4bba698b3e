"""From usable items to an embedding that knows identities again which it was never trained on."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from headstart.compute import Compute
from headstart.features.extract import extract
from headstart.metrics.vectors import unit_rows
from headstart.nets.heads.head import Head, softmax
from headstart.nets.learning.embedder import project
from headstart.nets.model import Model
from headstart.nets.pretrained.backbone import Backbone, pick_device
from headstart.predictions import Predictions
from headstart.records import OutputSpec
from headstart.resume import Unfinished
from headstart.strategies.ask import Ask
from headstart.strategies.clock import Clock
from headstart.strategies.finetuning.finetune import keep_network
from headstart.strategies.identities.diagnoses import describe_recipe, diagnoses
from headstart.strategies.identities.problem import (
    IdentityProblem,
    MeasuredEmbedding,
    frozen_embeddings,
    make_identity_problem,
)
from headstart.strategies.identities.sections import (
    describe_embedding,
    embedding_trials,
    finetuning_section,
    retrieval_section,
)
from headstart.strategies.problem import FrozenNetwork, Prepared
from headstart.strategies.trained import Histories, Trained
from headstart.tasks import decode_parts
from headstart.tasks.identity.embed import EmbeddingTraining, embed, vectors_of
from headstart.tasks.identity.recipe import MetricRecipe
from headstart.training.checkpoint import Checkpoints
from headstart.training.record import OnEpoch
from headstart.training.track import open_trackers

__all__ = ["train_identities"]

_WATCHED = ("mean_negative_cosine", "effective_rank", "active_triplets")


@dataclass(frozen=True)
class _Learnt:
    """What was trained and measured.

    Attributes:
        measured: What was kept first, then what it is measured beside.
        kept: ``"embedding"``; or what it began from, ``"whitened"`` or ``"frozen"``, where no
            epoch was better.
        trainings: ``"embedding"``, and ``"softmax"`` where that was trained beside.
        model: Every identity of the data enrolled.
    """

    measured: tuple[MeasuredEmbedding, ...]
    kept: str
    trainings: dict[str, EmbeddingTraining]
    model: Model


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
    """
    recipe = ask.recipe
    assert isinstance(recipe, MetricRecipe), "identities are learnt by a metric recipe"
    problem = make_identity_problem(prepared, network, recipe, compute)
    place = ask.until_written.enter_context(
        Unfinished(ask.run).held(ask.options, resuming=ask.resuming, overwrite=ask.overwrite)
    )
    on_epoch, close = open_trackers(
        ask.log, run=ask.run.name, options=ask.options, folder=ask.run.absolute().parent
    )
    ask.until_written.callback(close)
    beside = ask.baselines != "none" and recipe.loss != "softmax"
    with clock.phase("learn the embedding"):
        learnt = _learn(problem, recipe, place, on_epoch, softmax_too=beside)
    compute.begin("measuring on people never seen")
    trained = _trained(problem, learnt)
    over = ask.overrun(clock.seconds["learn the embedding"])
    return replace(trained, summary=" ".join([trained.summary, *over]))


def _learn(
    problem: IdentityProblem,
    recipe: MetricRecipe,
    place: Path,
    on_epoch: OnEpoch,
    *,
    softmax_too: bool,
) -> _Learnt:
    """Trains, keeps the better of what was learnt and what it began from, and enrols everybody."""
    problem.compute.begin("measuring frozen features")
    frozen, start = frozen_embeddings(problem, recipe)
    begun = time.perf_counter()
    embedded = _train(problem, recipe, "embedding", place, on_epoch)
    kept = "embedding" if embedded.kept.share > 0 else frozen[-1].name
    backbone, projection, unit = _deployed(problem, embedded, start, place)
    summary = describe_recipe(recipe) + (": stayed where it began" if kept != "embedding" else "")
    spent = time.perf_counter() - begun
    measured = [problem.measure(recipe.loss, summary, unit[problem.test], spent), *frozen]
    trainings = {"embedding": embedded}
    if softmax_too:
        begun = time.perf_counter()
        plain = replace(
            recipe, loss="softmax", mining="semihard", margin=0.0, head="none", dimension=0
        )
        trainings["softmax"] = _train(problem, plain, "softmax", place, on_epoch)
        seen = _tested(problem, trainings["softmax"])
        spent = time.perf_counter() - begun
        measured.append(problem.measure("softmax", describe_recipe(plain), seen, spent))
    model = _enrolled(problem, backbone, projection, unit, embedded.temperature)
    return _Learnt(tuple(measured), kept, trainings, model)


def _train(
    problem: IdentityProblem, recipe: MetricRecipe, name: str, place: Path, on_epoch: OnEpoch
) -> EmbeddingTraining:
    """Trains on the identities that are not held out."""
    return embed(
        problem.material, recipe, problem.items, problem.compute, checkpoints=Checkpoints(place),
        name=name, on_epoch=on_epoch,
    )  # fmt: skip


def _tested(problem: IdentityProblem, trained: EmbeddingTraining) -> np.ndarray:
    """Returns (S, E) unit embeddings of the test items by a network that is not kept."""
    compute = problem.compute
    inputs = problem.material.inputs(problem.test, compute)
    return vectors_of(trained.net, inputs, device=pick_device(compute.device))


def _deployed(
    problem: IdentityProblem, embedded: EmbeddingTraining, start: np.ndarray | None, place: Path
) -> tuple[Backbone, np.ndarray | None, np.ndarray]:
    """Returns backbone, projection, and (N, E) unit embeddings of all items as they will be."""
    network, compute = problem.network, problem.compute
    if embedded.kept.share == 0:  # what it began from
        unit = project(network.features.vectors, problem.columns, start)
        return network.backbone, start, unit
    backbone = keep_network(embedded.net.pool.network, network.backbone, place)
    found = extract(
        problem.prepared.dataset, backbone, preprocess=network.preprocess, device=compute.device,
        workers=compute.workers, progress=compute.progress,
    )  # fmt: skip
    unit = project(found.vectors, problem.columns, embedded.projection)
    return backbone, embedded.projection, unit


def _enrolled(
    problem: IdentityProblem,
    backbone: Backbone,
    projection: np.ndarray | None,
    unit: np.ndarray,
    temperature: float,
) -> Model:
    """Returns the model with every identity of the data enrolled by its (N, E) images.

    Nobody needs to be trained on for that.
    """
    names, width = problem.prepared.dataset.labels.kinds, unit.shape[1]
    sums = np.zeros((len(names), width), np.float32)
    np.add.at(sums, problem.identities, unit)
    arrays = {
        "mean": np.zeros(width, np.float32),
        "scale": np.ones(width, np.float32),
        "prototypes": unit_rows(sums).astype(np.float32),
    }
    if projection is not None:
        arrays["projection"] = projection
    head = Head("prototypes", problem.columns, arrays, len(names))
    spec = OutputSpec("identity", names)
    return Model(backbone, head, spec, problem.network.preprocess, 1, float(temperature))


def _trained(problem: IdentityProblem, learnt: _Learnt) -> Trained:
    """Puts together what was learnt, measured and tried."""
    dataset, seed = problem.prepared.dataset, problem.compute.seed
    own, *others = learnt.measured
    embedded, model, kept = learnt.trainings["embedding"], learnt.model, learnt.kept
    names = dataset.labels.kinds
    spec = OutputSpec("identity", tuple(names[k] for k in problem.unseen))
    outputs = {"probabilities": softmax(own.scores / np.float32(embedded.temperature))}

    def answers(probabilities: np.ndarray) -> Predictions:
        part = (own.items, {"probabilities": probabilities}, spec)
        return decode_parts([part], dataset.names)[1]

    compared = [(each.name, each.summary, each.found) for each in learnt.measured]
    findings = diagnoses(embedded, compared, kept, seed=seed)
    width = int(model.head.arrays["prototypes"].shape[1])
    retrieval = retrieval_section(problem, learnt.measured, kept, embedded, width)
    histories = {name: each.history for name, each in learnt.trainings.items()}
    return Trained(
        prepared=problem.prepared,
        model=model,
        summary=describe_embedding(model, own, kept),
        evaluation=(
            "holdout",
            f"{problem.split.summary} Each of their images was taken for the nearest of them, "
            f"every one enrolled by the mean of the other images.",
        ),
        answered=((own.items, outputs, spec),),
        predictions=answers(outputs["probabilities"]),
        uncalibrated=answers(softmax(own.scores)),
        clusters=problem.identities,
        dropped=problem.dropped,
        baselines={each.name: answers(softmax(each.scores)) for each in others},
        trials=embedding_trials(retrieval),
        findings=findings,
        histories=Histories(histories, problem.items, embedded.recipe, _WATCHED),
        sections={
            "learning_curve": {"points": [], "forecast": None},
            "finetuning": finetuning_section(embedded, kept, findings, seed),
            "retrieval": retrieval,
        },
    )
