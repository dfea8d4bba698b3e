"""Output folders and files: what `tests/test_run.py` leaves open of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headstart import output
from headstart.errors import ModelError, OutputError
from headstart.output import (
    check_output,
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


KILLED = """
import os, signal, sys
from pathlib import Path
from headstart import output

output._exchange = lambda one, other: False
number, real = int(sys.argv[2]), os.replace
calls = 0

def replace(source, target):
    global calls
    calls += 1
    if calls == number:
        os.kill(os.getpid(), signal.SIGKILL)
    real(source, target)

os.replace = replace
with output.new_folder(Path(sys.argv[1]), overwrite=True) as building:
    (building / "metrics.json").write_text("new")
"""


@locks
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("days", [0, 2])
def test_killed_at_either_rename_the_earlier_run_comes_back(tmp_path, caplog, number, days):
    run_at(tmp_path / "run", "old")
    command = [sys.executable, "-c", KILLED, str(tmp_path / "run"), str(number)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert (tmp_path / "run").exists() == (number == 1)
    for entry in tmp_path.glob(".headstart-*"):
        os.utime(entry, (time.time() - days * 86_400,) * 2)
    with new_folder(tmp_path / "other", overwrite=False):
        pass  # any other command that writes there
    assert (tmp_path / "run" / "metrics.json").read_text() == "old"
    assert ("run is back as it was" in caplog.text) == (number == 2)
    assert number == 1 or not list(tmp_path.glob(".headstart-old-*"))
    with pytest.raises(OutputError, match="already holds a run"):
        check_output(tmp_path / "run", overwrite=False)


@locks
def test_what_a_living_process_is_replacing_is_not_put_back(tmp_path):
    old = tmp_path / ".headstart-old-abcd1234"
    run_at(tmp_path / "run", "old")
    old.mkdir()
    (tmp_path / "run").rename(old / "run")
    held = output.hold(old)
    check_output(tmp_path / "other", overwrite=False)
    assert not (tmp_path / "run").exists()
    os.close(held)
    check_output(tmp_path / "other", overwrite=False)
    assert (tmp_path / "run" / "metrics.json").read_text() == "old"


def test_what_only_looks_like_a_leftover_is_not_moved(tmp_path):
    """In a folder for all, others could make anything, and point to what is not theirs."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / ".headstart-old-abcd1234").symlink_to(tmp_path / "home")
    check_output(tmp_path / "shared" / "run", overwrite=False)
    assert (tmp_path / "home" / "letter.txt").read_text() == "dear"
    assert not (tmp_path / "shared" / "letter.txt").exists()


def test_a_link_is_replaced_and_what_it_names_stays(tmp_path):
    run_at(tmp_path / "real", "old")
    (tmp_path / "run").symlink_to(tmp_path / "real")
    with new_folder(tmp_path / "run", overwrite=True) as building:
        (building / "metrics.json").write_text("new")
    assert (tmp_path / "run" / "metrics.json").read_text() == "new"
    assert (tmp_path / "real" / "metrics.json").read_text() == "old"
    assert {each.name for each in tmp_path.iterdir()} == {"run", "real"}


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
