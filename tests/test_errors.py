"""The exceptions: one tree, so that a caller catches as much or as little as it wants."""

from __future__ import annotations

import inspect
import pickle

import pytest

from headstart import errors
from headstart.errors import (
    BackboneError,
    DataError,
    HeadstartError,
    ImageError,
    ModelError,
    OptionError,
    OutputError,
)

ALL = [getattr(errors, name) for name in errors.__all__]


def test_every_class_is_listed():
    found = {name for name, each in inspect.getmembers(errors, inspect.isclass)}
    assert found == set(errors.__all__)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_all_are_caught_as_one(kind):
    with pytest.raises(HeadstartError, match="the message"):
        raise kind("the message")
    assert not issubclass(kind, OSError | ValueError)


def test_an_image_is_data_and_nothing_else_is():
    below = {kind for kind in ALL if issubclass(kind, DataError)}
    assert below == {DataError, ImageError}


@pytest.mark.parametrize("kind", [BackboneError, ModelError, OutputError, OptionError, ImageError])
def test_kinds_are_told_apart(kind):
    with pytest.raises(kind) as caught:
        raise kind("x")
    others = [each for each in ALL if each not in kind.__mro__]
    assert not isinstance(caught.value, tuple(others))


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_they_cross_processes_with_their_message(kind):
    again = pickle.loads(pickle.dumps(kind("größer als 10 MB")))  # noqa: S301
    assert type(again) is kind
    assert str(again) == "größer als 10 MB"


def test_the_picture_in_the_docstring_is_the_tree():
    lines = [line for line in (errors.__doc__ or "").splitlines() if "Error " in line + " "]
    drawn = {word for line in lines for word in line.split() if word.endswith("Error")}
    assert drawn == set(errors.__all__)


def test_the_command_line_prints_one_line_and_exits_with_two(tmp_path, capsys):
    from headstart.cli import main

    assert main(["check", str(tmp_path / "nowhere")]) == 2
    shown = capsys.readouterr()
    assert "nowhere" in shown.err
    assert "Traceback" not in shown.err
