"""COCO's run lengths, against an encoder written from its C source."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.data.annotations.rle import decode_runs, parse_runs


def encoded(lengths: list[int]) -> str:
    """`rleToString` of cocodataset/cocoapi, line by line."""
    text = ""
    for at, length in enumerate(lengths):
        x = length - lengths[at - 2] if at > 2 else length
        more = True
        while more:
            c = x & 31
            x >>= 5
            more = x != -1 if c & 16 else x != 0
            text += chr((c | 32 if more else c) + 48)
    return text


def runs_of(mask: np.ndarray) -> list[int]:
    flat = mask.T.ravel()
    cuts = np.flatnonzero(np.diff(flat.astype(int), prepend=0))
    return np.diff(np.concatenate([[0], cuts, [len(flat)]])).tolist()


@pytest.mark.parametrize("seed", range(8))
def test_text_and_numbers_give_back_the_mask(seed):
    rng = np.random.default_rng(seed)
    mask = np.kron(rng.random((seed + 1, 7)) < 0.4, np.ones((9, 5))) > 0
    lengths = runs_of(mask)
    assert parse_runs(encoded(lengths)) == lengths
    size = (mask.shape[1], mask.shape[0])
    assert np.array_equal(decode_runs(lengths, size), mask)


def test_runs_go_down_the_columns_and_begin_with_nothing():
    assert decode_runs([1, 2, 3], (3, 2)).tolist() == [[False, True, False], [True, False, False]]


def test_a_known_text_of_cocos_tools():
    # pycocotools.mask.encode of a mask with two ones in a row down its columns.
    assert parse_runs("525") == [5, 2, 5]
    assert parse_runs(b"525") == [5, 2, 5]


@pytest.mark.parametrize("text", ["5 5", "U", "\x7f"])
def test_damaged_text_is_refused(text):
    with pytest.raises(ValueError, match=r"characters|middle"):
        parse_runs(text)


@pytest.mark.parametrize("lengths", [[5], [-1, 7], [3, 4]])
def test_runs_must_be_of_the_image(lengths):
    with pytest.raises(ValueError, match="pixels"):
        decode_runs(lengths, (3, 2))
