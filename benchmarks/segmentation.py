"""Masks: the first answer, the best answer, and segmentation-models-pytorch's U-Net beside them.

Three sets (people, membranes under the electron microscope, six classes of defects on magnetic
tiles), each split once: near-duplicates together, of the stack of membranes a block of neighbouring
slices. Per set, in turn, whole processes with an empty cache: (a) `headstart train` with frozen
features alone, the first answer; (b) the same with `--budget`, the best answer, or any other arm
of `ARMS`; (c) the peer on the same encoder weights and split, with `--smp-python`, on
`--peer-device`. Every measure is computed here, from index masks at the images' own size, by one
confusion matrix; intervals and the paired difference resample test images.

    python benchmarks/segmentation.py [SETS] --smp-python /path/to/python --peer-device cuda
    python benchmarks/segmentation.py [SETS] --arms first,best,mirrored,turned,head,fine-tuned
    python benchmarks/segmentation.py --few --arms first,best   # five masks only, five draws
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from common import DATA, ROOT, commit, headstart, machine, need, parser, read_json, run, versions
from PIL import Image, ImageOps


@dataclass(frozen=True)
class Set:
    """One set of images with masks.

    Attributes:
        classes: Their names, in order of index.
        budget: Minutes of the best answer, from start to end; a little less than its goal.
        size: Input of the peer, in pixels.
        turns: Whether the peer may turn images by quarters.
    """

    classes: tuple[str, ...]
    budget: float
    size: int
    turns: bool = False


SETS = {
    "human_seg": Set(("background", "person"), 2.45, 256),
    "membrane": Set(("membrane", "cell"), 2.95, 512, turns=True),
    "magnetic_tile": Set(
        ("free", "blowhole", "break", "crack", "fray", "uneven"), 3.9, 224
    ),
}  # fmt: skip
Row = tuple[Path, np.ndarray]
ARMS = {
    "first": ("--strategy", "probe"),
    "best": (),
    "mirrored": ("--tta", 2),
    "turned": ("--tta", 8),
    "head": ("--recipe", "arm=head"),
    "fine-tuned": ("--recipe", "arm=fine-tuned"),
    "pyramid": ("--recipe", "arm=fine-tuned,decoder=pyramid"),
}  # fmt: skip


def rows_of(name: str) -> list[Row]:
    """Returns (image file, (H, W) uint8 classes at its size) of a set, in order."""
    folder = DATA / name
    if name == "magnetic_tile":
        classes = SETS[name].classes
        rows = []
        for image in sorted((folder / "classes").rglob("*.jpg")):
            mask = folder / "masks" / image.parent.name / f"{image.stem}.png"
            inside = np.asarray(Image.open(mask).convert("L")) > 127
            rows.append((image, (inside * classes.index(image.parent.name.lower())).astype("u1")))
        return rows
    inner = folder / "train" if name == "membrane" else folder
    rows = []
    for image in sorted(
        (inner / "images").iterdir(),
        key=lambda file: (int(file.stem) if file.stem.isdigit() else 0, file.stem),
    ):
        (mask,) = (inner / "masks").glob(f"{image.stem}.*")
        grey = Image.open(mask).convert("L")
        size = ImageOps.exif_transpose(Image.open(image)).size
        rows.append((image, (np.asarray(grey.resize(size, 0)) > 127).astype("u1")))
    return rows


def tested(name: str, rows: list[Row], seed: int) -> np.ndarray:
    """Returns (N,) bool: a block of slices, or about a quarter with near-duplicates together."""
    if name == "membrane":
        return np.arange(len(rows)) >= 20
    from headstart.checks.duplicates import clusters
    from headstart.data.dataset import Dataset
    from headstart.images.pixels import measure

    dataset = Dataset.unlabelled([str(file) for file, _ in rows])
    together = clusters(measure(dataset))
    strata = [int(mask.max()) for _, mask in rows]
    test = np.zeros(len(rows), bool)
    rng = np.random.default_rng(seed)
    for stratum in sorted(set(strata)):
        mine = [i for i in range(len(rows)) if strata[i] == stratum]
        wanted = round(0.25 * len(mine))
        for cluster in rng.permutation(np.unique(together[mine])):
            if sum(test[i] for i in mine) < wanted:
                test[[i for i in mine if together[i] == cluster]] = True
    return test


def lay_out(name: str, rows: list[Row], test: np.ndarray, place: Path) -> Path:
    """Writes {train,test}/{images,masks} and classes.txt; returns the folder."""
    for part in ("train", "test"):
        for kind in ("images", "masks"):
            (place / part / kind).mkdir(parents=True)
    for (image, mask), held in zip(rows, test, strict=True):
        part = place / ("test" if held else "train")
        shutil.copyfile(image, part / "images" / image.name)
        Image.fromarray(mask).save(part / "masks" / f"{image.stem}.png")
    (place / "classes.txt").write_text("\n".join(SETS[name].classes) + "\n")
    return place


def confusions(truth: dict[str, np.ndarray], folder: Path, n_classes: int) -> np.ndarray:
    """Returns (M, C, C) counts [truth, answer] of index masks, by stem in order."""
    found = []
    for stem, mask in truth.items():
        answer = np.asarray(Image.open(folder / f"{stem}.png"))
        pairs = mask.astype(int) * n_classes + answer
        found.append(np.bincount(pairs.ravel(), minlength=n_classes**2))
    return np.array(found).reshape(-1, n_classes, n_classes)


def mean_iou(counts: np.ndarray) -> np.ndarray:
    """Returns mIoU of (..., C, C) counts over classes that are there or were answered."""
    hit = np.diagonal(counts, axis1=-2, axis2=-1)
    union = counts.sum(-1) + counts.sum(-2) - hit
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nanmean(np.where(union > 0, hit / union, np.nan), axis=-1)


def told(counts: np.ndarray, other: np.ndarray | None = None) -> str:
    """Returns mIoU, or its difference to another's, with a 95 % bootstrap interval."""
    draws = np.random.default_rng(0).integers(0, len(counts), (1000, len(counts)))
    value, many = mean_iou(counts.sum(0)), mean_iou(counts[draws].sum(1))
    sign = ""
    if other is not None:
        value, many, sign = (
            value - mean_iou(other.sum(0)), many - mean_iou(other[draws].sum(1)), "+",
        )  # fmt: skip
    low, high = np.quantile(many, [0.025, 0.975])
    return f"{value:{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"


