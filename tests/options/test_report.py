"""Options of `report`."""

from __future__ import annotations

import pytest

from headstart.errors import OptionError
from headstart.options.record import build
from headstart.options.report import ReportOptions


def test_a_run_is_needed():
    assert build(ReportOptions, ["run"], {}).run == "run"
    with pytest.raises(OptionError, match=r"^report needs RUN$"):
        build(ReportOptions, [], {})
