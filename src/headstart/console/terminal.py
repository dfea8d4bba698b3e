"""The edge to the terminal: what names do to it, what its encoding lacks, streams that fail.

Names come from strangers: a file may be called by what clears a screen or turns text around. They
are shown by their escapes here, once, and stay what they are everywhere else.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import re
import sys
import textwrap
import traceback
from collections.abc import Iterator
from typing import Any, TextIO

from headstart.errors import OutputError

__all__ = [
    "json_text",
    "open_streams",
    "printable",
    "quiet_log",
    "say",
    "say_bug",
    "standard_output",
]

# Control characters, separators of lines, what turns the direction of text around, and halves of
# characters, which are bytes of names that are no text.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_PLAIN = {
    "\u2013": "-", "\u2212": "-", "\u2026": "...", "\u2192": "->", "\u2022": "*", "\u00d7": "x",
    "\u00b2": "^2", "\u2265": ">=", "\u2264": "<=",
}  # fmt: skip
# Sentences, and ways that are numbered.
_SENTENCES = re.compile(r"(?<=[.;:]) (?=\(\d\) )|(?<=[a-z)]\.) (?=[A-Z])")
_HANDLER = "headstart-spelt-out"


def printable(text: str) -> str:
    """Returns one line that does nothing to a terminal: what cannot be seen is an escape."""
    return _UNSEEN.sub(lambda found: _SHORT.get(found[0]) or _escape(found[0]), text)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def json_text(text: str, encoding: str) -> str:
    """Returns JSON that a stream of that encoding can take, and that no terminal obeys.

    Args:
        text: JSON; what is not ASCII stands inside of its strings.
        encoding: Of the stream.
    """
    unseen = re.compile(f"(?![\n]){_UNSEEN.pattern}")
    text = unseen.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(each if each.isascii() else json.dumps(each)[1:-1] for each in text)
    return text


def open_streams() -> None:
    """Makes the standard streams usable: those that are closed lead nowhere, none is too narrow."""
    for number, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free is this one; else the next file would be the stream.
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "r" if not number else "w", closefd=False))  # noqa: SIM115
    codecs.register_error(_HANDLER, _spelt_out)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure") and stream.errors in ("strict", "backslashreplace"):
            stream.reconfigure(errors=_HANDLER)


def _spelt_out(error: UnicodeError) -> tuple[str, int]:
    """Spells out what an encoding lacks: arrows and dashes in ASCII, all else as an escape."""
    assert isinstance(error, UnicodeEncodeError)
    found = error.object[error.start : error.end]
    return "".join(_PLAIN.get(each) or _wide(each) for each in found), error.end


def _wide(character: str) -> str:
    code = ord(character)
    return _escape(character) if code < 1 << 16 else f"\\U{code:08x}"


def say(text: str) -> None:
    """Writes a line to standard error, wrapped at words where that is a terminal."""
    line = printable(f"headstart: {text}")
    with contextlib.suppress(OSError, ValueError):
        if sys.stderr.isatty():
            line = _wrapped(line, _width(sys.stderr))
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def _wrapped(line: str, width: int) -> str:
    """Wraps a line at words; the reason first, each further sentence and way out below it."""
    parts = _SENTENCES.split(line)
    return "\n".join(
        textwrap.fill(
            part, width, initial_indent="  " if number else "",
            subsequent_indent="      " if part.startswith("(") else "  ",
            break_long_words=False, break_on_hyphens=False,
        )
        for number, part in enumerate(parts)
    )  # fmt: skip


def say_bug() -> None:
    """Writes the traceback of what was raised, and what to do about it."""
    with contextlib.suppress(OSError, ValueError):
        for line in traceback.format_exc().splitlines():
            sys.stderr.write(f"{printable(line)}\n")
    say("this is a bug of headstart: please report the lines above, and the command")


def quiet_log() -> None:
    """Makes warnings of modules lines as all others are."""
    import logging

    class Seen(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return printable(f"headstart: {record.getMessage()}")

    if logging.lastResort is not None:
        logging.lastResort.setFormatter(Seen())


def _width(stream: TextIO) -> int:
    try:
        return max(20, os.get_terminal_size(stream.fileno()).columns)
    except (OSError, ValueError):
        return 80


@contextlib.contextmanager
def standard_output() -> Iterator[None]:
    """Is around whatever is written to standard output.

    A reader that leaves (`headstart … | head`) is no error.

    Raises:
        OutputError: If it cannot be written, as on a full disk.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _mute(sys.stdout)
    except OSError as error:
        _mute(sys.stdout)
        raise OutputError(
            f"standard output cannot be written ({error.strerror or error}): free some space, or "
            f"write it elsewhere"
        ) from None


def _mute(stream: Any) -> None:
    """Leads a stream nowhere, so that what is left in its buffer cannot fail again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        stream.flush()
