"""Whether these images can teach an embedding of people: measured conditions, and what to do.

"Ten thousand faces of three people, an ImageNet network frozen, 80 pixels: training loss is
small, validation loss does not fall" is not one mistake but several. Each is a finding of its
own here, from numbers that were counted or measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.data.dataset import Dataset
from headstart.records import Estimate, Finding, Severity
from headstart.tasks.identity.split import FEWEST, both_sides

__all__ = ["PeopleFacts", "people_facts", "people_findings", "people_sentences"]

# Below so few, pairs of people are seen again and again; what is learnt is these people. Sets
# that face embedders are trained on have thousands (CASIA-WebFace 10,575; MS1M 85,000).
_TOO_FEW, _ENOUGH = 10, 100
# What face embedders are shown (ArcFace, 112; MobileFaceNet, 112 x 96).
_FACE = 112
_MOSTLY = 0.5
# Classes of ImageNet's common versions (1k, 12k, 21k, 22k): a network of objects.
_OBJECTS = frozenset({1000, 1001, 11221, 11821, 10450, 21841, 21843, 21842})
# Half of what could be found among the nearest: features that do not separate people.
_WEAK = 0.5


@dataclass(frozen=True)
class PeopleFacts:
    """What is known about a data set of identities and a backbone.

    Attributes:
        identities: How many.
        images: How many.
        per_identity: Median images of one.
        short_side: Median shorter side of the images, in pixels.
        input_size: Side that the backbone's weights were trained at.
        backbone: Its name.
        pretraining_classes: Classes of the backbone's pretraining; 0 where it is not said.
        trainable: Whether the backbone can be trained further.
        faces: Share of the images with a face; None where nobody looked.
        split: Whether the data bring a split.
        both_sides: Identities that it has on both sides.
        frozen: Retrieval by the backbone's frozen features, over all identities: it has seen none.
    """

    identities: int
    images: int
    per_identity: int
    short_side: int
    input_size: int
    backbone: str
    pretraining_classes: int
    trainable: bool
    faces: float | None
    split: bool
    both_sides: int
    frozen: dict[str, Estimate] | None

    @property
    def objects(self) -> bool:
        """Whether the backbone was trained to name objects (ImageNet)."""
        return self.pretraining_classes in _OBJECTS

    @property
    def mostly_faces(self) -> bool:
        """Whether most images show a face; False where nobody looked."""
        return self.faces is not None and self.faces >= _MOSTLY


def people_facts(
    dataset: Dataset,
    sizes: np.ndarray,
    *,
    backbone: str,
    input_size: int,
    pretraining_classes: int,
    trainable: bool,
    faces: float | None,
    frozen: dict[str, Estimate] | None,
) -> PeopleFacts:
    """Counts what can be counted.

    Args:
        dataset: N usable items; classes are identities.
        sizes: (N, 2) int width and height.
        backbone: Its name.
        input_size: Side that its weights were trained at.
        pretraining_classes: Of its pretraining; 0 where it is not said.
        trainable: Whether it can be trained further.
        faces: Share of the images with a face; None where nobody looked.
        frozen: What `metrics.retrieval.summarise` says of its frozen features.
    """
    counts = np.bincount(dataset.labels.strata[dataset.labelled])[
        np.bincount(dataset.labels.strata[dataset.labelled]) > 0
    ]
    return PeopleFacts(
        identities=len(counts),
        images=len(dataset),
        per_identity=int(np.median(counts)),
        short_side=int(np.median(sizes.min(axis=1))),
        input_size=input_size,
        backbone=backbone,
        pretraining_classes=pretraining_classes,
        trainable=trainable,
        faces=faces,
        split=bool((dataset.splits != "").any()),
        both_sides=len(both_sides(dataset.labels.strata, dataset.splits)),
        frozen=frozen,
    )


def people_findings(facts: PeopleFacts) -> list[Finding]:
    """Returns what stands between these images and a good embedding, the worst first.

    Args:
        facts: Counted and measured.
    """
    found = [*_identities(facts), *_split(facts), *_domain(facts), *_size(facts)]
    order = {"serious": 0, "warning": 1, "note": 2}
    return sorted(found, key=lambda each: order[each.severity])


def _identities(facts: PeopleFacts) -> list[Finding]:
    n = facts.identities
    if n >= _ENOUGH:
        return []
    pairs = n * (n - 1) // 2
    few = n < _TOO_FEW
    claim = (
        f"{n} identities are {'too few to learn an embedding' if few else 'few for an embedding'}: "
        f"what tells any two people apart is learnt from the number of people ({pairs} pairs of "
        f"people here), not from the {facts.per_identity:,} images of each. Training loss gets "
        f"small because {n} people are easy to learn by heart."
    )
    known = "--strategy auto: a classifier of these identities, which is enough to tell them apart"
    remedy = (
        f"If only these {n} must be told apart, train a classifier ({known}). For people never "
        f"seen, add identities, hundreds at the least, or take a frozen face embedder and enrol "
        f"people by their images."
        if few
        else "Add identities rather than images of the same ones, and trust only measures on "
        "people held out, with their interval."
    )
    return [Finding("too_few_identities", "serious" if few else "note", claim, (), remedy, n)]


def _split(facts: PeopleFacts) -> list[Finding]:
    if facts.both_sides:
        possible = facts.identities >= FEWEST
        remedy = (
            "Put all images of a person on one side; --task identity holds people out by itself."
            if possible
            else f"With {facts.identities} identities no split by identity is possible "
            f"({FEWEST} are the least): measure on people from elsewhere."
        )
        claim = (
            f"The split is by image: {facts.both_sides} of {facts.identities} identities are in "
            f"training and in validation. It measures whether known people are known again, and "
            f"its loss says nothing about people never seen."
        )
        return [Finding("split_not_by_identity", "serious", claim, (), remedy, facts.both_sides)]
    return []


def _domain(facts: PeopleFacts) -> list[Finding]:
    if not facts.objects:
        return []
    measured = None if facts.frozen is None else facts.frozen["map_at_r"]
    weak = measured is not None and measured.value < _WEAK
    if not (facts.mostly_faces or weak):
        return []
    told = (
        ""
        if measured is None
        else f" Frozen, its features reach mAP@R {measured} here"
        f"{'' if weak or facts.identities >= _TOO_FEW else ', which few identities make easy'}."
    )
    about = (
        f"{facts.faces:.0%} of the images show faces" if facts.mostly_faces else "these are others"
    )
    claim = (
        f"The source domain is wrong: {facts.backbone} was trained to name objects "
        f"({facts.pretraining_classes:,} classes), where all faces are one thing; {about}.{told}"
        if facts.mostly_faces
        else f"{facts.backbone} was trained to name objects ({facts.pretraining_classes:,} "
        f"classes), and its frozen features hardly tell these identities apart.{told}"
    )
    unfreeze = "unfreeze the network (--task identity trains all layers, the top ones first)"
    embedder = "use a backbone trained on faces (--backbone FACES.onnx, frozen)"
    few = facts.identities < _TOO_FEW
    ways = [embedder, unfreeze] if few or not facts.trainable else [unfreeze, embedder]
    ways = [way for way in ways if facts.trainable or way is embedder]
    remedy = "; or ".join(ways if facts.mostly_faces else [unfreeze])
    remedy = f"{remedy[0].upper()}{remedy[1:]}."
    if few and facts.mostly_faces and facts.trainable:
        remedy += f" With {facts.identities} identities the first is the one that can work."
    severity: Severity = "serious" if facts.mostly_faces and few else "warning"
    return [Finding("wrong_source_domain", severity, claim, (), remedy, facts.images)]


def _size(facts: PeopleFacts) -> list[Finding]:
    if facts.short_side >= _FACE or facts.short_side > facts.input_size / 2:
        return []
    cells = max(1, round(facts.short_side / 32))
    claim = (
        f"Images are small: {facts.short_side} pixels at the shorter side, where {facts.backbone} "
        f"learnt at {facts.input_size}. Shown as they are, its last layer sees {cells} x {cells} "
        f"cells."
    )
    remedy = (
        f"Crop from larger originals if there are any"
        f"{f' (face embedders take {_FACE})' if facts.mostly_faces else ''}; until then enlarge "
        f"them: --image-size 128 at the least."
    )
    return [Finding("input_too_small", "warning", claim, (), remedy, facts.images)]


def people_sentences(facts: PeopleFacts, findings: list[Finding]) -> list[str]:
    """Returns the answer in sentences: what was measured, and what to do.

    Args:
        facts: Counted and measured.
        findings: Of `people_findings`.
    """
    summary = []
    if facts.frozen is not None:
        recall, average = facts.frozen["recall_at_1"], facts.frozen["map_at_r"]
        summary.append(
            f"Frozen features of {facts.backbone}, which has seen none of these {facts.identities} "
            f"identities: recall@1 {recall}, mAP@R {average}."
        )
    checks = {each.check for each in findings if each.severity != "note"}
    if facts.identities < FEWEST:
        summary.append(
            f"Do not learn an embedding here: nobody would be left to measure it on. Classify the "
            f"{facts.identities} known people, or use a face embedder frozen."
            if facts.mostly_faces
            else f"Do not learn an embedding here: nobody would be left to measure it on. Classify "
            f"the {facts.identities} known identities."
        )
    elif "too_few_identities" in checks:
        summary.append("An embedding of so few identities is unlikely to hold for others.")
    elif not facts.trainable:
        summary.append(f"{facts.backbone} can only be used frozen: enrol identities with it.")
    else:
        summary.append(
            "Learn an embedding and compare it with the frozen features on people held out: the "
            "command below does both."
        )
    return summary
