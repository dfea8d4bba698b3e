"""How values look on masks: pieces, neighbours, places and traits."""

from __future__ import annotations

import numpy as np
from tests.tasks.segmentation.scenes import made

from headstart.data.open import open_dataset
from headstart.tasks.segmentation.things import look_at_things


def blocks(number, image, mask):
    values = np.zeros_like(mask)
    values[10:30, 10:50] = 1
    values[30:50, 10:50] = 2
    values[80:100, 10 + 4 * number : 30 + 4 * number] = 3
    values[80:100, 120:140] = 3 if number == 0 else 0
    image = image.copy()
    image[values == 2] = (250, 10, 10)
    return image, values


def looked(tmp_path, count=6):
    dataset = open_dataset(made(tmp_path, count, blocks), task="segmentation")
    found = look_at_things(dataset, np.arange(count), [1, 2, 3])
    assert found is not None
    return found


def test_pieces_neighbours_and_order(tmp_path):
    things = looked(tmp_path)
    assert things.pieces[0].tolist() == [1, 1, 2]
    assert things.pieces[1].tolist() == [1, 1, 1]
    assert 0.2 < things.touched[1, 0] < 0.5  # the long side of four
    assert things.touched[1, 2] == 0
    assert things.from_the_top()


def test_colour_and_place_tell_values_apart(tmp_path):
    told = looked(tmp_path).told_apart()
    assert told[2] > 5  # down
    assert told[3] > 5  # red
    assert looked(tmp_path).scatter() < 0.12


def test_unreadable_images_are_left_out(tmp_path):
    dataset = open_dataset(made(tmp_path, 3, blocks), task="segmentation")
    for name in dataset.names:
        (dataset.root / name).write_bytes(b"nothing")
    assert look_at_things(dataset, np.arange(3), [1, 2]) is None
