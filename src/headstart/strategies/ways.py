"""Which way a task is trained: class by class, unless it names its own way here."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import cast

from headstart.compute import Compute
from headstart.strategies.clock import Clock
from headstart.strategies.problem import FrozenNetwork, Prepared
from headstart.strategies.train_classes import Ask, train_classes
from headstart.strategies.trained import Trained

__all__ = ["Way", "way_of"]

Way = Callable[[Prepared, FrozenNetwork, Ask, Compute, Clock], Trained]

_WAYS = {"identity": ("headstart.strategies.train_identities", "train_identities")}


def way_of(task: str) -> Way:
    """Returns how a task is trained; what needs torch is imported only when it is asked for."""
    if task not in _WAYS:
        return train_classes
    module, name = _WAYS[task]
    return cast(Way, getattr(importlib.import_module(module), name))
