"""What an export says of itself."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace

import pytest

from headstart.exporting.record import HOLDS, Attempt, Export, Parity, Quantised
from headstart.output import check_output
from headstart.records import Estimate, to_json

CHANGE = Estimate(-0.01, -0.02, 0.0, 90, "noise")
ATTEMPT = Attempt("MinMax", ("conv1",), CHANGE, 2.0, 0.96)
EXPORT = Export(
    "out/pets", ("As torch <same>.", "int8 & kept."), "accuracy",
    ({"file": "model.onnx", "accuracy": CHANGE},), Parity(13, 2, 0.25, False),
    Quantised((ATTEMPT, replace(ATTEMPT, in_float=())), True, ("conv1", "conv2"), 30),
)  # fmt: skip


def test_it_says_where_it_is_and_what_was_proven():
    assert repr(EXPORT) == "Export('out/pets': As torch <same>. int8 & kept.)"
    assert EXPORT._repr_html_() == "<p>As torch &lt;same&gt;.</p><p>int8 &amp; kept.</p>"


def test_all_of_it_is_kept_in_json():
    value = json.loads(to_json(EXPORT))
    assert value["parity"] == {
        "images": 13, "other_answers": 2, "largest_difference": 0.25, "same": False,
        "pixels": 0, "other_pixels": 0,
    }  # fmt: skip
    tried = value["int8"]
    assert (tried["kept"], tried["worst"], tried["compared_on"]) == (True, ["conv1", "conv2"], 30)
    assert [each["in_float"] for each in tried["attempts"]] == [["conv1"], []]
    assert Estimate.from_json(tried["attempts"][0]["change"]) == CHANGE
    assert Estimate.from_json(value["files"][0][value["primary"]]) == CHANGE
    assert json.loads(to_json(replace(EXPORT, int8=None)))["int8"] is None


def test_a_folder_with_the_record_may_be_replaced(tmp_path):
    (tmp_path / "export.json").write_text(to_json(EXPORT))
    check_output(tmp_path, overwrite=True, holds=HOLDS, what="export")


def test_what_was_measured_cannot_be_changed_afterwards():
    with pytest.raises(FrozenInstanceError):
        EXPORT.parity.same = True
