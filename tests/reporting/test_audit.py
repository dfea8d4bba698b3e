import dataclasses
import json
import math

import pytest
from tests.confounded import planted
from tests.reporting.test_page import Page, assert_sound

from headstart.auditing.audit import audit_columns
from headstart.auditing.evidence import evidence_of_vectors
from headstart.auditing.labels import Suspect
from headstart.auditing.outer import Outer
from headstart.errors import OutputError
from headstart.records import Estimate
from headstart.reporting.audit import write_audit
from headstart.run import FORMAT, Run


@pytest.fixture(scope="module")
def found():
    dataset, vectors, clusters = planted(6)
    evidence = evidence_of_vectors(dataset, vectors, clusters)
    return audit_columns(evidence, dataset.attributes, name="run")


def test_the_page_says_the_verdict_first_and_is_sound(found, tmp_path):
    picture = {"name": "<b>.png", "picture": "data:image/jpeg;base64,AA", "answer": "called old",
               "wrong": True}  # fmt: skip
    cell = {"name": "young with sex man", "said": "6 images", "pictures": [picture]}
    write_audit(Run(tmp_path), found, {"sex": [cell]})
    page = Page((tmp_path / "audit.html").read_text())
    assert_sound(page)
    assert page.text.index("The model leans on sex.") < page.text.index("What to do")
    assert page.text.index("What to do") < page.text.index("Every column")
    assert "<b>.png" in page.text
    assert "was not asked" in page.text
    assert json.loads((tmp_path / "audit.json").read_text())["columns"][0]["verdict"] == "serious"


def test_labels_to_look_at_name_their_copies(found, tmp_path):
    suspect = Suspect("a.png", "old", "young", -0.4, "b.png")
    shown = {"name": "a.png", "picture": "data:image/jpeg;base64,AA", "answer": "old: young?",
             "wrong": True, "twin": ""}  # fmt: skip
    audit = dataclasses.replace(found, labels=(suspect,), labels_said="1 label to look at")
    write_audit(Run(tmp_path), audit, {"": [{"pictures": [shown, shown | {"twin": "b.png"}]}]})
    text = Page((tmp_path / "audit.html").read_text()).text
    assert "Labels that may be wrong" in text
    assert text.count("has a copy: b.png") == 1
    assert "built-in" not in text


def test_nothing_found_is_said_as_that(found, tmp_path):
    fine = dataclasses.replace(found.columns[0], verdict="fine", gather=None)
    said = dataclasses.replace(found.said[0], verdict="fine")
    write_audit(Run(tmp_path), dataclasses.replace(found, columns=(fine,), said=(said,)), {})
    text = Page((tmp_path / "audit.html").read_text()).text
    assert "The model was not seen to lean on sex." in text
    write_audit(Run(tmp_path), dataclasses.replace(found, columns=(), said=()), {})
    assert "No column could be asked." in Page((tmp_path / "audit.html").read_text()).text


def test_what_to_do_lists_what_no_column_names(found, tmp_path):
    fine = dataclasses.replace(found, columns=(), said=())
    told = (0.5, 0.8, 0.75, 0.7, 0.01)
    size = Outer("size", "serious", 200, *told, "Size tells.", "Save all of them alike.")
    light = Outer("brightness", "fine", 200, *told, "Brightness tells.")
    suspect = Suspect("a.png", "old", "young", -0.4, "")
    write_audit(
        Run(tmp_path), dataclasses.replace(fine, outer=(size, light), labels=(suspect,)), {},
        border_said="Cut the borders off.",
    )  # fmt: skip
    text = Page((tmp_path / "audit.html").read_text()).text
    do = text[text.index("What to do") : text.index("Labels that may be wrong")]
    assert "Serious: size" in do
    assert "Save all of them alike." in do
    assert "Cut the borders off." in do
    assert "Look at the 1 label that held-out models doubt" in do
    assert "brightness" not in do
    assert "Nothing, as far" not in text
    assert "The model leans on the size of the images." in text
    warned = dataclasses.replace(size, verdict="warning")
    format_too = dataclasses.replace(warned, name="file format")
    only = dataclasses.replace(fine, outer=(warned, format_too))
    write_audit(Run(tmp_path), only, {})
    text = Page((tmp_path / "audit.html").read_text()).text
    assert "Warning: size, file format" in text, "what is to be done alike is said once"
    assert "Nothing, as far" not in text


def test_a_claim_is_told_once(found, tmp_path):
    write_audit(Run(tmp_path), found, {})
    text = Page((tmp_path / "audit.html").read_text()).text
    assert text.count(found.said[0].claim) == 1


def test_a_folder_that_is_gone(found, tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        write_audit(Run(tmp_path / "gone"), found, {})


def test_what_a_repair_did_not_mend_is_still_leant_on(found, tmp_path):
    run = Run(tmp_path)
    for column, title in (("sex", "The model still leans on sex."), ("age", "The model leans on")):
        run.metrics.write_text(json.dumps({"format": FORMAT, "repair": {"column": column}}))
        write_audit(Run(tmp_path), found, {})
        assert title in Page((tmp_path / "audit.html").read_text()).text
    few = Estimate(math.nan, math.nan, math.nan, 2, "undefined: only 2 images contradict it")
    one = dataclasses.replace(found.columns[0], unrelated=few)
    write_audit(Run(tmp_path), dataclasses.replace(found, columns=(one,)), {})
    assert "too few images contradict it" in Page((tmp_path / "audit.html").read_text()).text
