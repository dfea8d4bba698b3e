"""Fingerprints: the same content the same, any other another."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.fingerprint import fingerprint_bytes, fingerprint_file, fingerprint_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@given(st.binary(max_size=200))
def test_bytes_are_blake2b_of_sixteen(data):
    assert fingerprint_bytes(data) == hashlib.blake2b(data, digest_size=16).digest()
    assert fingerprint_bytes(memoryview(data)) == fingerprint_bytes(data)


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_other_bytes_have_another(one, other):
    assert (fingerprint_bytes(one) == fingerprint_bytes(other)) == (one == other)


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_a_file_is_its_bytes_whatever_the_size_of_a_chunk(tmp_path, size):
    data = os.urandom(size)
    (tmp_path / "x").write_bytes(data)
    assert fingerprint_file(tmp_path / "x") == fingerprint_bytes(data)


def test_neither_name_nor_time_count(tmp_path):
    first, second = tmp_path / "a", tmp_path / "ä ö.jpg"
    first.write_bytes(b"same")
    second.write_bytes(b"same")
    os.utime(second, (0, 0))
    assert fingerprint_file(first) == fingerprint_file(second)
    second.write_bytes(b"samf")
    assert fingerprint_file(first) != fingerprint_file(second)


def test_a_link_is_what_it_leads_to(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert fingerprint_file(tmp_path / "link") == fingerprint_file(tmp_path / "a")


@pytest.mark.parametrize("place", ["gone", "."])
def test_what_cannot_be_read_raises(tmp_path, place):
    with pytest.raises(OSError, match=r"gone|directory|denied"):
        fingerprint_file(tmp_path / place)


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=5))
def test_the_order_of_keys_does_not_count(value):
    backwards = dict(reversed(value.items()))
    assert fingerprint_json(backwards) == fingerprint_json(value)


@given(JSON, JSON)
def test_other_values_have_another(one, other):
    def text(value):
        return json.dumps(value, sort_keys=True)

    assert (fingerprint_json(one) == fingerprint_json(other)) == (text(one) == text(other))


def test_order_counts_in_lists_and_types_everywhere():
    assert fingerprint_json([1, 2]) != fingerprint_json([2, 1])
    assert fingerprint_json((1, 2)) == fingerprint_json([1, 2])
    assert fingerprint_json("1") != fingerprint_json(1)
    assert fingerprint_json(None) != fingerprint_json("null")
    assert fingerprint_json({"a": None}) != fingerprint_json({})


def test_what_json_does_not_know_is_taken_as_text():
    assert fingerprint_json({"path": Path("a/b")}) == fingerprint_json({"path": "a/b"})


def test_it_is_the_same_in_every_process():
    code = (
        "from headstart.fingerprint import fingerprint_json;"
        "print(fingerprint_json({'b': [1, 2.5], 'a': 'ü'}))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert found == {fingerprint_json({"a": "ü", "b": [1, 2.5]})}
