"""`check`: what the data have to say before anything is trained on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headstart.data.check import check_dataset
from headstart.data.open import open_dataset
from headstart.data.pixels import Progress, measure, silent
from headstart.data.store import trim_cache
from headstart.records import Finding

__all__ = ["Checkup", "check"]


@dataclass(frozen=True)
class Checkup:
    """What `check` found.

    Attributes:
        data: The folder or table.
        images: Images that can be read.
        classes: Class name -> labelled images.
        findings: The serious ones first.
    """

    data: str
    images: int
    classes: dict[str, int]
    findings: tuple[Finding, ...]

    @property
    def serious(self) -> bool:
        """Whether anything was found that would make results wrong."""
        return any(finding.severity == "serious" for finding in self.findings)

    def __repr__(self) -> str:
        lines = [f"  {each.severity}: {each.claim}" for each in self.findings]
        return "\n".join([f"Checkup({self.data!r}, {self.images:,} images)", *lines])

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><td>{finding.severity}</td><td>{escape(finding.claim)}</td>"
            f"<td>{escape(finding.remedy)}</td></tr>"
            for finding in self.findings
        )
        return f"<table><caption>{escape(self.data)}: {self.images} images</caption>{rows}</table>"


def check(
    data: str | Path,
    *,
    label: str | None = None,
    group: str | None = None,
    split: str | None = None,
    workers: int | None = None,
    progress: Progress = silent,
) -> Checkup:
    """Looks for what would make a training wrong: leaks, conflicts, bad files, shortcuts.

    Args:
        data: Class folders, a CSV or Parquet table, or a plain folder of images.
        label: Column of a table that holds the class.
        group: Column that says who belongs together (person, patient, video).
        split: Column of a table that holds `train`, `val` or `test`.
        workers: Decoding threads; by default one a processor.
        progress: Called as work goes on.

    Returns:
        A `Checkup`.

    Raises:
        DataError: If the data cannot be opened at all.
    """
    dataset = open_dataset(data, label=label, group=group, split=split)
    facts = measure(dataset, workers=workers, progress=progress)
    findings = check_dataset(dataset, facts)
    trim_cache()
    return Checkup(
        data=str(data),
        images=int(facts.readable.sum()),
        classes=dict(zip(dataset.classes, dataset.counts.tolist(), strict=True)),
        findings=tuple(findings),
    )
