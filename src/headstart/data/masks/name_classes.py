"""What the classes of masks are called, and with which colours they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headstart.data.masks.raw import channels
from headstart.data.masks.value_names import ValueNames
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["NamedClasses", "drawing_colours", "name_classes"]

_BACKGROUND = frozenset({"background", "bg", "_background_", "backgrounds", "hintergrund"})
_NOBODY = frozenset({"void", "ignore", "ignored", "dontcare", "don't care", "__ignore__"})


@dataclass(frozen=True)
class NamedClasses:
    """Classes of masks.

    Attributes:
        values: V values.
        indices: The class of each; 255 for those that are called void or ignored.
        texts: The values as people write them: 128, or #ff0000.
        names: C names.
        palette: (C, 3) uint8.
        origin: Where the names come from, for people; empty where nobody named them.
    """

    values: tuple[int, ...]
    indices: tuple[int, ...]
    texts: tuple[str, ...]
    names: tuple[str, ...]
    palette: np.ndarray
    origin: str


def name_classes(
    values: Sequence[int],
    named: ValueNames | None,
    colours: bool,
    *,
    palette: dict[int, int],
    root: Path,
) -> NamedClasses:
    """Names the values that are classes; two of one name are one class.

    Args:
        values: V values, ascending.
        named: What a file of names says.
        colours: Whether the values are colours.
        palette: Index -> colour, where the files have a palette.
        root: For errors.

    Raises:
        DataError: If there are more or fewer names than values.
    """
    texts = [f"#{value:06x}" if colours else str(value) for value in values]
    found = _told(values, named, colours, root)
    own = _default(values, texts)
    called = [found.get(value, name) for value, name in zip(values, own, strict=True)]
    names = tuple(dict.fromkeys(name for name in called if name.lower() not in _NOBODY))
    if not names:  # all void: nothing to learn, but something to say
        names = tuple(dict.fromkeys(called))
    index = {name: number for number, name in enumerate(names)}
    indices = tuple(index.get(name, 255) for name in called)
    origin = f"named by {named.path.name}" if named is not None and found else ""
    drawn = drawing_colours(len(names))
    for value, at in zip(values, indices, strict=True):
        if at < len(names) and (colours or value in palette):
            drawn[at] = channels(np.array([value if colours else palette[value]]))[0]
    if len(np.unique(drawn, axis=0)) < len(drawn):  # a palette of greys cut short, say
        drawn = drawing_colours(len(names))
    return NamedClasses(tuple(values), indices, tuple(texts), names, drawn, origin)


def _told(
    values: Sequence[int], named: ValueNames | None, colours: bool, root: Path
) -> dict[int, str]:
    if named is None:
        return {}
    if named.by_colour or named.by_value:
        listed = named.by_colour if colours else named.by_value
        if colours and not named.by_colour:  # #808080 is 128
            listed = {grey * 0x010101: name for grey, name in named.by_value.items() if grey < 256}
        unknown = [value for value in values if value not in listed]
        if len(unknown) == len(values):
            shown = some_of([f"#{v:06x}" if colours else v for v in values], 6)
            raise DataError(
                f"{named.path} names none of the values of the masks of {root} ({shown}): mend it, "
                f"or move it away"
            )
        return listed
    names = named.in_order
    if not colours and values and values[-1] < len(names):
        return dict(enumerate(names))  # numbered from 0, and some may be absent
    if len(names) == len(values):
        return dict(zip(values, names, strict=True))
    unnamed = not any(name.lower() in _BACKGROUND for name in names)
    if values and values[0] == 0 and len(names) == len(values) - 1 and unnamed:
        return dict(zip(values, ("background", *names), strict=True))
    shown = some_of([f"#{v:06x}" if colours else v for v in values], 8)
    raise DataError(
        f"{named.path} has {len(names)} names, and the masks of {root} have {len(values)} values "
        f"({shown}): write one line 'value name' for each value"
    )


def _default(values: Sequence[int], texts: Sequence[str]) -> list[str]:
    binary = len(values) == 2 and values[0] == 0
    return [
        "background" if value == 0 else "foreground" if binary else text
        for value, text in zip(values, texts, strict=True)
    ]


def drawing_colours(count: int) -> np.ndarray:
    """Returns (C, 3) uint8 colours that differ from each other, the first black.

    Source: the colour map of the PASCAL VOC development kit.
    """
    colours = np.zeros((count, 3), np.uint8)
    for index in range(count):
        rest = index
        for shift in range(7, -1, -1):
            for channel in range(3):
                colours[index, channel] |= (rest >> channel & 1) << shift
            rest >>= 3
    return colours
