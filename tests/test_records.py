import json
import math
from pathlib import Path

import numpy as np

from headstart.records import Estimate, Finding, OutputSpec, to_json

ESTIMATE = Estimate(0.5, 0.25, 0.75, 12, "Wilson 95%")


def test_an_estimate_comes_back_from_json():
    assert Estimate.from_json(json.loads(to_json(ESTIMATE))) == ESTIMATE
    assert str(ESTIMATE) == "0.500 (0.250–0.750)"


def test_what_could_not_be_estimated_is_null_and_nan_again():
    text = to_json(Estimate(math.nan, -math.inf, math.inf, 0, "none"))
    assert json.loads(text)["value"] is None
    back = Estimate.from_json(json.loads(text))
    assert all(math.isnan(each) for each in (back.value, back.low, back.high))
    assert (back.n, back.method) == (0, "none")


def test_an_output_spec_comes_back_from_json():
    spec = OutputSpec("regression", ("1 to 2", "2 to 3"), {"edges": [1, 2, 3], "quantity": "größe"})
    assert OutputSpec.from_json(json.loads(to_json(spec))) == spec
    plain = OutputSpec("classification", ("name", "猫"))
    assert OutputSpec.from_json(json.loads(to_json(plain))) == plain


def test_any_nesting_of_records_arrays_and_scalars():
    finding = Finding("leak", "serious", "One.", ("a = b",), "Remove it.")
    value = {
        "finding": finding,
        "estimates": (ESTIMATE,),
        7: np.float32(0.5),
        "counts": np.array([[1, 2], [3, 4]]),
        "gaps": np.array([1.0, np.nan, np.inf]),
        "flag": np.bool_(True),
        "path": Path("a") / "b",
        "none": None,
        "ä": "猫",
    }
    text = to_json(value)
    assert "猫" in text, "people may read it"
    back = json.loads(text)
    assert back["finding"] == {
        "check": "leak", "severity": "serious", "claim": "One.", "evidence": ["a = b"],
        "remedy": "Remove it.", "count": 0, "regions": [],
    }  # fmt: skip
    assert Estimate.from_json(back["estimates"][0]) == ESTIMATE
    assert back["7"] == 0.5
    assert back["counts"] == [[1, 2], [3, 4]]
    assert back["gaps"] == [1.0, None, None]
    assert back["flag"] is True
    assert back["path"] == str(Path("a") / "b")
    assert back["none"] is None


def test_what_is_undefined_says_why():
    nothing = Estimate(math.nan, 0.0, 1.0, 0, "undefined: no such item")
    assert str(nothing) == nothing.undefined == "undefined: no such item"
    assert str(Estimate(math.nan, math.nan, math.nan, 9, "bootstrap")) == "undefined"
    assert Estimate(0.5, 0.4, 0.6, 9, "Wilson 95%").undefined == ""
