"""Masks hold few colours, and photographs many."""

from __future__ import annotations

import numpy as np
from tests.data.drawn_sets import blocks, noise, write

from headstart.data.files.few_colours import cut_out, few_colours
from headstart.data.files.scan import Tree, scan


def test_masks_are_told_from_photographs(tmp_path):
    for n in range(3):
        write(tmp_path / f"a/{n}.png", blocks(n, (0, 1, 2)))
        write(tmp_path / f"b/{n}.png", noise(n))
    assert few_colours(scan(tmp_path / "a"))
    assert not few_colours(scan(tmp_path / "b"))


def test_what_cannot_be_read_says_nothing(tmp_path):
    (tmp_path / "x.png").write_text("no image")
    assert not few_colours(scan(tmp_path))
    assert not few_colours(Tree(tmp_path, ()))


def test_what_is_cut_out_is_transparent_in_parts(tmp_path):
    for name, alpha in (("cut", (0, 255)), ("whole", (255, 255))):
        pixels = np.dstack([noise(1), blocks(1, alpha)])
        write(tmp_path / name / "a.png", pixels)
    assert cut_out(scan(tmp_path / "cut"))
    assert not cut_out(scan(tmp_path / "whole"))
    write(tmp_path / "plain/a.png", noise(1))
    assert not cut_out(scan(tmp_path / "plain"))
