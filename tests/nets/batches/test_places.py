"""Places on an image move as it does, and leave it as things do."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import v2

from headstart.nets.batches.places import ImagePlaces, move

WIDTH, HEIGHT = 40, 20


@pytest.fixture
def image() -> Image.Image:
    """Every pixel another."""
    grid = np.arange(WIDTH * HEIGHT).reshape(HEIGHT, WIDTH)
    return Image.fromarray(np.stack([grid % 256, grid // 256, 0 * grid], -1).astype(np.uint8))


def places(*boxes: tuple[float, ...], mask: np.ndarray | None = None) -> ImagePlaces:
    return ImagePlaces(
        np.array(boxes, np.float32).reshape(-1, 4), np.arange(10, 10 + len(boxes)), mask
    )


def test_mirrored_all_are_mirrored(image):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[3:8, 5:9] = 2
    given = places((5, 3, 9, 8), mask=mask)
    seen, moved = move(v2.RandomHorizontalFlip(p=1.0), image, given)
    assert np.array_equal(np.asarray(seen), np.asarray(image)[:, ::-1])
    assert moved.boxes.tolist() == [[31, 3, 35, 8]]
    assert np.array_equal(moved.mask, mask[:, ::-1])
    assert given.boxes.tolist() == [[5, 3, 9, 8]]
    assert mask[3, 5] == 2


def test_one_draw_is_for_all(image):
    mask = np.arange(WIDTH * HEIGHT).reshape(HEIGHT, WIDTH) % 256
    shift = v2.RandomCrop((16, 30))
    for _ in range(5):
        seen, moved = move(shift, image, places((0, 0, 40, 20), mask=mask.astype(np.uint8)))
        assert np.array_equal(np.asarray(seen)[..., 0], moved.mask)
        assert moved.boxes.tolist() == [[0, 0, 30, 16]]


def test_boxes_end_at_the_edge_and_go_with_their_labels_where_little_is_left(image):
    # What is seen is from 10 to 30 across.
    given = places((0, 0, 12, 10), (5, 1, 15, 10), (7, 0, 11, 8), (6.9, 0, 10.9, 8), (20, 5, 45, 9))
    _, moved = move(v2.CenterCrop((HEIGHT, 20)), image, given)
    assert moved.boxes.tolist() == [[0, 1, 5, 10], [0, 0, 1, 8], [10, 5, 20, 9]]
    assert moved.labels.tolist() == [11, 12, 14]
    assert moved.mask is None


def test_an_image_without_places_is_fine(image):
    seen, moved = move(v2.Resize((10, 20)), image, places())
    assert seen.size == (20, 10)
    assert moved.boxes.shape == (0, 4)
    assert moved.labels.shape == (0,)
