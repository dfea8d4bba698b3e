"""Training an embedding, with held-out people who decide which weights are kept.

The loop, the averages and the states are those of fine-tuning; what differs is the loss over
whole batches of P people with K images each, and that people are held out, not images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.fingerprint import fingerprint_json
from headstart.images.inputs import InputImages
from headstart.images.preprocess import Preprocess
from headstart.metrics.calibration import fit_temperature
from headstart.metrics.retrieval import Retrieved, retrieve
from headstart.metrics.vectors import unit_rows
from headstart.nets.batches.augment import MARGIN as LARGER
from headstart.nets.learning.embedder import Embedder, project
from headstart.nets.pretrained.backbone import Backbone, pick_device
from headstart.tasks.identity import learn
from headstart.tasks.identity.collapse import collapsed
from headstart.tasks.identity.enrolled import enrolled_scores
from headstart.tasks.identity.health import Health, health
from headstart.tasks.identity.recipe import MetricRecipe
from headstart.tasks.identity.split import hold_identities
from headstart.tasks.identity.validation import ValidationIdentities
from headstart.tasks.identity.whiten import whitening
from headstart.training.average import SelectedWeights, choose_weights, mix
from headstart.training.checkpoint import Checkpoints
from headstart.training.gradient import autocast
from headstart.training.loop import Training
from headstart.training.objective import Objective
from headstart.training.record import Epoch, OnEpoch
from headstart.training.start import Start, linear_start

__all__ = ["EmbeddingTraining", "IdentityMaterial", "embed", "vectors_of"]

# Of the logistic regression that plain softmax starts from.
_STRENGTH = 10.0
_INFER = 32


@dataclass(frozen=True)
class EmbeddingTraining:
    """A trained embedding and how it came about.

    Attributes:
        net: With the weights that are kept.
        projection: (E, d) float32, or None where the embedding is the network's own vector.
        recipe: How it was trained.
        history: One record an epoch, of the training that held people out.
        start: What the embeddings of training batches look like before the first step.
        kept: Which weights were kept.
        validation: What the kept embedding finds among the people who decided.
        val_start: What the embedding at the start finds among the same.
        temperature: Divides the scores of prototypes; fitted on the same.
        people: Identities that were trained on, and that decided.
        refitted: Whether the same was then done with all of them.
        diverged: Step at which the loss was not a number, or -1.
    """

    net: Embedder
    projection: np.ndarray | None
    recipe: MetricRecipe
    history: tuple[Epoch, ...]
    start: Health
    kept: SelectedWeights
    validation: Retrieved
    val_start: Retrieved
    temperature: float
    people: tuple[int, int]
    refitted: bool
    diverged: int


@dataclass(frozen=True)
class IdentityMaterial:
    """What every training on one data set shares.

    Attributes:
        dataset: N readable, labelled items; classes are identities.
        vectors: (N, D) float32 frozen features under the same network and size.
        columns: (d,) int which of them are the embedding.
        copies: (N,) int; near-duplicates share a number.
        backbone: Copied, not changed.
        preprocess: Of the network.
    """

    dataset: Dataset
    vectors: np.ndarray
    columns: np.ndarray
    copies: np.ndarray
    backbone: Backbone
    preprocess: Preprocess

    @property
    def identities(self) -> np.ndarray:
        """(N,) int64."""
        return self.dataset.labels.strata

    def inputs(self, items: np.ndarray, compute: Compute) -> InputImages:
        """Returns what the network sees of some items."""
        return InputImages(self.dataset.take(items), self.preprocess, workers=compute.workers)


def embed(
    material: IdentityMaterial,
    recipe: MetricRecipe,
    items: np.ndarray,
    compute: Compute,
    *,
    checkpoints: Checkpoints | None = None,
    name: str = "embedding",
    on_epoch: OnEpoch | None = None,
    refit: bool = True,
) -> EmbeddingTraining:
    """Trains an embedding on most people, decides by the others, and does it again on all.

    Args:
        material: The items, their frozen features and the network.
        recipe: How.
        items: (M,) int items that may be looked at: those of at least four people.
        compute: Where, and from which seed.
        checkpoints: Where the state is kept for resuming.
        name: Of this training among those of a run.
        on_epoch: Called with that name and every epoch.
        refit: Train once more with all people, for as long and as far as proved best.
    """
    y = material.identities
    # Whether mirrored faces are the same person was never in doubt; classes may be otherwise.
    recipe = replace(recipe, hflip="no" if recipe.hflip == "no" else "yes")
    aside = hold_identities(y[items], material.dataset.labels.kinds, seed=compute.seed)
    val_items, own_items = items[aside], items[~aside]
    validation = ValidationIdentities(
        material.inputs(val_items, compute), y[val_items], material.copies[val_items]
    )
    checkpoints = checkpoints or Checkpoints(None)

    def mark(trained: np.ndarray) -> str:
        names = [material.dataset.names[i] for i in trained]
        about = [asdict(recipe), material.preprocess.fields, material.backbone.fingerprint]
        sums = material.vectors[trained].sum(axis=1).tolist()
        return fingerprint_json([*about, compute.seed, names, sums])

    first = _begin(material, recipe, own_items, compute, validation, "learning an embedding")
    compute.begin("measuring held-out people before it")
    start = _start_health(first, material.vectors[own_items], material.columns, recipe)
    if on_epoch is not None:
        first.on_epoch = _named(on_epoch, name)
    checkpoints.run(first, name=f"{name}-val", fingerprint=mark(own_items))
    compute.begin("choosing the weights")
    kept, before, after = _decide(first, validation)
    last = first
    if refit and kept.share > 0:
        last = _begin(material, recipe, items, compute, None, "learning an embedding of all")
        checkpoints.run(last, name=f"{name}-all", fingerprint=mark(items))
        if last.diverged < 0 and not collapsed(last.history[-1], start):
            last.put(mix([last.start, last.ema or last.copy()], [1 - kept.share, kept.share]))
        else:
            last = first
    net = last.net.eval()
    assert isinstance(net, Embedder)
    scores, truth, asked = enrolled_scores(after, validation.targets, validation.copies)
    return EmbeddingTraining(
        net=net,
        projection=net.projection(),
        recipe=recipe,
        history=tuple(first.history),
        start=start,
        kept=kept,
        validation=retrieve(after, validation.targets, copies=validation.copies),
        val_start=retrieve(before, validation.targets, copies=validation.copies),
        temperature=fit_temperature(scores[asked], truth[asked]) if asked.any() else 1.0,
        people=(len(np.unique(y[own_items])), len(np.unique(y[val_items]))),
        refitted=last is not first,
        diverged=first.diverged,
    )


def _decide(
    first: Training, validation: ValidationIdentities
) -> tuple[SelectedWeights, np.ndarray, np.ndarray]:
    """Keeps the best weights; returns them and (M, E) embeddings at the start and as kept."""
    with first.threads() as pool:

        def judge(state: list[torch.Tensor]) -> tuple[float, float, float]:
            with first.using(state):
                return validation.judge(first.outputs(validation.inputs, pool))

        with first.using(first.start):
            before = first.outputs(validation.inputs, pool)
        # No allowance for noise, which is large with few people: what is kept was not worse.
        kept = choose_weights(first.start, first.best, judge)
        first.put(kept.state)
        return kept, before, first.outputs(validation.inputs, pool)


def vectors_of(net: Embedder, inputs: InputImages, *, device: str) -> np.ndarray:
    """Returns (M, E) unit embeddings by torch.

    Args:
        net: In the mode for inference.
        inputs: M images of the network's size.
        device: Where the network is.
    """
    found = [np.zeros((0, net.width), np.float32)]
    with torch.inference_mode(), autocast(device):
        for start in range(0, len(inputs), _INFER):
            stop = min(start + _INFER, len(inputs))
            images = np.stack([inputs[i] for i in range(start, stop)])
            found.append(net(torch.from_numpy(images).to(device)).float().cpu().numpy())
    return np.concatenate(found)


def _named(on_epoch: OnEpoch, name: str) -> Callable[[Epoch], None]:
    return lambda epoch: on_epoch(name, epoch)


def _begin(
    material: IdentityMaterial,
    recipe: MetricRecipe,
    items: np.ndarray,
    compute: Compute,
    validation: ValidationIdentities | None,
    phase: str,
) -> Training:
    """Returns a training at its start: the frozen embedding, and a loss that knows its people."""
    preprocess, columns, backbone = material.preprocess, material.columns, material.backbone
    here = replace(compute, device=pick_device(compute.device))
    people, labels = np.unique(material.identities[items], return_inverse=True)
    own = material.vectors[items]
    projection = None
    if recipe.head == "whitened":
        projection = whitening(
            own[:, columns], labels, dimension=recipe.dimension, seed=compute.seed
        )
    centres = np.zeros((len(people), len(columns) if projection is None else len(projection)))
    np.add.at(centres, labels, project(own, columns, projection))
    classifier = None
    if recipe.loss == "softmax" and projection is None:
        every = np.arange(len(items))
        # As any fine-tuning here begins: from the fitted linear probe.
        classifier = linear_start(
            own, labels, every, Start(columns, _STRENGTH), n_classes=len(people)
        ).arrays
    criterion = learn.loss(
        recipe, unit_rows(centres).astype(np.float32), compute.seed, classifier=classifier
    )
    net = Embedder(
        backbone.copy(drop_path=recipe.drop_path), preprocess, columns,
        learn.head(len(columns), centres.shape[1], projection), criterion=criterion,
        freeze_bn_stats=recipe.freeze_bn_stats,
    )  # fmt: skip
    net.fuse()
    large = replace(preprocess, size=round(preprocess.size * LARGER))
    inputs = InputImages(
        material.dataset.take(items), large, workers=here.workers, progress=here.progress
    )
    objective = Objective(
        learn.batches(labels, recipe, here.seed),
        gradient=learn.gradient(recipe, here.seed, device=here.device),
    )
    return Training(net, recipe, inputs, objective, validation, here, phase=phase)


def _start_health(
    training: Training, vectors: np.ndarray, columns: np.ndarray, recipe: MetricRecipe
) -> Health:
    """Measures the frozen embeddings of the first epoch's batches, from known vectors."""
    assert isinstance(training.net, Embedder)
    unit = torch.from_numpy(project(vectors, columns, training.net.projection()))
    wanted = training.plan.targets
    assert wanted is not None
    found = []
    for keys in training.plan.epoch(0):
        rows = np.array([key[0] for key in keys])
        labels = wanted.collate(rows, [])
        found.append(health(unit[rows], labels, margin=learn.margin_of(recipe)))
    return Health(*np.mean(np.array(found), axis=0).tolist())
