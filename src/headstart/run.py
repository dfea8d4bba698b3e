"""`Run`: the one output folder of a verb. It alone names the paths inside.

A run is built in a hidden folder beside its final place and moved there whole, so a
killed process leaves either no run or a complete one.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from headstart.errors import ModelError
from headstart.output import new_folder, read_json
from headstart.records import Estimate

__all__ = ["FORMAT", "Run", "new_run"]

FORMAT = 2
"""Of `metrics.json`."""


@dataclass(frozen=True)
class Run:
    """What `train` left behind.

    Attributes:
        folder: The run's folder.
    """

    folder: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder))

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
    def labels(self) -> Path:
        """`labels.safetensors`: labels that are more than a text, such as masks."""
        return self.folder / "labels.safetensors"

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
    def examples(self) -> Path:
        """`examples/`: the best, middle and worst answers beside the truth; of boxes, errors."""
        return self.folder / "examples"

    @property
    def model(self) -> Path:
        """`model/`: everything needed to predict."""
        return self.folder / "model"

    @property
    def report(self) -> Path:
        """`report.html`: one self-contained page."""
        return self.folder / "report.html"

    @property
    def audit(self) -> Path:
        """`audit.json`: what the model leans on, column by column."""
        return self.folder / "audit.json"

    @property
    def audit_page(self) -> Path:
        """`audit.html`: the same as a page with pictures."""
        return self.folder / "audit.html"

    def audit_files(self, data: str = "", by: Sequence[str] = ()) -> tuple[Path, Path]:
        """Returns where an audit goes, as JSON and as a page.

        What is told of other images, or of some columns only, must not take the place of what is
        told of the run's own images and of all columns, nor of others that are called alike.

        Args:
            data: Which other images were asked about; none for the run's own.
            by: Which columns were asked; none for all, and for what no column names.
        """
        if not data and not by:
            return self.audit, self.audit_page
        full = str(Path(data).absolute()) if data else ""
        words = ["audit"] + [_word(Path(full).name) or "data"] * bool(data)
        words += [f"by-{_word('-'.join(by)) or 'column'}"] * bool(by)
        for number in itertools.count(1):
            stem = "-".join(words if number == 1 else [*words, str(number)])
            file = self.folder / f"{stem}.json"
            kept = read_json(file) if file.is_file() else {"data": full, "by": list(by)}
            if kept.get("data") == full and kept.get("by", []) == list(by):
                return file, self.folder / f"{stem}.html"
        raise AssertionError("counting does not end")

    @property
    def label_suspects(self) -> Path:
        """`label_suspects.csv`: labels that are probably wrong, to be corrected by hand."""
        return self.folder / "label_suspects.csv"

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
        primary = self.results["primary"]
        words = self.results.get("words", {}).get(primary, primary.replace("_", " "))
        return f"Run({str(self.folder)!r}, {how} {words} {self.primary})"

    def _repr_html_(self) -> str:
        from html import escape

        if not self.metrics.is_file():
            return escape(repr(self))
        words = self.results.get("words", {})
        rows = "".join(
            f"<tr><td>{escape(words.get(name, name))}</td><td>{Estimate.from_json(value)}</td></tr>"
            for name, value in self.results["test"].items()
        )
        summary = escape(f"{self.folder}: {self.results['evaluation']['summary']}")
        return f"<table><caption>{summary}</caption>{rows}</table>"


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


def _word(text: str) -> str:
    """Returns what a file may be called of a text."""
    return re.sub(r"[^\w.-]+", "_", text).strip("._")[:60]
