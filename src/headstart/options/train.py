"""Options of `train`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from headstart.choices import (
    Balance,
    Baselines,
    BoxDetector,
    Device,
    EvaluationKind,
    Flip,
    Geometry,
    MaskValues,
    Policy,
    Segmenter,
    Strategy,
    TrackerName,
    Views,
)
from headstart.options import shared
from headstart.options.idle import tuning_of_none
from headstart.options.kinds import joined_words, near
from headstart.options.record import Options, option, subject
from headstart.options.ways import (
    has_own_way,
    learns_boxes,
    learns_classes,
    learns_masks,
    learns_places,
    recipe_of,
    unsuited,
    unsuited_views,
)

if TYPE_CHECKING:
    from headstart.training.schedule import Recipe

__all__ = ["TORCHVISION", "TrainOptions"]

TORCHVISION = "torchvision"
"""Backbone of a detector of torchvision's that is its own, with its COCO weights."""


@dataclass(frozen=True, kw_only=True)
class TrainOptions(Options):
    """What `train` is told."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "headstart train flowers/ -o runs/flowers",
        "headstart train table.csv --label species --group animal --backbone fast -o runs/table",
        "headstart train flowers/ --strategy finetune --epochs 20 --recipe dropout=0.2 -o runs/f",
        "headstart train --resume runs/flowers",
    )

    data: str | Path | None = subject(
        None,
        help="Class folders (with or without train and test), a CSV or Parquet table, or images "
        "with masks or boxes.",
    )
    # data
    task: str = shared.task()
    label: str | None = shared.label()
    image: str | None = shared.image()
    group: str | None = shared.group()
    split: str | None = shared.split()
    annotations: str | Path | None = shared.annotations_option()
    masks: MaskValues = shared.masks()
    corrections: str | Path | None = option(
        None, group="data", metavar="FILE",
        help="A CSV of corrected labels (columns file, label, corrected), as `audit` writes one to "
        "be filled in. The data themselves stay as they are.",
    )  # fmt: skip
    drop_leaks: bool = option(
        True, group="data",
        help="Remove from training the items that a given split also has in its test, as copies, "
        "near-duplicates or members of one group. Test items are never removed.",
    )  # fmt: skip
    faces: bool = shared.faces_option(
        "Look at the largest face of each photo instead of the photo: found, set upright and cut "
        "out, then and whenever the model is used. Photos without one are set aside."
    )
    detector: str = option(
        "auto", group="data", metavar="NAME|FILE",
        help="With --faces what finds them: `yunet` or its ONNX file. Of boxes what learns them: "
        "one of torchvision's `fasterrcnn`, `retinanet`, `fcos`, `ssd` and `ssdlite` over the "
        "backbone. `auto`: yunet, or Headstart's own ways, the best of which is kept.",
    )  # fmt: skip
    segmenter: Segmenter | Literal["auto"] = option(
        "auto", group="data", metavar="NAME",
        help="Of masks what learns them: a decoder of segmentation-models-pytorch over the "
        "backbone (`unet`, `unetplusplus`, `manet`, `linknet`, `fpn`, `pan`, `deeplabv3plus`, "
        "`upernet`, `segformer`), or `auto`: Headstart's own ways, the best of which is kept.",
    )  # fmt: skip
    workers: int | None = shared.workers()
    # model
    backbone: str = shared.backbone(
        "balanced", more="; with --detector `torchvision` too, its own with COCO weights"
    )
    image_size: int | Literal["auto"] = shared.image_size(
        "Side in pixels; `auto` is the backbone's own, or 128 where half of the images have at "
        "most 112."
    )
    geometry: Geometry = shared.geometry()
    tile: int | Literal["auto"] = option(
        "auto", group="model", low=128, high=2048, unit="pixels", metavar="PIXELS",
        help="Side of tiles in which images are answered at full resolution (up to 8192 px), "
        "overlapping and blended, so that tiny objects in the masks of large images are not shrunk "
        "away; `auto` does so where no smaller input shows what the masks are of.",
    )  # fmt: skip
    tta: Views = option(
        1, group="model",
        help="1, or 2 (mirrored too), 3 (crops along the longer side) or 6 (both), averaged; of "
        "masks 8 turns them by quarters too, for images without an upright.",
    )  # fmt: skip
    views: int | Literal["auto"] = option(
        "auto", group="model", low=1, high=4, metavar="N",
        help="How many ways of looking at an image (its largest square, the whole squashed, its "
        "middle) the model may keep, one pass of the network each; `auto` tries further ones while "
        "errors remain and keeps at most two.",
    )  # fmt: skip
    device: Device = shared.device()
    # training
    strategy: Strategy = option(
        "auto", group="training",
        help="`auto` (fine-tunes within the budget where that could be shown to pay, and keeps the "
        "better on held-out images), `probe` (feature extraction: the network stays frozen; "
        "seconds), `finetune` (layers of the network learn too, from a linear probe on), or "
        "`scratch` (the same network from random weights, for comparison).",
    )  # fmt: skip
    budget: float = option(
        5.0, group="training", above=0, unit="minutes", metavar="MINUTES",
        help="Minutes that `auto` may fine-tune for; of boxes and masks of the whole training, "
        "whatever the strategy. What takes longer says so.",
    )  # fmt: skip
    epochs: int | Literal["auto"] = option(
        "auto", group="training", low=1, metavar="N",
        help="Of fine-tuning; `auto` is what the budget allows, or the recipe's own. Of boxes and "
        "masks a number is not cut by the budget.",
    )  # fmt: skip
    lr: float | Literal["auto"] | None = option(
        None, group="training", above=0, metavar="RATE",
        help="Learning rate of the head; `auto` finds it by a range test; by default the recipe's.",
    )  # fmt: skip
    augment: Policy = option(
        "standard", group="training",
        help="How training images are varied: `none`, `light` (flips, shifts), `standard` (scale, "
        "rotation, colour too) or `strong` (TrivialAugment, random erasing).",
    )  # fmt: skip
    hflip: Flip = option(
        "auto", group="training",
        help="Whether a mirror image keeps its class; `auto` measures it on held-out images.",
    )  # fmt: skip
    balance: str = option(
        "auto", group="training", metavar="HOW|COLUMN",
        help="What fine-tuning does about classes of different size: `weights` of the loss, "
        "`oversample`, `undersample`, `logits` (logit adjustment), `none`, or `auto`: logits "
        "where the largest class is more than twice the smallest. Or a column of the data: then "
        "every value of it counts alike within every class of the probe, where that pays.",
    )  # fmt: skip
    recipe: str | None = shared.recipe(
        "All else of fine-tuning: `name=value` pairs joined by commas, such as "
        "`dropout=0.2,mixup=0.2`. Which layers stay frozen: `freeze=none`, `last` (all but the "
        "last `stages=2`), `gradual`, `norms` or `head` (docs/fine-tuning.md lists the names); for "
        "`identity` `loss=triplet,mining=semihard` and others too (docs/metric-learning.md)."
    )
    resume: str | Path | None = option(
        None, group="training", metavar="RUN",
        help="The folder of a run that was interrupted while it fine-tuned: go on with it, with "
        "the options it had.",
    )  # fmt: skip
    # measuring
    evaluation: EvaluationKind = option(
        "auto", group="measuring",
        help="`holdout` on a test split, `cv` by nested cross-validation, or `auto`: holdout where "
        "the data bring a test split or are many enough for one.",
    )  # fmt: skip
    folds: int = shared.folds_option()
    baselines: Baselines = option(
        "standard", group="measuring",
        help="`standard` (majority class, raw pixels), `full` (the same network with random "
        "weights too, frozen and trained from scratch: minutes) or `none`.",
    )  # fmt: skip
    seed: int = shared.seed("splits, folds and intervals")
    # output
    out: str | Path | None = shared.out(
        None, help="The run's folder; by default `runs/<name of the data>`."
    )
    log: str | None = option(
        None, group="output", words=get_args(TrackerName), metavar="NAME,…",
        help="Where the curves go while it fine-tunes: `tensorboard`, `mlflow`, `wandb`, or "
        "several joined by commas. `history.csv` is always written.",
    )  # fmt: skip
    overwrite: bool = shared.overwrite("an earlier run in `out`")

    def contradictions(self) -> Iterator[str]:
        """Yields what makes no sense together."""
        if self.data is None and self.resume is None:
            yield "train needs DATA: one folder per class, or a table of images"
        if self.tta > 2 and self.faces:
            yield f"--tta {self.tta}: of a face choose 1, or 2 for its mirror image too"
        yield from self._unfit_detector()
        yield from self._unfit_segmenter()
        if self.masks != "auto" and not learns_masks(self.task):
            yield f"--masks {self.masks} is of masks, and this is {self.task}: leave --masks out"
        if self.faces and self.task != "auto" and learns_places(self.task):
            yield f"--faces looks at a face alone, and this is {self.task}: leave --faces out"
        if self.tile != "auto" and not learns_masks(self.task):
            yield f"--tile {self.tile} is of masks, and this is {self.task}: leave --tile out"
        if self.tile != "auto" and self.strategy == "probe":
            yield (
                f"--tile {self.tile} is answered by what is trained on windows at full resolution: "
                f"leave --strategy probe out"
            )
        if has_own_way(self.task) and self.lr == "auto":
            yield f"--task {self.task} learns at the rate of its recipe: leave --lr auto out"
        if (why := unsuited_views(self.task, self.tta)) is not None:
            yield why
        if (why := unsuited(self.task, self.strategy)) is not None:
            yield why
        if self.views not in ("auto", 1):
            yield from self._looks_once()
        told = self.task != "auto" and not learns_places(self.task)
        frozen = self.strategy == "probe" and self.baselines != "full"  # one of which is trained
        if frozen and told and not has_own_way(self.task):
            yield from tuning_of_none(self)
        if self.tta in (3, 6) and self.strategy in ("finetune", "scratch"):
            yield (
                f"--tta {self.tta} averages frozen features of several crops: with --strategy "
                f"{self.strategy} choose 1, or 2 for the mirror image too"
            )
        if self.balance_column is not None and self.strategy in ("finetune", "scratch"):
            yield (
                f"--balance {self.balance}: a column is balanced in the probe of frozen features, "
                f"not in fine-tuning: leave --strategy {self.strategy} out, or choose "
                f"{joined_words(list(get_args(Balance)))}"
            )
        if self.balance_column is not None and not learns_classes(self.task):
            yield f"--balance {self.balance}: a column is balanced within classes, not {self.task}"
        self.given_recipe()

    @property
    def balance_column(self) -> str | None:
        """The column that is balanced within every class; None where none is."""
        return None if self.balance in get_args(Balance) else self.balance

    @property
    def face_detector(self) -> str | None:
        """What finds faces; None where they are not looked at."""
        found = "yunet" if self.detector == "auto" else self.detector
        return found if self.faces else None

    def unfit_detector(self, task: str) -> str | None:
        """Says why a detector that was asked for learns nothing of a task; None where it does.

        Args:
            task: That the data have.
        """
        if self.detector not in get_args(BoxDetector) or learns_boxes(task):
            return None
        return (
            f"--detector {self.detector} learns to find objects in boxes, and this is {task}: "
            f"leave --detector out"
        )

    def unfit_segmenter(self, task: str) -> str | None:
        """Says why a decoder that was asked for learns nothing of a task; None where it does.

        Args:
            task: That the data have.
        """
        if self.segmenter == "auto" or learns_masks(task):
            return None
        return (
            f"--segmenter {self.segmenter} learns masks, and this is {task}: leave --segmenter out"
        )

    def _unfit_segmenter(self) -> Iterator[str]:
        """Yields why a decoder that was asked for cannot be learnt as the rest says."""
        if self.segmenter == "auto":
            return
        asked = f"--segmenter {self.segmenter}"
        if (why := self.unfit_segmenter(self.task)) is not None:
            yield why
        from headstart.training.schedule import names_in

        said = names_in(self.recipe)
        if ours := [name for name in ("arm", "decoder", "width", "views") if name in said]:
            yield f"{asked} has layers of its own: leave {ours[0]}= out of --recipe"
        if find_spec("segmentation_models_pytorch") is None:
            yield (
                f"{asked} needs segmentation-models-pytorch, which is not installed: pip install "
                f"'headstart[segment]'"
            )

    def _unfit_detector(self) -> Iterator[str]:
        """Yields why what was asked for finds nothing here."""
        asked, boxes = f"--detector {self.detector}", get_args(BoxDetector)
        if self.backbone == TORCHVISION and self.detector not in boxes:
            yield (
                f"--backbone {TORCHVISION} is what a detector of torchvision's was trained with on "
                f"COCO: say which, --detector fasterrcnn, retinanet or fcos"
            )
        if self.faces and self.detector in boxes:
            yield (
                f"{asked} finds objects in boxes, not faces: with --faces give yunet or its ONNX "
                f"file, or leave --faces out"
            )
        elif (why := self.unfit_detector(self.task)) is not None:
            yield why
        elif not self.faces and self.detector not in ("auto", *boxes):
            yield (
                f"{asked}: of boxes choose {joined_words(list(boxes))}; what finds faces is given "
                f"with --faces{near(self.detector, list(boxes))}"
            )

    def _looks_once(self) -> Iterator[str]:
        """Yields why an image is seen once only, whatever `views` says."""
        asked = f"--views {self.views}"
        if self.faces:
            yield f"{asked}: a face is cut out in one way; leave --views or --faces out"
        if has_own_way(self.task):
            yield f"--task {self.task} looks at an image in one way: leave {asked} out"
        if self.strategy in ("finetune", "scratch"):
            yield (
                f"{asked} averages frozen features: with --strategy {self.strategy} leave --views "
                f"out, or take probe or auto"
            )

    def given_recipe(self) -> Recipe:
        """Returns the recipe that the options of training make together.

        Raises:
            OptionError: If `recipe` has an unknown name, or a value that does not fit.
        """
        from headstart.training.schedule import parse_recipe

        base = recipe_of(self.task)
        how: Balance = "auto" if self.balance_column is not None else self.balance  # type: ignore[assignment]
        base = base if self.epochs == "auto" else replace(base, epochs=self.epochs)
        base = base if self.lr in (None, "auto") else replace(base, lr=float(self.lr))
        base = replace(base, augment=self.augment, hflip=self.hflip, balance=how)
        return parse_recipe(self.recipe, base)
