import dataclasses

import pytest

from headstart.auditing.border import Border
from headstart.auditing.wording import (
    claim_of,
    evidence_of,
    line_of_quiet,
    remedy_of,
    remedy_of_border,
    title_of,
)
from headstart.records import Estimate


def test_a_serious_verdict_in_plain_words(leaning):
    (found,) = leaning[1].columns
    claim = claim_of(found)
    assert claim.startswith("95% of young have sex woman, and 5% of old.")
    assert "would be other ones if woman were man" in claim
    assert "points less" in claim
    assert title_of(found) == "The model leans on sex"
    assert remedy_of(found).startswith("Gather 40 more images of young with sex man (there are 6)")
    assert " Meanwhile: headstart audit RUN --repair sex -o RUN-repaired." in remedy_of(found)
    assert "audit 'my runs/1' --repair sex -o 'my" in remedy_of(found, run="my runs/1")
    assert "audit run --repair sex -o run-repaired." in leaning[1].said[0].remedy, "its own folder"
    again = remedy_of(found, repaired=True)
    assert again.startswith("Gather 40 more images of young with sex man (there are 6)")
    assert "--repair" not in again, "that was done"
    lines = evidence_of(found)
    assert any("never judged by" in line for line in lines)
    assert any("unrelated" in line for line in lines)
    used, carried = found.used_area, found.carried_area
    assert used.value == pytest.approx(found.used)
    assert used.low < found.used < used.high
    for area, words in ((used, ", permutation"), (carried, " (said, and never")):
        said = f"AUC {area.value:.2f} ({area.low:.2f} to {area.high:.2f}){words}"
        assert any(said in line for line in lines)
    plain = evidence_of(dataclasses.replace(found, used_area=None, carried_area=None))
    assert any(f"AUC {found.used:.2f}, permutation" in line for line in plain), "audits of before"


def test_other_verdicts(leaning):
    (found,) = leaning[1].columns
    warned = dataclasses.replace(found, verdict="warning", cost=None)
    assert "too few images that contradict it" in claim_of(warned)
    assert "too few of them to say" in remedy_of(warned)
    assert title_of(warned).startswith("The model seems to lean")
    fine = dataclasses.replace(found, verdict="fine", p_adjusted=0.4)
    assert "was not seen to follow sex" in claim_of(fine)
    assert remedy_of(fine) == "Nothing to do."


def test_a_change_as_by_chance_is_no_sentence(leaning):
    (found,) = leaning[1].columns
    assert "Of 100 answers" not in claim_of(dataclasses.replace(found, change_by_chance=0.9))


def test_where_there_are_plenty_nothing_is_to_be_gathered(leaning):
    (found,) = leaning[1].columns
    plenty = [dataclasses.replace(each, have=150, more=0) for each in found.gather.wanted]
    gather = dataclasses.replace(found.gather, wanted=tuple(plenty))
    said = remedy_of(dataclasses.replace(found, verdict="warning", gather=gather))
    assert said.startswith("Nothing need be gathered; what it costs is not surely above nought.")
    serious = remedy_of(dataclasses.replace(found, gather=gather))
    assert serious.startswith("Images that contradict it are there in plenty (150 of young with")
    assert "--repair sex" in serious
    assert "--repair" not in remedy_of(dataclasses.replace(found, gather=gather), repaired=True)
    no_gain = dataclasses.replace(found.gather, then=found.gather.now)
    assert "no gain is forecast" in remedy_of(dataclasses.replace(found, gather=no_gain))


def test_a_border_that_tells_as_much_as_the_rest_is_something_to_look_at():
    def border(value, middle):
        ends = (Estimate(each, each - 0.03, each + 0.03, 200, "") for each in (0.97, value, middle))
        return Border(200, 0.5, *ends)

    assert "marks, rulers, frames" in remedy_of_border(border(0.92, 0.96))
    assert remedy_of_border(border(0.76, 0.96)) == ""
    assert remedy_of_border(None) == ""


def test_an_end_close_to_nought_keeps_its_sign(leaning):
    (found,) = leaning[1].columns
    close = dataclasses.replace(found, cost=Estimate(0.03, 0.004, 0.06, 9, "x"))
    assert "3.0 (0.4 to 6.0) points less" in claim_of(close)


def test_how_a_column_was_read_is_said(leaning):
    (found,) = leaning[1].columns
    noted = dataclasses.replace(found, note="in halves at 3")
    assert evidence_of(noted)[0] == "how it was read: in halves at 3"
    loose = dataclasses.replace(
        noted, verdict="fine", associated=Estimate(0.5, 0.45, 0.55, 9, "x")
    )  # fmt: skip
    assert claim_of(loose) == (
        "sex hardly tells the class (balanced accuracy 0.50, 0.45 to 0.55; guessing 0.50; "
        "in halves at 3)."
    )
    said = line_of_quiet([loose, dataclasses.replace(loose, column="age", note="")])
    assert said.startswith("2 columns hardly tell the class: sex (in halves at 3), age. sex tells")
