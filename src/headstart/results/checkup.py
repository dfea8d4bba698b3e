"""`Checkup`: what there is to know of data before a training; and what only faces tell."""

from __future__ import annotations

from dataclasses import dataclass

from headstart.checks.duplicates import clusters
from headstart.checks.same_person import same_person_findings
from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.data.words import plural
from headstart.features.extract import extract
from headstart.images.depths import data_set_levels
from headstart.images.faces import NO_FACE
from headstart.nets.pretrained.backbone import open_backbone
from headstart.probe.frozen import feature_sets
from headstart.records import Finding
from headstart.strategies.prepare import choose_preprocess

__all__ = ["Checkup", "check_faces"]


@dataclass(frozen=True)
class Checkup:
    """What `check` found.

    Attributes:
        data: The folder or table.
        images: Images that can be read.
        classes: Class name -> labelled images; of numbers their ranges.
        findings: The serious ones first.
        set_aside: Name and reason of every file and entry that cannot be used.
        task: What its labels are of.
    """

    data: str
    images: int
    classes: dict[str, int]
    findings: tuple[Finding, ...]
    set_aside: tuple[tuple[str, str], ...] = ()
    task: str = "classification"

    @property
    def counted(self) -> str:
        """What there is to learn, in a few words: "3 classes", "4 ranges of numbers"."""
        if not self.classes:
            return "no labels"
        if self.task == "regression":
            return plural(len(self.classes), "range of numbers", "ranges of numbers")
        return plural(len(self.classes), "class", "classes")

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


def check_faces(dataset: Dataset, backbone: str, detector: str, compute: Compute) -> list[Finding]:
    """Checks what only the faces tell.

    Args:
        dataset: N photos.
        backbone: An embedder of faces.
        detector: What finds them.
        compute: Where the network runs, and who is told.

    Raises:
        BackboneError: If embedder or detector cannot be had.
    """
    network = open_backbone(backbone)
    levels = data_set_levels(dataset, workers=compute.workers, progress=compute.progress)
    preprocess = choose_preprocess(
        dataset, network, "auto", "square", levels=levels, detector=detector
    )
    features = extract(
        dataset, network, preprocess=preprocess, device=compute.device, workers=compute.workers,
        progress=compute.progress,
    )  # fmt: skip
    compute.begin("comparing the people")
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
