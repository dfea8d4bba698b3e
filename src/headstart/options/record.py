"""One frozen record of options a verb: what each takes and means, checked before any work."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal, TypeVar

from headstart.errors import OptionError
from headstart.options.kinds import (
    Kind,
    convert_value,
    in_memory,
    joined_words,
    kind_of,
    near,
    shown,
)
from headstart.options.ways import in_recipe

__all__ = [
    "GROUPS",
    "Group",
    "Option",
    "Options",
    "build",
    "option",
    "options_of",
    "subject",
    "unknown",
]

Group = Literal["data", "model", "training", "measuring", "output"]
GROUPS: tuple[Group, ...] = typing.get_args(Group)
_NEEDED = dataclasses.MISSING


@dataclass(frozen=True)
class Limits:
    """Which numbers make sense.

    Attributes:
        low: The smallest.
        high: The largest.
        above: Larger than this.
        below: Smaller than this.
        unit: Of the numbers, in words.
    """

    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    unit: str = ""

    def hold(self, value: float) -> bool:
        """Tells whether a number makes sense."""
        return (
            (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        if self.low is not None and self.high is not None:
            return f"choose between {self.low:g} and {self.high:g}{unit}"
        if self.low is not None:
            below = "" if self.below is None else f" and below {self.below:g}"
            return f"at least {self.low:g}{below}{unit}"
        top = "" if self.high is None else f", up to {self.high:g}"
        return f"above {self.above:g}{top}{unit}"


@dataclass(frozen=True)
class Option:
    """One option of a verb.

    Attributes:
        name: In Python.
        kind: Which values it takes.
        default: Its value if it is not given.
        help: One or two sentences.
        group: Of the help.
        subject: Whether it is given without a flag.
        limits: Which numbers make sense.
        words: Joined by commas, it takes these only; or what gives them, where they may change.
        metavar: What stands for the value in the help.
        hint: Its annotation.
    """

    name: str
    kind: Kind
    default: Any
    help: str
    group: Group
    subject: bool
    limits: Limits | None
    words: tuple[str, ...] | Callable[[], tuple[str, ...]]
    metavar: str
    hint: Any

    @property
    def flags(self) -> tuple[str, ...]:
        """As the command line has them."""
        long = f"--{self.name.replace('_', '-')}"
        return ("-o", long) if self.name == "out" else (long,)

    @property
    def label(self) -> str:
        """What errors call it."""
        return self.name.upper() if self.subject else self.flags[0]

    @property
    def needed(self) -> bool:
        """Whether there is nothing without it."""
        return self.default is _NEEDED


def option(default: Any = _NEEDED, *, help: str, group: Group, **more: Any) -> Any:
    """Declares an option of a record.

    Args:
        default: If it is not given; without one it must be.
        help: One or two sentences, for the command line and the docstring.
        group: Of the help.
        more: `low`, `high`, `above`, `below` and `unit` of numbers; `words` that it takes, joined
            by commas; `metavar`.
    """
    words, metavar = more.pop("words", ()), more.pop("metavar", None)
    limits = Limits(**more) if more else None
    facts = {"help": help, "group": group, "limits": limits, "words": words, "metavar": metavar}
    return dataclasses.field(default=default, metadata=facts)


def subject(default: Any = _NEEDED, *, help: str) -> Any:
    """Declares what a verb is about: given without a flag, in the order of the record."""
    facts = {"help": help, "group": "data", "subject": True}
    return dataclasses.field(default=default, metadata=facts)


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of a verb; a record that exists makes sense.

    Attributes:
        EXAMPLES: Commands, for the help.
    """

    EXAMPLES: ClassVar[tuple[str, ...]] = ()
    ANSWERS: ClassVar[bool] = False
    """Whether what it prints is what it is for, so that `--quiet` leaves it."""

    @classmethod
    def verb(cls) -> str:
        """Returns the name of the verb."""
        return cls.__name__.removesuffix("Options").lower()

    def __post_init__(self) -> None:
        for each in options_of(type(self)):
            object.__setattr__(self, each.name, _checked(each, getattr(self, each.name)))
        for problem in self.contradictions():
            raise OptionError(problem)

    def contradictions(self) -> Iterator[str]:
        """Yields what makes no sense together, one sentence each; the first is raised."""
        yield from ()


