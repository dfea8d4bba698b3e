"""Output folders and files: what `tests/test_run.py` leaves open of them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart import output
from headstart.errors import ModelError, OutputError
from headstart.output import (
    check_output,
    csv_cell,
    csv_name,
    new_folder,
    parents_made,
    read_json,
    write_atomic,
)

locks = pytest.mark.skipif(sys.platform == "win32", reason="no such locks")


def leftover(folder: Path, name: str, age: float) -> Path:
    place = folder / f".headstart-{name}"
    place.mkdir()
    os.utime(place, (time.time() - age,) * 2)
    return place


def test_json_is_read_as_it_was_written(tmp_path):
    for text in ('{"longer than what comes": 2}', '{"größe": [1, null]}'):
        write_atomic(tmp_path / "a.json", text)
    assert read_json(tmp_path / "a.json") == {"größe": [1, None]}
    with pytest.raises(ModelError, match="run 'headstart train' again"):
        read_json(tmp_path / "b.json")


def test_an_earlier_folder_goes_only_when_the_new_one_is_whole(tmp_path):
    file = tmp_path / "run" / "metrics.json"
    file.parent.mkdir()
    file.write_text("old")
    with new_folder(file.parent, overwrite=True) as place:
        (place / file.name).write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["run"]


def test_a_folder_that_became_something_else_meanwhile_is_left_alone(tmp_path):
    def slow() -> None:
        with new_folder(tmp_path / "out", overwrite=True) as place:
            (place / "metrics.json").write_text("{}")
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "letter.txt").write_text("dear")

    with pytest.raises(OutputError, match="is not a run of headstart"):
        slow()
    assert [each.name for each in tmp_path.rglob("*")] == ["out", "letter.txt"]


def test_a_folder_named_as_what_tells_a_run_is_none(tmp_path):
    (tmp_path / "run" / "metrics.json").mkdir(parents=True)
    with pytest.raises(OutputError, match="nothing was changed"):
        check_output(tmp_path / "run", overwrite=True)


@locks
def test_what_another_living_process_fills_is_not_swept(tmp_path):
    held = leftover(tmp_path, "building-abcd1234", 3600)
    code = "import sys; from pathlib import Path; from headstart.output import hold\n"
    code += "hold(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, held], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"held\n"
        with new_folder(tmp_path / "one", overwrite=False):
            assert held.is_dir()
        other.communicate()
    with new_folder(tmp_path / "two", overwrite=False):
        assert not held.exists()


@pytest.mark.parametrize(
    ("name", "age", "stays"),
    [
        ("building-abcd1234", 30, True),
        pytest.param("building-abcd1234", 90, False, marks=locks),
        ("old-abcd1234", 23 * 3600, True),
        ("old-abcd1234", 25 * 3600, False),
        ("building-abcd1234-mine", 48 * 3600, True),
    ],
)
def test_only_what_is_surely_left_over_is_swept(tmp_path, name, age, stays):
    place = leftover(tmp_path, name, age)
    with new_folder(tmp_path / "run", overwrite=False):
        assert place.exists() == stays


def run_at(folder, content):
    folder.mkdir()
    (folder / "metrics.json").write_text(content)


@pytest.mark.parametrize("exchanges", [True, False])
def test_the_new_run_takes_the_place_of_the_earlier(tmp_path, monkeypatch, exchanges):
    if not exchanges:
        monkeypatch.setattr(output, "_exchange", lambda one, other: False)
    run_at(tmp_path / "run", "old")
    with new_folder(tmp_path / "run", overwrite=True) as building:
        (building / "metrics.json").write_text("new")
        assert (tmp_path / "run" / "metrics.json").read_text() == "old"
    assert (tmp_path / "run" / "metrics.json").read_text() == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["run"]


@pytest.mark.skipif(sys.platform != "linux", reason="renameat2 is Linux's")
def test_two_folders_are_exchanged_in_one_step(tmp_path):
    run_at(tmp_path / "one", "1")
    run_at(tmp_path / "other", "2")
    assert output._exchange(tmp_path / "one", tmp_path / "other")
    assert (tmp_path / "one" / "metrics.json").read_text() == "2"
    assert (tmp_path / "other" / "metrics.json").read_text() == "1"
    assert not output._exchange(tmp_path / "one", tmp_path / "nowhere")


def test_what_cannot_be_moved_in_leaves_the_earlier_run_where_it_was(tmp_path, monkeypatch):
    run_at(tmp_path / "run", "old")
    real = os.replace

    def refusing(source, target):
        if "building" in str(source):
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(output, "_exchange", lambda one, other: False)
    monkeypatch.setattr(os, "replace", refusing)
    with (
        pytest.raises(OutputError, match="No space left"),
        new_folder(tmp_path / "run", overwrite=True),
    ):
        pass
    assert (tmp_path / "run" / "metrics.json").read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["run"]


def test_a_link_is_replaced_and_what_it_names_stays(tmp_path):
    run_at(tmp_path / "real", "old")
    (tmp_path / "run").symlink_to(tmp_path / "real")
    with new_folder(tmp_path / "run", overwrite=True) as building:
        (building / "metrics.json").write_text("new")
    assert (tmp_path / "run" / "metrics.json").read_text() == "new"
    assert (tmp_path / "real" / "metrics.json").read_text() == "old"
    assert {each.name for each in tmp_path.iterdir()} == {"run", "real"}


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("plain", "plain"), ("", ""), ("a=b", "a=b"), ("'quoted'", "'quoted'"),
        ("=1+1", "'=1+1"), ("+x", "'+x"), ("-x", "'-x"), ("@SUM", "'@SUM"), ("\tx", "'\tx"),
        ("\rx", "'\rx"), ("\uff1dx", "'\uff1dx"), ("'=x", "''=x"), ("-1.5", "-1.5"), ("+2", "+2"),
        ("-nan", "'-nan"), ("-1+1", "'-1+1"),
    ],
)  # fmt: skip
def test_a_cell_is_no_formula_and_gives_its_name_back(name, cell):
    assert csv_cell(name) == cell
    assert csv_name(cell) == name


@given(st.text("'=+-@\t\r1a", max_size=6))
def test_every_name_comes_back_from_its_cell(name):
    assert csv_name(csv_cell(name)) == name


def test_nothing_is_made_before_there_is_something_to_write(tmp_path):
    check_output(tmp_path / "a" / "b" / "run", overwrite=False)
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write in"):
        check_output(tmp_path / "file" / "b" / "run", overwrite=False)


def test_folders_above_go_again_where_it_fails(tmp_path):
    (tmp_path / "there").mkdir()
    place = tmp_path / "there" / "a" / "b" / "run"

    def fail() -> None:
        with new_folder(place, overwrite=False):
            assert place.parent.is_dir()
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert [each.name for each in tmp_path.rglob("*")] == ["there"]
    with new_folder(place, overwrite=False):
        pass
    assert place.is_dir()


def test_what_others_put_into_such_a_folder_stays(tmp_path):
    file = tmp_path / "a" / "b" / "film.mp4"

    def fail() -> None:
        with parents_made(file):
            (tmp_path / "a" / "letter.txt").write_text("dear")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["a", "letter.txt"]
