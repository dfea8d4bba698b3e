"""Notes of the library are lines on standard error, and only there."""

from __future__ import annotations

import logging

from headstart.console.notes import notes_shown


def test_a_line_a_note(capsys):
    with notes_shown(quiet=False):
        logging.getLogger("headstart.data").info("read as: %s", "[3] images")
    logging.getLogger("headstart.data").info("afterwards")
    found = capsys.readouterr()
    assert (found.out, found.err) == ("", "read as: [3] images\n")


def test_quiet_is_quiet(capsys):
    with notes_shown(quiet=True):
        logging.getLogger("headstart.data").warning("a guess")
    assert capsys.readouterr().err == ""
    assert logging.getLogger("headstart").handlers == []
