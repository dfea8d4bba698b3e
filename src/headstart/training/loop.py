"""The one training loop.

Nothing random is remembered: order, augmentation, dropout and rates follow from the seed
and the number of the step. What must be kept to go on as the same run is the weights, their
average, the optimiser's moments and the record so far.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from headstart.compute import Compute
from headstart.images.inputs import InputImages
from headstart.images.pixels import cpu_count
from headstart.nets.batches.augment import Augment
from headstart.nets.batches.batch import Batch
from headstart.nets.batches.loader import Rest, batches
from headstart.nets.learning.cut import cut
from headstart.nets.learning.trainable import TrainableModel
from headstart.training.activations import FrozenActivations
from headstart.training.infer import infer
from headstart.training.memory import keep_freed_memory
from headstart.training.objective import Objective
from headstart.training.optimiser import make_optimiser, pull
from headstart.training.record import Epoch, Judge, Means
from headstart.training.schedule import Length, Recipe

__all__ = ["State", "Training"]

State = list[torch.Tensor]
"""Values of `Training.values`: parameters and floating buffers, in order."""

_KEPT = 3
# What a task may watch under a name that every record of an epoch has.
_FIELDS = ("loss", "accuracy", "mean_negative_cosine", "effective_rank", "active_triplets")


@dataclass
class Training:
    """A fine-tuning under way.

    Attributes:
        net: Trained in place.
        recipe: How.
        inputs: Training images, `augment.MARGIN` larger than the network's size.
        objective: What is learnt from them: the batches, what is wanted of each, the loss.
        validation: What decides which weights are kept, or None.
        compute: Where it runs, the seed of everything drawn, and who is told.
        phase: What it is called there.
        history: One record an epoch.
        best: (measure, minus loss, epoch, weights) of the best epochs, best first.
        diverged: The step at which the loss was not a number, or -1.
        step: Steps done.
        over: Whether it ended before its last step.
        factor: Step -> factor on the rate, instead of the recipe's (for the range test).
        on_epoch: Called after every epoch.
        last_loss: Mean loss of the last step.
        frozen: Augmentation -> views that the frozen part sees once, or None where that does not
            pay.
        stream: Keys of batches -> those batches, where not `inputs` give them.
        means: What the batches of the current epoch gave so far.
        length: How many steps it has.
    """

    net: TrainableModel
    recipe: Recipe
    inputs: InputImages
    objective: Objective
    validation: Judge | None = None
    compute: Compute = field(default_factory=Compute)
    phase: str = "fine-tuning"
    history: list[Epoch] = field(default_factory=list)
    best: list[tuple[float, float, int, State]] = field(default_factory=list)
    diverged: int = -1
    step: int = 0
    over: bool = False
    factor: Callable[[int], float] | None = None
    on_epoch: Callable[[Epoch], None] | None = None
    last_loss: float = float("nan")
    frozen: Callable[[Augment], FrozenActivations | None] | None = None
    stream: Callable[[Rest], Iterator[Batch]] | None = None
    means: Means = field(default_factory=Means)

    def __post_init__(self) -> None:
        net, recipe, device = self.net, self.recipe, self.compute.device
        self.plan = self.objective.plan
        steps = recipe.steps_in(self.plan.per_epoch)
        self.length = Length(steps, 0, steps)
        net.to(torch.device(device), memory_format=torch.channels_last)
        self._trainable = 0
        self._epoch_begun = time.perf_counter()
        self.slow = 1.0  # of a plateau
        net.set_trainable(net.n_stages)
        self.optimiser, self._scales = make_optimiser(net, recipe)
        self.values: list[torch.Tensor] = [
            *net.parameters(),
            *(each for each in net.buffers() if each.is_floating_point()),
        ]
        self.start: State = self.copy()
        self.ema: State = self.copy() if recipe.ema else []
        threads = torch.get_num_threads() if device == "cpu" else 1
        # Several threads with a share of the batch each waste less than several threads in
        # every operation. Where the network draws numbers, their order would be lost.
        self._replicas = [net]
        if recipe.freeze_bn_stats and not net.is_stochastic():
            self._replicas += [net.replica() for _ in range(min(threads, cpu_count()) - 1)]
        self._gradient = self.objective.gradient_of(
            self._replicas, self.compute, accumulate=recipe.accumulate
        )

    @property
    def total(self) -> int:
        """Steps of the whole training."""
        return self.length.steps

    def end_at(self, steps: int, *, since: int) -> None:
        """Moves the end, on what is left of the schedule.

        Args:
            steps: Of the whole, at most those of its epochs.
            since: The step from which that holds.
        """
        self.length = replace(self.length, turn=since, steps=steps)

    def run(self, *, save: Callable[[], None] | None = None, until: int | None = None) -> None:
        """Trains from the current step to the end.

        Args:
            save: Called after every step that may be resumed from.
            until: Stop before this step (for the range test).
        """
        stop = self.total if until is None else min(until, self.total)
        keep_freed_memory()
        if self.over or self.step >= stop:
            return
        self._tell(stop)
        stream = self._stream(self.plan.since(self.step))
        self._epoch_begun = time.perf_counter()
        with self.threads() as pool:
            for batch in stream:
                self._set_rates()
                if not self._learn(batch, pool):
                    self.diverged = self.step
                    self.over = True
                    break
                self.step += 1
                if self.step % self.plan.per_epoch == 0 or self.step == self.total:
                    self._close_epoch(pool)
                    self.over = self._has_stalled()
                self._tell(stop)
                if save is not None:
                    save()
                if self.over or self.step >= stop:
                    break

    def _stream(self, keys: Rest) -> Iterator[Batch]:
        """Returns the batches of some keys: given, of a frozen part, or of augmented images."""
        if self.stream is not None:
            return self.stream(keys)
        augment = Augment(self.recipe.augment, self._preprocess, hflip=self.recipe.hflip != "no")
        workers = self.compute.workers
        beside = workers if workers is not None else max(1, cpu_count() // 2)
        frozen = self._cut(augment)
        if frozen is not None:
            return frozen.batches(keys)
        return batches(self.inputs, augment, keys, targets=self.plan.targets, workers=beside)

    def _tell(self, stop: int) -> None:
        """Says how far it is: the epoch, the loss, and what held-out images said last."""
        epochs = math.ceil(self.total / self.plan.per_epoch)
        told = [f"epoch {min(self.step // self.plan.per_epoch + 1, epochs)} of {epochs}"]
        told += [f"loss {self.last_loss:.3f}"] if math.isfinite(self.last_loss) else []
        measures = [each.measure for each in self.history if math.isfinite(each.measure)]
        told += [f"held-out {measures[-1]:.3f}, best {max(measures):.3f}"] if measures else []
        self.compute.progress(f"{self.phase}: {', '.join(told)}", self.step, stop)

    def _cut(self, augment: Augment) -> FrozenActivations | None:
        """Returns the views that training reads instead of images, if that pays."""
        frozen = self.frozen(augment) if self.frozen is not None else None
        for net in self._replicas:
            net.above = ()
            if frozen is not None:
                net.set_trainable(self.recipe.trainable_stages(0.0, n_stages=net.n_stages))
                parts = cut(net)
                assert parts is not None, "the first replica could be cut"
                net.above = (parts.above,)
        return frozen

    @property
    def _preprocess(self) -> Any:
        # The input images are larger than what the network sees.
        return replace(self.inputs.preprocess, size=self.net.pool.size)

    @contextlib.contextmanager
    def threads(self) -> Iterator[ThreadPoolExecutor]:
        """One thread for each replica, each of them alone inside torch's operations."""
        before = torch.get_num_threads()
        if len(self._replicas) > 1:
            torch.set_num_threads(1)
        try:
            with ThreadPoolExecutor(len(self._replicas), "train") as pool:
                yield pool
        finally:
            torch.set_num_threads(before)

    def _set_rates(self) -> None:
        share = self.length.share(self.step)
        trainable = self.recipe.trainable_stages(share, n_stages=self.net.n_stages)
        if trainable != self._trainable:
            self._trainable = trainable
            for net in self._replicas:
                net.set_trainable(trainable, norms_only=self.recipe.freeze == "norms")
        factor = self.recipe.factor(share) * self.slow
        if self.factor is not None:
            factor = self.factor(self.step)
        for group, scale in zip(self.optimiser.param_groups, self._scales, strict=True):
            group["lr"] = self.recipe.lr * factor * scale

    def _learn(self, batch: Batch, pool: ThreadPoolExecutor) -> bool:
        """One step; returns whether its loss was a number."""
        batch = batch.to(self.compute.device)
        targets = self.plan.targets
        if targets is not None and targets.mix is not None:
            batch = targets.mix(batch, (self.compute.seed, self.step))
        sums = self._gradient.of(batch, self.step, pool)
        loss = sums["loss"]
        norm = torch.tensor(math.inf)
        if math.isfinite(loss):
            norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.recipe.clip)
        if not torch.isfinite(norm):
            self.optimiser.zero_grad()
            return False
        self.optimiser.step()
        self.optimiser.zero_grad()
        self._after_step()
        self.last_loss = loss / len(batch.items)
        self.means.add(sums, len(batch.items))
        return True

    @torch.no_grad()
    def _after_step(self) -> None:
        recipe = self.recipe
        if recipe.anchor_decay:
            pull(self.net, self.optimiser, self._anchor, recipe.anchor_decay)
        if self.ema:
            # Short at first, so that the average does not remember the untrained weights.
            decay = min(recipe.ema, (1 + self.step) / (10 + self.step))
            torch._foreach_lerp_(self.ema, [each.detach() for each in self.values], 1 - decay)

    @property
    def _anchor(self) -> dict[torch.Tensor, torch.Tensor]:
        if not hasattr(self, "_anchors"):
            self._anchors = dict(zip(self.values, self.start, strict=True))
        return self._anchors

    def _close_epoch(self, pool: ThreadPoolExecutor) -> None:
        seconds = time.perf_counter() - self._epoch_begun
        measure = accuracy = val_loss = float("nan")
        if self.validation is not None:
            with self.using(self.ema or None):
                outputs = self.outputs(self.validation.inputs, pool)
                measure, accuracy, val_loss = self.validation.judge(outputs)
                if not np.isfinite(val_loss):
                    measure = -1.0
                self.best.append((measure, -val_loss, len(self.history) + 1, self.copy()))
            self.best.sort(key=lambda each: (-each[0], -each[1]))
            del self.best[_KEPT:]
        means = self.means.values()
        known = {"accuracy": math.nan}
        known |= {name: means.pop(name) for name in list(means) if name in _FIELDS}
        self.history.append(
            Epoch(
                epoch=len(self.history) + 1,
                trainable_stages=self._trainable,
                lr=self.optimiser.param_groups[-1]["lr"],
                val_loss=val_loss,
                val_accuracy=accuracy,
                measure=measure,
                seconds=seconds,
                images=self.means.images,
                others=means,
                **known,
            )
        )
        if self.on_epoch is not None:
            self.on_epoch(self.history[-1])
        self.means.clear()
        self._epoch_begun = time.perf_counter()
        stalled = self.validation is not None and self._epochs_since_best() in (2, 4, 6)
        if self.recipe.schedule == "plateau" and stalled:
            self.slow *= 0.3

    def _epochs_since_best(self) -> int:
        values = [each.measure for each in self.history]
        return len(values) - 1 - int(np.argmax(values)) if values else 0

    def _has_stalled(self) -> bool:
        return bool(
            self.validation is not None
            and self.recipe.patience
            and self._epochs_since_best() >= self.recipe.patience
        )

    # --- weights -----------------------------------------------------------------------------

    def copy(self) -> State:
        """Returns the current weights."""
        return [each.detach().clone() for each in self.values]

    @torch.no_grad()
    def put(self, state: State) -> None:
        """Makes some weights the current ones."""
        for value, given in zip(self.values, state, strict=True):
            value.copy_(given)

    @contextlib.contextmanager
    def using(self, state: State | None) -> Iterator[None]:
        """Runs something with other weights; None for the current ones."""
        if state is None:
            yield
            return
        current = self.copy()
        self.put(state)
        try:
            yield
        finally:
            self.put(current)

    def outputs(
        self, inputs: InputImages, pool: ThreadPoolExecutor, *, mirrored: bool = False
    ) -> np.ndarray:
        """Returns what the network gives with the current weights, (M, ...) float32.

        Args:
            inputs: M images of the network's size.
            pool: From `threads`.
            mirrored: Of the images with left and right exchanged.
        """
        return infer(self._replicas, inputs, pool, device=self.compute.device, mirrored=mirrored)
