"""`Preprocess`: the image that the weights were trained to see."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from headstart.images.preprocess import Preprocess
from headstart.images.views import Look


def photo(width: int, height: int, seed: int = 0) -> np.ndarray:
    """A smooth scene with some edges: most of what an image is to a resampler."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8))
    image = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).copy()
    image[height // 3 : height // 2, width // 4 : width // 2] = (230, 40, 60)
    return image


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (256, 256), (1200, 300), (90, 120)])
@pytest.mark.parametrize("crop_pct", [0.875, 0.9, 0.95, 1.0])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_crop_is_what_timm_evaluates_with(size, crop_pct, interpolation):
    from timm.data import create_transform

    theirs = create_transform(
        224, is_training=False, crop_pct=crop_pct, interpolation=interpolation, crop_mode="center",
        normalize=False,
    )  # fmt: skip
    image = photo(*size)
    expected = theirs(Image.fromarray(image)).permute(1, 2, 0).numpy().astype(int)
    ours = Preprocess(224, "crop", crop_pct, interpolation).fit(image).astype(int)
    difference = np.abs(ours - expected)
    assert difference.mean() < 3.5  # theirs may be half a pixel off: it rounds on the way
    if size in ((256, 256), (1200, 300)) and crop_pct != 0.95:  # nothing to round
        assert difference.max() <= 2
    # The test can tell: another share of the image would be far off.
    other = Preprocess(224, "crop", crop_pct - 0.05, interpolation).fit(image).astype(int)
    assert np.abs(other - expected).mean() > 2 * difference.mean()


def test_crop_positions_run_along_the_longer_side():
    image = np.zeros((30, 90, 3), np.uint8)
    image[:, :, 0] = np.arange(90)
    preprocess = Preprocess(30, "crop", crop_pct=1.0)
    left, centre, right = (preprocess.fit(image, position=each) for each in (0.0, 0.5, 1.0))
    np.testing.assert_array_equal(left[..., 0], image[:, :30, 0])
    np.testing.assert_array_equal(centre[..., 0], image[:, 30:60, 0])
    np.testing.assert_array_equal(right[..., 0], image[:, 60:, 0])
    upright = preprocess.fit(np.ascontiguousarray(image.transpose(1, 0, 2)), position=1.0)
    np.testing.assert_array_equal(upright, right.transpose(1, 0, 2))


