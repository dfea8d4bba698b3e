"""Flags that would do nothing: they are refused, not passed over."""

from __future__ import annotations

from collections.abc import Iterator

from headstart.errors import OptionError
from headstart.options.record import Options

__all__ = ["fps_of", "read_of_no_data", "tuning_of_none"]

_TUNING = {"epochs": "auto", "lr": None, "augment": "standard", "recipe": None, "log": None}
_READ_BY = ("label", "image", "group", "split", "annotations")


def fps_of(asked: float | None, usual: float, *, moving: bool) -> float:
    """Returns how many frames a second are looked at.

    Args:
        asked: What was asked for, or None.
        usual: Where nothing was.
        moving: Whether there is a video or camera at all.

    Raises:
        OptionError: If there is none, and it was asked for.
    """
    if asked is not None and not moving:
        raise OptionError(
            f"--fps {asked:g} is of videos and cameras, and these are images: leave --fps out"
        )
    return usual if asked is None else asked


def read_of_no_data(options: Options) -> Iterator[str]:
    """Yields why flags that say how data are read do nothing: no data were named.

    Args:
        options: Of a verb whose DATA may be left out.
    """
    given = {name: getattr(options, name, None) for name in _READ_BY}
    if (masks := getattr(options, "masks", "auto")) != "auto":
        given["masks"] = masks
    for name, value in given.items():
        if value is not None:
            yield (
                f"--{name} {value} says how DATA are read, and none are named: name them, or leave "
                f"--{name} out"
            )


def tuning_of_none(options: Options) -> Iterator[str]:
    """Yields why flags of fine-tuning do nothing: frozen features alone are learnt from.

    Args:
        options: Of a verb that learns; of a task that is not learnt otherwise than that.
    """
    for name, usual in _TUNING.items():
        if (value := getattr(options, name)) != usual:
            yield (
                f"--{name} {value} is of fine-tuning, and --strategy probe does none: leave one of "
                f"them out"
            )
