import io

import numpy as np
import pytest
from PIL import Image

from headstart.errors import ImageError
from headstart.images.outer import NUMBERS, WORDS, outer_properties


def encoded(pixels, form="JPEG", **how):
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, form, **how)
    return data.getvalue()


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(80, 120, (300, 400, 3)).astype(np.uint8)


def test_every_property_is_there(noise):
    found = outer_properties(encoded(noise))
    assert set(found.numbers) == set(NUMBERS)
    assert set(found.words) == set(WORDS)
    assert found.numbers["size"].tolist() == [400, 300, pytest.approx(4 / 3)]
    assert found.words["file format"] == "JPEG"
    assert np.isnan(found.numbers["date"]).all()


def test_a_mark_in_a_corner_shows_there_and_nowhere_else(noise):
    marked = noise.copy()
    marked[:12, :12] = 255
    plain, found = outer_properties(encoded(noise)), outer_properties(encoded(marked))
    apart = np.abs(found.numbers["corners"] - plain.numbers["corners"]).reshape(4, 4)
    assert apart[0].max() > 50
    assert apart[1:].max() < 5
    assert found.numbers["brightness"] == pytest.approx(plain.numbers["brightness"], abs=1)


def test_light_colour_and_sharpness_are_told(noise):
    plain = outer_properties(encoded(noise)).numbers
    bright = outer_properties(encoded(noise + 60)).numbers
    assert bright["brightness"] > plain["brightness"] + 50
    red = noise.copy()
    red[..., 0] += 60
    assert outer_properties(encoded(red)).numbers["colour"][0] > plain["colour"][0] + 50
    from PIL import ImageFilter

    soft = np.asarray(Image.fromarray(noise).filter(ImageFilter.GaussianBlur(3)))
    assert outer_properties(encoded(soft)).numbers["sharpness"] < plain["sharpness"]


def test_what_a_file_says_of_its_making(noise):
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0132] = "Maker", "One", "2024:05:06 07:08:09"
    found = outer_properties(encoded(noise, exif=exif, quality=60))
    assert found.words["camera"] == "Maker One"
    assert found.numbers["date"][0] == 20240506070809
    other = outer_properties(encoded(noise, quality=95))
    assert found.words["JPEG tables"] != other.words["JPEG tables"]
    assert outer_properties(encoded(noise, "PNG")).words["JPEG tables"] == ""
    with pytest.raises(ImageError):
        outer_properties(b"no image")
