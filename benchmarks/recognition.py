"""Recognition on real photos of people: who is it, and is it nobody that is enrolled?

Photos are embedded once, by the code of `headstart enroll`. Then:

1. five photos of each person, drawn at random five times, are enrolled and all others are searched:
   the share whose best person is the right one (rank-1), and among the best five;
2. half of the people, drawn at random forty times, are enrolled with all photos and the threshold
   is calibrated on them; all photos of the other half are strangers: how many are taken for
   somebody, beside the rate that was asked for and the interval that the calibration gave.

Intervals draw whole people, over all draws at once; of 2. it is 5 to 95 % of the draws.

    python benchmarks/recognition.py orl lfw10
    python benchmarks/recognition.py orl lfw10 --backbones EMBEDDER.onnx --detector YUNET.onnx
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from common import DATA, ROOT, WEIGHTS, commit, machine, need, parser, versions

sys.path.insert(0, str(ROOT / "src"))

from headstart.compute import Compute
from headstart.data.open import open_dataset
from headstart.gallery.calibrate import calibrate
from headstart.gallery.embed import embed_photos
from headstart.gallery.enrolling import gallery_preprocess
from headstart.gallery.leave_one_out import leave_one_out
from headstart.gallery.search import Index
from headstart.metrics.subgroup_errors import person_rate
from headstart.metrics.verification import verification_measures
from headstart.nets.pretrained.backbone import open_backbone

METHODS: tuple[tuple[str, int], ...] = (("knn", 1), ("knn", 2), ("centroid", 1))


def index_of(vectors: np.ndarray, owners: np.ndarray, method: Any, k: int) -> Index:
    """A gallery in memory, people called by their numbers."""
    index = Index(vectors.shape[1], method=method, k=k)
    for person in np.unique(owners).tolist():
        index.name(person, str(person))
    index.add(owners, vectors)
    return index


def ranks(vectors: np.ndarray, owners: np.ndarray, method: str, k: int, args: Any) -> list:
    """(rank, person) of every photo that was not enrolled, over all draws."""
    found = []
    for draw in range(args.draws):
        rng = np.random.default_rng([args.seed, draw])
        enrolled = np.zeros(len(owners), bool)
        for person in np.unique(owners):
            enrolled[rng.permutation(np.flatnonzero(owners == person))[: args.enrolled]] = True
        index = index_of(vectors[enrolled], owners[enrolled], method, k)
        for person, best in zip(
            owners[~enrolled], index.search(vectors[~enrolled], top=5), strict=True
        ):
            names = [int(name) for name, _ in best]
            found.append((names.index(person) + 1 if person in names else 6, int(person)))
    return found


def strangers(
    vectors: np.ndarray, owners: np.ndarray, method: Any, k: int, far: float, args: Any
) -> str:
    """Calibrates on half of the people, lets the others be strangers; cells of the table."""
    rates, held, recognised = [], [], []
    people = np.unique(owners)
    for draw in range(args.halves):
        rng = np.random.default_rng([args.seed, draw, 1])
        known = np.isin(owners, rng.permutation(people)[: len(people) // 2])
        calibration = calibrate(vectors[known], owners[known], far=far, method=method, k=k)
        assert calibration is not None
        identify = calibration.identify
        index = index_of(vectors[known], owners[known], method, k)
        best = np.array([found[0][1] for found in index.search(vectors[~known])])
        rates.append(float(np.mean(best > identify.threshold.value)))
        held.append(identify.far.low <= rates[-1] <= identify.far.high)
        recognised.append(identify.tar.value)
    low, high = np.percentile(rates, (5, 95))
    return (
        f"{np.mean(rates):.3f} ({low:.3f} to {high:.3f}) | {sum(held)} of {len(held)} | "
        f"{np.mean(recognised):.3f}"
    )


def share(pairs: list) -> str:
    """A share with its interval over people."""
    hits, people = (np.array(each) for each in zip(*pairs, strict=True))
    each = person_rate(hits, people)
    return f"{each.value:.3f} ({each.low:.3f} to {each.high:.3f})"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("sets", nargs="*", default=["orl", "lfw10"])
    options.add_argument("--backbones", default="mobilenetv2_100", help="in HEADSTART_WEIGHTS")
    options.add_argument("--enrolled", type=int, default=5)
    options.add_argument("--detector", help="look at faces: YuNet's ONNX file, or 'yunet'")
    options.add_argument("--draws", type=int, default=5)
    options.add_argument("--halves", type=int, default=40)
    args = options.parse_args()
    print(f"{machine()}; {versions(args.python)}; {commit()}\n")
    searched, open_set, pairs = [], [], []
    for name in args.sets:
        for backbone in args.backbones.split(","):
            place = WEIGHTS / backbone if (WEIGHTS / backbone).exists() else Path(backbone)
            need(DATA / name)
            network = open_backbone(os.fspath(place))
            dataset = open_dataset(DATA / name)
            found = embed_photos(
                dataset,
                network,
                preprocess=gallery_preprocess(network, args.detector),
                compute=Compute(),
            )
            vectors, owners = found.vectors, dataset.labels.targets[found.rows]
            lead = f"| {name} | {network.name} | {len(owners)} of {len(np.unique(owners))} |"
            for method, k in METHODS:
                how = f"{method}, k={k}" if method == "knn" else method
                ranked = ranks(vectors, owners, method, k, args)
                first = share([(rank == 1, person) for rank, person in ranked])
                fifth = share([(rank <= 5, person) for rank, person in ranked])
                searched.append(f"{lead} {how} | {first} | {fifth} |")
                for far in (0.1, 0.05):
                    cells = strangers(vectors, owners, method, k, far, args)
                    open_set.append(f"{lead} {how} | {far:g} | {cells} |")
            trials = leave_one_out(vectors, owners)
            same = trials.same
            measures = verification_measures(
                trials.scores[same], trials.scores[~same], trials.people[trials.pairs[same, 0]],
                trials.people[trials.pairs[~same]], fars=(0.01, 0.001),
            )  # fmt: skip
            cells = [f"{m.value:.3f} ({m.low:.3f} to {m.high:.3f})" for m in measures.values()]
            pairs.append(f"{lead} {' | '.join(cells)} |")
            print(f"{name}, {network.name}: {len(found.errors)} set aside", file=sys.stderr)
    print(f"{args.enrolled} photos a person enrolled, {args.draws} draws:\n")
    print("| set | backbone | photos of people | method | rank-1 | rank-5 |")
    print("|---|---|---|---|---|---|")
    print("\n".join(searched))
    print("\nHalf of the people enrolled, the other half are strangers:\n")
    print(
        "| set | backbone | photos of people | method | FAR asked | strangers accepted | "
        "inside the interval | known people recognised |"
    )
    print("|---|---|---|---|---|---|---|---|")
    print("\n".join(open_set))
    print("\nEvery pair of photos:\n")
    print("| set | backbone | photos of people | AUC | EER | TAR at FAR 0.01 | TAR at FAR 0.001 |")
    print("|---|---|---|---|---|---|---|")
    print("\n".join(pairs))


if __name__ == "__main__":
    main()
