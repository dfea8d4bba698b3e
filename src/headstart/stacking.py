"""Records whose arrays hold one row an item: some of their items, or several records as one.

Which arrays those are is said by the record itself, in its class variable `rows`; nothing here
knows what kinds of predictions there are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

__all__ = ["concatenate", "take_rows"]

_Kind = TypeVar("_Kind", bound=Any)


def take_rows(given: _Kind, indices: np.ndarray) -> _Kind:
    """Returns some items of predictions: their names, errors and the arrays that `rows` names.

    Args:
        given: A record of predictions. What it holds of each item, one row an item, is named in
            its class variable `rows`; all else is of all items alike.
        indices: (M,) int indices or (N,) bool mask.
    """
    indices = np.flatnonzero(indices) if indices.dtype == bool else indices
    names = tuple(given.names[i] for i in indices)
    parts = {name: getattr(given, name) for name in given.rows}
    taken: dict[str, Any] = {
        name: None if each is None else each[indices] for name, each in parts.items()
    }
    kept = set(names)
    errors = {name: why for name, why in given.errors.items() if name in kept}
    return dataclasses.replace(given, names=names, errors=errors, **taken)


def concatenate(parts: Sequence[Any]) -> Any:
    """Puts predictions of one kind one after the other; all else is the first one's.

    Args:
        parts: One or more records of the same kind. Those without `rows` hold arrays of items only;
            those that hold others, such as any number of boxes an item, have a `joined` of their
            own.
    """
    first = parts[0]
    own = getattr(type(first), "joined", None)
    if own is not None:
        return own(parts)
    joined: dict[str, Any] = {
        "names": tuple(name for part in parts for name in part.names),
        "errors": {name: why for part in parts for name, why in part.errors.items()},
    }
    arrays = (each.name for each in dataclasses.fields(first))
    of_items = [name for name in arrays if isinstance(getattr(first, name), np.ndarray)]
    for name in getattr(first, "rows", of_items):
        if getattr(first, name) is not None:
            joined[name] = _stacked([getattr(part, name) for part in parts])
    return dataclasses.replace(first, **joined)


def _stacked(arrays: list[np.ndarray]) -> np.ndarray:
    """Returns arrays one after the other; rows of smaller maps are filled up with zeros."""
    shape = tuple(np.max([each.shape[1:] for each in arrays], axis=0).astype(int))
    filled = []
    for each in arrays:
        room = [(0, 0), *((0, most - have) for most, have in zip(shape, each.shape[1:]))]
        filled.append(each if each.shape[1:] == shape else np.pad(each, room))
    return np.concatenate(filled)
