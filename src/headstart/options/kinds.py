"""What an annotation means: which values it takes, how text becomes one, and what is wrong."""

from __future__ import annotations

import difflib
import math
import numbers
import os
import types
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

__all__ = [
    "Kind",
    "convert_value",
    "from_text",
    "in_memory",
    "joined_words",
    "kind_of",
    "near",
    "shown",
]


@dataclass(frozen=True)
class Kind:
    """The values that an option takes.

    Attributes:
        choices: Words (or numbers) of its `Literal`.
        number: `int`, `float`, or None where it is no number.
        flag: True or false.
        text: Any words.
        path: A path, as text or `os.PathLike`.
        many: Several paths.
        index: A whole number too, such as that of a camera.
        anything: Whatever Python holds as an image; who uses it says what is none.
        optional: None, too.
    """

    choices: tuple[Any, ...] = ()
    number: type[int] | type[float] | None = None
    flag: bool = False
    text: bool = False
    path: bool = False
    many: bool = False
    index: bool = False
    anything: bool = False
    optional: bool = False

    @property
    def wanted(self) -> str:
        """What to give, as the end of an error."""
        words = [str(each) for each in self.choices]
        if self.flag:
            return "give true or false"
        if self.number is not None:
            return f"give {joined_words([*words, _NUMBERS[self.number]])}"
        if words:
            return f"choose {joined_words(words)}"
        if self.path:
            more = ["several"] * self.many + ["the number of a camera"] * self.index
            return "give a path" + (f", or {joined_words(more)}" if more else "")
        return "give text"


_LONGEST = 200  # characters of a value that are repeated
_NUMBERS: dict[type, str] = {int: "a whole number", float: "a number"}


@cache
def kind_of(hint: Any) -> Kind:
    """Reads an annotation such as `int | Literal["auto"]` or `str | Path | None`."""
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    parts = typing.get_args(hint) if union else (hint,)
    choices = [
        each for part in parts if typing.get_origin(part) is Literal
        for each in typing.get_args(part)
    ]  # fmt: skip
    return Kind(
        choices=tuple(choices),
        number=next((each for each in (int, float) if each in parts and Path not in parts), None),
        flag=bool in parts,
        text=str in parts and Path not in parts,
        path=Path in parts,
        many=any(typing.get_origin(part) is Iterable for part in parts),
        index=Path in parts and int in parts,
        anything=Any in parts,
        optional=type(None) in parts,
    )


def from_text(kind: Kind, text: str) -> Any:
    """Returns the value that a word of the command line means, or the word if it means none."""
    for each in kind.choices:
        if str(each) == text:
            return each
    if kind.number is not None:
        try:
            return kind.number(text)
        except ValueError:
            return text
    return text


def convert_value(kind: Kind, value: Any) -> Any:
    """Returns a value in the type it is used in.

    Raises:
        ValueError: If it is not of that kind; the message says what to give.
    """
    if value is None and kind.optional:
        return None
    if any(type(each) is type(value) and each == value for each in kind.choices):
        return value
    found = _NOTHING if value is None else _as(kind, value)
    if found is _NOTHING:
        guess = near(value, [each for each in kind.choices if isinstance(each, str)])
        raise ValueError(kind.wanted + guess)
    return found


_NOTHING = object()


def _as(kind: Kind, value: Any) -> Any:
    if kind.anything and not isinstance(value, bool | dict | float):
        # A generator is asked once, an open file is one image.
        again = not isinstance(value, Iterator) or hasattr(value, "read")
        return value if again else tuple(value)
    if kind.flag:
        return value if isinstance(value, bool) else _NOTHING
    if kind.number is not None:
        return _number(kind.number, value)
    if kind.choices and not isinstance(value, bool) and isinstance(value, numbers.Integral):
        return int(value) if int(value) in kind.choices else _NOTHING  # such as numpy's
    if (kind.text or kind.path) and isinstance(value, str):
        return value
    if kind.path and isinstance(value, os.PathLike):
        return value
    if kind.index and not isinstance(value, bool) and isinstance(value, numbers.Integral):
        return int(value)
    if kind.many and isinstance(value, Iterable) and not isinstance(value, bytes | dict):
        several = tuple(value)
        right = all(isinstance(each, str | os.PathLike) for each in several)
        return several if right else _NOTHING
    return _NOTHING


def _number(wanted: type[int] | type[float], value: Any) -> Any:
    if isinstance(value, bool):
        return _NOTHING
    if isinstance(value, numbers.Integral):
        return wanted(value)
    if wanted is float and isinstance(value, numbers.Real) and math.isfinite(value):
        return float(value)
    return _NOTHING


def shown(value: Any) -> str:
    """Returns a value as an error names it, in one line: what is large by its type and size."""
    text = str(value)
    if len(text) <= _LONGEST and "\n" not in text:
        return text
    size = getattr(value, "shape", None)
    if size is None and hasattr(value, "__len__"):
        size = f"of {len(value):,}"
    return " ".join(["a", type(value).__name__, *([str(size)] if size is not None else [])])


def in_memory(value: Any) -> str:
    """Returns what to do with what lies in memory where files are read; nothing for all else."""
    if hasattr(value, "to_csv"):
        return "; write it with to_csv(…, index=False), paths and labels in columns, and give that"
    if hasattr(value, "__array__") or isinstance(value, list | tuple):
        return (
            "; images are read from files: a folder for each class, or a table of paths and labels"
        )
    return ""


def near(word: Any, known: Iterable[str]) -> str:
    """Returns `; did you mean …?` where a word is nearly one that is known."""
    found = difflib.get_close_matches(str(word), list(known), n=1)
    return f"; did you mean {found[0]}?" if found else ""


def joined_words(words: list[str]) -> str:
    """Returns `a, b or c`."""
    return " or ".join([*([", ".join(words[:-1])] if words[1:] else []), *words[-1:]])
