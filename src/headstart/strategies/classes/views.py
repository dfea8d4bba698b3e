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
from headstart.metrics.interval import wilson
from headstart.probe.classifiers import LINEAR
from headstart.probe.cross_validate import CrossValidated, cross_validate
from headstart.probe.frozen import Frozen
from headstart.probe.probe import Probe
from headstart.probe.trials import Grid, Trial, calibrated_losses
from headstart.strategies.clock import Clock
from headstart.strategies.problem import FrozenNetwork, Problem

__all__ = ["Viewed", "look_words", "try_views"]

_AUTO = 2  # looks that the model may keep where nobody says how many
# Where surely fewer held-out images than this share are wrong, no pass is worth its time.
_ERRORS = 0.03
_OBLONG, _OFTEN = 1.1, 0.1
# Of each linear classifier on each feature set so many strengths are tried on every look, those
# that were best on the first look: three, or one where images times classes are many.
_STRENGTHS, _MANY = (3, 1), 100_000
# Feature sets whose best classifier is so much worse than the best of all bring an average nothing.
_BEHIND = 0.15
# Small images are a member too, where they are not many: what no network has seen.
_PIXELS = Grid(("logistic",), logistic=(3, 30, 300))
_SQUASH, _ZOOM, _CLOSER, _WHOLE = (
    Look("squash"), Look("crop", 0.74), Look("crop", 0.55), Look("pad"),
)  # fmt: skip


@dataclass(frozen=True)
class Viewed:
    """A network with the looks that were kept.

    Attributes:
        network: With the vectors of those looks.
        outcome: What was chosen on them; its last probe reads those vectors.
        start: The network with the one look that serves best by itself, where fine-tuning starts.
        probed: The outcome, with the trials of the first look: what fine-tuning has to beat.
        said: What was tried, for `metrics.json`; None where nothing was.
        every: Vectors of all looks that were tried, which the probes of the rounds read; None where
            these are the network's.
    """

    network: FrozenNetwork
    outcome: CrossValidated
    start: FrozenNetwork
    probed: CrossValidated
    said: dict[str, Any] | None = None
    every: Frozen | None = None

    @classmethod
    def once(
        cls, network: FrozenNetwork, outcome: CrossValidated, said: dict[str, Any] | None = None
    ) -> Viewed:
        """Returns a network that looks once.

        Args:
            network: With its look.
            outcome: What was chosen on it.
            said: What else was tried.
        """
        return cls(network, outcome, network, outcome, said)

    def tuned(self) -> dict[str, Any] | None:
        """Returns what is said where the fine-tuned network became the model: it looks once."""
        if self.said is None:
            return None
        only = look_words(self.start.preprocess)
        tried = [each | {"kept": each["view"] == only} for each in self.said["tried"]]
        said = self.said | {"tried": tried, "passes": 1}
        if "mirrored_copies" in said:
            said["mirrored_copies"] = said["mirrored_copies"] | {"kept": False}
        return said


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
        return Viewed.once(network, outcome)
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
    compute.begin("choosing between the looks")
    with clock.phase("choose views"):
        wider = cross_validate(
            every, problem.rounds, problem.clusters, compute, final=problem.final,
            grid=[_grid(each, names, kept) for each in _probes(outcome)], folds=folds,
        )  # fmt: skip
    before, after = (_loss(each) for each in (outcome, wider))
    used = sorted({each.look for each in wider.probe.members})
    pays = after < before
    alone = [_best_loss(wider.probe, name) for name in names]
    said = {
        "tried": [
            {"view": name, "log_loss": loss, "kept": pays and each in used}
            for each, (name, loss) in enumerate(zip(names, alone, strict=True))
        ],
        "held_out_log_loss": {"first": before, "average": after},
        "passes": len(used) if pays else 1,
    } | _copies(wider.probe, pays)
    if not pays:
        return Viewed.once(network, outcome, said)
    best = int(np.argmin(alone))
    start = replace(network, preprocess=looks[best], features=parts[best])
    seen, chosen = _only(network, looks, parts, used), _narrowed(wider, used, parts)
    return Viewed(seen, chosen, start, _beside(wider, outcome), said, every)


def _copies(probe: Probe, pays: bool) -> dict[str, Any]:
    """Returns what is said of mirrored copies; nothing where they were not tried."""
    found = probe.copies
    if found is None:
        return {}
    losses = {"without": found.without, "with": found.beside}
    return {"mirrored_copies": losses | {"kept": pays and found.kept}}


def _probes(outcome: CrossValidated) -> list[Probe]:
    """Returns the probe of every round, and of several that of all items last."""
    probes = [fold.probe for fold in outcome.folds]
    return probes if len(probes) == 1 else [*probes, outcome.probe]


def _grid(first: Probe, names: list[str], looks: int) -> Grid:
    """Returns what is tried on every look: what was good on the first one."""
    of_set: dict[str, list[Trial]] = {}
    for trial in first.trials:
        if trial.config.classifier in LINEAR:
            of_set.setdefault(trial.config.features, []).append(trial)
    best = {name: max(each.accuracy.value for each in tried) for name, tried in of_set.items()}
    near = [name for name in of_set if best[name] >= max(best.values()) - _BEHIND]
    many = len(first.held_out) * first.head.n_classes > _MANY
    tried = {features: _strengths(of_set[features], _STRENGTHS[many]) for features in near}
    own = {f"{features} ({name})": tried[features] for name in names for features in near}
    if not many:
        own |= {f"pixels ({name})": _PIXELS for name in names}
    return Grid(LINEAR, looks=looks, own=own, copies=not many)


def _strengths(tried: list[Trial], most: int) -> Grid:
    """Returns the linear classifiers whose strengths were best, each side by side with others."""
    found: dict[str, tuple[float, ...]] = {}
    for kind in LINEAR:
        own: dict[float, float] = {}
        for trial in tried:
            if trial.config.classifier == kind:
                value = trial.accuracy.value
                own[trial.config.C] = max(value, own.get(trial.config.C, 0.0))
        found[kind] = tuple(sorted(sorted(own, key=lambda each: -own[each])[:most]))
    kinds = tuple(kind for kind in LINEAR if found[kind])
    return Grid(kinds, logistic=found["logistic"], svm=found["svm"])


def _beside(wider: CrossValidated, first: CrossValidated) -> CrossValidated:
    """Returns the outcome with the trials of the first look, which tried every stage by itself."""

    def known(probe: Probe, one: Probe) -> Probe:
        return replace(probe, trials=one.trials, criterion=one.criterion)

    folds = tuple(
        replace(fold, probe=known(fold.probe, one.probe))
        for fold, one in zip(wider.folds, first.folds, strict=True)
    )
    return replace(wider, folds=folds, probe=known(wider.probe, first.probe))


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
        if trial.config.features.endswith(f"({name})")
        and trial.config.classifier != "average"
        and not trial.config.mirrored
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
    return replace(network, preprocess=seen, features=replace(parts[used[0]], vectors=vectors))


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
