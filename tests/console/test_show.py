"""Which table a result is printed as, and where progress goes."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest

from headstart.console.show import progress_bar, show
from headstart.gallery.verification import Verification
from headstart.options.check import CheckOptions
from headstart.options.predict import PredictOptions
from headstart.options.report import ReportOptions
from headstart.options.verify import VerifyOptions
from headstart.predictions import ClassProbabilities
from headstart.records import Estimate, Finding
from headstart.results.checkup import Checkup
from headstart.scoring.compare import Comparison

CHECK = CheckOptions(data="pets")
ANSWERS = ClassProbabilities(("a.png",), ("ant", "bee"), np.array([[0.25, 0.75]]))


TABLE = ["image  answer  probability", "a.png  bee           0.750", "       ant           0.250"]
ROWS = ["name,class,probability,sure,choice2,probability2,error", "a.png,bee,0.75,True,ant,0.25,"]


@pytest.mark.parametrize(("layout", "said"), [("table", TABLE), ("csv", ROWS)])
def test_predictions_are_printed_as_they_were_asked_for(capsys, layout, said):
    show(ANSWERS, PredictOptions(model="m", images="a.png", format=layout, top=2))
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == said


def test_every_record_has_a_table_of_its_own(capsys):
    show(Checkup("pets [1]", 1200, {"a": 2, "b": 3}, ()), CHECK)
    assert capsys.readouterr().out == "pets [1]: 1,200 images, 2 classes\nnothing to report\n"
    equal = Estimate(0.5, 0.25, 0.75, 9, "")
    same = Comparison("a", "b", "accuracy", "Equal.", None, (equal, equal), {}, 1.0, "t", {}, None)
    show(same, CHECK)
    assert "t: p = 1.\nEqual.\n" in capsys.readouterr().out


def test_a_pipe_gets_a_long_path_in_one_line(capsys):
    place = Path("/".join(["a [b] :v: folder"] * 40))
    show(place, ReportOptions(run="x"))
    assert capsys.readouterr().out == f"{place}\n"


def test_what_was_written_is_named(capsys, tmp_path):
    place = tmp_path / "why"
    for layout in ("table", "csv"):
        show(ANSWERS, PredictOptions(model="m", images="a.png", format=layout, explain=place))
        told = capsys.readouterr()
        out, err = (told.out, told.err) if layout == "table" else (told.err, told.out)
        assert f"written: {place}" in out
        assert "written" not in err
    page = tmp_path / "roc.html"
    found = Verification(("a.png", "b.png"), True, 0.5, 0.4, None, None)
    show(found, VerifyOptions(gallery="g", photos="x", out=page))
    assert capsys.readouterr().out.endswith(f"written: {page}\n")


HOSTILE = "\x1b[2Jbad\nname\u202e"


def test_names_command_no_terminal(capsys):
    answers = ClassProbabilities((HOSTILE,), ("ant", HOSTILE), np.array([[0.25, 0.75]]))
    show(answers, PredictOptions(model="m", images="a.png"))
    _, row = capsys.readouterr().out.splitlines()
    assert row.count("\\x1b[2Jbad\\nname\\u202e") == 2
    finding = Finding("x", "warning", HOSTILE, (HOSTILE,), HOSTILE, 1)
    show(Checkup(HOSTILE, 1, {HOSTILE: 1}, (finding,)), CHECK)
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 4
    assert out.count("\\x1b[2Jbad\\nname\\u202e") == 4
    assert not set("\x1b\u202e") & set(out)


def test_nothing_is_printed_of_nothing(capsys):
    show(None, CHECK)
    assert capsys.readouterr().out == ""


class Window(io.StringIO):
    """Takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "quiet"), [(io.StringIO, False), (Window, True)])
def test_no_progress_where_nobody_looks_or_wants_it(monkeypatch, stream, quiet):
    monkeypatch.setattr(sys, "stderr", stream())
    with progress_bar(quiet=quiet) as progress:
        progress("reading images", 1, 2)
    assert sys.stderr.getvalue() == ""


def test_progress_is_one_bar_a_phase_on_standard_error(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", Window())
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar(quiet=False) as progress:
        for done in (1, 2):
            progress("reading", done, 4)
        progress("training", 3, 5)
        progress("training", 6, 6)
    shown = sys.stderr.getvalue()
    last = shown[shown.rindex("reading") :]
    assert "2/4" in last
    assert shown.index("starting") < shown.index("reading")
    assert "training: 6 in 0 s" in shown, "a full bar is a line"
    assert "training" not in last
    assert capsys.readouterr().out == ""
