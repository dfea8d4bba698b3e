"""MATLAB's arrays are those that scipy wrote, and what is no such file holds none."""

from __future__ import annotations

import io

import numpy as np
import pytest
from scipy.io import savemat

from headstart.data.files.matlab import matlab_arrays, matlab_structures


def written(arrays: dict, **how: object) -> bytes:
    file = io.BytesIO()
    savemat(file, arrays, **how)
    return file.getvalue()


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "i4", "f4", "f8", "i8"])
def test_numbers_of_every_kind(kind, compressed):
    given = {"labels": np.arange(12, dtype=kind).reshape(3, 4), "a": np.ones((1, 1), kind)}
    found = matlab_arrays(written(given, do_compression=compressed))
    assert set(found) == set(given)
    for name, array in given.items():
        assert np.array_equal(found[name], array)


def test_what_is_no_number_is_left_out():
    cells = np.empty(2, object)
    cells[:] = ["a.jpg", "b.jpg"]
    given = {"names": cells, "text": "words", "one": {"field": 1.0}, "z": np.array([1j]),
             "labels": np.arange(1, 4)}  # fmt: skip
    assert set(matlab_arrays(written(given))) == {"labels"}


def test_damaged_files_hold_nothing():
    whole = written({"labels": np.arange(300)})
    assert matlab_arrays(b"") == matlab_arrays(b"MATLAB 7.3" + bytes(200)) == {}
    for end in range(130, len(whole) - 8, 97):
        assert matlab_arrays(whole[:end]) == {}
    rng = np.random.default_rng(0)
    for _ in range(50):
        hurt = bytearray(whole)
        hurt[int(rng.integers(128, len(hurt)))] ^= int(rng.integers(1, 256))
        matlab_arrays(bytes(hurt))  # whatever it holds: no exception


@pytest.mark.parametrize("compressed", [False, True])
def test_structures_are_known_by_their_fields(compressed):
    rows = np.empty((1, 2), [("class", object), ("fname", object)])
    rows[0, 0], rows[0, 1] = (1, "a.jpg"), (2, "b.jpg")
    data = written({"annotations": rows, "x": np.ones(3)}, do_compression=compressed)
    assert matlab_structures(data) == {"annotations": ["class", "fname"]}
    assert set(matlab_arrays(data)) == {"x"}
    assert matlab_structures(data[:140]) == matlab_structures(b"") == {}
