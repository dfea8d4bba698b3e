"""Options of `convert`."""

from __future__ import annotations

import pytest

from headstart.errors import OptionError
from headstart.options.convert import ConvertOptions
from headstart.options.record import build


def test_files_and_a_folder_are_needed():
    assert build(ConvertOptions, ["a.onnx"], {"out": "b"}).files == "a.onnx"
    with pytest.raises(OptionError, match=r"^convert needs FILES$"):
        build(ConvertOptions, [], {"out": "b"})
    with pytest.raises(OptionError, match=r"^convert needs --out FOLDER$|convert needs -o"):
        build(ConvertOptions, ["a.onnx"], {})
