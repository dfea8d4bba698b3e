"""`check`: what the data have to say before anything is trained on them."""

from __future__ import annotations

from dataclasses import dataclass

from headstart.checks.duplicates import clusters, near_duplicates
from headstart.compute import Progress, silent
from headstart.data.dataset import Dataset
from headstart.data.labels import counts_of
from headstart.data.open import open_dataset
from headstart.images.faces import NO_FACE
from headstart.images.pixels import measure
from headstart.images.store import trim_cache
from headstart.options.check import CheckOptions
from headstart.options.command import command
from headstart.records import Finding
from headstart.tasks import check_everything

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


@command(CheckOptions)
def check(options: CheckOptions, progress: Progress = silent) -> Checkup:
    """Looks for what would make a training wrong: leaks, conflicts, bad files, shortcuts.

    Returns:
        A `Checkup`.

    Raises:
        DataError: If the data cannot be opened at all.
        BackboneError: If embedder or detector cannot be had.
        OptionError: If `faces` has no embedder.
    """
    dataset = open_dataset(
        options.data, label=options.label, group=options.group, split=options.split,
        task=options.task,
    )  # fmt: skip
    stats = measure(dataset, workers=options.workers, progress=progress)
    findings = check_everything(dataset, stats, near_duplicates(stats))
    if options.faces and options.backbone is not None:
        findings += _people(dataset, options.backbone, options.detector, options.workers, progress)
    trim_cache()
    return Checkup(
        data=str(options.data),
        images=int(stats.readable.sum()),
        classes=counts_of(dataset.labels),
        findings=tuple(findings),
    )


def _people(
    dataset: Dataset, backbone: str, detector: str, workers: int | None, progress: Progress
) -> list[Finding]:
    """Checks what only the faces tell."""
    from headstart.checks.same_person import same_person_findings
    from headstart.features.extract import extract
    from headstart.nets.backbone import open_backbone
    from headstart.probe.probe import feature_sets
    from headstart.strategies.prepare import choose_preprocess

    network = open_backbone(backbone)
    preprocess = choose_preprocess(dataset, network, "auto", "square", detector=detector)
    features = extract(dataset, network, preprocess=preprocess, workers=workers, progress=progress)
    seen = features.stats.readable
    found = []
    without = [dataset.names[i] for i, why in features.stats.errors.items() if why == NO_FACE]
    if without:
        many = f"{len(without):,} photos" if len(without) > 1 else "one photo"
        found.append(
            Finding(
                "no_face", "warning", f"No face was found on {many}.", tuple(without[:24]),
                "With train --faces they are left out by name.", len(without),
            )
        )  # fmt: skip
    kept, stats = dataset.take(seen), features.stats.take(seen)
    vectors = features.vectors[seen][:, feature_sets(features.slices)["last"]]
    copies = clusters(stats, kept.groups)
    return [*found, *same_person_findings(kept, vectors, copies)]
