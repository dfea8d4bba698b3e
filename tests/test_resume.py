"""What an interrupted training leaves, and who may go on with it."""

from __future__ import annotations

import contextlib
import subprocess
import sys

import pytest

from headstart import resume as module
from headstart.errors import ModelError, OutputError
from headstart.resume import Unfinished


def test_it_is_gone_when_all_went_well(tmp_path):
    place = Unfinished(tmp_path / "run")
    with place.held({"data": "x"}, resuming=False, overwrite=False) as folder:
        assert place.options() == {"data": "x"}
        (folder / "a.safetensors").write_bytes(b"x")
    assert not place.folder.exists()
    with pytest.raises(ModelError, match="nothing to resume"):
        place.options()


def test_it_stays_when_something_went_wrong(tmp_path):
    place = Unfinished(tmp_path / "run")

    def fail():
        with place.held({"seed": 1}, resuming=False, overwrite=False) as folder:
            (folder / "a.safetensors").write_bytes(b"x")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        fail()
    with (
        pytest.raises(OutputError, match="--resume"),
        place.held({}, resuming=False, overwrite=False),
    ):
        pass
    with place.held({"other": 2}, resuming=True, overwrite=False) as folder:
        assert place.options() == {"seed": 1}  # those of the training that was stopped
        assert (folder / "a.safetensors").exists()


def test_whatever_a_training_keeps_there_is_its_own(tmp_path):
    place = Unfinished(tmp_path / "run")
    with (
        contextlib.suppress(RuntimeError),
        place.held({}, resuming=False, overwrite=False) as folder,
    ):
        (folder / "backbones").mkdir()
        raise RuntimeError("killed")
    with place.held({}, resuming=True, overwrite=False) as folder:
        assert (folder / "backbones").is_dir()


def test_overwrite_throws_earlier_states_away(tmp_path):
    place = Unfinished(tmp_path / "run")
    place.folder.mkdir()
    (place.folder / "a.safetensors").write_bytes(b"x")
    with place.held({}, resuming=False, overwrite=True) as folder:
        assert not (folder / "a.safetensors").exists()


@pytest.mark.parametrize("left", [[], [".headstart-abcd1234"], ["a.safetensors", "backbones"]])
def test_killed_before_it_had_begun_it_begins(tmp_path, left):
    """Between making the folder and writing the options there is nothing to go on with."""
    place = Unfinished(tmp_path / "run")
    place.folder.mkdir()
    for name in left:
        (place.folder / name).write_bytes(b"x")
    with pytest.raises(ModelError, match="nothing to resume"):
        place.options()
    with place.held({"seed": 3}, resuming=False, overwrite=False) as folder:
        assert place.options() == {"seed": 3}
        assert not (folder / "a.safetensors").exists()
    assert not place.folder.exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_not_ours_is_never_thrown_away(tmp_path, overwrite):
    place = Unfinished(tmp_path / "run")
    place.folder.mkdir()
    (place.folder / "letter.txt").write_text("dear")
    with (
        pytest.raises(OutputError, match=r"letter\.txt"),
        place.held({}, resuming=False, overwrite=overwrite),
    ):
        pass
    assert (place.folder / "letter.txt").read_text() == "dear"


def test_two_at_once_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE", 0.3)
    place = Unfinished(tmp_path / "run")
    with (
        place.held({}, resuming=False, overwrite=False),
        pytest.raises(OutputError, match="another process"),
        Unfinished(tmp_path / "run").held({}, resuming=True, overwrite=False),
    ):
        pass


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OutputError, match="choose another -o"),
        Unfinished(tmp_path / "file" / "run").held({}, resuming=False, overwrite=False),
    ):
        pass


def test_what_a_killed_training_left_behind_is_waited_for(tmp_path):
    """A loading process shares the lock of a training that was killed, for some seconds."""
    place = Unfinished(tmp_path / "run")
    place.folder.mkdir()
    orphan = subprocess.Popen(
        [sys.executable, "-c",
         "import sys, time; from pathlib import Path; from headstart.output import hold\n"
         "assert hold(Path(sys.argv[1])) is not None; print('held', flush=True); time.sleep(1.5)",
         str(place.folder)],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert orphan.stdout.readline() == b"held\n"
    with place.held({}, resuming=True, overwrite=False):
        assert orphan.wait(10) == 0
