"""Whether the 95 % intervals of a classifier's measures hold the truth 95 times in 100.

Frozen features of real images are computed once; then, 200 times over, a few images are drawn, the
probe is chosen and fitted on them as `train` does it, and everything is measured with intervals as
in `metrics.json`. All other images say what the very same models are worth:

- holdout: 200 images train, 100 test; the truth is the measure of the one model on the rest;
- nested: 120 images, five folds; the truth is the mean, over the five fold models, of the measure
  of each on the rest. (Each fold model is measured on images of its own: that mean is what nested
  cross-validation estimates. The model fitted on all 120 is another one, and a little better.)

The code is that of `train`: `cross_validate`, and `score` of the task. Only the grid is thinner, so
that 2,400 probes take minutes: the last stage and the upper three, logistic regression of three
strengths, three inner folds. That changes how good a model is, not how it is measured. Images are
drawn without regard to class, and each stands alone.

Folds are stratified, so that fold models learn the very mix of classes that they are tested on,
while the rest has another: that is the bias of nested accuracy and log-loss where classes are many.
`--drawn-mix` weighs the rest by the classes as they were drawn, and there is none.

    python benchmarks/coverage.py                      # both sets, 200 redraws each
    python benchmarks/coverage.py --redraws 20 --sets utkface_a
    python benchmarks/coverage.py --answers FOLDER     # keep the models' answers, measure again
"""

from __future__ import annotations

import math
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from common import DATA, ROOT, commit, machine, need, parser, versions

sys.path.insert(0, str(ROOT / "src"))

SETS = {"cifar10_small": None, "utkface_a": "gender"}
KINDS = ("holdout", "nested")
TRAIN, TEST, NESTED, FOLDS, INNER = 200, 100, 120, 5, 3
FEATURES = ("last", "upper")


@dataclass(frozen=True)
class Embedded:
    """A set: (N, D) vectors with their stages, and (N,) classes."""

    vectors: np.ndarray
    slices: dict[str, slice]
    targets: np.ndarray
    names: tuple[str, ...]


@dataclass(frozen=True)
class Answers:
    """What models said in one redraw.

    Attributes:
        probabilities: (M, C) of the tested images.
        targets: (M,) their classes.
        folds: (M,) which model answered; all 0 for a holdout.
        truths: (F, R, C) what every model says of the R images that had no part.
        rest: (R,) the classes of those.
    """

    probabilities: np.ndarray
    targets: np.ndarray
    folds: np.ndarray
    truths: np.ndarray
    rest: np.ndarray


def embed(name: str, label: str | None, backbone: str) -> Embedded:
    """Computes the features of a set as `train` does."""
    from headstart.data.open import open_dataset
    from headstart.features.extract import extract
    from headstart.images.depths import data_set_levels
    from headstart.nets.pretrained.backbone import open_backbone
    from headstart.strategies.prepare import choose_preprocess

    dataset = open_dataset(DATA / name, **({"label": label} if label else {}))
    network = open_backbone(backbone)
    preprocess = choose_preprocess(
        dataset, network, "auto", "square", levels=data_set_levels(dataset)
    )
    found = extract(dataset, network, preprocess=preprocess)
    kept = dataset.labelled & found.stats.readable
    labels = dataset.labels.take(kept)
    return Embedded(found.vectors[kept], found.slices, labels.targets, labels.names)


def redraw(embedded: Embedded, kind: str, seed: int) -> Answers:
    """Draws images, fits models as `train` does, and lets them answer for test and rest."""
    from headstart.compute import Compute
    from headstart.data.splits.split import folds as make_folds
    from headstart.nets.heads.head import softmax
    from headstart.probe.cross_validate import Round, cross_validate
    from headstart.probe.frozen import Frozen
    from headstart.probe.probe import Grid

    y, n = embedded.targets, len(embedded.targets)
    order = np.random.default_rng(seed).permutation(n)
    drawn = order[: TRAIN + TEST if kind == "holdout" else NESTED]
    rest = np.sort(order[len(drawn) :])
    classes = len(embedded.names)
    if kind == "holdout":
        pairs = [(drawn[:TRAIN], drawn[TRAIN:])]
    else:
        fold = make_folds(y[drawn], np.arange(NESTED), k=FOLDS, seed=seed)
        pairs = [(drawn[fold != one], drawn[fold == one]) for one in range(FOLDS)]
    rounds = [Round(np.sort(train), np.sort(test), y, classes) for train, test in pairs]
    whole = Frozen.of_stages(embedded.vectors, embedded.slices)
    frozen = Frozen(whole.vectors, {name: whole.sets[name] for name in FEATURES})
    done = cross_validate(
        frozen, rounds, np.arange(n), Compute(seed=seed),
        grid=Grid(("logistic",), logistic=(1, 10, 100)), folds=INNER,
    )  # fmt: skip
    truths = [
        softmax(each.probe.head.scores(whole.vectors[rest]) / np.float32(each.temperature))
        for each in done.folds
    ]
    items = np.concatenate([each.test for each in done.folds])
    return Answers(
        np.concatenate([each.probabilities for each in done.folds]),
        y[items],
        np.concatenate([np.full(len(each.test), i) for i, each in enumerate(done.folds)]),
        np.stack(truths),
        y[rest],
    )


