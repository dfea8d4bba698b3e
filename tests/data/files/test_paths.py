"""Images named one by one: files, folders, globs, and what is none of these."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headstart.data.files.paths import address_scheme, expand_paths, is_image_name, missing_paths
from headstart.errors import DataError


@pytest.fixture
def photos(tmp_path, monkeypatch) -> Path:
    """A folder to stand in, with images at several depths."""
    for name in ("a.jpg", "b.png", "deep/c.jpg", "deep/er/d.jpg", "notes.txt", "odd[1].jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_stay_in_the_order_given(photos):
    assert expand_paths(["b.png", "a.jpg", "b.png"]) == ["b.png", "a.jpg", "b.png"]


def test_a_file_that_is_not_there_stays(photos):
    assert expand_paths(["gone.jpg", "notes.txt"]) == ["gone.jpg", "notes.txt"]


def test_a_folder_gives_all_below_it(photos):
    wanted = [os.path.join("deep", "c.jpg"), os.path.join("deep", "er/d.jpg")]
    assert expand_paths(["deep"]) == wanted
    assert expand_paths(["deep", "a.jpg"]) == [*wanted, "a.jpg"]
    found = expand_paths([str(photos)])
    assert len(found) == 5
    assert all(Path(each).is_file() for each in found)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.jpg", ["a.jpg", "odd[1].jpg"]),
        ("?.*", ["a.jpg", "b.png"]),
        ("[ab].*", ["a.jpg", "b.png"]),
        ("**/*.jpg", ["a.jpg", "deep/c.jpg", "deep/er/d.jpg", "odd[1].jpg"]),
        ("deep/*", ["deep/c.jpg"]),
    ],
)
def test_globs(photos, pattern, names):
    assert expand_paths([pattern]) == names


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(photos):
    assert expand_paths(["odd[1].jpg"]) == ["odd[1].jpg"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["empty"], "empty: there are no images in this folder"),
        (["*.gif"], r"\*\.gif: no file matches this pattern"),
        (["a.jpg", "*.gif"], r"\*\.gif: no file matches"),
        (["deep/e*"], "no image was named"),
        ([], "no image was named: give files, folders or globs"),
    ],
)
def test_nothing_named_is_an_error(photos, given, words):
    with pytest.raises(DataError, match=words):
        expand_paths(given)


@pytest.mark.parametrize("name", ["https://h/a.jpg", "s3://b/a.jpg", "http://h/*.jpg", "file:///a"])
def test_an_address_is_no_file_and_says_so(photos, name):
    with pytest.raises(DataError, match="is an address, and images are not fetched: save it"):
        expand_paths(["a.jpg", name])


def test_words_about_names(photos):
    assert address_scheme("HTTPS://h/a") == "https"
    assert [address_scheme(each) for each in ("a.jpg", "C:\\a.jpg", "a/b", "://x")] == [""] * 4
    assert [is_image_name(each) for each in ("a.JPG", "/x/b.png", "c.mp4", "d")] == [
        True, True, False, False,
    ]  # fmt: skip
    Path("lost").symlink_to("nowhere")
    assert missing_paths(["a.jpg", "gone.jpg", "lost", "deep"]) == {"gone.jpg"}
