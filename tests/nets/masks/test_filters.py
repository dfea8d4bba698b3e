"""Fixed filters: what they say of lines, edges and nothing, and where."""

from __future__ import annotations

import numpy as np
import torch

from headstart.nets.masks.filters import Filters
from headstart.nets.masks.head import FILTER_LEVELS


def seen(image: np.ndarray) -> list[torch.Tensor]:
    with torch.inference_mode():
        return Filters()(torch.from_numpy(np.repeat(image[None, :, :, None], 3, axis=3)))


def test_every_level_has_the_channels_and_the_stride_that_heads_reckon_with():
    found = seen(np.random.default_rng(0).integers(0, 256, (64, 96), np.uint8))
    assert [tuple(each.shape) for each in found] == [
        (1, channels, 64 // stride, 96 // stride) for channels, stride in FILTER_LEVELS
    ]


def test_of_an_even_image_only_its_grey_is_told():
    for level in seen(np.full((64, 64), 51, np.uint8)):
        values = level[0].flatten(1)
        assert torch.allclose(values, values[:, :1].expand_as(values), atol=1e-5)  # up to the edge
        grey = values[:, 0] > 0.1
        assert torch.allclose(values[grey], torch.tensor(0.2), atol=1e-5)
        assert values[~grey].abs().max() < 1e-3


def test_dark_and_bright_lines_are_told_apart_whichever_way_they_run():
    image = np.full((64, 64), 128, np.uint8)
    image[:, 16], image[:, 48] = 20, 236
    upright, lying = seen(image)[0][0], seen(image.T.copy())[0][0]
    # Of an octave: smoothed, gradient, larger and smaller eigenvalue of the Hessian.
    larger, smaller = upright[3], upright[4]
    assert larger[16, 8] > 0.05 > larger[16, 24]
    assert smaller[16, 24] < -0.05 < smaller[16, 8]
    assert torch.allclose(upright, lying.transpose(1, 2), atol=1e-5)
