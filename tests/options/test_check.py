"""Options of `check`."""

from __future__ import annotations

import pytest

from headstart.errors import OptionError
from headstart.options.check import CheckOptions


def test_faces_need_an_embedder():
    with pytest.raises(OptionError, match="--faces needs a face embedder"):
        CheckOptions(data="x", faces=True)
    with pytest.raises(OptionError, match="does nothing without --faces"):
        CheckOptions(data="x", backbone="embedder.onnx")
    with pytest.raises(OptionError, match="--detector x"):
        CheckOptions(data="x", detector="x.onnx")
    assert CheckOptions(data="x", faces=True, backbone="embedder.onnx").detector == "yunet"
