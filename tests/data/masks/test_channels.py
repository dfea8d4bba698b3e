"""One file for each channel of an image, as nnU-Net has them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.data.drawn_sets import blocks, noise, write

from headstart.data.files.scan import Tree
from headstart.data.masks.channels import refuse_channels
from headstart.data.open import open_dataset
from headstart.errors import DataError


@pytest.mark.parametrize("task", ["auto", "segmentation"])
def test_several_channels_are_refused_with_what_to_do(tmp_path, task):
    for n in range(3):
        for channel in range(2):
            write(tmp_path / f"imagesTr/a{n}_000{channel}.png", noise(n))
        write(tmp_path / f"labelsTr/a{n}.png", blocks(n, (0, 1)))
    with pytest.raises(DataError, match="several files, one for each channel"):
        open_dataset(tmp_path, task=task)


def test_numbers_elsewhere_are_no_channels():
    refuse_channels(Tree(Path(), ("imagesTr/a_0000.png", "imagesTr/b_0000.png")))
    refuse_channels(Tree(Path(), ("images/a_0000.png", "images/a_0001.png")))
    refuse_channels(Tree(Path(), ("imagesTr/2019_1204.png", "imagesTr/2019_1205.png")))
