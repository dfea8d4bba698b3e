"""The fine-tuned arm of masks: network and head learn together, on windows at full resolution.

Far from photographs, where thin things tell (cell walls, cracks), what a network has learnt of
photographs must move, and its early layers most. Windows cut at full resolution are many images
out of few. One fold is held out as for the head arm.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from headstart.compute import Compute
from headstart.fingerprint import fingerprint_bytes, fingerprint_json
from headstart.images.inputs import InputImages
from headstart.images.pixels import cpu_count
from headstart.nets.backbone import pick_device
from headstart.nets.batch import Batch
from headstart.nets.dense import head_of
from headstart.nets.loader import Key, Rest
from headstart.nets.maps import map_layout, stage_maps
from headstart.nets.stages import StagePool
from headstart.nets.trainable import TrainableModel
from headstart.nets.warp import Warp, warped
from headstart.probe.dense_linear import map_moments
from headstart.probe.dense_scores import confusions, dense_temperature
from headstart.probe.dense_targets import class_weights, mask_shares
from headstart.strategies.finetune import keep_network
from headstart.strategies.mask_arms import Arm, HeldCounts, plan_of
from headstart.strategies.mask_head import HeadTask, large_squares
from headstart.tasks.segmentation.learn import batches, correct, head, loss
from headstart.tasks.segmentation.recipe import MaskRecipe
from headstart.training.checkpoint import Checkpoints
from headstart.training.loop import Training
from headstart.training.objective import Objective
from headstart.training.record import Epoch, OnEpoch

__all__ = ["TunedArm", "tuned_arm"]

_WINDOW = 256
_STRIDE = 4
# Windows that are learnt from, and what is learnt on with all images.
_SEEN, _ONWARD, _ONWARD_RATE = 1000, 0.25, 0.3
_BACKBONE_RATE = 0.3


@dataclass(frozen=True)
class TunedArm:
    """A fine-tuning under way; as `mask_head.HeadArm`."""

    arm: Arm
    finish: _Finish
    history: dict[str, tuple[Epoch, ...]]


def tuned_arm(
    task: HeadTask,
    folds: tuple[np.ndarray, int],
    compute: Compute,
    *,
    checkpoints: Checkpoints,
    place: Path,
    on_epoch: OnEpoch | None = None,
) -> TunedArm:
    """Trains network and head on all but one fold of the training images.

    Args:
        task: What is learnt, on what, and how; its size is that of whole images.
        folds: (N,) int, which fold holds an image out; and how many there are.
        compute: Where, and from which seed.
        checkpoints: Where states are kept for resuming.
        place: Where the trained network is kept until the run is written.
        on_epoch: Called with the name of a training and every epoch.
    """
    begun = time.perf_counter()
    compute = replace(compute, device=pick_device(compute.device))
    compute.begin("fine-tuned arm: building the network")
    of, k = folds
    held = np.flatnonzero(of == 0) if k > 1 else np.zeros(0, int)
    own = np.flatnonzero(of != 0) if k > 1 else np.arange(len(of))
    finish = _Finish(task, compute, checkpoints, place, on_epoch)
    finish.train("tuned", own, finish.recipe, "fine-tuned arm")
    measured, temperature = None, 1.0
    if len(held):
        compute.begin("fine-tuned arm: measuring on held-out training images")
        scores, truth = finish.scores(held), task.material.truth[held]
        measured = HeldCounts(held, confusions(scores, truth), f"1 of {k} folds")
        temperature = dense_temperature(scores, truth)
    finish.arm = Arm(
        "fine-tuned", finish.summary, head_of(finish.head), task.backbone, task.preprocess.size,
        temperature, measured, time.perf_counter() - begun,
    )  # fmt: skip
    return TunedArm(finish.arm, finish, finish.history)


class _Finish:
    """Trains network and head, and goes on with them."""

    arm: Arm

    def __init__(
        self,
        task: HeadTask,
        compute: Compute,
        checkpoints: Checkpoints,
        place: Path,
        on_epoch: OnEpoch | None,
    ) -> None:
        self._task, self._compute, self._checkpoints = task, compute, checkpoints
        self._place, self._on_epoch = place, on_epoch
        self.history: dict[str, tuple[Epoch, ...]] = {}
        preprocess, material = task.preprocess, task.material
        window = min(_WINDOW, preprocess.size)
        per_epoch = max(1, len(material.items))
        asked = task.recipe
        self.recipe = replace(
            asked, backbone_lr=max(asked.backbone_lr, _BACKBONE_RATE),
            epochs=max(1, min(math.ceil(_SEEN / per_epoch), asked.epochs)), freeze="none",
        )  # fmt: skip
        self._warp = Warp(
            window, scale=1.25, turn=20.0, any_side_up=True, window=window, reflect=True
        )
        self._squares, self._masks = large_squares(task, compute, room=1.0)
        self.inputs = InputImages(
            task.prepared.dataset.take(material.items), preprocess, workers=compute.workers
        )
        self._strata = task.prepared.dataset.labels.strata[material.items]
        small = replace(preprocess, size=window)
        layout = map_layout(task.backbone, small)
        self._plan = plan_of("pyramid", layout, _STRIDE, material.n_classes, width=asked.width)
        first = self._plan.stages[0]
        moments = map_moments(layout.since(first), self._rows(small, layout.bounds[first]))
        self.head = head(self._plan, material.n_classes, moments, seed=compute.seed)
        network = task.backbone.copy()
        self.net = TrainableModel(network, small, None, self.head)
        self.net.fuse()
        pixels = material.fine.sum(axis=(0, 2, 3), dtype=np.float64)
        self._weights = class_weights(pixels, asked.balance)
        self.summary = (
            f"{task.backbone.name} and a top-down head of {asked.width} channels trained together "
            f"on windows of {window} px, input {preprocess.size} px, answers every "
            f"{self._plan.stride} px"
        )

    def _rows(self, small: object, start: int) -> np.ndarray:
        """Returns the maps of some windows as the pretrained network gives them."""
        pool: StagePool = stage_maps(self._task.backbone, small)  # type: ignore[arg-type]
        count = min(16, len(self._squares))
        images = np.stack([self._view((at, 0, 0, 0))[0] for at in range(count)])
        with torch.inference_mode():
            return pool(torch.from_numpy(images))[:, start:].half().numpy()

    def _view(self, key: Key) -> tuple[np.ndarray, np.ndarray]:
        item, epoch, before, _ = key
        rng = np.random.default_rng([self._compute.seed, epoch, item, before, 7])
        return warped(self._squares[item], self._masks[item], self._warp, rng)

    def train(self, name: str, own: np.ndarray, recipe: MaskRecipe, phase: str) -> None:
        """Trains on some of the images, and leaves the averaged weights in the net."""
        classes, stride = self._task.material.n_classes, self._plan.stride

        def stream(keys: Rest) -> Iterator[Batch]:
            for part in keys:
                items = np.array([int(own[key[0]]) for key in part])
                views = [self._view((int(own[key[0]]), *key[1:])) for key in part]
                shares = np.stack([mask_shares(mask, classes, stride) for _, mask in views])
                images = torch.from_numpy(np.stack([image for image, _ in views]))
                yield Batch(images, items, torch.from_numpy(shares).float() / 255)

        told = None
        if self._on_epoch is not None:
            hear = self._on_epoch

            def told(epoch: Epoch) -> None:
                hear(name, epoch)

        training = Training(
            self.net, recipe, self.inputs,
            Objective(
                batches(self._strata[own], recipe, self._compute.seed),
                loss(recipe, self._weights), correct,
            ),
            None, self._compute, phase=phase, on_epoch=told, stream=stream,
        )  # fmt: skip
        mark = [name, recipe.said, own.tolist(), self._weights.tolist(), self._compute.seed]
        mark += [self.inputs.keys.tobytes().hex(), fingerprint_bytes(self._masks.tobytes()).hex()]
        self._checkpoints.run(training, name=name, fingerprint=fingerprint_json(mark))
        if training.ema:
            training.put(training.ema)
        self.history[name] = tuple(training.history)

    def scores(self, items: np.ndarray) -> np.ndarray:
        """Returns (n, C, h, w) float16 scores of some training images, whole."""
        self.net.eval()

        def score(item: int) -> np.ndarray:
            with torch.inference_mode():
                image = torch.from_numpy(self.inputs[item][None].copy()).to(self._compute.device)
                return self.net(image)[0].float().cpu().half().numpy()

        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with ThreadPoolExecutor(cpu_count()) as pool:
                return np.stack(list(pool.map(score, items.tolist())))
        finally:
            torch.set_num_threads(before)

    def __call__(self) -> Arm:
        """Learns on with all images; returns the arm to keep."""
        begun = time.perf_counter()
        if self.arm.held is not None:
            epochs = max(1, math.ceil(_ONWARD * self.recipe.epochs))
            onward = replace(self.recipe, epochs=epochs, lr=self.recipe.lr * _ONWARD_RATE)
            everything = np.arange(len(self.inputs))
            self.train("tuned-all", everything, onward, "fine-tuned arm, with all images")
        backbone = keep_network(self.net.pool.network, self._task.backbone, self._place)
        seconds = self.arm.seconds + time.perf_counter() - begun
        return replace(self.arm, head=head_of(self.head), backbone=backbone, seconds=seconds)
