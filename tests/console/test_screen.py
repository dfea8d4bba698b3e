"""The console at the edge: lines, texts and tables, whoever made them."""

from __future__ import annotations

import io
import sys

import pytest
from rich.table import Table
from rich.text import Text

from headstart.console.screen import Screen, cell, open_screen, seen


def shown(*objects: object) -> str:
    screen = Screen(file=io.StringIO(), width=80, highlight=False, emoji=False, markup=False)
    screen.print(*objects)
    return screen.file.getvalue()


def test_whatever_is_printed_commands_nothing():
    table = Table(box=None)
    table.add_column("head\x1b")
    table.add_column(Text("two\nlines"))
    table.add_row("cell\x1b[2J", Text("a\nb", "red"))
    out = shown("line\x1b[0m\n", cell("text\x07", "bold"), table)
    assert "\x1b" not in out
    assert "\x07" not in out
    wanted = "head\\x1b two\\nlines cell\\x1b[2J a\\nb line\\x1b[0m\\n text\\x07"
    assert [each for each in wanted.split() if each not in out] == []


def test_what_is_harmless_is_left_alone():
    text = Text("plain [x] :smile:", "red")
    assert seen(text) is text
    assert seen(Text("\x1b", "red")).style == "red"
    assert shown("plain [x] :smile:") == "plain [x] :smile:\n"


def test_a_pipe_is_endless(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    open_screen().print("x " * 300)
    assert len(sys.stdout.getvalue().splitlines()) == 1


def test_a_reader_that_leaves_is_somebody_elses_business(monkeypatch):
    class Left(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Left())
    with pytest.raises(BrokenPipeError):
        open_screen().print("x")
    monkeypatch.setattr(sys, "stderr", Left())
    open_screen(stderr=True).print("bars")
