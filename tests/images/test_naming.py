"""What cannot be read is named for what it is, and nothing else is printed."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest
from tests.images.bombs import tiff

from headstart.errors import ImageError
from headstart.images.decode import decode
from headstart.images.naming import reason_of, what_is, what_tiff_is


@pytest.mark.parametrize(
    ("bands", "kind", "options", "reason"),
    [
        (
            13,
            np.uint16,
            {},
            "13 bands of 16 bits, which cannot be read: export three of them as PN",
        ),
        (13, np.uint8, {"extra": (0,) * 12}, "13 bands of 8 bits"),
        (3, np.float32, {"light": 2}, r"3 bands of 32 bits \(floating point\)"),
        (1, np.float64, {}, r"1 band of 64 bits \(floating point\)"),
        (3, np.uint32, {"light": 2}, "3 bands of 32 bits, which"),
        (3, np.int16, {"light": 2}, r"3 bands of 16 bits \(signed\)"),
        (2, np.uint8, {"extra": (0,)}, "2 bands of 8 bits, which cannot be read: export one of"),
        (2, np.uint16, {}, "2 bands of 16 bits"),
        (3, np.uint8, {"light": 2, "more": {259: 50002}}, "compressed by JPEG XL"),
        (3, np.uint8, {"light": 2, "more": {259: 12345}}, "compressed by number 12345"),
    ],
)
def test_tiffs(bands, kind, options, reason):
    shape = (8, 8, bands) if bands > 1 else (8, 8)
    data = tiff(np.ones(shape, kind), **options)
    with pytest.raises(ImageError, match=f"a TIFF.*{reason}"):
        decode(data)


def test_damaged_tiffs_are_called_damaged():
    data = tiff(np.ones((8, 8, 3), np.uint8), light=2)
    assert what_tiff_is(data) == ""
    for cut in (8, 20, 60, len(data) - 5):
        with pytest.raises(ImageError, match=r"damaged|truncated"):
            decode(data[:cut])


def test_reasons():
    assert reason_of(OSError("image file is truncated (3 bytes)")).startswith("truncated")
    assert reason_of(ValueError("a\nb")) == "damaged (a b)"
    assert "PDF" in what_is(b"%PDF-1.7")


def test_nothing_of_pillow_reaches_standard_error(tmp_path):
    whole = tiff(np.ones((8, 8, 13), np.uint16))
    (tmp_path / "bands").write_bytes(whole)
    (tmp_path / "cut").write_bytes(tiff(np.ones((8, 8), np.uint8))[:100])
    code = textwrap.dedent("""
        import sys
        from pathlib import Path
        from headstart.errors import ImageError
        from headstart.images.decode import decode
        for name in sys.argv[1:]:
            try:
                decode(Path(name).read_bytes())
            except ImageError as error:
                print(error)
    """)
    got = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "bands"), str(tmp_path / "cut")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert got.stderr == ""
    assert len(got.stdout.splitlines()) == 2
