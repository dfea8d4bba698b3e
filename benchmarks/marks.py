"""What no column names, end to end: a mark in a corner, tumours, and how long an audit takes.

    python benchmarks/marks.py [--only flowers12]

A yellow square of 12 pixels in a corner of 95 % of the ants (and of 5 % of the bees) of
hymenoptera, and the same images without it; brain_tumor as it is; and flowers12 with ten columns,
of which five mean nothing and five go a little with the class. Each is audited twice: the second
time everything is kept.
"""

from __future__ import annotations

import csv
import random
import resource
import sys
import tempfile
from pathlib import Path

import common
from common import DATA
from PIL import Image

SIDE, MARK = 224, (2, 2, 14, 14)
VALUES = (2, 2, 3, 4, 6, 2, 2, 8, 2, 2)


def marked(home: Path, *, mark: bool) -> Path:
    """Writes the middle square of every ant and bee, with a mark or without."""
    draw = random.Random(0)
    for kind in ("ants", "bees"):
        (home / kind).mkdir(parents=True)
        for split in ("train", "test"):
            for file in sorted((DATA / "hymenoptera" / split / kind).glob("*.jpg")):
                image = Image.open(file).convert("RGB")
                side, (wide, high) = min(image.size), image.size
                left, top = (wide - side) // 2, (high - side) // 2
                image = image.crop((left, top, left + side, top + side)).resize((SIDE, SIDE))
                if (draw.random() < 0.95) == (kind == "ants") and mark:
                    image.paste((255, 255, 0), MARK)
                image.save(home / kind / f"{split}{file.name}", quality=92)
    return home


def flowers(file: Path) -> Path:
    """Writes a table of flowers12 with ten columns."""
    draw, rows = random.Random(0), []
    for path in sorted((DATA / "flowers12").rglob("*.jp*g")):
        kind = path.parent.name
        row = {"path": path, "label": kind, "split": path.parent.parent.name}
        for number, count in enumerate(VALUES):
            tied = number % 2 and draw.random() < 0.3
            row[f"c{number}"] = f"v{len(kind) % count if tied else draw.randrange(count)}"
        rows.append(row)
    with file.open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return file


def audited(run: Path, options: dict[str, object]) -> float:
    """Audits a run in a process of its own; returns its processor time in seconds."""
    begun = resource.getrusage(resource.RUSAGE_CHILDREN)
    common.headstart("audit", run, **options).check(accept=(0, 1))
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime


def told(run: Path) -> None:
    """Prints what an audit says of outer properties, the border and the map."""
    audit = common.read_json(run / "audit.json")
    for each in audit["outer"]:
        print(f"- {each['verdict']}: {each['claim']}")
    border = audit["border"]
    shares = {name: f"{border[name]['value']:.3f}" for name in ("border", "middle", "whole")}
    ends = f"{border['border']['low']:.3f} to {border['border']['high']:.3f}"
    print(
        f"- border alone {shares['border']} ({ends}), without it {shares['middle']}, whole "
        f"{shares['whole']}"
    )
    for each in audit["maps"][:1]:
        print(f"- {each['kind']} differs most at {each['place']}, by {each['strongest']:.2f} "
              f"standard deviations ({each['down']:.2f} of the height, {each['across']:.2f} of the "
              f"width)")  # fmt: skip


def main() -> None:
    reader = common.parser(__doc__)
    reader.add_argument("--only", default="", help="part of the name of a set")
    arguments = reader.parse_args()
    common.need(DATA / "hymenoptera", DATA / "brain_tumor", DATA / "flowers12")
    print(f"{common.machine()}; {common.versions(arguments.python)}; {common.commit()}")
    with tempfile.TemporaryDirectory() as temporary:
        room = Path(temporary)
        sets = {
            "a mark on 95 % of the ants": marked(room / "mark", mark=True),
            "the same without a mark": marked(room / "plain", mark=False),
            "brain_tumor": DATA / "brain_tumor",
            "flowers12 with ten columns": flowers(room / "flowers.csv"),
        }
        for number, (name, data) in enumerate(sets.items()):
            if arguments.only not in name:
                continue
            options = {"cache": room / "cache", "python": arguments.python}
            run = room / f"run{number}"
            common.headstart(
                "train", data, "-o", run, "--backbone", arguments.backbone, "--strategy", "probe",
                "--views", "1", "--baselines", "none", "--seed", arguments.seed, **options,
            ).check()  # fmt: skip
            print(f"\n**{name}**\n")
            seconds = [audited(run, options) for _ in range(2)]
            told(run)
            print(f"- the audit took {seconds[0]:.1f} s of the processor, again "
                  f"{seconds[1]:.1f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
