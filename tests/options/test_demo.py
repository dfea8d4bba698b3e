"""Options of `demo`."""

from __future__ import annotations

import pytest

from headstart.errors import OptionError
from headstart.options.demo import DemoOptions
from headstart.options.record import build


def test_it_needs_nothing_and_takes_no_subject():
    assert build(DemoOptions, [], {}) == DemoOptions(out="demo", backbone="starter", seed=0)
    with pytest.raises(OptionError, match="demo takes flags only: x is one too many"):
        build(DemoOptions, ["x"], {})
