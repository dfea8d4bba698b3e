"""`audit_corruptions`: how much worse a model answers blurred, noisy, dark and turned images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from headstart.auditing.evidence import Evidence
from headstart.auditing.seen import read_inputs
from headstart.compute import Compute
from headstart.images.corrupt import CORRUPTIONS, corrupted
from headstart.images.thumbnails import as_jpeg
from headstart.metrics.statistic import Statistic, difference, estimate
from headstart.nets.model import Model
from headstart.records import Estimate
from headstart.reporting.pictures import as_source
from headstart.scoring.run_predictor import RunPredictor
from headstart.scoring.score import measured
from headstart.tasks import task_of

__all__ = ["Corrupted", "Robustness", "audit_corruptions", "examples_of", "one_input"]

_MOST, _FEWEST = 300, 20
_BATCH = 16
_SIDE = 112


@dataclass(frozen=True)
class Corrupted:
    """What one corruption does.

    Attributes:
        name: Of the corruption.
        words: How strong it is.
        strong: Whether it is the stronger of two.
        value: The measure on images that have it.
        change: The same less that without, paired.
        surely: Whether it is surely worse.
    """

    name: str
    words: str
    strong: bool
    value: Estimate
    change: Estimate
    surely: bool


@dataclass(frozen=True)
class Robustness:
    """What corruptions do to a model's answers.

    Attributes:
        n: Images.
        measure: What is measured, in words.
        share: Whether it is one of 0 to 1.
        plain: Without any corruption.
        kinds: Of each corruption and strength, the worst first.
        learnt_from: Whether the model learnt from these images: a cross-validated one did.
    """

    n: int
    measure: str
    share: bool
    plain: Estimate
    kinds: tuple[Corrupted, ...]
    learnt_from: bool


def audit_corruptions(
    model: Model, evidence: Evidence, compute: Compute, *, learnt_from: bool
) -> Robustness | None:
    """Answers up to 300 images seventeen times: as they are, and in sixteen ways worse.

    Args:
        model: What answers.
        evidence: Whose tested images.
        compute: Where, and from which seed.
        learnt_from: Whether the model learnt from them.

    Returns:
        What came of it; None where too few are there.
    """
    looks = ((model.preprocess, model.tta),)
    rows = np.flatnonzero(evidence.tested)
    rows, seen = read_inputs(evidence, rows, looks, compute, most=_MOST)
    if len(rows) < _FEWEST:
        return None
    predictor = RunPredictor(model, device=compute.device, many=True)
    primary = task_of(model.spec.task).PRIMARY
    names = tuple(evidence.dataset.names[row] for row in rows)
    labels, clusters = evidence.dataset.labels.take(rows), evidence.clusters[rows]

    def asked(name: str = "", strength: float = 0.0) -> Statistic:
        parts = []
        for start in range(0, len(rows), _BATCH):
            part = seen[0][start : start + _BATCH]
            if name:
                part = np.stack([
                    [corrupted(view, name, strength, seed=start + at) for view in each]
                    for at, each in enumerate(part)
                ])  # fmt: skip
            parts.append(predictor.outputs(part))
        outputs = {key: np.concatenate([each[key] for each in parts]) for key in parts[0]}
        found = measured(model.spec.task, predictor.decode(outputs, names), labels)
        return found.statistics[primary.key]

    plain = asked()
    done: list[Corrupted] = []
    total = sum(len(strengths) for strengths, _ in CORRUPTIONS.values())
    for name, (strengths, words) in CORRUPTIONS.items():
        for strong, (strength, word) in enumerate(zip(strengths, words, strict=True)):
            compute.progress("making images worse", len(done), total)
            worse = asked(name, strength)
            change = difference(worse, plain, clusters, seed=compute.seed)
            surely = change.high < 0 if primary.larger_is_better else change.low > 0
            value = estimate(worse, clusters, seed=compute.seed)
            done.append(Corrupted(name, word, bool(strong), value, change, surely))
    compute.progress("making images worse", total, total)
    sign = 1 if primary.larger_is_better else -1
    return Robustness(
        len(rows), primary.words, primary.unit == "share", estimate(plain, clusters),
        tuple(sorted(done, key=lambda each: sign * each.change.value)), learnt_from,
    )  # fmt: skip


def one_input(model: Model, evidence: Evidence, compute: Compute) -> np.ndarray | None:
    """Returns one image as a model sees it, (size, size, 3) uint8; None where it is gone.

    Args:
        model: Whose preprocessing fits it.
        evidence: Whose tested images.
        compute: Its seed is that of the choice.
    """
    rows = np.flatnonzero(evidence.tested)
    _, seen = read_inputs(evidence, rows, ((model.preprocess, model.tta),), compute, most=1)
    return np.asarray(seen[0][0, 0]) if seen else None


def examples_of(pixels: np.ndarray) -> list[dict[str, Any]]:
    """Returns one image as every corruption has it: name, words and the source of an `img`.

    Args:
        pixels: (size, size, 3) uint8 as the network sees it.
    """
    shown = [("as it is", "", pixels)]
    for name, (strengths, words) in CORRUPTIONS.items():
        for strength, word in zip(strengths, words, strict=True):
            shown.append((name, word, corrupted(pixels, name, strength)))
    return [
        {"name": name, "words": word, "picture": as_source(as_jpeg(_small(each)))}
        for name, word, each in shown
    ]


def _small(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
