"""Options of `audit`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from headstart.choices import Device
from headstart.options import shared
from headstart.options.idle import read_of_no_data
from headstart.options.record import Options, option, subject

__all__ = ["AuditOptions"]


@dataclass(frozen=True, kw_only=True)
class AuditOptions(Options):
    """What `audit` is told."""

    ANSWERS: ClassVar[bool] = True
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "headstart audit runs/hydration",
        "headstart audit runs/hydration --by gender,camera",
        "headstart audit runs/hydration other-clinic/",
        "headstart audit runs/hydration --corruptions",
        "headstart audit runs/hydration --repair gender -o runs/hydration-2",
        "headstart audit runs/hydration --repair gender -o runs/hydration-2 --backbone fast,best",
        "headstart audit runs/hydration --against runs/hydration-2",
    )

    run: str | Path = subject(help="The folder that `train` wrote.")
    data: str | Path | None = subject(
        None,
        help="Other labelled images to ask about; by default what the run held out of its own.",
    )
    # data
    label: str | None = shared.label()
    image: str | None = shared.image()
    group: str | None = shared.group("; what is in one group counts as one piece of evidence")
    split: str | None = shared.split()
    workers: int | None = shared.workers()
    # model
    backbone: str | None = shared.backbone(
        None,
        more="; or several, joined by commas: with `repair`, networks that are tried in the place "
        "of the run's own. What they would bring is told, and not written",
    )
    faces: bool = shared.faces_option(
        "With `backbone`: that network looks at the largest face of each image."
    )
    detector: str = shared.detector()
    device: Device = shared.device()
    # measuring
    by: str | None = option(
        None, group="measuring", metavar="COLUMN,…",
        help="Columns, joined by commas, that the model might lean on (gender, camera, hospital); "
        "by default all that the data have, and what no column names: light, colour, border, "
        "corners, files and cameras.",
    )  # fmt: skip
    corruptions: bool = option(
        False, group="measuring",
        help="Also answer up to 300 images blurred, noisy, compressed, dark, bright, flat, turned "
        "and coarse, mildly and strongly, and tell what that costs. Later audits of the same "
        "model and images keep what was measured.",
    )  # fmt: skip
    against: str | Path | None = option(
        None, group="measuring", metavar="RUN2",
        help="Another run on the same images: which of the two leans less on each column, by the "
        "images that both answered.",
    )  # fmt: skip
    repair: str | None = option(
        None, group="training", metavar="COLUMN",
        help="Repair the head, so that it leans less on this column: every value counts alike "
        "within every class. Tried only where the model leans on it, and kept only where that "
        "surely helps where column and class would be unrelated.",
    )  # fmt: skip
    attribute_pool: str | Path | None = option(
        None, group="training", metavar="FOLDER",
        help="With `repair`: other images that carry the column (as a column, or as class folders "
        "that bear its values) and not the confound; what shows it is erased first.",
    )  # fmt: skip
    seed: int = shared.seed("permutations, folds and intervals")
    # output
    out: str | Path | None = shared.out(
        None, metavar="RUN2", help="With `repair`: the folder of the repaired run."
    )
    overwrite: bool = shared.overwrite("an earlier run in `out`")

    def contradictions(self) -> Iterator[str]:
        """Yields what makes no sense together."""
        if self.data is None:
            yield from read_of_no_data(self)
        if self.repair is not None and self.out is None:
            yield f"--repair {self.repair} needs -o RUN2: the run itself stays as it is"
        if self.repair is None and self.out is not None:
            yield f"-o {self.out} is where a repaired run goes: say --repair COLUMN too"
        if self.repair is None and self.attribute_pool is not None:
            yield "--attribute-pool is what --repair COLUMN erases by: say that too"
        if self.repair is None and self.backbone is not None:
            yield "--backbone is what --repair COLUMN tries in place of the run's own: say that too"
        if self.faces and self.backbone is None:
            yield "--faces says what another --backbone looks at: name one, or leave it out"
        if self.against is not None and (self.repair is not None or self.data is not None):
            other = "--repair" if self.repair is not None else f"other images ({self.data})"
            yield f"--against compares two finished runs on their own images: leave {other} out"
        if self.repair is not None and self.corruptions:
            yield "--corruptions asks a finished run: ask the repaired one afterwards"
        if self.repair is not None and self.data is not None:
            yield f"--repair {self.repair} learns from the run's own images: leave {self.data} out"
