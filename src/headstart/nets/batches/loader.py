"""Batches of augmented images, made beside the training by worker processes.

Every batch of a whole training is known beforehand from the seed, so a training that was
killed goes on with the very batch it had reached.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import torch

from headstart.images.inputs import InputImages
from headstart.nets.batches.augment import Augment
from headstart.nets.batches.batch import Batch, Targets
from headstart.nets.batches.places import ImagePlaces

__all__ = ["IdentityPlan", "Key", "Plan", "Rest", "batches"]

Key = tuple[int, int, int, int]
"""(position in the data, epoch, how often it was shown in that epoch before, seed)."""


class Plan:
    """Which items are in which batch, of all epochs.

    Args:
        strata: (N,) int, what `balance` goes by: the classes of the training items.
        batch: Items per batch; what does not fill half a batch is spread over the others.
        epochs: How many.
        seed: Of the order, and of what is drawn for each image.
        balance: ``"oversample"``: every class as often as the largest; ``"undersample"``: as
            often as the smallest, others drawn anew each epoch; ``"none"``.
        targets: What the loss wants of each of them, or None where the items are enough.
        items: (N,) int, their positions in the data, where these are some of more; by default 0
            to N - 1.
    """

    def __init__(
        self,
        strata: np.ndarray,
        *,
        batch: int,
        epochs: int,
        seed: int,
        balance: Literal["none", "oversample", "undersample"] = "none",
        targets: Targets | None = None,
        items: np.ndarray | None = None,
    ) -> None:
        self._positions: list[int] = (np.arange(len(strata)) if items is None else items).tolist()
        self._strata, self._epochs, self._seed, self._balance = strata, epochs, seed, balance
        self.targets = targets
        self.per_epoch = max(1, round(len(self._items(0)) / batch))

    def _items(self, epoch: int) -> np.ndarray:
        """Returns the items of one epoch, in random order."""
        rng = np.random.default_rng([self._seed, epoch])
        if self._balance == "none":
            return rng.permutation(len(self._strata))
        members = [
            rng.permutation(np.flatnonzero(self._strata == c)) for c in np.unique(self._strata)
        ]
        sizes = [len(each) for each in members]
        wanted = max(sizes) if self._balance == "oversample" else min(sizes)
        return rng.permutation(np.concatenate([np.resize(each, wanted) for each in members]))

    def since(self, step: int) -> Rest:
        """Returns the batches from a step on, as an iterable of lists of keys."""
        return Rest(self, step)

    def epoch(self, number: int) -> list[list[Key]]:
        """Returns the batches of one epoch."""
        shown: Counter[int] = Counter()
        batches = []
        for part in np.array_split(self._items(number), self.per_epoch):
            keys = []
            for item in part.tolist():
                keys.append((self._positions[item], number, shown[item], self._seed))
                shown[item] += 1
            batches.append(keys)
        return batches

    @property
    def epochs(self) -> int:
        """How many epochs there are."""
        return self._epochs


class IdentityPlan(Plan):
    """Batches of some images each of some identities ("P x K"), of all epochs.

    A loss over pairs needs several images of every identity in a batch (Hermans, Beyer and
    Leibe, 2017). Every identity comes about equally often, and each of its images before any
    comes again. pytorch-metric-learning's `MPerClassSampler` remembers where it is in a random
    sequence; here a batch follows from the seed and its number, so that a killed training goes on.

    Args:
        labels: (N,) int identities of the training items.
        identities: Identities in a batch; fewer where there are fewer.
        each: Images of each; the same image again, augmented anew, where it has fewer.
        epochs: How many, each of about N images.
        seed: Of the order, and of what is drawn for each image.
        targets: As `Plan` has it.
    """

    def __init__(
        self,
        labels: np.ndarray,
        *,
        identities: int,
        each: int,
        epochs: int,
        seed: int,
        targets: Targets | None = None,
    ) -> None:
        self._members = [np.flatnonzero(labels == identity) for identity in np.unique(labels)]
        self._identities, self._each = min(identities, len(self._members)), each
        super().__init__(
            labels, batch=self._identities * each, epochs=epochs, seed=seed, targets=targets
        )

    def epoch(self, number: int) -> list[list[Key]]:
        """Returns the batches of one epoch."""
        rng = np.random.default_rng([self._seed, number, 2])
        left: dict[int, list[int]] = {}
        shown: Counter[int] = Counter()
        waiting: list[int] = []
        batches = []
        for _ in range(self.per_epoch):
            while len(waiting) < self._identities:
                new = [each for each in rng.permutation(len(self._members)) if each not in waiting]
                waiting += new
            chosen, waiting = waiting[: self._identities], waiting[self._identities :]
            keys = []
            for identity in chosen:
                for _ in range(self._each):
                    if not left.get(identity):
                        left[identity] = rng.permutation(self._members[identity]).tolist()
                    item = left[identity].pop()
                    keys.append((item, number, shown[item], self._seed))
                    shown[item] += 1
            batches.append(keys)
        return batches


class Rest:
    """The batches of a plan from a step on; may be iterated over several times."""

    def __init__(self, plan: Plan, step: int) -> None:
        self._plan, self._step = plan, step

    def __len__(self) -> int:
        return self._plan.per_epoch * self._plan.epochs - self._step

    def __iter__(self) -> Iterator[list[Key]]:
        first, skip = divmod(self._step, self._plan.per_epoch)
        for number in range(first, self._plan.epochs):
            yield from self._plan.epoch(number)[skip if number == first else 0 :]


_Sample = tuple[int, np.ndarray, ImagePlaces | None]


class _Samples:
    """What a worker does for one image."""

    def __init__(self, inputs: InputImages, augment: Augment, targets: Targets | None) -> None:
        self.inputs, self.augment = inputs, augment
        self.places = targets.places if targets is not None else None

    def __getitem__(self, key: Key) -> _Sample:
        item, epoch, before, seed = key
        state = np.random.SeedSequence([seed, epoch, item, before]).generate_state(2, np.uint32)
        # Not `torch.manual_seed`: it seeds every kind of device too, and that is slower than the
        # augmentation (half a millisecond an image).
        rng = torch.default_generator
        outside = rng.get_state()
        rng.manual_seed(int(state[0]) << 32 | int(state[1]))
        try:
            if self.places is None:
                return item, self.augment(self.inputs[item]), None
            return item, *self.augment.together(self.inputs[item], self.places(item))
        finally:
            rng.set_state(outside)


class _Collate:
    """What a worker does for one batch."""

    def __init__(self, targets: Targets | None) -> None:
        self.collate = targets.collate if targets is not None else None

    def __call__(self, samples: list[_Sample]) -> tuple[torch.Tensor, Any]:
        items, images, places = zip(*samples)
        targets = None
        if self.collate is not None:
            targets = self.collate(np.array(items), list(places))
        return torch.from_numpy(np.stack(images)), targets


def batches(
    inputs: InputImages,
    augment: Augment,
    keys: Rest | list[list[Key]],
    *,
    targets: Targets | None = None,
    workers: int = 1,
) -> Iterator[Batch]:
    """Yields the images of the given batches, in order, with what the loss wants of each.

    Args:
        inputs: The training images.
        augment: What is done to each, and to what moves with it.
        keys: From `Plan.since`.
        targets: Who makes what the loss wants; None for images alone.
        workers: Processes that work beside; 0 for none.
    """
    from torch.utils.data import DataLoader

    context = None
    if workers and "fork" in multiprocessing.get_all_start_methods():
        context = "fork"  # the pixels in memory are shared, and nothing is imported again
    loader = DataLoader(
        _Samples(inputs, augment, targets),
        batch_sampler=keys,
        num_workers=workers,
        collate_fn=_Collate(targets),
        multiprocessing_context=context,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_leave_alone if context else None,
    )
    with _garbage_kept() if context else contextlib.nullcontext():
        found = iter(loader)
    for part, (images, wanted) in zip(keys, found, strict=True):
        yield Batch(images, np.array([key[0] for key in part]), wanted)


@contextlib.contextmanager
def _garbage_kept() -> Iterator[None]:
    """Nothing is collected meanwhile, neither here nor in a process that is forked."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _leave_alone(worker: int) -> None:
    """What the parent process left to be collected is never collected in its fork.

    Among it may be a session of ONNX Runtime, say, which waits as it ends for threads that
    were not forked: for ever.
    """
    gc.freeze()
    gc.enable()
