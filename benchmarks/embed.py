"""Metric learning on people never seen, beside frozen features and plain softmax.

    python benchmarks/embed.py                       # orl: 20 of 40 people held out, three seeds
    python benchmarks/embed.py --pixels 24           # the same people, seen at 24 x 24 pixels
    python benchmarks/embed.py --bad                 # hardest mining at a high rate: is it caught?
    python benchmarks/embed.py --three               # 3 people, 80 px, an ImageNet network: advise

Every seed holds other people out. Intervals are over people (cluster bootstrap). Needs the data
and the weights (see benchmarks/common.py).
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import common
import numpy as np
from PIL import Image, ImageEnhance

_BAD = "mining=hard,freeze=none,layer_decay=1,backbone_lr=1,clip=100"


def shrink(source: Path, out: Path, pixels: int) -> Path:
    """Copies class folders with every image reduced to a few pixels."""
    for file in sorted(source.glob("*/*")):
        place = out / file.parent.name / f"{file.stem}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(file) as image:
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            square = image.crop((left, top, left + side, top + side))
            square.resize((pixels, pixels), Image.Resampling.BOX).save(place)
    return out


def stage_three(source: Path, out: Path, *, each: int, size: int = 80, seed: int = 0) -> Path:
    """Stages the case: three people, many varied images of each, split by image.

    Args:
        source: Class folders of people.
        out: Gets train/ and val/ with the same three people.
        each: Images of a person.
        size: Side in pixels.
        seed: Of the variation.
    """
    rng = np.random.default_rng(seed)
    people = sorted(each for each in source.iterdir() if each.is_dir())[:3]
    for person in people:
        originals = sorted(file for file in person.iterdir() if file.is_file())
        for number in range(each):
            with Image.open(originals[number % len(originals)]) as image:
                face = image.convert("RGB")
            # Another crop, light, tilt and mirror image every time, as many images of a person.
            side = int(min(face.size) * rng.uniform(0.6, 0.95))
            left = int(rng.integers(0, face.width - side + 1))
            top = int(rng.integers(0, face.height - side + 1))
            face = face.rotate(rng.uniform(-12, 12), Image.Resampling.BILINEAR)
            face = face.crop((left, top, left + side, top + side)).resize((size, size))
            face = ImageEnhance.Brightness(face).enhance(rng.uniform(0.6, 1.4))
            if rng.random() < 0.5:
                face = face.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            folder = out / ("val" if number % 5 == 0 else "train") / person.name
            folder.mkdir(parents=True, exist_ok=True)
            face.save(folder / f"{number:05}.jpg", quality=90)
    return out


def measure(data: Path, arguments: object, seed: int, extra: list[str], room: Path) -> dict:
    """Trains once and returns metrics.json."""
    run = room / f"run{seed}-{len(list(room.iterdir()))}"
    done = common.headstart(
        "train", data, "-o", run, "--task", "identity", "--backbone", arguments.backbone,
        "--seed", seed, *extra, cache=room / "cache", python=arguments.python,
    )  # fmt: skip
    done.check()
    return common.read_json(run / "metrics.json") | {"seconds": done.seconds}


def table(found: dict[int, dict]) -> None:
    """Prints what every way reached on the people held out, seed by seed."""
    gains = "gain over it in mAP@R; with one image a person"
    print(f"| seed | way | recall@1 | mAP@R | one image a person | {gains} |")
    print("|---|---|---|---|---|---|")
    for seed, metrics in found.items():
        for row in metrics["retrieval"]["rows"]:
            shown = [
                common.show_estimate(row["measures"][name])
                for name in ("recall_at_1", "map_at_r", "one_shot")
            ]
            gain = row["gain"]
            change = ""
            if gain:
                value = gain["map_at_r"]
                change = common.show(value["value"], value["low"], value["high"], signed=True)
                one = gain["one_shot"]
                change += "; one image " + common.show(
                    one["value"], one["low"], one["high"], signed=True
                )
            print(f"| {seed} | {row['summary']} | {' | '.join(shown)} | {change} |")
    print()
    for seed, metrics in found.items():
        print(f"seed {seed}: {metrics['seconds']:.0f} s; {metrics['finetuning']['summary']}")
        for diagnosis in metrics["finetuning"]["diagnoses"]:
            print(f"  {diagnosis['severity']}: {diagnosis['check']}: {diagnosis['claim']}")
            print(f"  -> {diagnosis['remedy']}")


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--set", default="orl", help="class folders of people (default orl)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", default="auto")
    parser.add_argument("--lr", help="learning rate")
    parser.add_argument("--recipe", default="loss=triplet", help="default: %(default)s")
    parser.add_argument("--pixels", type=int, help="reduce images to so many pixels first")
    parser.add_argument("--bad", action="store_true", help="a configuration that collapses")
    parser.add_argument("--three", action="store_true", help="three people: what advise says")
    parser.add_argument("--each", type=int, default=3333, help="images of the three, each")
    arguments = parser.parse_args()
    source = common.DATA / arguments.set
    common.need(source, Path(arguments.backbone))
    print(f"{common.machine()}; {common.versions(arguments.python)}; commit {common.commit()}\n")
    with tempfile.TemporaryDirectory() as temporary:
        room = Path(temporary)
        if arguments.three:
            data = stage_three(source, room / "three", each=arguments.each)
            done = common.headstart(
                "advise", data, "--task", "identity", "--faces", "--backbone", arguments.backbone,
                "--json", cache=room / "cache", python=arguments.python,
            )  # fmt: skip
            advice = json.loads(done.check().stdout)
            for finding in advice["findings"]:
                print(f"- **{finding['severity']}**, {finding['check']}: {finding['claim']}")
                print(f"  → {finding['remedy']}")
            print("\n".join(["", *advice["summary"], f"{done.seconds:.0f} s"]))
            return
        data = shrink(source, room / "small", arguments.pixels) if arguments.pixels else source
        recipe, rate = arguments.recipe, arguments.lr
        if arguments.bad:
            recipe, rate = f"{recipe},{_BAD}", rate or "0.03"
        extra = ["--recipe", recipe, "--epochs", arguments.epochs]
        extra += ["--lr", rate] if rate else []
        extra += ["--baselines", "none"] if arguments.bad else []
        print(f"`headstart train {arguments.set} --task identity {' '.join(extra)}`\n")
        seeds = range(arguments.seed, arguments.seed + arguments.seeds)
        table({seed: measure(data, arguments, seed, extra, room) for seed in seeds})


if __name__ == "__main__":
    sys.exit(main())
