"""Options of `compare`."""

from __future__ import annotations

import pytest

from headstart.errors import OptionError
from headstart.options.compare import CompareOptions
from headstart.options.record import build


def test_two_runs_are_needed():
    assert build(CompareOptions, ["a", "b"], {}) == CompareOptions(first="a", second="b", seed=0)
    with pytest.raises(OptionError, match="compare needs SECOND"):
        build(CompareOptions, ["a"], {})
    with pytest.raises(OptionError, match="compare takes FIRST SECOND only: c"):
        build(CompareOptions, ["a", "b", "c"], {})
