"""Training images per second: plain torch against Headstart's loop, all layers learning.

The same network, images, size, batch and augmentation, two threads each:

- "one batch over and over": torch as everyone writes it (NCHW, BatchNorm in training mode, nothing
  fused, AdamW), on a ready batch from memory: no images need be made;
- "the same loader": the same, fed by Headstart's own loader, so that only the training differs;
- "Headstart": `Training` with its defaults.

They take turns, several times, and the first steps of each turn are not counted. Busy is the
processor time of the process and its workers, by wall time and processors. Then one training with
held-out images, and the resident memory after each of its epochs (what workers share with the
process counts for each of them): it may grow until three sets of best weights are kept, and no
further. Linux only.

    python benchmarks/training_rate.py [DATA] [--backbone FOLDER]
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from common import BACKBONE, DATA, ROOT, commit, machine, need, parser, resident_mb, versions

ENDLESS = 1000  # epochs: a turn ends by its number of steps
Turn = Callable[[int, Callable[[], None]], None]
"""Makes some steps and calls the function after each."""


def processor_seconds(pid: int | None = None) -> float:
    """Processor time of this process and its living descendants, or of another and its own."""
    total = 0.0
    if pid is None:
        pid, total = os.getpid(), time.process_time()
    else:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    with contextlib.suppress(OSError):  # one of them ended just now
        for task in Path(f"/proc/{pid}/task").iterdir():
            for kid in (task / "children").read_text().split():
                total += processor_seconds(int(kid))
    return total


def rate(turn: Turn, args) -> tuple[float, float]:
    """Returns images per second and busy share of one turn, its first steps left out."""
    marks = []

    def mark() -> None:
        marks.append((time.perf_counter(), processor_seconds()))

    turn(args.skip + args.steps, mark)
    (begun, before), (ended, after) = marks[args.skip - 1], marks[-1]
    wall = ended - begun
    return args.steps * args.batch / wall, (after - before) / (wall * len(os.sched_getaffinity(0)))


class Bench:
    """Images, network and loops, made ready once."""

    def __init__(self, args) -> None:
        import numpy as np
        import torch

        from headstart.data.open import open_dataset
        from headstart.images.inputs import InputImages
        from headstart.nets.batches.augment import MARGIN
        from headstart.nets.pretrained.backbone import open_backbone

        torch.set_num_threads(args.threads)
        self.args = args
        dataset = open_dataset(args.data)
        parts = [np.flatnonzero(dataset.splits == part) for part in ("train", "test")]
        if not all(len(part) for part in parts):
            sys.exit(f"{args.data} has no train and test folders")
        # Whole batches, so that every step trains on as many images.
        count = min(args.items, len(parts[0])) // args.batch * args.batch
        if not count:
            sys.exit(f"--batch {args.batch} is more than the training images")
        some = [
            part[np.linspace(0, len(part) - 1, min(wanted, len(part))).astype(int)]
            for part, wanted in zip(parts, (count, count // 4 + 1), strict=True)
        ]
        train, validation = (dataset.take(part) for part in some)
        self.n_classes = len(dataset.labels.names)
        self.backbone = open_backbone(args.backbone)
        self.preprocess = self.backbone.preprocess
        if args.size:
            self.preprocess = replace(self.preprocess, size=args.size)
        large = replace(self.preprocess, size=round(self.preprocess.size * MARGIN))
        self.inputs, self.targets = InputImages(train, large), train.labels.targets
        self.validation = InputImages(validation, self.preprocess), validation.labels.targets

    def training(self, *, epochs: int, validation: bool):
        """Returns Headstart's loop, its head starting from nothing."""
        import numpy as np

        from headstart.compute import Compute
        from headstart.nets.heads.head import Head
        from headstart.nets.learning.trainable import TrainableModel
        from headstart.tasks.classification import learn
        from headstart.tasks.classification.validation import Validation
        from headstart.training.loop import Training
        from headstart.training.objective import Objective
        from headstart.training.schedule import Recipe

        last = self.backbone.info.slices["last"]
        columns = np.arange(last.start, last.stop)
        arrays = {
            "weights": np.zeros((self.n_classes, len(columns)), np.float32),
            "bias": np.zeros(self.n_classes, np.float32),
        }
        head = Head("linear", columns, arrays, self.n_classes)
        net = TrainableModel(
            copy.deepcopy(self.backbone.network), self.preprocess, columns,
            learn.head(len(columns), self.n_classes, head),
        )  # fmt: skip
        net.fuse()
        recipe = Recipe(epochs=epochs, batch=self.args.batch)
        judge = Validation(*self.validation) if validation else None
        compute = Compute("cpu", seed=self.args.seed)
        objective = Objective(
            learn.batches(self.targets, recipe, compute.seed, n_classes=self.n_classes),
            learn.loss(recipe, self.targets, n_classes=self.n_classes),
            learn.correct,
        )
        return Training(net, recipe, self.inputs, objective, judge, compute)

    def ours(self) -> Turn:
        """Headstart's loop; every turn goes on where the last one ended."""
        training = self.training(epochs=ENDLESS, validation=False)

        def turn(steps: int, mark: Callable[[], None]) -> None:
            training.run(save=mark, until=training.step + steps)

        return turn

    def plain(self, *, ready: bool) -> Turn:
        """Torch as everyone writes it, on one ready batch or on what the loader makes."""
        import timm
        import torch

        from headstart.images.pixels import cpu_count
        from headstart.nets.batches.augment import Augment
        from headstart.nets.batches.loader import Plan, batches

        source = f"local-dir:{self.args.backbone}"
        model = timm.create_model(source, pretrained=True, num_classes=self.n_classes).train()
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4)
        mean, std = (
            torch.tensor(value).view(1, 3, 1, 1) * 255
            for value in (self.preprocess.mean, self.preprocess.std)
        )
        targets = torch.from_numpy(self.targets)
        plan = Plan(self.targets, batch=self.args.batch, epochs=ENDLESS, seed=self.args.seed)
        augment = Augment("standard", self.preprocess)
        workers = max(1, cpu_count() // 2)  # as many as Headstart's loop has

        def turn(steps: int, mark: Callable[[], None]) -> None:
            feed = batches(self.inputs, augment, plan.since(0), workers=0 if ready else workers)
            if ready:
                feed = itertools.repeat(next(feed))
            for batch in itertools.islice(feed, steps):
                images = batch.images.permute(0, 3, 1, 2).float().contiguous()
                scores = model((images - mean) / std)
                loss = torch.nn.functional.cross_entropy(scores, targets[batch.items])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                mark()

        return turn

    def memory(self) -> list[tuple[float, float]]:
        """Returns resident MB after every epoch: of the process, and with its workers."""
        training = self.training(epochs=self.args.epochs, validation=True)
        found: list[tuple[float, float]] = []

        def save() -> None:
            if len(training.history) > len(found):
                pages = int(Path("/proc/self/statm").read_text().split()[1])
                own = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
                found.append((own, resident_mb(os.getpid())))

        training.run(save=save)
        return found


def main() -> None:
    options = parser(__doc__)
    options.add_argument("data", nargs="?", type=Path, default=DATA / "flowers12")
    options.add_argument("--items", type=int, default=256, help="training images")
    options.add_argument("--batch", type=int, default=32)
    options.add_argument("--size", type=int, help="side in pixels; default: the weights' own")
    options.add_argument("--threads", type=int, default=2, help="of torch's operations")
    options.add_argument("--steps", type=int, default=12, help="counted in each turn")
    options.add_argument("--skip", type=int, default=3, help="steps before those; at least 1")
    options.add_argument("--repeats", type=int, default=3, help="turns; the median is reported")
    options.add_argument("--epochs", type=int, default=8, help="for the memory; 0 for none")
    args = options.parse_args()
    need(args.data, *([BACKBONE] if args.backbone == str(BACKBONE) else []))
    if args.skip < 1:
        options.error("--skip: at least 1")
    print(f"Machine: {machine()}. Headstart {commit()}: {versions(sys.executable)}.")
    with tempfile.TemporaryDirectory() as cache:
        os.environ["HEADSTART_CACHE"] = cache
        sys.path.insert(0, str(ROOT / "src"))
        bench = Bench(args)
        print(
            f"{Path(args.backbone).name}, {bench.preprocess.size} px, batch {args.batch}, "
            f"{len(bench.inputs)} images of {args.data.name}, {args.threads} threads.\n"
        )
        memory = bench.memory() if args.epochs else []  # first: plain torch leaves more behind
        turns = {
            "plain torch, one batch over and over": bench.plain(ready=True),
            "plain torch, the same loader": bench.plain(ready=False),
            "Headstart": bench.ours(),
        }
        found: dict[str, list[tuple[float, float]]] = {what: [] for what in turns}
        for _ in range(args.repeats):
            for what, turn in turns.items():
                found[what].append(rate(turn, args))

    plain = statistics.median(each for each, _ in found["plain torch, the same loader"])
    print("| what | training images/s, median | range of turns | to plain, same loader | busy |")
    print("|---|---|---|---|---|")
    for what, pairs in found.items():
        rates, busy = zip(*pairs, strict=True)
        median = statistics.median(rates)
        print(
            f"| {what} | {median:.1f} | {min(rates):.1f} to {max(rates):.1f} "
            f"| {median / plain:.2f} | {statistics.median(busy):.2f} |"
        )
    if memory:
        print(f"\n| after epoch | {' | '.join(str(i + 1) for i in range(len(memory)))} |")
        print(f"|---|{'---|' * len(memory)}")
        for what, each in zip(("the process", "with its workers"), zip(*memory), strict=True):
            print(f"| resident MB, {what} | {' | '.join(f'{mb:.0f}' for mb in each)} |")


if __name__ == "__main__":
    main()
