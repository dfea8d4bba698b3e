"""A planted confound: is it found, is its cost told truly, and do the repairs repair?

    python benchmarks/audit.py [--draws 20] [--cost-draws 100] [--power-draws 100] [--only-power]
    python benchmarks/audit.py --write DIR      # the images of one draw, for docs/audit.md

Faces of utkface_a, young (15 to 29) against old (40 and more), 480 for training of which 95 % are
young women and old men; 200 others, all four cells alike, say the truth. Embedded once by a face
embedder (aligned faces) and by an ImageNet network; then everything is asked of the vectors, by the
functions that `headstart audit` uses. All draws share these 1,066 faces: they speak of the method
on them.
"""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from common import DATA, ROOT, WEIGHTS, commit, machine, need, parser, versions

sys.path.insert(0, str(ROOT / "src"))

from headstart.auditing.attribute import read_attribute
from headstart.auditing.audit import audit_columns
from headstart.auditing.evidence import evidence_of_vectors, odds
from headstart.auditing.pool import Pool, refuse_confounded
from headstart.auditing.repair import repair
from headstart.checks.duplicates import clusters as find_clusters
from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.data.open import open_dataset
from headstart.errors import DataError
from headstart.features.extract import extract
from headstart.images.depths import data_set_levels
from headstart.metrics.confound import mean_of_shares, share_of_cell
from headstart.metrics.interval import wilson
from headstart.nets.pretrained.backbone import open_backbone
from headstart.probe.ensemble import log_probabilities
from headstart.strategies.prepare import choose_preprocess

CELLS = ("young women", "young men", "old women", "old men")
ALIGNED = (True, False, False, True)
PER_CLASS, TESTED = 240, 50


@dataclass(frozen=True)
class Faces:
    """All faces, one of each set of copies."""

    vectors: np.ndarray
    young: np.ndarray
    old: np.ndarray
    woman: np.ndarray
    files: tuple[Path, ...] = ()

    def draw(self, opposing: int, seed: int):
        """Returns training rows, test rows cell by cell, and what is left of each cell."""
        rng = np.random.default_rng(seed)
        masks = (
            self.young & self.woman, self.young & ~self.woman,
            self.old & self.woman, self.old & ~self.woman,
        )  # fmt: skip
        cells = [rng.permutation(np.flatnonzero(mask)) for mask in masks]
        test, rest = [c[:TESTED] for c in cells], [c[TESTED:] for c in cells]
        per_class = min(PER_CLASS, opposing + min(len(rest[0]), len(rest[3])))
        if 2 * opposing >= PER_CLASS:  # no confound: as many of each as the smallest cell has
            opposing = min(len(each) for each in rest)
            per_class = 2 * opposing
        wanted = [per_class - opposing, opposing, opposing, per_class - opposing]
        train = np.concatenate([r[:n] for r, n in zip(rest, wanted, strict=True)])
        return train, test, [r[n:] for r, n in zip(rest, wanted, strict=True)]

    def evidence(self, rows: np.ndarray, seed: int):
        """Returns held-out answers to some faces, and the attribute."""
        targets = self.young[rows].astype(int)
        gender = np.where(self.woman[rows], "female", "male")
        names = tuple(str(row) for row in rows)
        dataset = Dataset(
            Path(), names, Classes(("old", "young"), targets), np.full(len(rows), ""),
            attributes={"gender": gender},
        )  # fmt: skip
        found = evidence_of_vectors(dataset, self.vectors[rows], np.arange(len(rows)), seed=seed)
        return found, read_attribute("gender", gender, targets)

    def right(self, weights: np.ndarray, bias: np.ndarray, test: list[np.ndarray]) -> np.ndarray:
        """Returns (4, 50) bool: which test faces of each cell a head answers correctly."""
        rows = np.concatenate(test)
        scores = self.vectors[rows] @ weights.T + bias
        return (scores.argmax(axis=1) == self.young[rows]).reshape(4, TESTED)


def faces(backbone: Path, detector: Path | None) -> Faces:
    """Embeds every face, once."""
    data = open_dataset(DATA / "utkface_a")
    network = open_backbone(str(backbone))
    preprocess = choose_preprocess(
        data, network, "auto", "square", levels=data_set_levels(data),
        detector=None if detector is None else str(detector),
    )  # fmt: skip
    features = extract(data, network, preprocess=preprocess)
    _, first = np.unique(find_clusters(features.stats, None), return_index=True)
    kept = np.sort(first[features.stats.readable[first]])
    age = data.attributes["age"].astype(float)[kept]
    woman = data.attributes["gender"][kept] == "female"
    files = tuple(data.path(row) for row in kept.tolist())
    return Faces(features.vectors[kept], (age >= 15) & (age <= 29), age >= 40, woman, files)


