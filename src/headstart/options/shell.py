"""A record's options as flags: the help of a verb, and the record out of a command line."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from headstart.errors import OptionError
from headstart.options.kinds import from_text
from headstart.options.record import GROUPS, Option, Options, build, options_of, unknown

__all__ = ["Looks", "help_of", "read"]

R = TypeVar("R", bound=Options)


@dataclass(frozen=True)
class Looks:
    """Flags that every verb has, and that change nothing about what it does.

    Attributes:
        json: The record as JSON.
        quiet: No progress, no remarks; answers stay where they are what a verb is for.
    """

    json: bool
    quiet: bool


def read(record: type[R], arguments: list[str]) -> tuple[R, Looks]:
    """Makes a verb's record of the words after the verb.

    Raises:
        OptionError: If something is unknown, missing or makes no sense: the very words that Python
            is told.
    """
    flagged, _, plain = _halves(arguments)
    given, rest = _Parser(record).parse_known_args(flagged)
    for word in rest:
        if word.startswith("-") and word != "-":
            raise unknown(record, word.partition("=")[0])
    values = vars(given)
    looks = Looks(values.pop("json", False), values.pop("quiet", False))
    known = {each.name: each for each in options_of(record)}
    values = {
        name: from_text(known[name].kind, value) if isinstance(value, str) else value
        for name, value in values.items()
    }
    return build(record, _subjects(record, [*rest, *plain]), values), looks


def _halves(arguments: list[str]) -> tuple[list[str], str, list[str]]:
    """Splits at `--`, after which nothing is a flag."""
    if "--" not in arguments:
        return arguments, "", []
    at = arguments.index("--")
    return arguments[:at], "--", arguments[at + 1 :]


def _subjects(record: type[Options], words: list[str]) -> list[Any]:
    """Gives each subject its word, and all that are left to one that takes several."""
    takes = [each for each in options_of(record) if each.subject]
    if takes and takes[-1].kind.many and len(words) > len(takes):
        alone = len(takes) - 1
        return [*words[:alone], tuple(words[alone:])]
    return list(words)


def help_of(record: type[Options], summary: str) -> str:
    """Returns the help of a verb.

    Args:
        record: Its options.
        summary: What it does, as a part of a sentence.
    """
    parser = _Parser(record, summary)
    return parser.format_help().rstrip()


class _Parser(argparse.ArgumentParser):
    """Takes every value as the word it is; what is wrong with it is for the record to say."""

    def __init__(self, record: type[Options], summary: str = "") -> None:
        verb, known = record.verb(), options_of(record)
        needed = [f"{each.flags[0]} {each.metavar}" for each in known if each.needed
                  and not each.subject]  # fmt: skip
        subjects = [_subject_usage(each) for each in known if each.subject]
        super().__init__(
            prog=f"headstart {verb}",
            usage=" ".join([f"headstart {verb}", *subjects, *needed, "[flags]"]),
            description=summary[:1].upper() + summary[1:] + ".",
            epilog="examples:\n" + "\n".join(f"  {each}" for each in record.EXAMPLES),
            formatter_class=_Formatter,
            argument_default=argparse.SUPPRESS,
            add_help=False,
            allow_abbrev=False,
        )
        self._record = record
        if summary:  # words without flags are told apart by `_subjects`
            home = self.add_argument_group("subject")
            for each in known:
                if each.subject:
                    home.add_argument(each.name, help=self._told(each), metavar=each.label)
        for group in GROUPS:
            home = self.add_argument_group(group)
            for each in known:
                if each.group == group and not each.subject:
                    self._add(home, each)
        home.add_argument(
            "--json", action="store_true", help="the record as JSON on standard output"
        )
        quiet = "no progress, no remarks: " + ("answers only" if record.ANSWERS else "errors only")
        home.add_argument("--quiet", action="store_true", help=quiet)
        home.add_argument("-h", "--help", action="store_true", help="this")

    def _add(self, home: argparse._ArgumentGroup, each: Option) -> None:
        if each.kind.flag:
            action = argparse.BooleanOptionalAction if each.default else "store_true"
            home.add_argument(*each.flags, dest=each.name, action=action, help=self._told(each))
        else:
            home.add_argument(
                *each.flags, dest=each.name, metavar=each.metavar, help=self._told(each)
            )

    def _told(self, each: Option) -> str:
        """Returns the help of an option, with flags in the place of names, and its default."""
        flags = {one.name: one.flags[0] for one in options_of(self._record) if not one.subject}
        text = re.sub(r"`(\w+)`", lambda found: flags.get(found[1], found[1]), each.help)
        text = text.replace("%", "%%").replace("`", "")
        if each.needed or each.default is None or isinstance(each.default, bool):
            return text
        default = f"{each.default:g}" if isinstance(each.default, float) else each.default
        return f"{text} (default {default})"

    def error(self, message: str) -> NoReturn:
        """Says what argparse found in the words of this package."""
        found = re.match(r"argument (\S+?)(?:/\S+)?(?:, \S+)*: (.*)", message)
        if found is None:
            raise OptionError(message)
        for each in options_of(self._record):
            if found[1] in each.flags or found[1].removeprefix("--no-") == each.flags[0][2:]:
                given = re.search(r"explicit argument '(.*)'", found[2])
                if given:
                    raise OptionError(f"{each.label} {given[1]}: {each.kind.wanted}")
                raise OptionError(f"{each.label} needs a value: {each.kind.wanted}")
        raise OptionError(f"{found[1]} takes no value")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30)


def _subject_usage(each: Option) -> str:
    name = each.label + ("…" if each.kind.many else "")
    return name if each.needed else f"[{name}]"
