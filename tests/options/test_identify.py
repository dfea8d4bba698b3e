"""Options of `identify`."""

from __future__ import annotations

import pytest

from headstart.errors import OptionError
from headstart.options.identify import IdentifyOptions


def test_a_column_of_people_needs_to_be_asked_for():
    with pytest.raises(OptionError, match=r"--label .* needs --labelled"):
        IdentifyOptions(gallery="g", photos="x", label="person")
    options = IdentifyOptions(gallery="g", photos="x", label="person", labelled=True)
    assert (options.top, options.threshold) == (2, None)


def test_a_threshold_may_be_negative():
    assert IdentifyOptions(gallery="g", photos="x", threshold=-1).threshold == -1.0
    with pytest.raises(OptionError, match="--threshold high: give a number"):
        IdentifyOptions(gallery="g", photos="x", threshold="high")
