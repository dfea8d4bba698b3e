"""Planted shifts: are they noticed, does a given `val` choose better, is the forecast withdrawn?

Training images of one kind; `val` and `test` of another: one exposure of magnetic_tile against the
others (tiles apart, or the same tiles on all sides), and dark, zoomed or recoloured copies of
hymenoptera and cifar10_small. Each is trained twice by the command line: with `val` given, and with
`val` poured into training, which is what happens where validation images choose nothing. Then the
same sets without a shift, split at random, 20 times: there nothing may be said.

    python benchmarks/shift.py [--redraws 20] [--sets magnetic hymenoptera cifar10_small null]
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from common import (
    DATA,
    commit,
    headstart,
    machine,
    need,
    paired_difference,
    parser,
    read_json,
    read_predictions,
    show,
    versions,
)
from PIL import Image

CHANGES = ("dark", "zoomed", "recoloured")
EXPOSURES = ("exp1", "exp2", "exp3", "exp4", "exp5", "exp6")
MOST = 1_200
Row = tuple[str, str, str]  # path, label, split


def changed(image: Image.Image, how: str) -> Image.Image:
    """Returns a copy of another kind."""
    image = image.convert("RGB")
    width, height = image.size
    if how == "dark":
        return Image.fromarray((np.asarray(image) * 0.3).astype(np.uint8))
    if how == "zoomed":
        return image.crop((width // 4, height // 4, width * 3 // 4, height * 3 // 4))
    return Image.fromarray(np.asarray(image)[..., [2, 0, 1]])


def images_of(name: str, place: Path) -> list[tuple[Path, str]]:
    """Returns (file, label) of a set, copied as PNG under names that are told apart."""
    rows = []
    root = DATA / name
    for number, file in enumerate(sorted(f for f in root.rglob("*") if f.is_file())):
        if file.suffix.lower() not in (".jpg", ".jpeg", ".png"):
            continue
        copy = place / name / file.parent.name / f"{number}_{file.stem}.png"
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            Image.open(file).save(copy)
        rows.append((copy, file.parent.name))
    return rows


def tiles(place: Path, args) -> list[tuple[Path, str, str, int]]:
    """Returns (file, label, exposure, cluster) of the tiles; one tile is in many exposures."""
    rows = images_of("magnetic_tile/classes", place)
    root, run = place / "magnetic_tile/classes", place / "tiles"
    headstart(
        *("train", root, "-o", run, "--backbone", args.backbone, "--strategy", "probe"),
        *("--baselines", "none", "--evaluation", "cv", "--quiet", "--overwrite"),
        cache=place / "cache", python=args.python,
    ).check()  # fmt: skip
    with (run / "items.csv").open(newline="", encoding="utf-8") as stream:
        cluster = {row["name"]: int(row["cluster"]) for row in csv.DictReader(stream)}
    found = []
    for file, label in rows:
        exposure = file.stem.split("_")[1]
        found.append((file, label, exposure, cluster[file.relative_to(root).as_posix()]))
    return found


def magnetic(place: Path, args) -> Iterator[tuple[str, list[Row], tuple[str, ...]]]:
    """Yields one case for each exposure, with tiles apart and without."""
    rows = tiles(place, args)
    for number, exposure in enumerate(EXPOSURES):
        rng = np.random.default_rng(args.seed + number)
        order = rng.permutation(sorted({row[3] for row in rows}))
        part = {
            c: "train" if i < len(order) // 2 else "val" if i < len(order) * 3 // 4 else "test"
            for i, c in enumerate(order)
        }
        apart, same = [], []
        for file, label, own, cluster in rows:
            side = part[cluster]
            if (side == "train") == (own == exposure):
                apart.append((str(file), label, side))
            other = "val" if side == "val" else "test"
            same.append((str(file), label, "train" if own == exposure else other))
        yield f"magnetic {exposure}, other tiles", apart, ()
        yield f"magnetic {exposure}, same tiles", same, ("--no-drop-leaks",)


def copies(name: str, place: Path, args) -> Iterator[tuple[str, list[Row], tuple[str, ...]]]:
    """Yields one case for each change of a set."""
    rows = images_of(name, place)
    rng = np.random.default_rng(args.seed)
    rows = [rows[i] for i in rng.permutation(len(rows))[:MOST]]
    for how in CHANGES:
        case = []
        for i, (file, label) in enumerate(rows):
            side = "train" if i < len(rows) // 2 else "val" if i < len(rows) * 2 // 3 else "test"
            if side != "train":
                copy = place / f"{name}_{how}" / file.parent.name / file.name
                if not copy.exists():
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    changed(Image.open(file), how).save(copy)
                file = copy
            case.append((str(file), label, side))
        yield f"{name}, {how}", case, ()


def random_splits(
    place: Path, args
) -> Iterator[tuple[str, list[Row], tuple[str, ...]]]:  # fmt: skip
    """Yields splits without a shift."""
    for draw in range(args.redraws):
        name = ("hymenoptera", "cifar10_small")[draw % 2]
        rows = images_of(name, place)
        order = np.random.default_rng(1000 + draw).permutation(len(rows))[:MOST]
        n = len(order)
        sides = ["train"] * (n // 2) + ["val"] * (n // 6) + ["test"] * (n - n // 2 - n // 6)
        case = [(str(rows[i][0]), rows[i][1], side) for i, side in zip(order, sides, strict=True)]
        yield f"{name}, draw {draw}", case, ()


def train(rows: list[Row], flags: tuple[str, ...], place: Path, args) -> tuple[dict, dict]:
    """Trains on a table in a process of its own; returns metrics, and name -> right or not."""
    table = place / "case.csv"
    with table.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("path", "label", "split"), *rows])
    headstart(
        *("train", table, "-o", place / "run", "--backbone", args.backbone, "--strategy", "probe"),
        *("--baselines", "none", "--quiet", "--overwrite", "--seed", args.seed, *flags),
        cache=place / "cache", python=args.python,
    ).check()  # fmt: skip
    answers = read_predictions(place / "run")
    right = {name: truth == given for name, (truth, given) in answers.items()}
    return read_json(place / "run" / "metrics.json"), right


def pooled(rows: list[Row]) -> list[Row]:
    """Returns the same with validation images poured into training."""
    return [(path, label, "train" if side == "val" else side) for path, label, side in rows]


def compare(cases, place: Path, args) -> None:
    """Prints what each case says, and the gain of all of its family together."""
    ours: dict[str, list[bool]] = {}
    theirs: dict[str, list[bool]] = {}
    for name, rows, flags in cases:
        metrics, chosen = train(rows, flags, place, args)
        plain, today = train(pooled(rows), flags, place, args)
        names = sorted(chosen)
        a, b = [chosen[n] for n in names], [today[n] for n in names]
        family = name.split(", ")[-1] if name.startswith("magnetic") else name.split(", ")[0]
        ours.setdefault(family, []).extend(a)
        theirs.setdefault(family, []).extend(b)
        said, test = metrics.get("validation") or {}, metrics.get("test_shift") or {}
        curve, other = metrics["learning_curve"], plain.get("test_shift") or {}
        print(
            f"{name}: val chooses {np.mean(a):.3f}, poured in {np.mean(b):.3f}, difference "
            f"{show(*paired_difference(a, b), signed=True)}; said of val: "
            f"{'yes' if said.get('unlike') else 'no'}, joined: {said.get('joined')}; said of test: "
            f"{'yes' if test.get('unlike') else 'no'}; forecast withdrawn: "
            f"{'yes' if curve.get('withdrawn') else 'no'}; poured in, said of test: "
            f"{'yes' if other.get('unlike') else 'no'}",
            flush=True,
        )
    for family, a in ours.items():
        difference = show(*paired_difference(a, theirs[family]), signed=True)
        print(f"ALL {family}: {difference}, {len(a)} images", flush=True)


def alarms(place: Path, args) -> None:
    """Prints how often something is said where there is no shift."""
    count = 0
    for name, rows, flags in random_splits(place, args):
        metrics, right = train(rows, flags, place, args)
        said = [
            key for key in ("validation", "test_shift") if (metrics.get(key) or {}).get("unlike")
        ]
        count += bool(said)
        print(f"{name}: {np.mean(list(right.values())):.3f}; said: {said or 'nothing'}", flush=True)
    print(f"false alarms: {count} of {args.redraws}", flush=True)


def main() -> None:
    """Runs what was asked for."""
    options = parser(__doc__)
    options.add_argument("--redraws", type=int, default=20)
    options.add_argument("--work", type=Path, help="folder for copies and cache; kept")
    families = ["magnetic", "hymenoptera", "cifar10_small", "null"]
    options.add_argument("--sets", nargs="+", default=families, choices=families)
    args = options.parse_args()
    need(DATA / "magnetic_tile", DATA / "hymenoptera", DATA / "cifar10_small", Path(args.backbone))
    print(f"commit {commit()}; {machine()}; {versions(args.python)}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        place = args.work or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        for name in args.sets:
            if name == "null":
                alarms(place, args)
            elif name == "magnetic":
                compare(magnetic(place, args), place, args)
            else:
                compare(copies(name, place, args), place, args)


if __name__ == "__main__":
    sys.exit(main())
