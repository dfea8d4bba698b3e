"""Options of `evaluate`."""

from __future__ import annotations

import pytest

from headstart.errors import OptionError
from headstart.options.evaluate import EvaluateOptions
from headstart.options.record import build


def test_subjects():
    assert build(EvaluateOptions, ["run"], {}).data is None
    options = build(EvaluateOptions, ["run", "data"], {"by": "age,sex"})
    assert (options.run, options.data, options.by) == ("run", "data", "age,sex")


def test_what_makes_no_sense():
    with pytest.raises(OptionError, match="--by is empty"):
        EvaluateOptions(run="run", by="")
    with pytest.raises(OptionError, match="evaluate needs RUN"):
        build(EvaluateOptions, [], {})


@pytest.mark.parametrize(
    "given", [{"label": "x"}, {"image": "x"}, {"group": "x"}, {"split": "x"},
              {"annotations": "x.json"}, {"masks": "binary"}]
)  # fmt: skip
def test_how_data_are_read_needs_data(given):
    with pytest.raises(OptionError, match=rf"--{next(iter(given))} .*says how DATA are read"):
        build(EvaluateOptions, ["run"], given)
    assert build(EvaluateOptions, ["run", "data"], given).data == "data"
