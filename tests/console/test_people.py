"""Faces and galleries as they are printed."""

from __future__ import annotations

from headstart.console.people import show_crops, show_gallery_result, show_identification
from headstart.gallery.enrolment import Enrolment
from headstart.gallery.identification import Answer, Identification
from headstart.gallery.verification import Verification
from headstart.records import Estimate, Finding
from headstart.video.crops import Crops

FAR, TAR = Estimate(0.0012, 0.0, 0.004, 900, ""), Estimate(0.9, 0.8, 0.95, 40, "")


def test_crops_are_counted(console, lines):
    blurred = Finding("blur", "note", "One is blurred.", (), "Leave it out.")
    show_crops(Crops("out [a]", 1200, 3400, {"a.jpg": "no face"}, (blurred,)), console)
    assert lines()[0] == "3,400 faces of 1,200 photos"
    assert lines()[1:3] == ["note     One is blurred.", "         → Leave it out."]
    assert lines()[3:] == []


def test_a_verification_is_a_sentence_and_two_small_rates(console, cells):
    given = Verification(("a", "b"), True, 0.71, 0.4, FAR, TAR, ("The [note].",))
    show_gallery_result(given, console)
    assert cells() == [
        ["The same person: the score 0.710 is above the threshold 0.400."],
        ["The [note]."],
        ["value", "95% interval", "n"],
        ["different people accepted", "0.0012", "0.0000 – 0.0040", "900"],
        ["same person accepted", "0.9000", "0.8000 – 0.9500", "40"],
    ]


def test_an_enrolment_names_what_was_set_aside(console, lines):
    given = Enrolment(
        "g", "starter", {"method": "centroid", "k": 1}, {"Ann": 2}, {}, 0, {"x[1].jpg": "no face"},
        1, 2, None,
    )  # fmt: skip
    show_gallery_result(given, console)
    assert lines() == [
        "Enrolled 2 photos of Ann.",
        "g knows 1 person by 2 photos (vectors of starter; compared with the mean of each "
        "person's photos).",
        "set aside: x[1].jpg: no face",
    ]


def test_photos_are_answered_row_by_row(console, cells):
    answers = (
        Answer("a.jpg", "Ann [1]", 0.8125, (("Ann [1]", 0.8125), ("Bo", 0.25))),
        Answer("b.jpg", None, 0.125, (("Bo", 0.125),)),
        Answer("c.jpg", None, None, error="no [face]"),
    )
    given = Identification("g", 0.4, FAR, answers, {"named rightly": TAR}, ("Stale.",))
    show_identification(given, console)
    assert cells() == [
        ["photo", "person", "score", "most similar"],
        ["a.jpg", "Ann [1]", "0.812", "Ann [1] 0.812, Bo 0.250"],
        ["b.jpg", "unknown", "0.125", "Bo 0.125"],
        ["c.jpg", "no [face]"],
        ["value", "95% interval", "n"],
        ["named rightly", "0.900", "0.800 – 0.950", "40"],
        ["Above a score of 0.400 a person is named. When that was calibrated, 0.001 (0.000–0.004) "
         "of strangers were."],
        ["Stale."],
    ]  # fmt: skip


def test_a_video_says_when_and_its_end_stands_below_the_table(console, cells):
    answers = (
        Answer("v.mp4 #1", "Ann", 0.5, (("Ann", 0.5),), seconds=(1.0, 7.26), looks=1200,
               clearest=3.5),
        Answer("v.mp4", None, None, error="it ended too soon"),
    )  # fmt: skip
    show_identification(Identification("g", 0.4, None, answers), console)
    assert cells() == [
        ["photo", "person", "score", "from", "to", "looks", "clearest at", "most similar"],
        ["v.mp4 #1", "Ann", "0.500", "1.0 s", "7.3 s", "1,200", "3.5 s", "Ann 0.500"],
        ["v.mp4: it ended too soon"],
        ["Above a score of 0.400 a person is named."],
    ]
