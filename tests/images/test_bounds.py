"""No file takes much memory or time for its size, and honest files are read as before."""

from __future__ import annotations

import resource
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.images.bombs import bombs, encode, flat_png, many_scans, png, tiled_tiff

from headstart.errors import ImageError
from headstart.images.bounds import MAX_PIXELS, demand_affordable, demand_size, demand_sound
from headstart.images.decode import decode, opened

BOMBS = bombs()
SERVED = 8192 * 8192


def photo(width: int, height: int, *, seed: int = 0) -> Image.Image:
    small = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_at_once(name):
    begun = time.process_time()
    with pytest.raises(ImageError) as caught:
        decode(BOMBS[name], max_pixels=SERVED)
    assert time.process_time() - begun < 0.5
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["PPM of a binary maximum of its own", "one tile of 67 million", "80 scans, small"]
)
def test_what_is_not_refused_is_cheap(name):
    data = {
        "PPM of a binary maximum of its own": b"P5\n3000 3000\n254\n" + bytes(9_000_000),
        "one tile of 67 million": tiled_tiff(8176),
        "80 scans, small": many_scans(1000, 80),
    }[name]
    begun = time.process_time()
    decode(data, max_pixels=SERVED)
    assert time.process_time() - begun < 2


def test_peak_memory_stays_below_the_bound(tmp_path: Path):
    """What costs most among what is allowed; each in a process of its own.

    A quarter of what is served, and of the memory.
    """
    most = SERVED // 4
    allowed = {
        "grey": flat_png(4092, channels=1),
        "transparent": flat_png(4000),
        "webp": encode(Image.new("RGBA", (2850, 2850)), "WEBP", lossless=True),
        "jpeg": encode(Image.new("RGB", (4094, 4094)), "JPEG"),
        "deep": flat_png(2350, channels=3, depth=16),
    }
    code = textwrap.dedent(f"""
        import resource, sys
        from headstart.images.decode import decode
        from PIL import Image
        small = open(sys.argv[1], "rb").read()
        Image.init()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        decode(small, max_pixels={most})
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """)
    for name, data in allowed.items():
        file = tmp_path / name
        file.write_bytes(data)
        got = subprocess.run(
            [sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True
        )
        unit = 1 if sys.platform == "darwin" else 1024
        assert int(got.stdout) * unit < 125 << 20, name
    assert resource  # not on Windows


def test_honest_progressive_jpegs_are_read():
    image = photo(1600, 1200)
    plain, slow = (encode(image, "JPEG", progressive=each, quality=90) for each in (False, True))
    for side in (None, 256):
        one, two = decode(plain, short_side=side).pixels, decode(slow, short_side=side).pixels
        assert np.abs(one.astype(int) - two).max() <= 2
    # The same two bytes many times in metadata: they are no scans.
    exif = b"Exif\0\0" + b"\xff\xda" * 2_000
    assert decode(encode(image, "JPEG", progressive=True, exif=exif)).width == 1600


def test_honest_large_files_are_read():
    image = photo(4500, 3000)
    assert decode(encode(image, "JPEG")).pixels.shape == (3000, 4500, 3)
    assert decode(encode(image, "JPEG", progressive=True), short_side=256).width == 4500
    whole = decode(encode(image, "TIFF", compression="tiff_deflate", tile=(256, 256))).pixels
    assert np.array_equal(whole, np.asarray(image))
    tiles = encode(image, "TIFF", compression="tiff_lzw", tiffinfo={322: 512, 323: 512})
    assert decode(tiles).width == 4500


def test_sizes():
    demand_size(10, 10, 100)
    with pytest.raises(ImageError, match="more than 99"):
        demand_size(10, 10, 99)
    with pytest.raises(ImageError, match="0 x 10"):
        demand_size(0, 10, 99)
    data = encode(photo(64, 64), "PNG")
    demand_sound(data)
    demand_affordable(opened(data), data, MAX_PIXELS)
    with pytest.raises(ImageError, match="would take"):
        demand_affordable(opened(encode(photo(64, 64), "JPEG2000")), data, 64 * 64)


def test_mutants_end_with_an_image_or_one_reason():
    """Bytes overwritten, cut out, doubled; seeded, and none may take long."""
    rng = np.random.default_rng(7)
    image = photo(48, 36)
    seeds = [encode(image, form) for form in
             ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "ICO", "JPEG2000")]  # fmt: skip
    seeds += [
        encode(image, "JPEG", progressive=True), encode(image, "TIFF", compression="tiff_lzw"),
        png(np.asarray(image).astype(np.uint16) * 257), tiled_tiff(64),
        b"P2\n4 4\n255\n" + b"7 " * 16, b"P5\n4 4\n4000\n" + bytes(32),
        encode(image, "GIF", save_all=True, append_images=[photo(48, 36, seed=1)]),
    ]  # fmt: skip
    read, reasons = 0, []
    for seed in seeds:
        for _ in range(20):
            bad = bytearray(seed)
            for _ in range(rng.integers(1, 5)):
                at = int(rng.integers(0, len(bad)))
                way = rng.integers(0, 4)
                if way == 0:
                    bad[at] = int(rng.integers(0, 256))
                elif way == 1:
                    bad[at : at + 4] = rng.integers(0, 256, 4, np.uint8).tobytes()
                elif way == 2:
                    del bad[at : at + int(rng.integers(1, 40))]
                else:
                    bad[at:at] = bad[at : at + int(rng.integers(1, 40))]
                bad = bad or bytearray(b"\0")
            begun = time.process_time()
            try:
                decode(bytes(bad), max_pixels=1 << 22, levels=(0, 65535))
                read += 1
            except ImageError as error:
                reasons.append(str(error))
            assert time.process_time() - begun < 2
    assert read > 20
    assert len(reasons) > 100
    assert not any("\n" in reason for reason in reasons)
