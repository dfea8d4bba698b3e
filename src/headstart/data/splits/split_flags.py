"""Columns that say yes or no to one split: ``is_valid``, ``is_test``, ``is_train``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from headstart.data.words import split_name

__all__ = ["flag_split", "holds_flags", "splits_of_flags"]

_YES = frozenset({"1", "1.0", "true", "yes"})
_NO = frozenset({"0", "0.0", "false", "no"})


def flag_split(name: str) -> str | None:
    """Returns the split that a column is of by its name; None where it is of none."""
    found = re.fullmatch(r"(?:is|in)[_ ]?(\w+)", name.strip().lower())
    return split_name(found[1]) if found else None


def holds_flags(name: str, cells: Sequence[str]) -> bool:
    """Tells whether a column is called so, and says both yes and no, and nothing else."""
    told = {cell.strip().lower() for cell in cells}
    return flag_split(name) is not None and told <= _YES | _NO and bool(told & _YES and told & _NO)


def splits_of_flags(name: str, cells: Sequence[str]) -> list[str]:
    """Returns the split of each row: that of the column, or train; of train, the others test."""
    kind = str(flag_split(name))
    other = "test" if kind == "train" else "train"
    return [kind if cell.strip().lower() in _YES else other for cell in cells]
