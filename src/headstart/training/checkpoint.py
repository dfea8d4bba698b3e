"""`Checkpoints`: what a killed training needs to go on as the same run.

One safetensors file per training, replaced whole. It bears the fingerprint of everything
that decides the training, so another training's state is never taken for its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from headstart.errors import ModelError, OutputError
from headstart.output import write_atomic
from headstart.training.loop import Training
from headstart.training.state import numbers_of, restore, tensors_of

__all__ = ["Checkpoints"]


class Checkpoints:
    """The states of the trainings of one run.

    Args:
        folder: Where they lie; None keeps nothing.
        every: Seconds between two saves of a training under way.
        prefix: Of every name, where a run has the same training in several rounds.
    """

    def __init__(self, folder: Path | None, *, every: float = 20.0, prefix: str = "") -> None:
        self.folder = folder
        self.every = every
        self.prefix = prefix

    def run(
        self, training: Training, *, name: str, fingerprint: str, until: int | None = None
    ) -> int:
        """Runs a training from where it was stopped, if it was, to its end.

        Args:
            training: At its start.
            name: Which of the run's trainings it is.
            fingerprint: Of all that decides it.
            until: Stop before this step; it goes on from there when it is run again.

        Returns:
            The step that it began at.

        Raises:
            ModelError: If the state is damaged or belongs to another training.
            OutputError: If the folder cannot be written.
        """
        if self.folder is None:
            begun = training.step
            training.run(until=until)
            return begun
        file = self.folder / f"{self.prefix}{name}.safetensors"
        if file.is_file() and not training.step:
            _restore(training, file, fingerprint)
        begun = training.step
        last = time.monotonic()

        def save() -> None:
            nonlocal last
            if time.monotonic() - last >= self.every:
                _save(training, file, fingerprint)
                last = time.monotonic()

        training.run(save=save, until=until)
        _save(training, file, fingerprint)
        return begun

    def once(self, name: str, decide: Callable[[], tuple[int, str]]) -> tuple[int, str]:
        """Returns what a clock decides, as it was decided the first time.

        A training that goes on must not measure again, or it would not be the same.

        Args:
            name: Of the decision.
            decide: Gives a number, such as how many epochs there is time for, and why.

        Raises:
            ModelError: If what was decided is damaged.
            OutputError: If the folder cannot be written.
        """
        if self.folder is None:
            return decide()
        file = self.folder / f"{self.prefix}{name}.json"
        if file.is_file():
            return _decided(file)
        value, why = decide()
        content = json.dumps({"decided": value, "why": why}).encode()
        _write(file, content)
        return value, why


def _decided(file: Path) -> tuple[int, str]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        value, why = found["decided"], found["why"]
        if type(value) is not int or value < 0 or not isinstance(why, str):
            raise ValueError(f"decided={value!r}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{file} is damaged ({error}): delete {file.parent} to begin anew"
        ) from None
    return value, why


def _save(training: Training, file: Path, fingerprint: str) -> None:
    from safetensors.torch import save

    tensors = {name: each.contiguous() for name, each in tensors_of(training).items()}
    about = {"fingerprint": fingerprint, "numbers": json.dumps(numbers_of(training))}
    _write(file, save(tensors, metadata=about))


def _write(file: Path, content: bytes) -> None:
    try:
        write_atomic(file, content)
    except OSError as error:
        raise OutputError(
            f"cannot write {file} ({error.strerror or error}): free some space, then go on with "
            f"--resume"
        ) from None


def _restore(training: Training, file: Path, fingerprint: str) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt", device=training.compute.device) as stream:
            about = stream.metadata()
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
        mark, numbers = about["fingerprint"], json.loads(about["numbers"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise _damaged(file, error) from None
    if mark != fingerprint:
        raise ModelError(
            f"{file} belongs to a training on other images or with other options: they have "
            f"changed since it was stopped; delete {file.parent} to begin anew"
        )
    try:
        restore(training, tensors, numbers)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise _damaged(file, error) from None


def _damaged(file: Path, error: Exception) -> ModelError:
    return ModelError(
        f"{file} is damaged ({error}): delete it to train this part from its beginning"
    )
