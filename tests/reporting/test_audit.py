import dataclasses
import json

import pytest
from tests.confounded import planted
from tests.reporting.test_page import Page, assert_sound

from headstart.auditing.audit import audit_columns
from headstart.auditing.evidence import evidence_of_vectors
from headstart.errors import OutputError
from headstart.reporting.audit import write_audit
from headstart.run import Run


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


def test_nothing_found_is_said_as_that(found, tmp_path):
    fine = dataclasses.replace(found.columns[0], verdict="fine", gather=None)
    said = dataclasses.replace(found.said[0], verdict="fine")
    write_audit(Run(tmp_path), dataclasses.replace(found, columns=(fine,), said=(said,)), {})
    text = Page((tmp_path / "audit.html").read_text()).text
    assert "The model was not seen to lean on sex." in text
    write_audit(Run(tmp_path), dataclasses.replace(found, columns=(), said=()), {})
    assert "No column could be asked." in Page((tmp_path / "audit.html").read_text()).text


def test_a_folder_that_is_gone(found, tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        write_audit(Run(tmp_path / "gone"), found, {})
