"""What an earlier audit of the same model and the same images measured, so that nothing is lost.

Some parts cost minutes (images made worse) and are asked only when they are wanted. An audit that
is not asked for them must not throw them away: `audit.json` says of every part when it was
measured, and of which model and images, and the next audit carries it over.
"""

from __future__ import annotations

import dataclasses
import logging
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from headstart.auditing.asked import PARTS, Asked
from headstart.auditing.audit import Audit
from headstart.auditing.evidence import Evidence
from headstart.errors import HeadstartError
from headstart.fingerprint import fingerprint_file, fingerprint_json
from headstart.output import read_json
from headstart.records import Estimate
from headstart.run import Run

__all__ = ["carried_over", "told_of", "what_was_measured"]

_log = logging.getLogger(__name__)


def told_of(run: Run, evidence: Evidence) -> str:
    """Returns what an audit is of: a fingerprint of the model and of its answers.

    Args:
        run: Whose model it is.
        evidence: What it answered.
    """
    about: list[object] = [read_json(run.model / "model.json")]
    if evidence.data:
        answers = evidence.scores.argmax(axis=1).tolist()
        about += [evidence.dataset.names, evidence.targets.tolist(), answers]
    else:  # how many of its answers are looked at depends on what is asked
        about += [fingerprint_file(each).hex() for each in (run.items, run.outputs)]
    return fingerprint_json(about)


def what_was_measured(file: Path, of: str) -> Audit | None:
    """Returns the parts of an earlier audit of the same model and images.

    Where it was of others, what is dropped is logged.

    Args:
        file: Where an earlier audit may lie.
        of: What this one is of, see `told_of`.

    Returns:
        An audit of which only the parts that it was asked for are to be read, or None.
    """
    if not file.is_file():
        return None
    try:
        value = read_json(file)
        same = value.get("of") == of
        if same:
            return _parts(value)
        dear = bool(value.get("corruptions"))
    except (HeadstartError, KeyError, TypeError, ValueError, AttributeError):
        dear = True
    if dear:
        _log.warning(
            "%s is not known to be of this model and these images: what it said of images made "
            "worse is dropped; --corruptions measures it again", file.name,
        )  # fmt: skip
    return None


def carried_over(found: Audit, before: Audit | None, parts: Iterable[str]) -> Audit:
    """Returns an audit with parts that an earlier one measured.

    Args:
        found: The audit.
        before: The earlier one, or None.
        parts: Names of `PARTS`; those that were not measured then stay as they are.
    """
    if before is None:
        return found
    there = [part for part in parts if part in before.asked]
    fields = {name: getattr(before, name) for part in there for name in PARTS[part]}
    asked = {part: dataclasses.replace(before.asked[part], kept=True) for part in there}
    return dataclasses.replace(found, **fields, asked=found.asked | asked)


def _parts(value: dict[str, Any]) -> Audit:
    hints = get_type_hints(Audit)
    asked = {part: Asked(**value["asked"][part]) for part in PARTS if part in value["asked"]}
    fields = {name: _rebuilt(hints[name], value[name]) for part in asked for name in PARTS[part]}
    return Audit(
        run=value["run"], summary="", images=0, classes=(), columns=(), said=(), asked=asked,
        **fields,
    )  # fmt: skip


def _rebuilt(kind: Any, value: Any) -> Any:
    """Returns a record as JSON kept it: tuples, numbers and other records inside."""
    if kind is Estimate:
        return Estimate.from_json(value)
    if value is None:
        return float("nan") if kind is float else None
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{
            each.name: _rebuilt(hints[each.name], value[each.name])
            for each in dataclasses.fields(kind)
        })  # type: ignore[operator]  # fmt: skip
    kinds = [each for each in get_args(kind) if each is not type(None)]
    if get_origin(kind) in (Union, types.UnionType):
        return _rebuilt(kinds[0], value)
    if get_origin(kind) is tuple:
        every = [kinds[0]] * len(value) if kinds[-1] is Ellipsis else kinds
        return tuple(_rebuilt(one, each) for one, each in zip(every, value, strict=True))
    return value
