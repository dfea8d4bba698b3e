"""`Unfinished`: what an interrupted training leaves beside its run, to be resumed.

RUN.unfinished/
options.json              the flags of the training
*.safetensors             one state per fine-tuning
*-epochs.json             for how many epochs there was time
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headstart.errors import ModelError, OutputError
from headstart.output import hold, read_json, write_atomic
from headstart.records import to_json

__all__ = ["Unfinished"]

_PATIENCE = 12.0
# What a killed training may have left there, temporary files of `write_atomic` included.
_OWN = re.compile(r"backbones|.*\.safetensors|.*-epochs\.json|\.headstart-[a-z0-9_]{8}")


class Unfinished:
    """The place of a training under way.

    Args:
        run: The run's final folder.
    """

    def __init__(self, run: Path) -> None:
        self.run = run
        self.folder = run.absolute().with_name(run.absolute().name + ".unfinished")

    def options(self) -> dict[str, Any]:
        """Returns the options of the interrupted training.

        Raises:
            ModelError: If there is none.
        """
        file = self.folder / "options.json"
        if not file.is_file():
            done = "; the run itself is finished" if (self.run / "metrics.json").is_file() else ""
            raise ModelError(
                f"there is nothing to resume for {self.run}: {self.folder} holds no interrupted "
                f"training{done}"
            )
        return dict(read_json(file))

    @contextlib.contextmanager
    def held(self, options: dict[str, Any], *, resuming: bool, overwrite: bool) -> Iterator[Path]:
        """Gives the folder to keep states in; removes it when all went well.

        Args:
            options: Of the training, kept for `--resume`.
            resuming: Whether earlier states may be there.
            overwrite: Whether earlier states may be thrown away.

        Raises:
            OutputError: If an interrupted training is there, another process is at it, or
                nothing can be written.
        """
        if (self.folder / "options.json").is_file():
            if not resuming and not overwrite:
                raise OutputError(
                    f"an interrupted training of {self.run} is in {self.folder}: go on with "
                    f"'headstart train --resume {self.run}', or say --overwrite to begin anew"
                )
        else:  # none, or one that was killed before it had begun: nothing to go on with
            self._demand_own()
        lock = self._take(options, resuming=resuming)
        try:
            yield self.folder
            shutil.rmtree(self.folder, ignore_errors=True)
        finally:
            if lock is not None:
                os.close(lock)

    def _demand_own(self) -> None:
        """Refuses a folder in which something else lies, since it is removed in the end."""
        with contextlib.suppress(OSError):
            for entry in os.scandir(self.folder):
                if not _OWN.fullmatch(entry.name):
                    raise OutputError(
                        f"{self.folder} is wanted for the states of this training, and holds "
                        f"{entry.name!r}: move it away or choose another -o"
                    )

    def _take(self, options: dict[str, Any], *, resuming: bool) -> int | None:
        """Makes the folder this process's own; returns its lock where there are locks."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = _hold_soon(self.folder)
            if lock is None and os.name == "posix":
                raise OutputError(f"another process is training {self.run} right now")
            if not resuming:
                for file in self.folder.glob("*.safetensors"):
                    file.unlink()
                write_atomic(self.folder / "options.json", to_json(options))
        except OSError as error:
            raise OutputError(
                f"cannot write in {self.folder} ({error.strerror or error}); choose another -o"
            ) from None
        return lock


def _hold_soon(folder: Path) -> int | None:
    """Locks a folder, waiting for what a killed training left behind.

    Its loading processes share the lock and look every few seconds whether it still lives.
    """
    until = time.monotonic() + _PATIENCE
    while (lock := hold(folder)) is None and time.monotonic() < until:
        time.sleep(0.2)
    return lock
