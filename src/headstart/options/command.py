"""A verb out of a record and a function: real signature, real docstring, options checked first."""

from __future__ import annotations

import functools
import inspect
import re
import textwrap
import typing
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from headstart.options.devices import check_device
from headstart.options.record import Options, build, options_of

__all__ = ["command", "show_progress_by"]

T = TypeVar("T")
Shown = Callable[[], AbstractContextManager[Any]]
_shown: list[Shown] = []  # at most one
_PROGRESS = "Called with (phase, done, total) as work goes on; with 0 of 1 as a phase begins."


def show_progress_by(shown: Shown | None) -> None:
    """Sets what verbs show while they work, where nobody gives them a `progress`.

    Args:
        shown: Gives a `Progress`; None to show nothing, as at first.
    """
    _shown[:] = [] if shown is None else [shown]


def command(record: type[Options]) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Makes a verb of a function that takes its record of options, and its `progress` if it has.

    The verb takes subjects by place and all else by keyword, as the record has it; what makes
    no sense is an `OptionError` before the function is called. Its `run` takes the record.
    """

    def decorate(function: Callable[..., T]) -> Callable[..., T]:
        parameters = inspect.signature(function).parameters
        shows = "progress" in parameters

        def run(options: Options, progress: Any = None) -> T:
            check_device(getattr(options, "device", "auto"))
            return function(options, **({"progress": progress} if shows and progress else {}))

        @functools.wraps(function)
        def verb(*subjects: Any, **given: Any) -> T:
            progress = given.pop("progress", None) if shows else None
            options = build(record, subjects, given)
            if not shows or progress is not None or not _shown:
                return run(options, progress)
            with _shown[0]() as drawn:
                return run(options, drawn)

        hints = _hints(function)
        signature = _signature(record, hints.get("return", inspect.Signature.empty))
        if shows:
            late = parameters["progress"].replace(
                kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints["progress"]
            )
            signature = signature.replace(parameters=[*signature.parameters.values(), late])
        verb.__signature__ = signature  # type: ignore[attr-defined]
        verb.__annotations__ = {
            name: each.annotation for name, each in signature.parameters.items()
        } | {"return": signature.return_annotation}
        verb.__doc__ = _doc(inspect.getdoc(function) or "", record, shows)
        verb.run = run  # type: ignore[attr-defined]
        return verb

    return decorate


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Returns the annotations; as strings where a type is imported only by who checks types."""
    try:
        return typing.get_type_hints(function)
    except NameError:
        return inspect.get_annotations(function)


def _signature(record: type[Options], returned: Any) -> inspect.Signature:
    parts = inspect.Parameter
    parameters = [
        parts(
            each.name,
            parts.POSITIONAL_OR_KEYWORD if each.subject else parts.KEYWORD_ONLY,
            default=parts.empty if each.needed else each.default,
            annotation=each.hint,
        )
        for each in options_of(record)
    ]
    return inspect.Signature(
        sorted(parameters, key=lambda each: each.kind), return_annotation=returned
    )


def _doc(text: str, record: type[Options], shows: bool) -> str:
    """Puts the section `Args` of a record where a docstring has it."""
    told = [(each.name, each.help) for each in options_of(record)]
    told += [("progress", _PROGRESS)] if shows else []
    lines = [
        textwrap.fill(
            f"{name}: {help}", 96, initial_indent=" " * 4, subsequent_indent=" " * 8,
            break_on_hyphens=False,
        )
        for name, help in told
    ]  # fmt: skip
    section = "\n".join(["Args:", *lines])
    first = re.search(r"^(Returns|Raises):$", text, re.M)
    at = first.start() if first else len(text)
    return "\n\n".join(part for part in (text[:at].rstrip(), section, text[at:]) if part)
