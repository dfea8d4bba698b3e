"""`decode`: every mode and trap becomes upright RGB or one plain reason."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headstart.errors import HeadstartError, ImageError
from headstart.images import decode as decoding
from headstart.images.decode import decode, read_bytes


def encode(image: Image.Image, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def picture(width: int = 120, height: int = 80) -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("form", ["PNG", "BMP", "PPM", "TIFF", "GIF", "WEBP", "JPEG", "ICO"])
def test_formats(form):
    image = picture(64, 64)
    got = decode(encode(image, form, **({"lossless": True} if form == "WEBP" else {})))
    assert (got.width, got.height, got.format) == (64, 64, form)
    assert got.pixels.shape == (64, 64, 3)
    assert got.pixels.dtype == np.uint8
    error = np.abs(got.pixels.astype(int) - np.asarray(image).astype(int)).mean()
    assert error < (12 if form in ("JPEG", "GIF") else 0.01)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "LAB", "LA", "RGBA"])
def test_modes_keep_the_colours(mode):
    grey = picture().convert("L").convert("RGB")
    if mode == "LAB":
        from PIL import ImageCms

        rgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(grey, rgb, lab, outputMode="LAB")
    else:
        image = grey.quantize(256) if mode == "P" else grey.convert(mode)
    form = "JPEG" if mode == "YCbCr" else "TIFF"
    got = decode(encode(image, form))
    tolerance = 255 if mode == "1" else 8  # dithered
    assert np.abs(got.pixels.astype(int) - np.asarray(grey)).max() <= tolerance
    assert abs(got.pixels.mean() - np.asarray(grey).mean()) < 3


def test_cmyk_jpeg_of_adobe_is_not_inverted():
    got = decode(encode(Image.new("CMYK", (16, 16), (0, 0, 0, 0)), "JPEG"))
    assert got.mode == "CMYK"
    assert got.pixels.min() > 250


def test_transparency_lies_over_white():
    image = Image.new("RGBA", (4, 2), (255, 0, 0, 0))
    image.putpixel((0, 0), (0, 0, 255, 255))
    got = decode(encode(image, "PNG")).pixels
    assert got[0, 0].tolist() == [0, 0, 255]
    assert got[1, 1].tolist() == [255, 255, 255]


def test_palette_and_key_colour_transparency_lie_over_white():
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 200, 0, 0])
    assert decode(encode(palette, "PNG", transparency=1)).pixels.min() == 255
    assert decode(encode(palette, "GIF", transparency=1)).pixels.min() == 255
    keyed = encode(Image.new("RGB", (4, 4), (1, 2, 3)), "PNG", transparency=(1, 2, 3))
    assert decode(keyed).pixels.min() == 255
    assert decode(encode(Image.new("L", (4, 4), 7), "PNG", transparency=7)).pixels.min() == 255


@pytest.mark.parametrize(("top", "kind"), [(255, np.uint16), (4095, np.uint16), (65535, np.uint16)])
def test_sixteen_bits_are_scaled_not_clipped(top, kind):
    levels = np.linspace(0, top, 64 * 64).reshape(64, 64).astype(kind)
    for form in ("PNG", "TIFF"):
        got = decode(encode(Image.fromarray(levels), form), levels=(0.0, top)).pixels[..., 0]
        assert np.abs(got.astype(float) - levels * (255 / top)).max() <= 1


def test_integers_and_floats():
    signed = np.linspace(-1000, 3000, 4096).reshape(64, 64)
    for levels in (signed.astype(np.int32), signed.astype(np.float32)):
        for given in (None, (-1000.0, 3000.0)):
            got = decode(encode(Image.fromarray(levels), "TIFF"), levels=given).pixels[..., 0]
            assert got.min() == 0
            assert got.max() == 255
            assert np.all(np.diff(got.ravel().astype(int)) >= 0)
    unit = np.full((8, 8), 0.5, np.float32)
    unit[0, 0] = np.nan
    got = decode(encode(Image.fromarray(unit), "TIFF"), levels=(0.0, 1.0)).pixels
    assert got[1, 1, 0] == 128
    assert got[0, 0, 0] == 0


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(form, orientation):
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(picture(), form, exif=exif)
    with Image.open(io.BytesIO(data)) as image:
        wanted = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    got = decode(data)
    assert np.array_equal(got.pixels, wanted)
    assert (got.width, got.height) == (wanted.shape[1], wanted.shape[0])
    small = decode(data, short_side=20)
    assert (small.width, small.height) == (got.width, got.height)
    assert (small.pixels.shape[1] > small.pixels.shape[0]) == (got.width > got.height)


@pytest.mark.parametrize("short_side", [1, 30, 99, 100, 101, 250, 1000])
def test_reduced_scale_never_falls_below_the_short_side(short_side):
    got = decode(encode(picture(613, 401), "JPEG"), short_side=short_side)
    assert (got.width, got.height) == (613, 401)
    assert min(got.pixels.shape[:2]) >= min(short_side, 401)
    if short_side <= 100:
        assert min(got.pixels.shape[:2]) < 401


@pytest.mark.parametrize("form", ["GIF", "WEBP", "TIFF"])
def test_first_frame(form):
    red, blue = Image.new("RGB", (32, 32), "red"), Image.new("RGB", (32, 32), "blue")
    got = decode(encode(red, form, save_all=True, append_images=[blue]))
    assert got.pixels[16, 16, 0] > 240
    assert got.pixels[16, 16, 2] < 15


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_truncated_is_an_error(form, part):
    data = encode(picture(), form)
    with pytest.raises(ImageError, match=r"truncated|damaged"):
        decode(data[: int(len(data) * part)])


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_tail_of_zeros_is_an_error(form):
    data = encode(picture(400, 300), form)
    with pytest.raises(ImageError, match=r"truncated|damaged"):
        decode(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    if form != "WEBP":
        assert decode(data + bytes(100)).width == 400


def test_decompression_bomb_is_refused_by_its_header_without_a_warning():
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n"
    for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(b"0")), (b"IEND", b"")):
        crc = struct.pack(">I", zlib.crc32(kind + body))
        data += struct.pack(">I", len(body)) + kind + body + crc
    before = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ImageError, match="too large: 60000 x 60000"):
            decode(data)
    assert before == Image.MAX_IMAGE_PIXELS
    with pytest.raises(ImageError, match="too large"):
        decode(encode(picture(), "PNG"), max_pixels=100)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"hello, I am text\n", "text file"),
        (b"<!DOCTYPE html><html>404</html>", "web page"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b'{"error": 404}', "JSON"),
        (bytes(5000), "zero bytes"),
        (b"%PDF-1.7", "PDF"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
        (b"\0\0\0\x18ftypheic", "HEIC"),
        ("été ".encode() * 1000, "text file"),
        (b"\xff\xd8\xff", "JPEG"),
        (bytes(range(256)) * 9, "not an image"),
    ],
)
def test_what_is_no_image_is_named_for_what_it_is(data, reason):
    with pytest.raises(ImageError, match=reason):
        decode(data)


def test_random_damage_never_escapes_as_another_exception():
    rng = np.random.default_rng(0)
    reasons = set()
    for form in ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM"):
        data = np.frombuffer(encode(picture(40, 30), form), np.uint8)
        for _ in range(60):
            bad = data.copy()
            where = rng.integers(0, len(bad), 8)
            bad[where] = rng.integers(0, 256, 8)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    decode(bad.tobytes())
            except ImageError as error:
                reasons.add(str(error))
    assert reasons
    assert not any("\n" in reason for reason in reasons)


def test_threads_agree():
    data = encode(picture(300, 200), "JPEG")
    wanted = decode(data).pixels
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(decode, [data] * 64))
    assert all(np.array_equal(result.pixels, wanted) for result in results)


def test_read_bytes(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"abc")
    assert read_bytes(tmp_path / "a") == b"abc"
    with pytest.raises(ImageError, match="folder"):
        read_bytes(tmp_path)
    with pytest.raises(ImageError, match="gone"):
        read_bytes(tmp_path / "b")
    with pytest.raises(ImageError, match="too large: 3 bytes"):
        read_bytes(tmp_path / "a", max_bytes=2)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ImageError, match="link"):
        read_bytes(tmp_path / "link")
    with pytest.raises(ImageError, match="cannot be read"):
        read_bytes(Path("a\0b"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_read_bytes_does_not_wait_on_a_pipe(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageError, match="regular"):
        read_bytes(tmp_path / "pipe")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_read_bytes_without_permission(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "a").chmod(0)
    with pytest.raises(ImageError, match="permission"):
        read_bytes(tmp_path / "a")


def test_without_memory_the_run_stops_and_no_image_is_blamed(monkeypatch):
    data = encode(picture(), "PNG")

    def full(*_):
        raise MemoryError

    monkeypatch.setattr(decoding, "_pixels", full)
    monkeypatch.setattr(decoding, "_is_free", lambda size: False)
    with pytest.raises(HeadstartError, match="out of memory") as caught:
        decode(data)
    assert not isinstance(caught.value, ImageError)
    # Where there is memory, the file asks for what no image takes.
    monkeypatch.setattr(decoding, "_is_free", lambda size: True)
    with pytest.raises(ImageError, match="more memory than an image takes"):
        decode(data)


def test_an_image_that_had_to_wait_for_memory_is_read(monkeypatch):
    real, calls = decoding._pixels, []

    def once_full(*given):
        calls.append(1)
        if len(calls) == 1:
            raise MemoryError
        return real(*given)

    monkeypatch.setattr(decoding, "_pixels", once_full)
    assert decode(encode(picture(), "PNG")).width == 120


@pytest.mark.skipif(sys.platform != "linux", reason="no limit of memory for one process")
def test_a_low_limit_of_memory_does_not_shrink_a_data_set(tmp_path: Path):
    for number, form in enumerate(("JPEG", "PNG", "TIFF", "WEBP")):
        (tmp_path / f"{number}.x").write_bytes(encode(Image.new("RGB", (4000, 3000)), form))
    code = """
import resource, sys
from pathlib import Path
from headstart.data.dataset import Dataset
from headstart.errors import HeadstartError
from headstart.images.pixels import measure
names = tuple(sorted(each.name for each in Path(sys.argv[1]).iterdir()))
dataset = Dataset.unlabelled(names, root=Path(sys.argv[1]))
held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + (40 << 20),) * 2)
try:
    print(measure(dataset, workers=1).errors)
except HeadstartError as error:
    print(type(error).__name__, error)
"""
    got = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True,
        env=os.environ | {"HEADSTART_CACHE": str(tmp_path / "cache")},
    )  # fmt: skip
    assert got.stdout.startswith("HeadstartError out of memory"), got
