"""What tables are made of."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.text import Text

from headstart.console.parts import (
    CLASSES,
    hang,
    sentence,
    show_estimates,
    show_findings,
    show_set_aside,
)
from headstart.records import Estimate, Finding


def test_hanging_lines_begin_below_each_other():
    narrow = Console(file=io.StringIO(), width=40)
    hang(narrow, Text("a sentence that is longer than one line of this window"), lead="note")
    first, *others = narrow.file.getvalue().splitlines()
    assert first.startswith("note     a sentence")
    assert others
    assert all(line.startswith(" " * 9) and line[9] != " " for line in others)
    assert " ".join(" ".join([first[9:], *others]).split()).endswith("line of this window")


@pytest.mark.parametrize(("count", "shown"), [(6, 6), (7, 6)])
def test_a_finding_is_claim_evidence_and_remedy(console, lines, count, shown):
    evidence = tuple(f"[red]{i}.jpg" for i in range(count))
    show_findings([Finding("x", "warning", "Two are blank.", evidence, "Look.")], console)
    claim, *rest, remedy = lines()
    assert claim == "warning  Two are blank."
    assert remedy == " " * 9 + "→ Look."
    assert rest[:shown] == [" " * 9 + each for each in evidence[:shown]]
    more = [" " * 9 + f"… and more: --json names {count}"] if count > shown else []
    assert rest[shown:] == more


def test_estimates_are_value_interval_and_count(console, cells):
    gain, far = Estimate(-0.0001, -0.25, 0.125, 1234, ""), Estimate(1, 0.5, 2, 3, "")
    show_estimates([("[b]gain[/b]", gain), ("FAR", far)], console)
    assert cells() == [
        ["value", "95% interval", "n"],
        ["[b]gain[/b]", "0.000", "-0.250 – 0.125", "1,234"],
        ["FAR", "1.000", "0.500 – 2.000", "3"],
    ]


def test_small_rates_are_given_with_more_digits(console, cells):
    show_estimates([("FAR", Estimate(0.00012, 0, 0.0004, 9, ""))], console, digits=4)
    assert cells()[1] == ["FAR", "0.0001", "0.0000 – 0.0004", "9"]


def test_a_narrow_window_wraps_names_at_words_and_cuts_no_number():
    narrow = Console(file=io.StringIO(), width=46)
    name = f"recall of every_class {'a' * 60}"
    show_estimates([(name, Estimate(0.5, 0.25, 0.75, 1000, ""))], narrow)
    text = narrow.file.getvalue()
    assert "every_class" in text
    assert text.count("aa…") == 1, "a word is cut and not broken"
    assert "0.250 – 0.750" in text
    assert "1,000" in text


def test_sentences():
    assert sentence("a head on aB") == "A head on aB."
    assert sentence("the probe was kept.") == "The probe was kept."


@pytest.mark.parametrize("more", [0, 1, 5])
def test_what_was_set_aside_is_named_up_to_a_number(console, lines, more):
    show_set_aside({f"{i}[x].jpg": f"reason {i}" for i in range(CLASSES + more)}, console)
    found = lines()
    assert found[0] == "set aside: 0[x].jpg: reason 0"
    assert found[CLASSES - 1] == f"set aside: {CLASSES - 1}[x].jpg: reason {CLASSES - 1}"
    assert found[CLASSES:] == ([f"… and {more} more: --json has all"] if more else [])


def test_what_is_undefined_says_why_instead_of_a_number(console, cells):
    nothing = Estimate(float("nan"), 0.0, 1.0, 0, "undefined: no such item")
    show_estimates([("recall of bee", nothing)], console)
    assert cells()[1] == ["recall of bee", "undefined", "no such item"]
