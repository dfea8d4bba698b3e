"""Where progress goes, which phase is on the screen, and what is left of those that are over."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import pytest
from tests.console.frames import lines_of

from headstart.console import bars
from headstart.console.bars import progress_bar


class Window(io.StringIO):
    """Takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def opened(monkeypatch) -> Callable[[], Window]:
    """Makes standard error a terminal; in the test itself, as pytest sets it before each."""

    def make() -> Window:
        stream = Window()
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("TERM", "xterm")
        return stream

    return make


@pytest.mark.parametrize(("stream", "quiet"), [(io.StringIO, False), (Window, True)])
def test_no_progress_where_nobody_looks_or_wants_it(monkeypatch, stream, quiet):
    monkeypatch.setattr(sys, "stderr", stream())
    with progress_bar(quiet=quiet) as progress:
        progress("reading images", 1, 2)
    assert sys.stderr.getvalue() == ""


def test_something_is_on_the_screen_before_the_first_phase(opened):
    window = opened()
    with progress_bar(quiet=False):
        assert "loading libraries" in window.getvalue()


def test_one_phase_at_a_time_on_standard_error(opened, capsys):
    window = opened()
    with progress_bar(quiet=False) as progress:
        for done in (1, 2):
            progress("reading", done, 4)
        progress("loading the network", 0, 1)
        progress("reading", 4, 4)
        progress("training", 3, 5)
        progress("training", 6, 6)
    assert lines_of(window.getvalue()) == ["reading: 4 in 0 s", "training: 6 in 0 s"]
    assert capsys.readouterr().out == ""


def shown(phases) -> str:
    """What is on the screen now."""
    phases._bars.refresh()
    return "\n".join(lines_of(sys.stderr.getvalue()))


def test_a_phase_is_named_before_it_starts_and_hides_the_one_that_waits(opened):
    opened()
    with progress_bar(quiet=False) as progress:
        progress("reading images", 1, 9)
        assert "reading images" in shown(progress)
        assert "1/9" in shown(progress)
        progress("loading the network", 0, 1)
        now = shown(progress)
        assert "loading the network" in now
        assert "reading images" not in now
        assert "0/1" not in now
        progress("reading images", 2, 9)
        assert "2/9" in shown(progress)
        progress("reading images", 9, 9)
        assert "9/9" not in shown(progress), "no full bar stands"
        assert "working" in shown(progress)


def test_only_what_took_a_while_is_a_line_but_all_that_is_counted(opened, monkeypatch):
    window = opened()
    now = [0.0]
    monkeypatch.setattr(bars.time, "monotonic", lambda: now[0])
    with progress_bar(quiet=False) as progress:
        progress("opening", 0, 1)
        now[0] += 1
        progress("loading", 0, 1)
        now[0] += 7
        progress("reading", 1, 2)
        progress("reading", 2, 2)
    assert lines_of(window.getvalue()) == ["loading: 7 s", "reading: 2 in 0 s"]


def test_what_holds_just_now_is_below_the_bar(opened):
    window = opened()
    with progress_bar(quiet=False) as progress:
        progress("fine-tuning: epoch 2 of 3, loss 0.412", 4, 9)
        name, detail = shown(progress).splitlines()
        assert "fine-tuning" in name
        assert "4/9" in name
        assert detail.strip() == "epoch 2 of 3, loss 0.412"
        progress("fine-tuning: epoch 3 of 3, loss 0.3", 9, 9)
    assert lines_of(window.getvalue()) == ["fine-tuning: 9 in 0 s"]


def test_a_server_that_waits_has_no_bar(opened):
    window = opened()
    with progress_bar(quiet=False) as progress:
        progress("opening the model", 0, 1)
        progress("opening the model", 1, 1)
        assert lines_of(window.getvalue()) == []
