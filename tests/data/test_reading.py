"""A guess is said."""

from __future__ import annotations

import logging

import pytest

from headstart.data.open import open_dataset
from headstart.data.reading import reading_of


@pytest.fixture
def photos(tmp_path):
    for name in ("training_set/cat/1.jpg", "training_set/dog/2.jpg", "test_set/cat/3.jpg",
                 "test_set/dog/4.jpg", "test_set/dog/5.dcm"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_everything_that_was_told_by_the_data(photos):
    assert reading_of(open_dataset(photos)) == (
        "read as: 4 images; labels: 2 class folders (cat, dog); splits: test_set/ (test), "
        "training_set/ (train); groups: none; other files: 1 (.dcm 1)"
    )


def test_a_guess_is_a_warning_and_else_it_is_no_noise(photos, tmp_path_factory, caplog):
    with caplog.at_level(logging.INFO, "headstart.data"):
        open_dataset(photos)
        plain = tmp_path_factory.mktemp("plain")
        for name in ("a/1.jpg", "b/2.jpg"):
            (plain / name).parent.mkdir()
            (plain / name).touch()
        open_dataset(plain)
    assert [each.levelname for each in caplog.records] == ["WARNING", "INFO"]
    assert caplog.records[1].getMessage().startswith("read as: 2 images; labels: 2 class folders")