def test_squash_takes_the_whole_image():
    image = photo(300, 100)
    fitted = Preprocess(64, "squash").fit(image)
    expected = Image.fromarray(image).resize((64, 64), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(fitted, expected)
    square = photo(64, 64)
    np.testing.assert_array_equal(Preprocess(64, "squash").fit(square), square)


def test_pad_keeps_proportions_on_mean_grey():
    image = np.full((50, 100, 3), 255, np.uint8)
    fitted = Preprocess(64, "pad").fit(image)
    assert (fitted[16:48] == 255).all()
    grey = [round(255 * value) for value in Preprocess().mean]
    assert (fitted[:16] == grey).all()
    assert (fitted[48:] == grey).all()


EXTREMES = [(1, 1), (1, 1000), (1000, 1), (2, 3), (3, 2000), (64, 64), (63, 65)]


@pytest.mark.parametrize("geometry", ["square", "crop", "pad", "squash"])
@pytest.mark.parametrize("shape", EXTREMES)
@pytest.mark.parametrize("crop_pct", [0.875, 0.95, 1.0])
def test_every_shape_fits(geometry, shape, crop_pct):
    image = np.full((*shape, 3), 200, np.uint8)
    preprocess = Preprocess(64, geometry, crop_pct, mean=(200 / 255,) * 3)
    for position in (0.0, 0.5, 1.0):
        fitted = preprocess.fit(image, position=position)
        assert fitted.shape == (64, 64, 3)
        assert fitted.dtype == np.uint8
        assert (fitted == 200).all()  # one grey in, one grey out: nothing from outside the image


@given(
    width=st.integers(1, 400), height=st.integers(1, 400), size=st.integers(1, 80),
    crop_pct=st.floats(0.5, 1.0), position=st.sampled_from([0.0, 0.5, 1.0]),
    geometry=st.sampled_from(["square", "crop", "pad", "squash"]),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_any_image_fits(width, height, size, crop_pct, position, geometry):
    image = np.zeros((height, width, 3), np.uint8)
    fitted = Preprocess(size, geometry, crop_pct).fit(image, position=position)
    assert fitted.shape == (size, size, 3)


def test_normalise_is_torchvisions():
    import torch
    from torchvision.transforms.v2 import functional

    batch = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    preprocess = Preprocess(8)
    ours = preprocess.normalise(batch)
    theirs = functional.normalize(
        torch.from_numpy(batch).permute(0, 3, 1, 2) / 255, preprocess.mean, preprocess.std
    )
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)


def test_json_round_trip():
    value = Preprocess(96, "pad", 0.9, "lanczos", (0.5, 0.4, 0.3), (0.2, 0.1, 0.3))
    again = Preprocess.from_json(json.loads(json.dumps(dataclasses.asdict(value))))
    assert again == value
    assert again.pixel_key == value.pixel_key


IMAGE = photo(300, 180)
FIELDS = {
    "size": 48, "geometry": "pad", "crop_pct": 0.7, "interpolation": "nearest",
    "mean": (0.1, 0.9, 0.5), "std": (0.3, 0.3, 0.3),
}  # fmt: skip


@pytest.mark.parametrize("geometry", ["square", "crop", "pad", "squash"])
@pytest.mark.parametrize("field", FIELDS)
def test_pixel_key_changes_with_the_pixels_and_only_then(geometry, field):
    before = Preprocess(64, geometry)
    other = "squash" if field == "geometry" and geometry == "pad" else FIELDS[field]
    after = dataclasses.replace(before, **{field: other})
    same_pixels = np.array_equal(before.fit(IMAGE), after.fit(IMAGE))
    assert (before.pixel_key == after.pixel_key) == same_pixels


@pytest.mark.parametrize("geometry", ["square", "crop", "pad", "squash"])
def test_decoding_is_never_asked_for_less_than_is_needed(geometry):
    preprocess = Preprocess(224, geometry, 0.9)
    large = photo(2000, 1500)
    scale = preprocess.short_side / 1500
    reduced = np.asarray(
        Image.fromarray(large).resize((round(2000 * scale), preprocess.short_side), 4)
    )
    difference = np.abs(preprocess.fit(large).astype(int) - preprocess.fit(reduced))
    assert difference.mean() < 1.5


def test_several_looks_lie_side_by_side():
    pixels = np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)
    beside = (Look("squash"), Look("crop", 0.5))
    several = Preprocess(32, "square", beside=beside)
    assert several.count(2) == 6
    inputs = several.inputs(pixels, 2)
    for number, look in enumerate(several.looks):
        assert not look.beside
        assert np.array_equal(inputs[2 * number : 2 * number + 2], look.inputs(pixels, 2))
    assert [look.geometry for look in several.looks] == ["square", "squash", "crop"]
    assert several.short_side == 32
    vectors = np.arange(12.0).reshape(6, 2)
    assert several.pooled(vectors, 2).tolist() == [[1, 2, 5, 6, 9, 10]]
    assert Preprocess.from_json(asdict(several)) == several
    assert several.pixel_key != Preprocess(32, "square").pixel_key


def test_looks_that_cannot_be_are_refused():
    value = asdict(Preprocess(32, "square"))
    with pytest.raises(ValueError, match="crop_pct"):
        Preprocess.from_json(value | {"beside": [{"geometry": "crop", "crop_pct": 9}]})
    with pytest.raises(ValueError, match="40 looks"):
        Preprocess.from_json(value | {"beside": [{"geometry": "pad", "crop_pct": 0.5}] * 40})


def test_tiles_are_of_the_network_and_not_of_the_pixels():
    whole = Preprocess(size=320, geometry="pad")
    tiled = dataclasses.replace(whole, tile=128)
    assert tiled.pixel_key == whole.pixel_key
    assert (tiled.seen, whole.seen) == (Preprocess(size=128, geometry="pad"), whole)
    assert Preprocess.from_json(json.loads(json.dumps(asdict(tiled)))) == tiled
    before = asdict(whole)
    del before["tile"]  # as models were written that know no tiles
    assert Preprocess.from_json(json.loads(json.dumps(before))) == whole
    assert "tile" not in whole.fields
    assert tiled.fields["tile"] == 128
    seen = tiled.inputs(np.zeros((200, 300, 3), np.uint8), 8)
    assert seen.shape == (8, whole.size, whole.size, 3)
    assert seen.strides[0] == 0, "views are made of each tile as it is cut"


@pytest.mark.parametrize(
    ("size", "tile"), [(320, 320), (320, 100), (300, 128), (320, True), (320, 0), (9000, 128)]
)
def test_tiles_that_cannot_be_are_refused(size, tile):
    assert Preprocess(size=size, geometry="pad", tile=tile).fault()
    assert Preprocess(size=8192, geometry="pad", tile=1024).fault() is None
    assert Preprocess(size=8192, geometry="pad").fault()
