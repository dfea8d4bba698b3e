"""Further looks at each image, where the first leaves errors: tried, averaged, kept if they pay.

How an image becomes a square decides what the network sees of it, often more than the classifier
does. One network sees each image several times over, and linear classifiers of what it saw are
averaged (`probe.ensemble`), which is one linear head on the vectors side by side.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from headstart.compute import Compute
from headstart.features.extract import extract
from headstart.images.preprocess import Preprocess
from headstart.images.stats import ImageStats
from headstart.images.views import Look
from headstart.metrics.interval import paired_difference, wilson
from headstart.probe.cross_validate import CrossValidated, cross_validate
from headstart.probe.frozen import Frozen
from headstart.probe.probe import Probe
from headstart.probe.trials import Grid, calibrated_losses
from headstart.records import Estimate
from headstart.strategies.clock import Clock
from headstart.strategies.problem import FrozenNetwork, Problem

__all__ = ["Viewed", "look_words", "try_views"]

_AUTO = 2  # looks that the model may keep where nobody says how many
# Where surely fewer held-out images than this share are wrong, no pass is worth its time.
_ERRORS = 0.03
_OBLONG, _OFTEN = 1.1, 0.1
_GRID = Grid(classifiers=("logistic", "svm"))
_SQUASH, _ZOOM, _CLOSER, _WHOLE = (
    Look("squash"), Look("crop", 0.74), Look("crop", 0.55), Look("pad"),
)  # fmt: skip


@dataclass(frozen=True)
class Viewed:
    """A network with the looks that were kept.

    Attributes:
        network: With the vectors of those looks.
        outcome: What was chosen on them; its last probe reads those vectors.
        said: What was tried, for `metrics.json`; None where nothing was.
    """

    network: FrozenNetwork
    outcome: CrossValidated
    said: dict[str, Any] | None = None

    def gain(self, first: CrossValidated, clusters: np.ndarray, *, seed: int) -> Estimate:
        """Returns the accuracy that further looks brought on held-out training images, paired.

        Args:
            first: What was chosen on the first look.
            clusters: (N,) int.
            seed: Of the interval.
        """
        rights = []
        for each in (self.outcome, first):
            probe = each.probe
            own = each.final.targets[probe.chosen_on]
            rights.append(np.asarray(probe.held_out.argmax(axis=1) == own))
        groups = clusters[first.probe.chosen_on]
        return paired_difference(rights[0], rights[1], groups, seed=seed)

    def refused(self) -> dict[str, Any] | None:
        """Returns what is said where something else became the model: no look was kept."""
        if self.said is None:
            return None
        tried = [each | {"kept": False} for each in self.said["tried"]]
        return self.said | {"tried": tried, "passes": 1}


def look_words(preprocess: Preprocess) -> str:
    """Returns what happens to an image in the first look, in words."""
    share = f"the middle {preprocess.crop_pct:.0%}"
    return {
        "square": "the largest square",
        "crop": share,
        "pad": "the whole, padded",
        "squash": "the whole, squashed",
    }[preprocess.geometry]


def try_views(
    problem: Problem,
    network: FrozenNetwork,
    outcome: CrossValidated,
    most: int | None,
    compute: Compute,
    clock: Clock,
    *,
    folds: int,
) -> Viewed:
    """Looks at the images in two further ways where that may pay, and keeps what does.

    What is tried depends on the data alone, never on the time that something took, so that the
    same command gives the same model. Everything is chosen inside of the training items.

    Args:
        problem: Items and rounds.
        network: With its first look.
        outcome: Of the first look.
        most: Looks that may be kept; None for two.
        compute: Where, and from which seed.
        clock: Notes how long it takes.
        folds: Inner folds.
    """
    plain = network.preprocess.faces is not None or most == 1
    if plain or (most is None and not _errs(outcome.probe, outcome.final.targets)):
        return Viewed(network, outcome)
    data, kept = problem.prepared, most or _AUTO
    looks = (network.preprocess, *_others(network.preprocess, data.stats, max(2, kept - 1)))
    parts = [network.features]
    for look in looks[1:]:
        compute.begin(f"looking again: {look_words(look)}")
        with clock.phase("further views"):
            features = extract(
                data.dataset, network.backbone, preprocess=look, tta=network.tta,
                device=compute.device, workers=compute.workers, progress=compute.progress,
            )  # fmt: skip
        parts.append(Frozen.of_stages(features.vectors, features.slices))
    names = [look_words(look) for look in looks]
    every = Frozen.side_by_side(parts, names)
    with clock.phase("choose views"):
        wider = cross_validate(
            every, problem.rounds, problem.clusters, compute, final=problem.final,
            grid=replace(_GRID, looks=kept), folds=folds,
        )  # fmt: skip
    before, after = (_loss(each) for each in (outcome, wider))
    used = sorted({each.look for each in wider.probe.members})
    pays = after < before
    said = {
        "tried": [
            {"view": name, "log_loss": _best_loss(wider.probe, name), "kept": pays and each in used}
            for each, name in enumerate(names)
        ],
        "held_out_log_loss": {"first": before, "average": after},
        "passes": len(used) if pays else 1,
    }
    if not pays:
        return Viewed(network, outcome, said)
    return Viewed(_only(network, looks, parts, used), _narrowed(wider, used, parts), said)


def _errs(probe: Probe, targets: np.ndarray) -> bool:
    """Whether the probe surely leaves errors that another look could mend."""
    wrong = probe.held_out.argmax(axis=1) != targets[probe.chosen_on]
    return wilson(float(wrong.sum()), len(wrong)).low > _ERRORS


def _others(first: Preprocess, stats: ImageStats, count: int) -> list[Preprocess]:
    """Returns further looks, those first that are likeliest to show something else."""
    longer = np.maximum(stats.widths, stats.heights)
    shorter = np.maximum(np.minimum(stats.widths, stats.heights), 1)
    oblong = float((longer > _OBLONG * shorter).mean()) > _OFTEN
    wanted = [_SQUASH, _ZOOM, _CLOSER, _WHOLE] if oblong else [_ZOOM, _CLOSER]
    if first.geometry not in ("square", "crop"):
        wanted = [Look("square", first.crop_pct), *wanted]
    found = [replace(first, **asdict(look)) for look in wanted]
    return [each for each in found if each.pixel_key != first.pixel_key][:count]


def _best_loss(probe: Probe, name: str) -> float:
    """Returns the least held-out log-loss of one classifier on one look."""
    return min(
        trial.log_loss
        for trial in probe.trials
        if trial.config.features.endswith(f"({name})") and trial.config.classifier != "average"
    )


def _loss(outcome: CrossValidated) -> float:
    """Returns the held-out log-loss of what was fitted at last."""
    probe = outcome.probe
    own = outcome.final.targets[probe.chosen_on]
    return float(calibrated_losses(probe.held_out, own).mean())


def _only(
    network: FrozenNetwork,
    looks: tuple[Preprocess, ...],
    parts: list[Frozen],
    used: list[int],
) -> FrozenNetwork:
    """Returns the network with the looks that are used, the first of them leading."""
    beside = tuple(Look(looks[each].geometry, looks[each].crop_pct) for each in used[1:])
    seen = replace(looks[used[0]], beside=beside)
    vectors = np.hstack([parts[each].vectors for each in used])
    return replace(network, preprocess=seen, features=Frozen(vectors, parts[used[0]].sets))


def _narrowed(wider: CrossValidated, used: list[int], parts: list[Frozen]) -> CrossValidated:
    """Returns the outcome with a last probe that reads the vectors of the used looks only."""
    width = parts[0].vectors.shape[1]

    def new(columns: np.ndarray) -> np.ndarray:
        look, column = np.divmod(columns, width)
        return np.searchsorted(used, look) * width + column

    probe = wider.probe
    members = tuple(replace(each, columns=new(each.columns)) for each in probe.members)
    head = replace(probe.head, columns=new(probe.head.columns))
    return replace(wider, probe=replace(probe, head=head, members=members))
