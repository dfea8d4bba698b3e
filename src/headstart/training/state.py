"""Everything that a stopped training needs to go on as the same run: tensors and numbers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch

from headstart.training.loop import State, Training
from headstart.training.record import Epoch, Means

__all__ = ["numbers_of", "restore", "tensors_of"]


def tensors_of(training: Training) -> dict[str, torch.Tensor]:
    """Returns all tensors that a resumed training needs, by name."""
    named = {f"value.{i:05}": each.detach() for i, each in enumerate(training.values)}
    named |= {f"start.{i:05}": each for i, each in enumerate(training.start)}
    named |= {f"ema.{i:05}": each for i, each in enumerate(training.ema)}
    for rank, (_, _, _, state) in enumerate(training.best):
        named |= {f"best.{rank}.{i:05}": each for i, each in enumerate(state)}
    for number, moments in training.optimiser.state_dict()["state"].items():
        named |= {
            f"optim.{number:05}.{key}": torch.as_tensor(each)
            for key, each in moments.items()
            if each is not None
        }
    return named


def numbers_of(training: Training) -> dict[str, Any]:
    """Returns all that is not a tensor, ready for JSON."""
    return {
        "step": training.step,
        "slow": training.slow,
        "over": training.over,
        "diverged": training.diverged,
        "means": {"images": training.means.images, "sums": training.means.sums},
        "history": [asdict(each) for each in training.history],
        "best": [[measure, loss, epoch] for measure, loss, epoch, _ in training.best],
    }


def restore(training: Training, tensors: dict[str, torch.Tensor], numbers: dict[str, Any]) -> None:
    """Takes a training back to what `tensors_of` and `numbers_of` gave.

    Raises:
        KeyError: If something is missing.
        RuntimeError: If shapes differ.
    """

    def listed(prefix: str) -> State:
        found = [tensors[name] for name in sorted(tensors) if name.startswith(prefix)]
        if len(found) != len(training.values) and (found or prefix != "ema."):
            raise KeyError(f"{prefix}*: {len(found)} of {len(training.values)} tensors")
        return found

    training.put(listed("value."))
    training.start, training.ema = listed("start."), listed("ema.")
    training.best = [
        (measure, loss, epoch, listed(f"best.{rank}."))
        for rank, (measure, loss, epoch) in enumerate(numbers["best"])
    ]
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optim."):
            _, number, key = name.split(".", 2)
            moments.setdefault(int(number), {})[key] = tensor.clone()
    groups = training.optimiser.state_dict()["param_groups"]
    training.optimiser.load_state_dict({"state": moments, "param_groups": groups})
    training.step, training.slow = numbers["step"], numbers["slow"]
    training.diverged, training.over = numbers["diverged"], numbers["over"]
    training.means = Means()
    training.means.add(numbers["means"]["sums"], numbers["means"]["images"])
    training.history = []
    for each in numbers["history"]:
        known: dict[str, Any] = {k: float("nan") if v is None else v for k, v in each.items()}
        training.history.append(Epoch(**known))