def line(name: str, what: str, counts: np.ndarray, seconds: float, peer: np.ndarray | None) -> str:
    """Returns one row of the table."""
    total = counts.sum(0)
    hit = np.diagonal(total)
    with np.errstate(invalid="ignore", divide="ignore"):
        each = hit / (total.sum(0) + total.sum(1) - hit)
    classes = ", ".join(f"{c} {v:.3f}" for c, v in zip(SETS[name].classes, each, strict=True))
    beside = told(counts, peer) if peer is not None else "–"
    accuracy, majority = hit.sum() / total.sum(), total.sum(1).max() / total.sum()
    return (
        f"| {name} | {what} | {told(counts)} | {classes} | {accuracy:.3f} ({majority:.3f}) "
        f"| {seconds:.1f} | {beside} |"
    )


def answer(data: Path, place: Path, args, *flags: object) -> tuple[Path, float]:
    """Trains in a process of its own, then predicts the test images; masks and seconds."""
    out = place / "run"
    done = headstart(
        "train", data, "-o", out, "--backbone", args.backbone, "--quiet", "--overwrite",
        "--task", "segmentation", "--seed", args.seed, *flags,
        *args.train_args.split(), cache=place / "cache", python=args.python,
    )  # fmt: skip
    done.check()
    masks = place / "answers"
    headstart(
        "predict", out, data / "test" / "images", "-o", masks, "--quiet",
        cache=place / "cache", python=args.python,
    ).check()  # fmt: skip
    print(read_json(out / "metrics.json")["model"]["summary"], file=sys.stderr)
    return masks / "masks", done.seconds


def compare(name: str, args, place: Path) -> None:
    """Prints the rows of one set."""
    which = SETS[name]
    rows = rows_of(name)
    test = tested(name, rows, args.seed)
    data = lay_out(name, rows, test, place / "data")
    truth = {image.stem: mask for (image, mask), held in zip(rows, test, strict=True) if held}
    n_classes = len(which.classes)
    peer = None
    if args.smp_python:
        masks, seconds = peer_of(data, place, args, which, args.epochs, args.seed)
        peer = confusions(truth, masks, n_classes)
        what = read_json(place / "peer" / "peer.json")["peer"]
        print(line(name, what, peer, seconds, None), flush=True)
    for what in filter(None, args.arms.split(",")):
        folder = place / what
        folder.mkdir()
        flags = (*ARMS[what], "--budget", args.budget or which.budget, "--device", args.device)
        masks, seconds = answer(data, folder, args, *flags)
        print(line(name, what, confusions(truth, masks, n_classes), seconds, peer), flush=True)