def write_draw(data: Faces, folder: Path) -> None:
    """Writes what a draw trains on, what says the truth, and others: `data`, `fair` and `pool`."""
    train, test, _ = data.draw(12, 0)
    others = np.setdiff1d(np.arange(len(data.woman)), np.concatenate([train, *test]))
    neither = others[~data.young[others] & ~data.old[others]]  # they show gender, and no class
    for name, rows in (("data", train), ("fair", np.concatenate(test)), ("pool", neither)):
        lines = ["file,gender"]
        for row in rows.tolist():
            file = f"{_kind(data, row)}/{data.files[row].name}"
            (folder / name / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(data.files[row], folder / name / file)
            lines.append(f"{file},{'female' if data.woman[row] else 'male'}")
        (folder / name / "attributes.csv").write_text("\n".join(lines) + "\n")


def _kind(data: Faces, row: int) -> str:
    return "young" if data.young[row] else "old" if data.old[row] else "neither"


def plain_head(evidence):
    """Returns the head that `headstart train` would keep, without weights."""
    from headstart.probe.linear import Problems, solve

    space = evidence.space
    problems = Problems(
        space.coordinates, space.axes.variances, evidence.targets, 2,
        np.ones((1, len(evidence)), np.float32), np.array([evidence.beside.strength]),
    )  # fmt: skip
    solved, _ = solve(problems, loss="logistic", tolerance=1e-3, steps=100)
    return space.axes.unrotate(solved[0, :, :-1], solved[0, :, -1])


def gap(right: np.ndarray):
    """Returns aligned less opposing accuracy of (4, 50) answers, with its interval."""
    shares = [share_of_cell(row.astype(float), np.arange(len(row))) for row in right]
    aligned = [s for s, a in zip(shares, ALIGNED, strict=True) if a]
    opposing = [s for s, a in zip(shares, ALIGNED, strict=True) if not a]
    return mean_of_shares(aligned, opposing)


def detection(data: Faces, draws: int) -> None:
    """Prints what is found at each strength of the confound."""
    print("| opposing a class | used, p < 0.05 | serious | warning | used AUC | carried "
          "| cost told | true | would change | held-out accuracy | where unrelated |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for opposing in (120, 60, 24, 12, 6, 3):
        rows = []
        for seed in range(draws):
            train, test, _ = data.draw(opposing, seed)
            evidence, _ = data.evidence(train, seed)
            (one,) = audit_columns(evidence, evidence.dataset.attributes, name="").columns
            truth = data.right(*plain_head(evidence), test)
            rows.append([
                one.p_adjusted < 0.05, one.verdict == "serious", one.verdict == "warning", one.used,
                one.carried, one.cost.value, gap(truth).value, one.change, one.measured.value,
                truth.mean(),
            ])  # fmt: skip
        table = np.array(rows, float)
        counts = " | ".join(f"{int(n)} of {draws}" for n in table[:, :3].sum(axis=0))
        means = " | ".join(f"{x:.3f}" for x in table[:, 3:].mean(axis=0))
        print(f"| {opposing} | {counts} | {means} |", flush=True)


def power(data: Faces, draws: int) -> None:
    """Prints how often a confound of 99 % is found, and one that is not there."""
    for opposing in (3, 120):
        found = 0
        for seed in range(draws):
            evidence, _ = data.evidence(data.draw(opposing, seed)[0], seed)
            (one,) = audit_columns(evidence, evidence.dataset.attributes, name="").columns
            found += one.p_adjusted < 0.05
        share = wilson(float(found), draws)
        print(f"{opposing} opposing a class: used in {found} of {draws} draws "
              f"({share.low:.2f} to {share.high:.2f})", flush=True)  # fmt: skip


def cost(data: Faces, draws: int) -> None:
    """Prints how truly the cost is told."""
    told, true, inside = [], [], 0
    for seed in range(draws):
        train, test, _ = data.draw(12, seed)
        evidence, _ = data.evidence(train, seed)
        (one,) = audit_columns(evidence, evidence.dataset.attributes, name="").columns
        truth = gap(data.right(*plain_head(evidence), test))
        apart = truth.value - one.cost.value
        half = (
            np.hypot(one.cost.high - one.cost.value, truth.value - truth.low)
            if apart > 0
            else np.hypot(one.cost.value - one.cost.low, truth.high - truth.value)
        )
        inside += abs(apart) <= half
        told.append(one.cost.value)
        true.append(truth.value)
    print(f"\ncost told {np.mean(told):.3f}, true {np.mean(true):.3f} (means of {draws}); "
          f"agree within their joint interval in {inside} of {draws}")  # fmt: skip


def repairs(data: Faces, draws: int) -> None:
    """Prints what the repairs bring where the truth is known."""
    ways = ("weights", "pool", "20 gathered a cell, weights")
    changes = {way: [] for way in ways}
    kept, refused = 0, [0, 0]
    for seed in range(draws):
        train, test, rest = data.draw(12, seed)
        evidence, read = data.evidence(train, seed)
        before = data.right(*plain_head(evidence), test).mean(axis=1)
        weighted = repair(evidence, read, seed=seed)
        kept += weighted.best.kept
        used = np.concatenate([train, *test])
        others = np.setdiff1d(np.arange(len(data.woman)), used)
        pool = Pool(data.vectors[others], (~data.woman[others]).astype(int), "the other faces")
        same = np.concatenate([rest[0], rest[3]])
        for at, rows in enumerate((others, same)):
            refused[at] += is_refused(data, rows, weighted, evidence)
        both = repair(evidence, read, pool, seed=seed)
        erased = next(each for each in both.all if each.best.name == "pool")
        more, _ = data.evidence(np.concatenate([train, *[r[:20] for r in rest]]), seed)
        fuller = repair(more, read_of(more), seed=seed)
        for way, found in zip(ways, (weighted, erased, fuller), strict=True):
            after = data.right(found.weights, found.bias, test).mean(axis=1)
            changes[way].append(after - before)
    print("\n| repair | opposing | better | aligned | where unrelated |\n|---|---|---|---|---|")
    aligned = np.array(ALIGNED)
    for way, rows in changes.items():
        table = np.array(rows)
        against = table[:, ~aligned].mean(axis=1)
        half = 1.96 * against.std(ddof=1) / np.sqrt(draws)
        print(f"| {way} | {against.mean():+.3f} ±{half:.3f} | {(against > 0).sum()} of {draws} | "
              f"{table[:, aligned].mean():+.3f} | {table.mean():+.3f} |")  # fmt: skip
    print(f"weights were kept in {kept} of {draws}; a pool was refused in {refused[0]} of {draws} "
          f"where it was fair, in {refused[1]} where it had the confound", flush=True)  # fmt: skip


def read_of(evidence):
    """Returns the attribute of some evidence."""
    return read_attribute("gender", evidence.dataset.attributes["gender"], evidence.targets)


def is_refused(data: Faces, rows: np.ndarray, weighted, evidence) -> bool:
    """Whether faces would be refused as a pool."""
    there = odds(log_probabilities(data.vectors[rows] @ weighted.weights.T + weighted.bias))
    beside = weighted.beside
    woman = evidence.dataset.attributes["gender"] == "female"
    try:
        refuse_confounded(
            there[:, 1], data.woman[rows], odds(beside.scores)[:, 1], woman, evidence.targets,
            beside.folds,
        )  # fmt: skip
    except DataError:
        return True
    return False


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--draws", type=int, default=20)
    options.add_argument("--cost-draws", type=int, default=100)
    options.add_argument("--power-draws", type=int, default=100)
    options.add_argument("--only-power", action="store_true")
    options.add_argument("--write", type=Path, metavar="DIR")
    args = options.parse_args()
    if args.write is not None:
        need(DATA / "utkface_a", Path(args.backbone))
        return write_draw(faces(Path(args.backbone), None), args.write)
    need(DATA / "utkface_a", WEIGHTS / "mobilefacenet.onnx", Path(args.backbone))
    print(f"{machine()}; {versions(args.python)}; {commit()}")
    for name, backbone, detector in (
        ("face embedder", WEIGHTS / "mobilefacenet.onnx", WEIGHTS / "face_yunet_n.onnx"),
        ("ImageNet features", Path(args.backbone), None),
    ):
        data = faces(backbone, detector)
        begun = time.monotonic()
        print(f"\n**{name}**, {data.vectors.shape[1]} numbers an image\n")
        if not args.only_power:
            detection(data, args.draws)
            repairs(data, args.draws)
        if detector is not None:
            power(data, args.power_draws)
            if not args.only_power:
                cost(data, args.cost_draws)
        print(f"{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
