"""The public names are a list; adding or losing one is a decision, made here."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path

import headstart
from headstart import errors
from headstart.cli import VERBS

PUBLIC = {
    # verbs
    "advise", "audit", "check", "compare", "convert", "demo", "enroll", "evaluate", "export",
    "faces", "identify", "predict", "report", "serve", "train", "verify",
    # reading
    "load", "open_dataset",
    # nouns
    "Dataset", "Estimate", "Finding", "Run",
    # errors
    "BackboneError", "DataError", "HeadstartError", "ImageError", "ModelError", "OptionError",
    "OutputError",
}  # fmt: skip


def test_the_list():
    assert set(headstart.__all__) == PUBLIC
    assert len(headstart.__all__) == len(PUBLIC)


def test_every_name_can_be_had_and_listed():
    for name in PUBLIC:
        assert getattr(headstart, name) is not None
    assert set(dir(headstart)) >= PUBLIC
    assert not hasattr(headstart, "no_such_name")


def test_every_error_is_public():
    tree = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    assert tree <= PUBLIC


def test_a_verb_takes_keywords_after_its_subject():
    verbs = set(VERBS)
    assert verbs <= PUBLIC
    for name in verbs:
        parameters = list(inspect.signature(getattr(headstart, name)).parameters.values())
        late = [p.name for p in parameters[2:] if p.kind is not inspect.Parameter.KEYWORD_ONLY]
        assert not late, f"{name}: {late} must be keyword-only"
        assert all(p.kind is not inspect.Parameter.VAR_KEYWORD for p in parameters), name
        assert inspect.getdoc(getattr(headstart, name)), name


def test_no_package_hides_a_name():
    """A package `headstart.evaluate`, once imported, would take the place of the verb."""
    home = Path(headstart.__file__).parent
    packages = {path.stem for path in home.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert not PUBLIC & packages


def test_version():
    assert headstart.__version__.split(".")[0].isdigit()
    assert importlib.import_module("headstart") is sys.modules["headstart"]
