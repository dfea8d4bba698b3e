"""Options of `advise`."""

from __future__ import annotations

import pytest

from headstart.errors import OptionError
from headstart.options.advise import AdviseOptions


def test_defaults():
    options = AdviseOptions(data="x")
    assert (options.task, options.backbone, options.image_size) == ("auto", "presets", "auto")


def test_what_makes_no_sense():
    with pytest.raises(OptionError, match="--recipe 'speed=9'"):
        AdviseOptions(data="x", recipe="dropout=0.1,speed=9")
    with pytest.raises(OptionError, match=r"--task identiti.*did you mean identity"):
        AdviseOptions(data="x", task="identiti")
    with pytest.raises(OptionError, match="--budget 0: above 0 minutes"):
        AdviseOptions(data="x", budget=0)


def test_a_detector_that_would_not_be_looked_at_is_refused():
    with pytest.raises(OptionError, match=r"none of torchvision's .*train --detector ssd"):
        AdviseOptions(data="x", detector="ssd")
    with pytest.raises(OptionError, match="does nothing without --faces"):
        AdviseOptions(data="x", detector="own.onnx")
    assert AdviseOptions(data="x", detector="own.onnx", faces=True).faces
