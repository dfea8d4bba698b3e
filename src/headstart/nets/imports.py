"""Importing timm without torch's compiler, which costs more than timm and torchvision together.

torchvision and timm touch `torch._dynamo` while they are imported, for one function that is
called under `torch.compile` only. Here that import waits until the function is called.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

__all__ = ["import_timm"]

_PACKAGE = "torch._dynamo"
_TOUCHED = "torch._dynamo.utils"


class _Later(ModuleType):
    """Stands for `torch._dynamo.utils`: what is taken from it imports the real one if called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*args: Any, **named: Any) -> Any:
            return getattr(importlib.import_module(_TOUCHED), name)(*args, **named)

        return call


class _StepAside:
    """Takes the stand-in away as soon as anything imports the real package."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> None:
        if name == _PACKAGE:
            sys.modules.pop(_TOUCHED, None)


def import_timm() -> ModuleType:
    """Imports timm; what it or torchvision needs of the compiler is imported when used."""
    if "timm" in sys.modules or _PACKAGE in sys.modules or "torchvision" in sys.modules:
        return importlib.import_module("timm")
    import torch

    disable = torch.compiler.disable

    def mark(fn: Any = None, recursive: bool = True, **named: Any) -> Any:
        if fn is None or isinstance(fn, type):
            return disable(fn, recursive, **named)
        fn._torchdynamo_disable = True  # what torch itself sets, without importing the compiler
        return fn

    finder = _StepAside()
    sys.meta_path.insert(0, finder)
    sys.modules[_TOUCHED] = _Later(_TOUCHED)
    torch.compiler.disable = mark
    try:
        return importlib.import_module("timm")
    finally:
        torch.compiler.disable = disable
        sys.meta_path.remove(finder)
        if isinstance(sys.modules.get(_TOUCHED), _Later):
            del sys.modules[_TOUCHED]