R = TypeVar("R", bound=Options)


def options_of(record: type[Options]) -> tuple[Option, ...]:
    """Returns the options of a record, in its order."""
    key: Any = record
    return _read(key)


@cache
def _read(record: Any) -> tuple[Option, ...]:
    hints = typing.get_type_hints(record)
    found = []
    for each in dataclasses.fields(record):
        kind, facts = kind_of(hints[each.name]), each.metadata
        metavar = facts.get("metavar") or each.name.rpartition("_")[2].upper()
        if kind.choices and kind.number is None:
            metavar = "{" + ",".join(map(str, kind.choices)) + "}"
        found.append(
            Option(
                each.name, kind, each.default, facts["help"], facts["group"],
                facts.get("subject", False), facts.get("limits"), facts.get("words", ()), metavar,
                hints[each.name],
            )
        )  # fmt: skip
    return tuple(found)


def _checked(each: Option, given: Any) -> Any:
    """Returns the value in its type.

    Raises:
        OptionError: If it is none that the option takes.
    """
    if each.metavar.endswith(",…") and isinstance(given, list | tuple):
        given = ",".join(map(str, given))  # what a shell joins by commas is a list in Python
    try:
        value = convert_value(each.kind, given)
    except ValueError as error:
        cure = in_memory(given) if each.kind.path and not each.kind.many else ""
        raise OptionError(f"{each.label} {shown(given)}: {error}{cure}") from None
    if isinstance(value, str) and not value.strip():
        raise OptionError(f"{each.label} is empty: leave it out, or {each.kind.wanted}")
    if each.limits is not None and isinstance(value, int | float) and not each.limits.hold(value):
        raise OptionError(f"{each.label} {given}: {each.limits}")
    words = each.words() if callable(each.words) else each.words
    for word in value.split(",") if words and value is not None else ():
        if word.strip() not in words:
            raise OptionError(
                f"{each.label} {word.strip()}: choose {joined_words(list(words))}"
                f"{near(word.strip(), words)}"
            )
    return value


def build(record: type[R], subjects: Sequence[Any], given: Mapping[str, Any]) -> R:
    """Makes a record of what was given, by place and by name.

    Args:
        record: Of the verb.
        subjects: Values in the order of the record's subjects.
        given: Name -> value.

    Raises:
        OptionError: If something is unknown, missing or makes no sense.
    """
    verb, known = record.verb(), options_of(record)
    takes = [each for each in known if each.subject]
    if len(subjects) > len(takes):
        names, more = " ".join(each.label for each in takes) or "flags", subjects[len(takes)]
        raise OptionError(
            f"{verb} takes {names} only: {shown(more)} is one too many{in_memory(more)}"
        )
    values = {each.name: value for each, value in zip(takes, subjects)}
    for name in given:
        if name in values:
            raise OptionError(f"{name.upper()} is given twice")
        if name not in {each.name for each in known}:
            raise unknown(record, f"--{name.replace('_', '-')}")
    values |= given
    for each in known:
        if each.needed and each.name not in values:
            what = each.label if each.subject else f"{each.label} {each.metavar}"
            raise OptionError(f"{verb} needs {what}")
    return record(**values)


def unknown(record: type[Options], flag: str) -> OptionError:
    """Returns what to say of a flag that a verb does not have, or that its recipe has."""
    word = flag.lstrip("-").replace("-", "_")
    if any(each.name == "recipe" for each in options_of(record)) and in_recipe(word):
        return OptionError(
            f"{record.verb()} has no {flag}; {word} is part of the recipe: --recipe {word}=VALUE "
            f"(docs/fine-tuning.md)"
        )
    flags = [each.flags[-1] for each in options_of(record) if not each.subject]
    words = [each.removeprefix("--") for each in [*flags, "--json", "--quiet"]]
    guess = near(flag.lstrip("-"), words).replace("mean ", "mean --")
    told = guess or f": 'headstart {record.verb()} --help' lists its flags"
    return OptionError(f"{record.verb()} has no {flag}{told}")