def measure(
    answers: Answers, names: tuple[str, ...], seed: int, drawn_mix: bool = False
) -> dict[str, tuple[float, ...]]:
    """Returns measure -> (value, low, high, truth)."""
    from headstart.data.labels import Classes
    from headstart.predictions import ClassProbabilities
    from headstart.scoring.score import measured, score

    def told(probabilities: np.ndarray) -> ClassProbabilities:
        return ClassProbabilities(tuple(map(str, range(len(probabilities)))), names, probabilities)

    own = told(answers.probabilities)
    if len(answers.truths) > 1:
        own = replace(own, models=answers.folds)  # as `decode_parts` tells of nested folds
    found = score("classification", own, Classes(names, answers.targets), seed=seed)
    rest = Classes(names, answers.rest)
    counts, many = (
        np.bincount(each, minlength=len(names)) for each in (answers.targets, answers.rest)
    )
    weights = np.ones((1, len(answers.rest)))
    if drawn_mix:
        weights[0] = (counts / many)[answers.rest]
    truths = [measured("classification", told(each), rest).statistics for each in answers.truths]
    return {
        key: (
            each.value, each.low, each.high,
            float(np.mean([float(models[key](weights)[0]) for models in truths])),
        )
        for key, each in found.measures.items()
    }  # fmt: skip


def _answers(place: Path, embedded: Embedded, kind: str, seed: int) -> Answers:
    """Reads the answers of one redraw, or makes and keeps them."""
    file = place / f"{kind}-{seed}.npz"
    if file.exists():
        with np.load(file) as kept:
            return Answers(**{key: kept[key] for key in kept.files})
    made = redraw(embedded, kind, seed)
    partial = file.with_suffix(".part.npz")
    np.savez(partial, **vars(made))
    partial.replace(file)
    return made


def one(job: tuple[Path, str, int, bool]) -> dict[str, tuple[float, ...]]:
    """One redraw, in a process of its own."""
    place, kind, seed, drawn_mix = job
    with np.load(place / "features.npz") as kept:
        ends = kept["ends"].tolist()
        slices = {
            name: slice(start, end)
            for name, start, end in zip(kept["stages"].tolist(), [0, *ends[:-1]], ends, strict=True)
        }
        known = (place / f"{kind}-{seed}.npz").exists()
        vectors = np.zeros((0, 0), np.float32) if known else kept["vectors"]
        embedded = Embedded(vectors, slices, kept["targets"], tuple(kept["names"].tolist()))
    return measure(_answers(place, embedded, kind, seed), embedded.names, seed, drawn_mix)


def table(name: str, kind: str, found: list[dict[str, tuple[float, ...]]]) -> None:
    """Prints coverage, width and bias of every measure."""
    for key in found[0]:
        value, low, high, truth = np.array([each[key] for each in found]).T
        inside = (low <= truth) & (truth <= high)
        error = math.sqrt(inside.mean() * (1 - inside.mean()) / len(inside))
        print(
            f"| {name} | {kind} | {key} | {inside.mean():.3f} ± {error:.3f} | "
            f"{(truth < low).sum()} / {(truth > high).sum()} | {(high - low).mean():.3f} | "
            f"{truth.mean():.3f} | {(value - truth).mean():+.3f} |",
            flush=True,
        )


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    options.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    options.add_argument("--redraws", type=int, default=200)
    options.add_argument("--answers", type=Path, help="folder that keeps the models' answers")
    options.add_argument("--drawn-mix", action="store_true", help="classes weighed as drawn")
    options.add_argument("--workers", type=int, default=os.cpu_count())
    args = options.parse_args()
    need(Path(args.backbone), *(DATA / name for name in args.sets))
    print(f"Machine: {machine()}. Headstart {commit()}: {versions(sys.executable)}.\n")
    print("| set | test | measure | truth inside | below / above | mean width | truth | bias |")
    print("|---|---|---|---|---|---|---|---|")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        for name in args.sets:
            place = (args.answers or Path(temporary)) / name
            place.mkdir(parents=True, exist_ok=True)
            if not (place / "features.npz").exists():
                made = embed(name, SETS[name], args.backbone)
                np.savez(
                    place / "features.npz", vectors=made.vectors, targets=made.targets,
                    names=np.array(made.names), stages=np.array(list(made.slices)),
                    ends=np.array([each.stop for each in made.slices.values()]),
                )  # fmt: skip
            for kind in args.kinds:
                jobs = [
                    (place, kind, args.seed + number, args.drawn_mix)
                    for number in range(args.redraws)
                ]
                with ProcessPoolExecutor(args.workers) as pool:
                    table(name, kind, list(pool.map(one, jobs)))
    print(f"\n{args.redraws} redraws each, {time.monotonic() - begun:.0f} s.")


if __name__ == "__main__":
    main()
