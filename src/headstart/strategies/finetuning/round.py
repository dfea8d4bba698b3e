"""Fine-tuning from a fitted probe, with held-out images that decide which weights are kept."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from headstart.compute import Compute
from headstart.data.splits.split import folds as make_folds
from headstart.fingerprint import fingerprint_json
from headstart.images.inputs import InputImages
from headstart.metrics.calibration import fit_temperature
from headstart.nets.batches.augment import MARGIN, Augment
from headstart.nets.heads.head import Head
from headstart.nets.learning.trainable import TrainableModel
from headstart.nets.pretrained.backbone import pick_device
from headstart.probe.cross_validate import Round
from headstart.strategies.problem import FrozenNetwork, Prepared
from headstart.tasks import learner_of
from headstart.tasks.classification.learn import log_prior
from headstart.tasks.classification.mirror import flip_invariant
from headstart.tasks.classification.validation import Validation
from headstart.training.activations import FrozenActivations, frozen_activations
from headstart.training.average import SelectedWeights, choose_weights, mix
from headstart.training.checkpoint import Checkpoints
from headstart.training.loop import State, Training
from headstart.training.objective import Objective
from headstart.training.record import Epoch, OnEpoch
from headstart.training.schedule import Recipe
from headstart.training.start import Start, linear_start

__all__ = ["FOLDS", "TRAINING", "FinetuneResult", "begin", "finetune"]

FOLDS = 5
"""One of so many folds is held out."""
TRAINING = "fine-tuning"
"""What progress calls it."""


@dataclass(frozen=True)
class FinetuneResult:
    """A fine-tuned network and how it came about.

    Attributes:
        net: With the weights that are kept.
        head: Its head as plain arrays.
        temperature: Divides its scores; fitted on held-out images.
        history: One record an epoch, of the training that had held-out images.
        kept: Which weights were kept, or None where nothing was held out.
        validation: (M,) int items that were held out.
        val_scores: (M, C) their scores.
        start_scores: (M, C) those of the linear probe that it started from.
        test_scores: (T, C) scores of the test items.
        recipe: With what was left to be decided on the way.
        refitted: Whether the same was then done on all items.
        diverged: Step at which the loss was not a number, or -1.
        uneven: Whether classes differ so much in size that balanced accuracy judges.
    """

    net: TrainableModel | None
    head: Head
    temperature: float
    history: tuple[Epoch, ...]
    kept: SelectedWeights
    validation: np.ndarray
    val_scores: np.ndarray
    start_scores: np.ndarray
    test_scores: np.ndarray
    recipe: Recipe
    refitted: bool
    diverged: int
    uneven: bool


@dataclass(frozen=True)
class Session:
    """What goes on around a training.

    Attributes:
        checkpoints: Where states are kept for resuming.
        name: Of this fine-tuning among those of a run.
        on_epoch: Called with that name and every epoch.
        until: `time.perf_counter` after which nothing is trained once more on all items.
    """

    checkpoints: Checkpoints = field(default_factory=lambda: Checkpoints(None))
    name: str = "training"
    on_epoch: OnEpoch | None = None
    until: float | None = None

    def leaves(self, seconds: float) -> bool:
        """Whether so much time is left."""
        return self.until is None or time.perf_counter() + seconds <= self.until


def begin(
    data: Prepared,
    learnt: Round,
    network: FrozenNetwork,
    recipe: Recipe,
    head: Head,
    compute: Compute,
    *,
    validation: Validation | None = None,
    phase: str = TRAINING,
) -> Training:
    """Returns a training at its start.

    Args:
        data: N items.
        learnt: Its training items and targets.
        network: Copied, not changed.
        recipe: How.
        head: Where the head starts.
        compute: Where, and from which seed.
        validation: What decides which weights are kept.
        phase: What progress calls it.
    """
    preprocess, items = network.preprocess, learnt.train
    here = replace(compute, device=pick_device(compute.device))
    learn, n_classes = learner_of(data.dataset.task), learnt.n_classes
    net = TrainableModel(
        network.backbone.copy(drop_path=recipe.drop_path), preprocess, head.columns,
        learn.head(len(head.columns), n_classes, head), dropout=recipe.dropout,
        freeze_bn_stats=recipe.freeze_bn_stats,
    )  # fmt: skip
    net.fuse()
    large = replace(preprocess, size=round(preprocess.size * MARGIN))
    inputs = InputImages(
        data.dataset.take(items), large, workers=here.workers, progress=here.progress
    )
    here.begin("building the network")
    targets = learnt.targets[items]
    objective = Objective(
        learn.batches(targets, recipe, here.seed, n_classes=n_classes),
        learn.loss(recipe, targets, n_classes=n_classes),
        learn.correct,
    )

    def frozen(augment: Augment) -> FrozenActivations | None:
        return frozen_activations(
            net, network.backbone, recipe, inputs, augment, targets=objective.plan.targets,
            compute=here,
        )  # fmt: skip

    return Training(net, recipe, inputs, objective, validation, here, phase=phase, frozen=frozen)


def finetune(
    data: Prepared,
    learnt: Round,
    network: FrozenNetwork,
    recipe: Recipe,
    start: Start,
    compute: Compute,
    *,
    session: Session | None = None,
    refit: bool = True,
) -> FinetuneResult:
    """Fine-tunes on most of some items, decides on the others, and may do it again on all.

    Args:
        data: N readable, labelled items; what belongs together is held out together.
        learnt: Its training items may be looked at, its test items are predicted in the end.
        network: Copied, not changed; with two views, predictions are the mean of an image and its
            mirror image.
        recipe: How.
        start: Of the head.
        compute: Where, and from which seed.
        session: Where states are kept, and who hears of epochs.
        refit: Train once more on all items, for as long and as far as proved best.
    """
    return _Finetuning(data, learnt, network, recipe, start, compute, session or Session()).run(
        refit=refit
    )


class _Finetuning:
    """One fine-tuning under way: what its steps share."""

    def __init__(
        self,
        data: Prepared,
        learnt: Round,
        network: FrozenNetwork,
        recipe: Recipe,
        start: Start,
        compute: Compute,
        session: Session,
    ) -> None:
        self.data, self.learnt, self.network = data, learnt, network
        self.start, self.compute, self.session = start, compute, session
        y, items = learnt.targets, learnt.train
        fold_of = make_folds(y[items], data.clusters[items], k=FOLDS, seed=compute.seed)
        self.val_items, self.own_items = items[fold_of == 0], items[fold_of != 0]
        counts = np.bincount(y[items], minlength=learnt.n_classes)
        present = counts[counts > 0]
        self.uneven = bool(present.max() > 2 * present.min())
        if recipe.balance == "auto":
            recipe = replace(recipe, balance="logits" if self.uneven else "none")
        self.recipe = recipe

    def inputs(self, items: np.ndarray) -> InputImages:
        """Returns what the network sees of some items."""
        return InputImages(
            self.data.dataset.take(items), self.network.preprocess, workers=self.compute.workers,
            progress=self.compute.progress,
        )  # fmt: skip

    def training(self, items: np.ndarray, validation: Validation | None, phase: str) -> Training:
        """Returns a training on some items, at its start."""
        y, n_classes, start = self.learnt.targets, self.learnt.n_classes, self.start
        vectors = self.network.features.vectors
        head = linear_start(vectors, y, items, start, n_classes=n_classes)
        if self.recipe.balance == "logits" and not (start.balanced or start.blank):
            # The probe knows how frequent classes are; the loss is going to say it from now on.
            prior = log_prior(y[items], n_classes).astype(np.float32)
            head = replace(head, arrays=head.arrays | {"bias": head.arrays["bias"] - prior})
        return begin(
            self.data, replace(self.learnt, train=items), self.network, self.recipe, head,
            self.compute, validation=validation, phase=phase,
        )  # fmt: skip

    def scores(self, one: Training, inputs: InputImages, pool: ThreadPoolExecutor) -> np.ndarray:
        """Returns (M, C) scores of the current weights, of the mirror images too if asked for."""
        return self.both(one, inputs, pool, one.outputs(inputs, pool))

    def both(
        self,
        one: Training,
        inputs: InputImages,
        pool: ThreadPoolExecutor,
        scores: np.ndarray,
    ) -> np.ndarray:
        """Returns the mean of scores and those of the mirror images, with two views."""
        if self.network.tta < 2:
            return scores
        # The head is linear: the mean of the scores is the score of the mean vector.
        return np.asarray((scores + one.outputs(inputs, pool, mirrored=True)) / 2)

    def mark(self, items: np.ndarray) -> str:
        """Returns a fingerprint of all that decides a training on some items."""
        network, names = self.network, [self.data.dataset.names[i] for i in items]
        about = [asdict(self.recipe), network.preprocess.fields, network.backbone.fingerprint]
        sums = network.features.vectors[items].sum(axis=1).tolist()
        return fingerprint_json([*about, self.compute.seed, names, sums])

    def decide(self, first: Training, start_scores: np.ndarray) -> SelectedWeights:
        """Chooses among the best epochs, their averages and the start by the held-out images."""
        known = [(first.start, start_scores)]  # no weights are looked through twice
        validation = first.validation
        assert isinstance(validation, Validation)
        with first.threads() as pool:

            def scores_of(state: State) -> np.ndarray:
                for other, scores in known:
                    if other is state:
                        return scores
                with first.using(state):
                    known.append((state, first.outputs(validation.inputs, pool)))
                return known[-1][1]

            def judge(state: State) -> tuple[float, float, float]:
                return validation.judge(scores_of(state))

            # Half a standard error: neighbours in weight space give mostly the same answers.
            top = first.best[0][0] if first.best else 0.0
            noise = 0.5 * math.sqrt(max(top * (1 - top), 0) / len(self.val_items))
            kept = choose_weights(first.start, first.best, judge, noise=noise)
            val_scores = scores_of(kept.state)
            known.clear()
            first.put(kept.state)
            self.val_scores = self.both(first, validation.inputs, pool, val_scores)
        return kept

    def run(self, *, refit: bool) -> FinetuneResult:
        """Trains on most items, decides on the others, and may train again on all."""
        y, items, session = self.learnt.targets, self.learnt.train, self.session
        validation = Validation(self.inputs(self.val_items), y[self.val_items], self.uneven)
        first = self.training(self.own_items, validation, TRAINING)
        if (on_epoch := session.on_epoch) is not None:
            first.on_epoch = lambda epoch: on_epoch(session.name, epoch)
        self.compute.begin("measuring held-out images before fine-tuning")
        with first.threads() as pool:
            start_scores = first.outputs(validation.inputs, pool)
            if self.recipe.hflip == "auto":
                self.compute.begin("trying mirror images")
                same = flip_invariant(first, validation, pool, start_scores)
                self.recipe = replace(self.recipe, hflip="yes" if same else "no")
                first.recipe = self.recipe
        states, begun = session.checkpoints, time.perf_counter()
        states.run(first, name=f"{session.name}-val", fingerprint=self.mark(self.own_items))
        again = (time.perf_counter() - begun) * len(items) / len(self.own_items)
        self.compute.begin("choosing the weights")
        kept = self.decide(first, start_scores)
        last = first
        if refit and kept.share > 0 and session.leaves(again):
            last = self.training(items, None, f"{TRAINING} on all")
            states.run(last, name=f"{session.name}-all", fingerprint=self.mark(items))
            if last.diverged < 0:
                last.put(mix([last.start, last.ema or last.copy()], [1 - kept.share, kept.share]))
            else:
                last = first
        tested = self.inputs(self.learnt.test)
        self.compute.begin("predicting the test images")
        with last.threads() as pool:
            test_scores = self.scores(last, tested, pool)
        return FinetuneResult(
            net=last.net.eval(),
            head=last.net.as_head(),
            temperature=fit_temperature(self.val_scores, y[self.val_items]),
            history=tuple(first.history),
            kept=kept,
            validation=self.val_items,
            val_scores=self.val_scores,
            start_scores=start_scores,
            test_scores=test_scores,
            recipe=self.recipe,
            refitted=last is not first,
            diverged=first.diverged,
            uneven=self.uneven,
        )
