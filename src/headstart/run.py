"""`Run`: the one output folder of a verb. It alone names the paths inside.

A run is built in a hidden folder beside its final place and moved there whole, so a
killed process leaves either no run or a complete one.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from headstart.errors import ModelError, OutputError
from headstart.records import Estimate

if sys.platform != "win32":
    import fcntl

__all__ = [
    "FORMAT",
    "Run",
    "check_output",
    "hold",
    "new_folder",
    "new_run",
    "read_json",
    "write_atomic",
]

FORMAT = 2
"""Of `metrics.json`."""

_PREFIX = ".headstart-"
_LEFTOVER = re.compile(r"\.headstart-(building|old)-[a-z0-9_]{8}")


@dataclass(frozen=True)
class Run:
    """What `train` left behind.

    Attributes:
        folder: The run's folder.
    """

    folder: Path

    @property
    def options(self) -> Path:
        """`options.json`: the flags of the training, defaults included."""
        return self.folder / "options.json"

    @property
    def environment(self) -> Path:
        """`environment.json`: versions, machine, engine, seconds per phase."""
        return self.folder / "environment.json"

    @property
    def dataset(self) -> Path:
        """`dataset.json`: root, fingerprint, classes, counts, what was set aside."""
        return self.folder / "dataset.json"

    @property
    def findings(self) -> Path:
        """`findings.json`: what the checks said."""
        return self.folder / "findings.json"

    @property
    def trials(self) -> Path:
        """`trials.csv`: everything that was tried."""
        return self.folder / "trials.csv"

    @property
    def metrics(self) -> Path:
        """`metrics.json`: every measure with its interval."""
        return self.folder / "metrics.json"

    @property
    def predictions(self) -> Path:
        """`predictions.csv`: one row per test item."""
        return self.folder / "predictions.csv"

    @property
    def items(self) -> Path:
        """`items.csv`: one row an item, whatever became of it."""
        return self.folder / "items.csv"

    @property
    def outputs(self) -> Path:
        """`outputs.safetensors`: what the models gave for the tested items, exactly."""
        return self.folder / "outputs.safetensors"

    @property
    def history(self) -> Path:
        """`history.csv`: one row an epoch of fine-tuning."""
        return self.folder / "history.csv"

    @property
    def preview(self) -> Path:
        """`augmentation.jpg`: what fine-tuning saw."""
        return self.folder / "augmentation.jpg"

    @property
    def mistakes(self) -> Path:
        """`mistakes/`: thumbnails of the most confident mistakes."""
        return self.folder / "mistakes"

    @property
    def model(self) -> Path:
        """`model/`: everything needed to predict."""
        return self.folder / "model"

    @property
    def report(self) -> Path:
        """`report.html`: one self-contained page."""
        return self.folder / "report.html"

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """Opens a finished run.

        Raises:
            ModelError: If the folder is not one.
        """
        run = cls(Path(folder))
        if not run.metrics.is_file():
            raise ModelError(
                f"{run.folder} is not a run: it has no metrics.json; "
                f"give the folder that 'headstart train … -o RUN' wrote"
            )
        return run

    @cached_property
    def results(self) -> dict[str, Any]:
        """The content of `metrics.json`.

        Raises:
            ModelError: If it cannot be read, or is of another version.
        """
        value = dict(read_json(self.metrics))
        if value.get("format") != FORMAT:
            raise ModelError(
                f"{self.folder} was written by another version of headstart (format "
                f"{value.get('format', 1)}, not {FORMAT}); run 'headstart train' again"
            )
        return value

    @property
    def primary(self) -> Estimate:
        """The measure that decides, of the test items, with its interval."""
        return Estimate.from_json(self.results["test"][self.results["primary"]])

    def __repr__(self) -> str:
        if not self.metrics.is_file():
            return f"Run({str(self.folder)!r}, unfinished)"
        how = "cross-validated" if self.results["evaluation"]["kind"] == "cv" else "test"
        words = self.results["primary"].replace("_", " ")
        return f"Run({str(self.folder)!r}, {how} {words} {self.primary})"

    def _repr_html_(self) -> str:
        from html import escape

        if not self.metrics.is_file():
            return escape(repr(self))
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{Estimate.from_json(value)}</td></tr>"
            for name, value in self.results["test"].items()
        )
        summary = escape(f"{self.folder}: {self.results['evaluation']['summary']}")
        return f"<table><caption>{summary}</caption>{rows}</table>"


def read_json(path: Path, *, remedy: str = "run 'headstart train' again") -> Any:
    """Reads a JSON file of a run, model or gallery.

    Args:
        path: The file.
        remedy: What to do when it cannot be read.

    Raises:
        ModelError: If it is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}); {remedy}") from None


