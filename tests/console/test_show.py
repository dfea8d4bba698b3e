"""Which table a result is printed as, and where progress goes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headstart.console.show import show, written
from headstart.gallery.identification import Answer, Identification
from headstart.gallery.verification import Verification
from headstart.options.check import CheckOptions
from headstart.options.enroll import EnrollOptions
from headstart.options.identify import IdentifyOptions
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
    assert "T: p = 1.\nEqual.\n" in capsys.readouterr().out


def test_a_pipe_gets_a_long_path_in_one_line(capsys):
    place = Path("/".join(["a [b] :v: folder"] * 40))
    show(place, ReportOptions(run="x"))
    assert capsys.readouterr().out == f"{place}\n"


def test_what_was_written_is_named(capsys, tmp_path):
    place = tmp_path / "why"
    show(ANSWERS, PredictOptions(model="m", images="a.png", explain=place))
    assert "wrote" not in capsys.readouterr().out, "nothing had an answer"
    place.mkdir()
    for layout in ("table", "csv"):
        show(ANSWERS, PredictOptions(model="m", images="a.png", format=layout, explain=place))
        told = capsys.readouterr()
        out, err = (told.out, told.err) if layout == "table" else (told.err, told.out)
        assert f"wrote {place}" in out
        assert "wrote" not in err
    page = tmp_path / "roc.html"
    page.write_text("")
    found = Verification(("a.png", "b.png"), True, 0.5, 0.4, None, None)
    show(found, VerifyOptions(gallery="g", photos="x", out=page))
    assert capsys.readouterr().out.endswith(f"wrote {page}\n")


def test_a_gallery_is_written_by_who_enrols_only(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "g").mkdir()
    assert written(None, EnrollOptions(gallery="g", photos="x")) == ["g"]
    assert written(None, VerifyOptions(gallery="g", photos="x")) == []
    assert written(None, CHECK) == []
    assert written(Path("run/report.html"), ReportOptions(run="run")) == ["run/report.html"]


def test_quiet_leaves_the_answers_and_nothing_else(capsys, tmp_path):
    names = tuple(f"{i}.png" for i in range(7))
    many = ClassProbabilities(names, ("ant", "bee"), np.tile([[0.25, 0.75]], (7, 1)))
    options = PredictOptions(model="m", images="a.png", explain=tmp_path)
    show(many, options)
    told = capsys.readouterr().out
    assert "7 images: 7 bee\n" in told
    show(many, options, quiet=True)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1:] == [[name, "bee", "0.750"] for name in names]
    who = Identification("g", 0.5, None, (Answer("a.png", "Ann", 0.9, ()),), {}, ("a remark",))
    asked = IdentifyOptions(gallery="g", photos="a.png")
    show(who, asked)
    assert "a remark" in capsys.readouterr().out
    show(who, asked, quiet=True)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1:] == [["a.png", "Ann", "0.900"]]
    show(tmp_path / "report.html", ReportOptions(run="x"), quiet=True)
    assert capsys.readouterr().out == ""


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
