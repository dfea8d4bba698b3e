"""How far a vector is from everything that was trained on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load, save

from headstart.nets.heads.unlike import Unlike, unit_vectors


def drawn(classes: int = 3, axes: int = 4, width: int = 10, seed: int = 0) -> Unlike:
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(classes, width)).astype(np.float32) / 4
    basis, _ = np.linalg.qr(rng.normal(size=(width, axes)))
    gains = -rng.uniform(0.1, 0.9, axes).astype(np.float32) * 5
    columns = rng.permutation(width + 3)[:width]
    return Unlike(columns, means, basis.T.astype(np.float32), gains, 5.0)


def test_the_distance_is_that_of_the_covariance_to_the_nearest_class():
    unlike = drawn()
    vectors = np.random.default_rng(1).normal(size=(7, 13)).astype(np.float32)
    inverse = 5.0 * np.eye(10) + unlike.axes.T @ np.diag(unlike.gains) @ unlike.axes
    apart = unit_vectors(vectors[:, unlike.columns])[:, None] - unlike.means
    wanted = np.sqrt(np.einsum("nci,ij,ncj->nc", apart, inverse, apart).min(axis=1))
    np.testing.assert_allclose(unlike.distances(vectors), wanted, rtol=1e-4)
    np.testing.assert_allclose(unlike.scaled(3).distances(vectors), 3 * wanted, rtol=1e-4)
    assert unlike.distances(vectors).dtype == np.float32
    assert unlike.distances(vectors[:0]).shape == (0,)


def test_roots_keep_the_sign_and_length_does_not_matter():
    rows = np.array([[4.0, -9.0, 0.0], [400.0, -900.0, 0.0], [0.0, 0.0, 0.0]])
    found = unit_vectors(rows)
    np.testing.assert_allclose(found[0], np.array([2, -3, 0]) / np.sqrt(13), rtol=1e-6)
    np.testing.assert_allclose(found[1], found[0], rtol=1e-6)
    assert not found[2].any()


def test_the_plain_distance_is_that_of_vectors_of_length_one():
    unlike = drawn(axes=0)
    plain = replace(unlike, rooted=False)
    vectors = np.random.default_rng(1).normal(size=(7, 13)).astype(np.float32)
    rows = vectors[:, plain.columns]
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    wanted = np.sqrt(5 * ((unit[:, None] - plain.means) ** 2).sum(axis=2).min(axis=1))
    np.testing.assert_allclose(plain.distances(vectors), wanted, rtol=1e-4)
    again = Unlike.from_arrays(load(save(plain.arrays)))
    assert again.distances(vectors).tolist() == plain.distances(vectors).tolist()
    earlier = {name: each for name, each in unlike.arrays.items() if name != "rooted"}
    assert Unlike.from_arrays(earlier).rooted, "files of before this knew roots alone"


def test_it_survives_a_file_and_a_damaged_one_is_refused():
    unlike = drawn()
    vectors = np.random.default_rng(1).normal(size=(7, 13)).astype(np.float32)
    again = Unlike.from_arrays(unlike.arrays)
    assert again.distances(vectors).tolist() == unlike.distances(vectors).tolist()
    arrays = unlike.arrays
    with pytest.raises(KeyError):
        Unlike.from_arrays({name: each for name, each in arrays.items() if name != "axes"})
    for name, bad in (
        ("means", arrays["means"][:, :-1]), ("gains", arrays["gains"][1:]),
        ("columns", arrays["columns"] - 9), ("rest", np.array([np.inf])),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"fit each other|no finite number"):
            Unlike.from_arrays(arrays | {name: bad})


def test_a_file_keeps_axes_whichever_way_they_lie_in_memory():
    unlike = drawn()
    turned = replace(unlike, axes=np.asfortranarray(unlike.axes))
    again = Unlike.from_arrays(load(save(turned.arrays)))
    np.testing.assert_array_equal(again.axes, unlike.axes)