def write_atomic(path: Path, data: bytes | str) -> None:
    """Writes a file whole or not at all, through a temporary neighbour.

    Raises:
        OSError: If the disk refuses.
    """
    data = data.encode() if isinstance(data, str) else data
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=_PREFIX)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def check_output(
    folder: Path, *, overwrite: bool, holds: str = "metrics.json", what: str = "run"
) -> None:
    """Refuses an output folder early, before any work is done.

    Args:
        folder: Where something is to be written.
        overwrite: Whether an earlier one there may be replaced.
        holds: The file that tells it from other folders.
        what: Its name for people.

    Raises:
        OutputError: If it exists and may not be replaced, or cannot be written.
    """
    if folder.exists():
        is_one = folder.is_dir() and ((folder / holds).is_file() or not any(folder.iterdir()))
        if not is_one:
            raise OutputError(
                f"{folder} exists and is not {_a(what)} of headstart: nothing was changed; "
                f"choose another -o"
            )
        if not overwrite and any(folder.iterdir()):
            raise OutputError(
                f"{folder} already holds {_a(what)}; choose another -o, or say --overwrite to "
                f"replace it"
            )
    parent = folder.absolute().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=parent):
            pass
    except OSError as error:
        raise OutputError(
            f"cannot write in {parent} ({error.strerror}); choose another -o"
        ) from None


@contextlib.contextmanager
def new_run(folder: Path, *, overwrite: bool) -> Iterator[Run]:
    """Gives an unfinished run to fill; moves it into place only when all went well.

    Args:
        folder: The final place.
        overwrite: Whether an earlier run there may be replaced.

    Yields:
        A `Run` in a hidden folder beside `folder`.

    Raises:
        OutputError: If the place is taken, read-only or the disk is full.
    """
    with new_folder(folder, overwrite=overwrite) as building:
        yield Run(building)


@contextlib.contextmanager
def new_folder(
    folder: Path, *, overwrite: bool, holds: str = "metrics.json", what: str = "run"
) -> Iterator[Path]:
    """Gives an empty folder to fill; moves it into place only when all went well.

    Args:
        folder: The final place.
        overwrite: Whether an earlier one there may be replaced.
        holds: The file that tells it from other folders.
        what: Its name for people.

    Yields:
        A hidden folder beside `folder`.

    Raises:
        OutputError: If the place is taken, read-only or the disk is full.
    """
    check_output(folder, overwrite=overwrite, holds=holds, what=what)
    parent = folder.absolute().parent
    try:
        _sweep(parent)
        building = Path(tempfile.mkdtemp(dir=parent, prefix=f"{_PREFIX}building-"))
    except OSError as error:
        raise OutputError(f"cannot write in {parent} ({error.strerror})") from None
    held = hold(building)
    try:
        yield building
        building.chmod(0o755)
        if folder.exists():
            # Another process may have been faster.
            check_output(folder, overwrite=overwrite, holds=holds, what=what)
            # Two renames: a kill between them leaves both runs on disk, never half of one.
            old = Path(tempfile.mkdtemp(dir=parent, prefix=f"{_PREFIX}old-"))
            os.replace(folder, old / "run")
            os.replace(building, folder)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(building, folder)
    except OutputError as error:
        # Whoever failed inside named the hidden folder, which is gone a moment later.
        if str(building) not in str(error):
            raise
        raise OutputError(
            f"{str(error).replace(str(building), str(folder))}; free some space or choose "
            f"another -o; nothing half-written was left"
        ) from None
    except OSError as error:
        raise OutputError(
            f"could not write {folder} ({error.strerror or error}); free some space or choose "
            f"another -o; nothing half-written was left"
        ) from None
    finally:
        shutil.rmtree(building, ignore_errors=True)
        if held is not None:
            os.close(held)


def hold(folder: Path) -> int | None:
    """Locks a folder for as long as this process lives; None where that cannot be had."""
    if sys.platform == "win32":
        return None
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _sweep(parent: Path) -> None:
    """Removes what killed processes left: unfinished runs that no living process holds.

    A minute's grace covers the moment between making a folder and locking it; where there are
    no locks, and for the earlier run of a replacement that was killed halfway, it is a day.
    """
    for entry in os.scandir(parent):
        kind = _LEFTOVER.fullmatch(entry.name)
        if not kind:
            continue
        with contextlib.suppress(OSError):
            age = time.time() - entry.stat(follow_symlinks=False).st_mtime
            held = hold(Path(entry.path)) if kind[1] == "building" and age > 60 else None
            if held is not None or age > 24 * 3600:
                shutil.rmtree(entry.path, ignore_errors=True)
            if held is not None:
                os.close(held)


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"
