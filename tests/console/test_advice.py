"""Advice as it is printed."""

from __future__ import annotations

from headstart.advice.advise_classes import Advice
from headstart.advice.advise_people import PeopleAdvice
from headstart.advice.people import PeopleFacts
from headstart.advice.rank import Candidate
from headstart.console.advice import show_advice, show_people_advice
from headstart.metrics.retrieval import MEASURES
from headstart.records import Estimate, Finding
from headstart.strategies.finetuning.plan import FinetuneCandidate

FINDING = Finding("x", "serious", "Copies on both sides.", ("a.jpg = b.jpg",), "Group them.")


def estimate(value: float, n: int = 60) -> Estimate:
    return Estimate(value, value - 0.1, value + 0.1, n, "")


def advice() -> Advice:
    candidates = (
        Candidate("net [big]", 224, estimate(0.8), 0.71, "all", 0.6, -1.234, 5_000, 12.4, 0.9),
        Candidate("net small", 96, estimate(0.7), 0.65, "last", 0.5, 0.5, 50, 3.0, 0.8),
    )
    tried = (
        FinetuneCandidate("probe", None, estimate(0.75, 20), 1.0),
        FinetuneCandidate("never run", None, None, 0.0),
    )
    return Advice(
        "pets [new]", ("Freeze it.", "Expect 0.8."), estimate(0.8), True, "Usually frozen.",
        "headstart train pets", {"images": 60, "classes": 3}, candidates, tried, (FINDING,),
        {"huge": "no [disk]"}, 20.0,
    )  # fmt: skip


def test_backbones_trials_and_the_answer(console, cells):
    show_advice(advice(), console)
    assert cells() == [
        ["pets [new]: images: 60; classes: 3"],
        ["serious", "Copies on both sides."],
        ["a.jpg = b.jpg"],
        ["→ Group them."],
        ["backbone", "px", "accuracy", "95% interval", "features", "seconds"],
        ["net [big]", "224", "0.800", "0.700 – 0.900", "all", "12"],
        ["net small", "96", "0.700", "0.600 – 0.800", "last", "3"],
        [
            "accuracy of the best classifier of frozen features, cross-validated: the best of many "
            "is partly the luckiest"
        ],
        ["value", "95% interval", "n"],
        ["probe", "0.750", "0.650 – 0.850", "20"],
        ["not tried: huge: no [disk]"],
        ["• Freeze it."],
        ["• Expect 0.8."],
        ["Usually frozen."],
        ["→ headstart train pets"],
    ]


def test_people_are_told_by_what_was_counted_and_measured(console, cells):
    facts = PeopleFacts(12, 3456, 7, 80, 224, "starter", 1000, True, None, False, 0, {})
    first = {name: estimate(0.2 + 0.1 * place) for place, name in enumerate(MEASURES)}
    second = {name: estimate(0.15 + 0.1 * place) for place, name in enumerate(MEASURES)}
    given = PeopleAdvice(
        "faces", ("Too few people.",), (FINDING,), "headstart train faces", facts,
        {"best": first, "next": second}, {"huge": "offline"},
    )  # fmt: skip
    show_people_advice(given, console)
    found = cells()
    assert found[0] == [
        "faces: 3,456 images of 12 identities, 7 each, 80 px at the shorter side",
    ]  # fmt: skip
    head, one, other, *rest = found[4:]
    assert head == ["people never seen", *MEASURES.values()]
    assert one == ["best", *(str(each) for each in first.values())]
    assert other == ["next", *(str(each) for each in second.values())]
    assert rest == [
        ["not tried: huge: offline"], ["• Too few people."], ["→ headstart train faces"],
    ]  # fmt: skip
