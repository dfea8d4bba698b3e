"""Every option of every verb, given what it does not take: one error from Python and the shell."""

from __future__ import annotations

import importlib

import pytest

import headstart
from headstart.cli import VERBS, main
from headstart.errors import OptionError
from headstart.options.record import Option, options_of


def record_of(verb: str):
    return getattr(importlib.import_module(f"headstart.options.{verb}"), f"{verb.title()}Options")


def wrong_values(option: Option):
    """(what is wrong, value in Python, word in the shell or None where the shell cannot say it)."""
    kind, limits = option.kind, option.limits
    yield "type", {"a": 1}, None
    if not kind.optional:
        yield "none", None, None
    if kind.flag:
        yield "choice", "maybe", "maybe"
    elif kind.number is not None:
        yield "type", "many", "many"
        yield "type", True, None
        yield "not finite", float("nan"), "nan"
        if kind.number is int:
            yield "fraction", 2.5, "2.5"
        for value in outside(limits):
            yield "range", kind.number(value), str(kind.number(value))
    elif kind.choices:
        yield "choice", "frobnicate", "frobnicate"
        near = f"{kind.choices[0]}x"
        yield "near", near, near
    else:
        yield "empty", "", ""
        yield "type", True if kind.index else 3, None
        if option.words:
            first = (option.words() if callable(option.words) else option.words)[0]
            yield "choice", f"{first},papyrus", f"{first},papyrus"


def outside(limits):
    if limits is None:
        return
    ends = ((limits.low, -1), (limits.high, 1), (limits.above, 0), (limits.below, 0))
    yield from (end + step for end, step in ends if end is not None)


CASES = [
    pytest.param(verb, option, value, word, id=f"{verb}-{option.name}-{what}-{value}")
    for verb in VERBS
    for option in options_of(record_of(verb))
    for what, value, word in wrong_values(option)
]


@pytest.fixture(scope="module", autouse=True)
def _warm():
    """Modules are imported once: `test_import_time` holds that the shell needs none of them."""
    for verb in VERBS:
        getattr(headstart, verb)


@pytest.fixture(autouse=True)
def _empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("verb", "option", "value", "word"), CASES)
def test_one_error_from_python_and_the_shell(verb, option, value, word, capsys):
    record = options_of(record_of(verb))
    # Nothing is at "nowhere": an error about the option, not the data, is one before any work.
    given = {each.name: "nowhere" for each in record if each.needed}
    with pytest.raises(OptionError) as caught:
        getattr(headstart, verb)(**given | {option.name: value})
    said = str(caught.value)
    assert said.startswith(option.label)
    assert "\n" not in said
    if word is None:
        return
    words = []
    for each in record:
        if each.name == option.name or each.needed:
            text = word if each.name == option.name else "nowhere"
            words.append(text if each.subject else f"--{each.name.replace('_', '-')}={text}")
        elif each.subject and option.subject:
            words.append("nowhere")
    status = main([verb, *words])
    out, err = capsys.readouterr()
    assert (status, out, err) == (2, "", f"headstart: {said}\n")


def test_every_kind_of_mistake_is_walked_over():
    assert len(CASES) > 300
    assert {case.values[0] for case in CASES} == set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_unknown_names_are_told_the_same(verb, capsys):
    needed = {each.name: "nowhere" for each in options_of(record_of(verb)) if each.needed}
    with pytest.raises(OptionError) as caught:
        getattr(headstart, verb)(**needed, frobnicate="x")
    assert main([verb, "--frobnicate=x"]) == 2
    assert capsys.readouterr().err == f"headstart: {caught.value}\n"
    assert f"{verb} has no --frobnicate" in str(caught.value)
