"""Every file is an image, named as set aside, or counted; links lead nowhere twice."""

from __future__ import annotations

import io
import random

import pytest
from PIL import Image

from headstart.data.files.scan import scan


def photo() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "name", ["1.jpg?w=640", "2", "3.jpg_large", "4.jpeg:large", "5.jpg.1", "6.JPG~"]
)
def test_images_are_known_by_what_they_begin_with(tmp_path, name):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / name).write_bytes(photo())
    assert scan(tmp_path).names == (f"c/{name}",)


def test_other_files_are_counted_by_their_endings(tmp_path):
    (tmp_path / "c").mkdir()
    for name in ("a.jpg", "b.dcm", "c.dcm", "d.CR2", "e"):
        (tmp_path / "c" / name).write_bytes(b"II*\0 and so on" if name == "d.CR2" else b"x")
    found = scan(tmp_path)
    assert found.names == ("c/a.jpg",)
    assert found.endings == {".dcm": 2, ".cr2": 1, "none": 1}


def test_a_link_to_itself_costs_nobody_else(tmp_path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "1.jpg").touch()
    (tmp_path / "c" / "self").symlink_to(tmp_path / "c" / "self")
    found = scan(tmp_path)
    assert found.names == ("c/1.jpg",)
    assert found.set_aside[0][0] == "c/self"


def test_links_between_siblings_are_read_once(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").touch()
    for at in range(3):
        (tmp_path / "a" / f"side{at}").symlink_to("../b")
        (tmp_path / "b" / f"other{at}").symlink_to("../a")
    found = scan(tmp_path)
    assert found.names == ("a/1.jpg", "b/1.jpg")
    assert dict(found.set_aside)["a/side0"] == "a link to b, which is read already"


def test_a_class_that_is_a_link_is_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "1.jpg").touch()
    (tmp_path / "set" / "dog").mkdir(parents=True)
    (tmp_path / "set" / "dog" / "2.jpg").touch()
    (tmp_path / "set" / "cat").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set" / "cow").symlink_to(tmp_path / "elsewhere")
    found = scan(tmp_path / "set")
    assert found.names == ("cat/1.jpg", "dog/2.jpg")
    assert dict(found.set_aside) == {"cow": "a link to cat, which is read already"}


def test_a_thousand_folders_deep(tmp_path):
    place = tmp_path
    for _ in range(150):
        place = place / "x"
        place.mkdir()
    (tmp_path / "1.jpg").touch()
    found = scan(tmp_path)
    assert found.names == ("1.jpg",)
    assert "more than 100 folders deep" in found.set_aside[0][1]


@pytest.mark.parametrize("seed", range(20))
def test_every_file_is_somewhere_and_none_twice(tmp_path, seed):
    rng, made = random.Random(seed), 0
    for _ in range(rng.randrange(1, 30)):
        parts = [
            rng.choice(["a", "b", "train", "é", "e\u0301", "x y"]) for _ in range(rng.randrange(3))
        ]
        folder = tmp_path.joinpath(*parts)
        folder.mkdir(parents=True, exist_ok=True)
        place = (
            folder
            / f"{rng.randrange(9)}{rng.choice(['.jpg', '.PNG', '.txt', '', '.dcm', '.jpg.1'])}"
        )
        made += not place.exists()
        place.write_bytes(photo() if rng.random() < 0.5 else b"text")
    found = scan(tmp_path)
    assert len(set(found.names)) == len(found.names)
    assert not set(found.names) & set(found.others)
    assert len(found.names) + len(found.others) == made
    assert sum(found.endings.values()) == len(found.others)
