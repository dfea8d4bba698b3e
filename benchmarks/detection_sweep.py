"""Recipes of boxes beside each other, in one process: maps and images are read once.

Each variant is a text of `--recipe`; it is trained as `headstart train` would, from a run's own
functions, and measured on the test split. With a detector `probe` shows the class layers alone and
`finetune` what follows; with another backbone `probe` is the head on frozen maps.

    python benchmarks/detection_sweep.py raccoon --backbone FOLDER --device cuda \
        --strategy finetune --seeds 0,1 --size 320 --variants "" "lr=2e-4" "epochs=20,lr=4e-4"
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from pathlib import Path

from common import DATA, ROOT, commit, machine, need, parser
from detection_sets import SETS, lay_out


def main() -> None:
    options = parser(__doc__)
    options.add_argument("set", choices=SETS)
    options.add_argument("--variants", nargs="*", default=[""], help="texts of --recipe")
    options.add_argument("--strategy", default="finetune", choices=("probe", "finetune", "auto"))
    options.add_argument("--seeds", default="0")
    options.add_argument("--device", default="cpu")
    options.add_argument("--size", default="auto")
    options.add_argument("--budget", type=float, default=60.0, help="minutes of each")
    options.add_argument("--most", type=int, help="training images, for a quick look")
    options.add_argument("--data", help="a folder that lay_out made, where the set is not here")
    args = options.parse_args()
    sys.path.insert(0, str(ROOT / "src"))
    from headstart.compute import Compute
    from headstart.data.open import open_dataset
    from headstart.images.depths import data_set_levels
    from headstart.metrics.statistic import estimate
    from headstart.nets.pretrained.backbone import open_backbone
    from headstart.probe.frozen import Frozen
    from headstart.scoring.score import measured
    from headstart.strategies.ask import Ask
    from headstart.strategies.boxes.train import train_boxes
    from headstart.strategies.clock import Clock
    from headstart.strategies.look import Sight, look_at, maps_of
    from headstart.strategies.prepare import check_and_split, drop_unlabelled
    from headstart.strategies.problem import FrozenNetwork
    from headstart.tasks.detection.recipe import BoxRecipe
    from headstart.training.schedule import parse_recipe

    print(f"Machine: {machine()}. Headstart {commit()}.\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if args.data is None:
            need(DATA / args.set)
        data = Path(args.data) if args.data else lay_out(args.set, place / "data", args.most)
        compute = Compute(args.device, None, 0)
        dataset = drop_unlabelled(open_dataset(str(data), task="detection"))
        backbone = open_backbone(args.backbone)
        size = args.size if args.size == "auto" else int(args.size)
        sight = Sight(size, "square", 1, None)
        levels = data_set_levels(dataset)
        features, preprocess = look_at(dataset, backbone, sight, levels, compute)
        _, kept, prepared = check_and_split(dataset, features.stats, seed=0, drop_leaks=True)
        frozen = Frozen.of_stages(features.vectors, features.slices).take(kept)
        network = FrozenNetwork(backbone, preprocess, 1, frozen, maps_of(features, kept))
        print("| recipe | seed | AP50 | AP | held-out AP50, AP of each arm | s |\n"
              "|---|---|---|---|---|---|", flush=True,
    )  # fmt: skip
        for number, text in enumerate(args.variants):
            for seed in map(int, args.seeds.split(",")):
                begun = time.perf_counter()
                own = {"recipe": text or None, "epochs": "auto", "seed": seed}
                with contextlib.ExitStack() as stack:
                    ask = Ask(
                        strategy=args.strategy, recipe=parse_recipe(text, BoxRecipe()), epochs=None,
                        find_rate=False, budget=args.budget, views=None, evaluation="auto", folds=5,
                        baselines="none", run=place / f"run{number}-{seed}", options=own, log=None,
                        resuming=False, overwrite=True, until_written=stack,
                    )  # fmt: skip
                    trained = train_boxes(
                        prepared, network, ask, Compute(args.device, None, seed), Clock()
                    )
                seconds = time.perf_counter() - begun
                labels = prepared.dataset.labels.take(trained.items)
                found = measured("detection", trained.predictions, labels).statistics
                shown = [f"{estimate(found[key]).value:.3f}" for key in ("map_50", "map")]
                arms = ", ".join(
                    f"{each['arm']} {each['map_50']} {each['map']} ({each['epochs'] or 0} epochs)"
                    for each in trained.trials
                )
                print(f"| {text or 'as it is'} | {seed} | {shown[0]} | {shown[1]} | {arms} "
                      f"| {seconds:.0f} |", flush=True,
    )  # fmt: skip


if __name__ == "__main__":
    main()
