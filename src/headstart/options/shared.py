"""Options that mean the same in every verb that has them, each written once."""

from __future__ import annotations

from typing import Any

from headstart.options.record import option

__all__ = [
    "annotations_option",
    "backbone",
    "detector",
    "device",
    "faces_option",
    "folds_option",
    "fps",
    "geometry",
    "group",
    "image_size",
    "label",
    "masks",
    "out",
    "overwrite",
    "recipe",
    "seed",
    "split",
    "task",
    "threshold",
    "workers",
]

_BACKBONES = (
    "A preset (`fast`, `balanced`, `best`), a timm name, `hf-hub:org/name`, a folder in timm's "
    "layout, an ONNX file, or `starter` (bundled, offline)"
)


# --- data -----------------------------------------------------------------------------------


def task() -> Any:
    """What is predicted: one of the tasks that there are."""
    return option(
        "auto", group="data", metavar="TASK", words=_tasks,
        help="What is predicted: a class (`classification`), a number such as an age or a weight "
        "(`regression`, docs/regression.md), whom or what an image shows among identities that "
        "training never saw (`identity`, docs/metric-learning.md), a class for every "
        "pixel (`segmentation`, docs/segmentation.md), boxes around objects (`detection`), or "
        "`auto`: boxes or masks where there are some, "
        "numbers where more than 20 different ones have fractions, else classes.",
    )  # fmt: skip


def _tasks() -> tuple[str, ...]:
    from headstart.tasks import TASKS

    return ("auto", *TASKS)


_TRUTH = "class, or the number"


def label(holds: str = _TRUTH) -> Any:
    """The column of the truth."""
    masks = " Of masks with two values it says what they show." if holds == _TRUTH else ""
    return option(
        None,
        group="data",
        metavar="COLUMN",
        help=f"Column of a table that holds the {holds}, or `folder:N`: the Nth folder of each "
        f"path.{masks}",
    )


def group(more: str = "") -> Any:
    """The column of who belongs together."""
    return option(
        None, group="data", metavar="COLUMN",
        help="Column that says who belongs together (person, patient, video), or `folder:N`: the "
        f"name of the Nth folder of each path (`folder:2` of class/person/photo.jpg){more}; "
        "`stem`: the file name without the number at its end; `none` "
        "where a column is called group and says something else.",
    )  # fmt: skip


def split() -> Any:
    """The column of who tests."""
    return option(
        None, group="data", metavar="COLUMN",
        help="Column of a table that holds `train`, `val` or `test`; `none` for none.",
    )  # fmt: skip


def image() -> Any:
    """The column of files."""
    return option(
        None, group="data", metavar="COLUMN",
        help="Column of a table that names the image files, where its name does not say so.",
    )  # fmt: skip


def annotations_option() -> Any:
    """Where boxes or masks are, if that can be told in two ways."""
    return option(
        None, group="data", metavar="PATH",
        help="Of images with boxes or masks: the folder, the JSON file or the table that is "
        "meant, where the data hold several or it lies elsewhere.",
    )  # fmt: skip


def masks() -> Any:
    """How the values of masks are read."""
    return option(
        "auto", group="data",
        help="How the values of masks are read: each as a class (`classes`), 0 against all else "
        "(`binary`), or `auto`: as the files say, and refused where they number things one by one.",
    )  # fmt: skip


def faces_option(help: str) -> Any:
    """Whether it is about faces."""
    return option(False, group="data", help=help)


def detector() -> Any:
    """What finds faces."""
    return option(
        "yunet", group="data", metavar="FILE",
        help="What finds faces: `yunet` (of OpenCV's model zoo, from the hub), or its ONNX file.",
    )  # fmt: skip


def fps(default: float | None, *, more: str = "") -> Any:
    """How many frames are looked at; None for what suits the model, which `more` says."""
    return option(
        default, group="data", above=0, unit="frames a second",
        help=f"Frames a second of a video or camera that are looked at{more}.",
    )  # fmt: skip


def workers() -> Any:
    """How many threads."""
    return option(
        None, group="data", low=1, metavar="N",
        help="Decoding threads; by default one a processor.",
    )  # fmt: skip


# --- model ----------------------------------------------------------------------------------


def backbone(default: str | None, *, more: str = "") -> Any:
    """The pretrained network."""
    return option(default, group="model", metavar="NAME", help=f"{_BACKBONES}{more}.")


def image_size(help: str) -> Any:
    """The side of what the network sees."""
    return option(
        "auto", group="model", low=16, high=2048, unit="pixels", metavar="PIXELS", help=help
    )


def geometry() -> Any:
    """How an image becomes a square."""
    return option(
        "square", group="model",
        help="How an image becomes a square: its largest `square`, the smaller `crop` that the "
        "weights were tested with, or `pad` or `squash` the whole of it.",
    )  # fmt: skip


def device(help: str = "Where the network runs.") -> Any:
    """Where the network runs."""
    return option("auto", group="model", help=help)


def threshold() -> Any:
    """Scores above it are accepted."""
    return option(
        None, group="model", metavar="SCORE",
        help="Accept scores above this, instead of the calibrated threshold.",
    )  # fmt: skip


# --- training -------------------------------------------------------------------------------


def recipe(help: str) -> Any:
    """All else of fine-tuning."""
    return option(None, group="training", metavar="NAME=VALUE,…", help=help)


# --- measuring ------------------------------------------------------------------------------


def folds_option() -> Any:
    """How many folds."""
    return option(5, group="measuring", low=2, metavar="K", help="Folds of every cross-validation.")


def seed(of: str) -> Any:
    """What decides all that is random."""
    return option(0, group="measuring", low=0, metavar="N", help=f"Seed of {of}.")


# --- output ---------------------------------------------------------------------------------


def out(*default: Any, help: str, metavar: str = "FOLDER") -> Any:
    """Where the result goes; without a default it must be said."""
    return option(*default, group="output", metavar=metavar, help=help)


def overwrite(what: str) -> Any:
    """Whether something may be replaced."""
    return option(False, group="output", help=f"Replace {what}.")
