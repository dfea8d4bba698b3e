"""`BoxRecipe`: everything that decides how boxes are learnt."""

from __future__ import annotations

from dataclasses import dataclass, replace

from headstart.errors import OptionError
from headstart.training.schedule import Recipe, Schedule

__all__ = ["BoxRecipe"]


@dataclass(frozen=True)
class BoxRecipe(Recipe):
    """One way to learn boxes; what is not said here is as in `Recipe`.

    Many small steps matter more than large batches: of as many images, twice as many steps of four
    gave AP 0.585 on held-out ones where steps of eight gave 0.563 (docs/benchmarks.md).

    Attributes:
        low: Smallest factor by which training images are enlarged.
        high: Largest.
        shift: Largest way to each side beyond that, in sides.
        upside: Whether up and down may be exchanged too.
        saturation: Largest change of saturation.
        value: Largest change of brightness.
        visible: Share of a box that must be left for it to stay one of its class.
        room: Side of what training images are cut from, in sides of the input.
        probe_views: Views of an image that the class layer of a frozen detector learns from, the
            first as it is; one of more than 200 images.
        probe_top: Cells that an object gives its class layer.
        probe_near: Overlap from which other cells are not counted: their boxes will be dropped.
        probe_beta: Exponent of the quality focal loss of the class layer.
        probe_share: Share of plain background that it learns from.
        probe_cells: Cells of a level that it learns from, at most.
        probe_sides: Strength with which its side layers are learnt on; 0 leaves them as they are.
        probe_strengths: Strengths that are tried, joined by ``/``.
        probe_steps: Of its solver at each strength, at most.
        probe_overlap: As `overlap`, of a frozen detector: its boxes lie less exactly.
        width: Channels of a pyramid head.
        bins: Bins of a side's distance in a pyramid head.
        views: Varied views of each image that the frozen network sees for a pyramid head.
        head_epochs: Of a pyramid head on frozen maps.
        head_lr: Its rate.
        head_batch: Images in a step of it.
        steps: Least number of steps of fine-tuning, where `epochs` is not asked for; and of a
            pyramid head.
        pyramid_backbone_lr: As `backbone_lr`, where the network is no detector.
        longest: Most epochs, where `epochs` is not asked for.
        onward: Share of the epochs that the kept way learns on for with all images.
        onward_lr: Its rate, in rates of the training.
        top: Cells that an object gives in fine-tuning.
        box_loss: Weight of the overlap of boxes (GIoU).
        bin_loss: Weight of the bins (distribution focal loss).
        floor: Least score of a box that is kept, before calibration.
        overlap: Overlap from which on two boxes of a class are one object.
    """

    epochs: int = 12
    batch: int = 4
    lr: float = 4e-4
    layer_decay: float = 1.0
    backbone_lr: float = 1.0
    schedule: Schedule = "one-cycle"
    weight_decay: float = 0.05
    label_smoothing: float = 0.0
    ema: float = 0.98
    clip: float = 5.0
    low: float = 0.6
    high: float = 1.5
    shift: float = 0.05
    upside: bool = False
    saturation: float = 0.4
    value: float = 0.3
    visible: float = 0.4
    room: float = 1.5
    probe_views: int = 1
    probe_top: int = 9
    probe_near: float = 0.6
    probe_beta: float = 2.0
    probe_share: float = 0.05
    probe_cells: int = 20_000
    probe_sides: float = 0.02
    probe_strengths: str = "0.1/1/10"
    probe_steps: int = 20
    probe_overlap: float = 0.5
    width: int = 96
    bins: int = 8
    views: int = 4
    head_epochs: int = 18
    head_lr: float = 2e-3
    head_batch: int = 4
    steps: int = 160
    pyramid_backbone_lr: float = 1.0
    longest: int = 20
    onward: float = 0.25
    onward_lr: float = 0.3
    top: int = 9
    box_loss: float = 2.0
    bin_loss: float = 0.25
    floor: float = 0.02
    overlap: float = 0.6

    def __post_init__(self) -> None:
        super().__post_init__()
        wrong = ""
        if not 0.1 <= self.low <= 1 <= self.high <= 4:
            wrong = f"low={self.low:g},high={self.high:g}: low from 0.1 to 1, high from 1 to 4"
        elif not 8 <= self.width <= 1024 or not 2 <= self.bins <= 64:
            wrong = f"width={self.width},bins={self.bins}: width from 8 to 1024, bins from 2 to 64"
        elif min(self.views, self.probe_views, self.steps, self.head_epochs, self.longest) < 1:
            wrong = "views, probe_views, steps, head_epochs and longest are at least 1"
        elif min(self.top, self.probe_top, self.probe_cells, self.probe_steps, self.head_batch) < 1:
            wrong = "top, probe_top, probe_cells, probe_steps and head_batch are at least 1"
        elif self.room < 1:
            wrong = f"room={self.room:g}: at least 1"
        elif min(self.shift, self.probe_beta, self.probe_sides) < 0:
            wrong = "shift, probe_beta and probe_sides are at least 0"
        elif min(self.box_loss, self.bin_loss, self.onward) < 0:
            wrong = "box_loss, bin_loss and onward are at least 0"
        elif not all(
            0 < each <= 1
            for each in (self.visible, self.probe_share, self.probe_overlap, self.overlap)
        ):
            wrong = "visible, probe_share, probe_overlap and overlap are above 0, up to 1"
        elif not all(0 <= each < 1 for each in (self.floor, self.saturation, self.value)):
            wrong = "floor, saturation and value are from 0 to below 1"
        elif not _positive(self.probe_strengths):
            wrong = f"probe_strengths={self.probe_strengths}: numbers above 0 joined by /"
        elif self.mixup:
            wrong = f"mixup={self.mixup:g}: boxes of two images have no classes; leave it out"
        if wrong:
            raise OptionError(f"--recipe {wrong}")

    @property
    def of_probe(self) -> BoxRecipe:
        """The recipe by which a frozen detector answers."""
        return replace(self, overlap=self.probe_overlap)

    @property
    def strengths(self) -> tuple[float, ...]:
        """The numbers of `probe_strengths`."""
        return tuple(float(each) for each in self.probe_strengths.split("/"))


def _positive(text: str) -> bool:
    try:
        return all(0 < float(each) < float("inf") for each in text.split("/"))
    except ValueError:
        return False
