"""Where the curves of a training go while it runs: TensorBoard, MLflow, Weights & Biases.

`history.csv` is always written; these are asked for by name and need their own packages.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from headstart.errors import OptionError
from headstart.training.record import Epoch, OnEpoch

__all__ = ["TRACKERS", "open_trackers"]

_PACKAGES = {"tensorboard": "tensorboard", "mlflow": "mlflow", "wandb": "wandb"}
TRACKERS = tuple(_PACKAGES)


def open_trackers(
    names: str | None, *, run: str, options: dict[str, Any], folder: Path
) -> tuple[OnEpoch, Callable[[], None]]:
    """Opens the trackers that are asked for.

    Args:
        names: Joined by commas, of `TRACKERS`; None for none.
        run: Name of the run.
        options: Of the training, logged as parameters.
        folder: Where those that write files write them.

    Returns:
        What to call after an epoch, and what to call at the end.

    Raises:
        OptionError: If a name is unknown or its package is not installed.
    """
    opened = []
    for name in [each.strip() for each in (names or "").split(",") if each.strip()]:
        if name not in _PACKAGES:
            raise OptionError(f"--log {name}: choose of {', '.join(TRACKERS)}")
        try:
            opened.append(_OPENERS[name](run, _flat(options), folder))
        except ImportError as error:
            raise OptionError(
                f"--log {name} needs a package that is not here: pip install {_PACKAGES[name]} "
                f"({error})"
            ) from None

    def on_epoch(training: str, epoch: Epoch) -> None:
        values = asdict(epoch)
        values |= values.pop("others")
        numbers = {
            f"{training}/{key}": float(value)
            for key, value in values.items()
            if key != "epoch" and math.isfinite(value)
        }
        for log, _ in opened:
            log(numbers, epoch.epoch)

    def close() -> None:
        for _, end in opened:
            end()

    return on_epoch, close


def _flat(options: dict[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in options.items()}


_Opened = tuple[Callable[[dict[str, float], int], None], Callable[[], None]]


def _tensorboard(run: str, options: dict[str, str], folder: Path) -> _Opened:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder / "tensorboard" / run))
    writer.add_text("options", "  \n".join(f"{key}: {value}" for key, value in options.items()))

    def log(numbers: dict[str, float], epoch: int) -> None:
        for key, value in numbers.items():
            writer.add_scalar(key, value, epoch)

    return log, writer.close


def _mlflow(run: str, options: dict[str, str], folder: Path) -> _Opened:
    import mlflow  # type: ignore[import-not-found]

    mlflow.start_run(run_name=run)
    mlflow.log_params(options)
    return lambda numbers, epoch: mlflow.log_metrics(numbers, step=epoch), mlflow.end_run


def _wandb(run: str, options: dict[str, str], folder: Path) -> _Opened:
    import wandb  # type: ignore[import-not-found]

    tracked = wandb.init(project="headstart", name=run, config=options, dir=str(folder))
    return lambda numbers, epoch: tracked.log(numbers, step=epoch), tracked.finish


_OPENERS = {"tensorboard": _tensorboard, "mlflow": _mlflow, "wandb": _wandb}
