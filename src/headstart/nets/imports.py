"""Importing torch and timm without what no network here needs, which costs a third of both.

torchvision and timm touch `torch._dynamo` while they are imported, for one function that is
called under `torch.compile` only, and timm touches `huggingface_hub`, for downloads of its own.
Here these imports wait until something of theirs is called. So do torch's rules for tensors
without numbers, which its compiler asks; they only wait in processes of ours (`leave_rules_out`).
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, cast

__all__ = ["import_timm", "leave_rules_out"]

_PACKAGE = "torch._dynamo"
_TOUCHED = "torch._dynamo.utils"
_HUB = "huggingface_hub"
_HUB_USER = "timm.models._hub"
_RULES = "torch._meta_registrations"
# Whoever imports one of these is about to ask torch's rules.
_ASKING = {"torch._decomp", "torch._prims", "torch._refs", _PACKAGE, "torch._inductor"}
_ASKING |= {"torch._functorch.aot_autograd"}


class _Later(ModuleType):
    """Stands for a module: what is taken from it imports the real one if called.

    Args:
        name: Of the module.
        before: Called before the real one is imported.
    """

    def __init__(self, name: str, before: Callable[[], None] | None = None) -> None:
        super().__init__(name)
        self.__dict__["__path__"] = []
        self.__dict__["_before"] = before or _nothing

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name.endswith("Error"):  # what comes after `except` must be a class
            return type(name, (Exception,), {"__module__": self.__name__, "later": True})
        real, before = self.__name__, self.__dict__["_before"]

        def call(*args: Any, **named: Any) -> Any:
            before()
            return getattr(importlib.import_module(real), name)(*args, **named)

        return call


def _nothing() -> None:
    """Does nothing."""


def _true_errors() -> None:
    """Gives timm the errors of the hub that it catches, in the place of those that stood in."""
    user = sys.modules[_HUB_USER]
    for name, value in list(vars(user).items()):
        if getattr(value, "later", False) is True:
            setattr(user, name, getattr(importlib.import_module(value.__module__), name))


class _StepAside:
    """Takes the stand-in away as soon as anything imports the real package."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> None:
        if name == _PACKAGE:
            sys.modules.pop(_TOUCHED, None)


def import_timm() -> ModuleType:
    """Imports timm; what it or torchvision needs of others is imported when used."""
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
    if _HUB not in sys.modules and importlib.util.find_spec(_HUB) is not None:
        for name in (_HUB, f"{_HUB}.utils"):
            sys.modules[name] = _Later(name, _true_errors)
    torch.compiler.disable = mark
    try:
        return importlib.import_module("timm")
    finally:
        torch.compiler.disable = disable
        sys.meta_path.remove(finder)
        for name in (_TOUCHED, _HUB, f"{_HUB}.utils"):
            if isinstance(sys.modules.get(name), _Later):
                del sys.modules[name]


def leave_rules_out() -> None:
    """Lets torch be imported without its rules for tensors without numbers, a quarter of it.

    They come as soon as anything imports what asks them: the compiler, the exporter. What is
    computed with such tensors without any of these is refused by torch, so this is for processes
    whose code is known, and not for those of others that import this package.
    """
    if "torch" not in sys.modules:
        sys.meta_path.insert(0, _Rules())


class _Rules:
    """Finds nothing in the place of torch's rules, and the rules when they are asked."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: Any = None
    ) -> ModuleSpec | None:
        if name == _RULES:
            return _as_it_is(name, _Unasked(name, self.bring))
        if name in _ASKING and isinstance(sys.modules.get(_RULES), _Unasked):
            self.bring()
            if name in sys.modules:  # the rules have imported it in their own order
                return _as_it_is(name, sys.modules[name])
        return None

    def bring(self) -> ModuleType:
        """Imports the rules."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
            del sys.modules[_RULES]
        return importlib.import_module(_RULES)


class _Unasked(ModuleType):
    """Stands for torch's rules; whoever takes one of them brings all."""

    def __init__(self, name: str, bring: Callable[[], ModuleType]) -> None:
        super().__init__(name)
        self.__dict__["_bring"] = bring

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.__dict__["_bring"](), name)


def _as_it_is(name: str, module: ModuleType) -> ModuleSpec:
    return ModuleSpec(name, cast(Any, _Made(module)))


class _Made:
    """Loads a module that is there, as it is.

    Its own specification is hidden until then: the import machine would take that one, and run
    the module a second time.
    """

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__
        module.__spec__ = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec or module.__spec__