def peer_of(
    data: Path, place: Path, args, which: Set, epochs: int, seed: int, batch: int = 8
) -> tuple[Path, float]:
    """Trains the peer in a process of its own; its masks of the test images, and seconds."""
    script = ROOT / "benchmarks" / "peers" / "smp_unet.py"
    command = [args.smp_python or args.python, script, data, "--weights", args.backbone]
    command += ["--out", place / "peer", "--classes", len(which.classes), "--size", which.size]
    command += ["--epochs", epochs, "--seed", seed, "--batch-size", batch]
    command += ["--device", args.peer_device, *(["--turns"] if which.turns else [])]
    done = run([str(part) for part in command]).check()
    return place / "peer" / "masks", done.seconds


def few(name: str, args, place: Path, draw: int) -> list[float]:
    """Returns mIoU of each arm, and of the peer, from five masks."""
    which, rows = SETS[name], rows_of(name)
    test = tested(name, rows, args.seed)
    chosen = np.random.default_rng(draw).permutation(np.flatnonzero(~test))[:5]
    kept = np.sort(np.concatenate([chosen, np.flatnonzero(test)]))
    data = lay_out(name, [rows[i] for i in kept], test[kept], place / "data")
    truth = {rows[i][0].stem: rows[i][1] for i in np.flatnonzero(test)}
    found = []
    for what in filter(None, args.arms.split(",")):
        folder = place / what
        folder.mkdir()
        flags = (*ARMS[what], "--budget", args.budget or which.budget, "--device", args.device)
        found.append(answer(data, folder, args, *flags)[0])
    if args.smp_python:
        found.append(peer_of(data, place, args, which, 30 * 8, draw, batch=5)[0])
    n_classes = len(which.classes)
    return [float(mean_iou(confusions(truth, masks, n_classes).sum(0))) for masks in found]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("sets", nargs="*", default=list(SETS), help="default: %(default)s")
    options.add_argument("--smp-python", help="interpreter with segmentation-models-pytorch")
    options.add_argument("--peer-device", default="cpu", help="of torch, such as cuda")
    options.add_argument("--device", default="auto", help="of Headstart")
    options.add_argument("--arms", default="first,best", help=f"of {', '.join(ARMS)}")
    options.add_argument("--budget", type=float, help="minutes; by default each set's own")
    options.add_argument("--epochs", type=int, default=30, help="of the peer")
    options.add_argument("--train-args", default="", help="further flags for headstart train")
    options.add_argument("--draws", type=int, default=5, help="of --few")
    options.add_argument("--few", action="store_true", help="five masks only, five draws")
    args = options.parse_args()
    if odd := set(filter(None, args.arms.split(","))) - set(ARMS):
        sys.exit(f"--arms {', '.join(sorted(odd))}: choose from {', '.join(ARMS)}")
    need(Path(args.backbone), *(DATA / name for name in args.sets))
    sys.path.insert(0, str(ROOT / "src"))
    print(f"Machine: {machine()}. Headstart {commit()}: {versions(args.python)}.\n")
    if args.few:
        who = [*filter(None, args.arms.split(",")), *(["U-Net"] if args.smp_python else [])]
        print(f"| five masks of | draw | {' | '.join(who)} |\n{'|---' * (2 + len(who))}|")
    else:
        print("| set | what | mIoU (95 %) | IoU | pixel accuracy (majority) | s | ours - peer |")
        print("|---|---|---|---|---|---|---|", flush=True)
    sets = [name for name in args.sets if not args.few or name != "magnetic_tile"]
    for name in sets:
        for draw in range(args.draws if args.few else 1):
            with tempfile.TemporaryDirectory() as place:
                if args.few:
                    cells = " | ".join(f"{each:.3f}" for each in few(name, args, Path(place), draw))
                    print(f"| {name} | {draw} | {cells} |", flush=True)
                else:
                    compare(name, args, Path(place))


if __name__ == "__main__":
    main()
