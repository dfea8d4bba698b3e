"""Names in annotations and images on disk are brought together, or the doubt is said."""

from __future__ import annotations

from headstart.data.annotations.place_images import NO_IMAGE, pair_by_stem, place_images, stem_of


def test_names_are_found_whole_by_their_ends_and_without_endings():
    images = ("train/a.jpg", "train/b.PNG", "val/c.jpg")
    listed = {"./train/a.jpg": "", "C:\\data\\val\\c.jpg": "", "b": "", "nobody.jpg": ""}
    homes, aside = place_images(images, listed)
    assert homes == {"train/a.jpg": "./train/a.jpg", "val/c.jpg": "C:\\data\\val\\c.jpg",
                     "train/b.PNG": "b"}  # fmt: skip
    assert aside == [("nobody.jpg", NO_IMAGE)]


def test_of_two_of_one_name_the_folders_or_the_split_decide():
    images = ("train/x.jpg", "val/x.jpg")
    assert place_images(images, {"/home/me/val/x.jpg": ""})[0] == {
        "val/x.jpg": "/home/me/val/x.jpg"
    }
    assert place_images(images, {"x.jpg": "val"})[0] == {"val/x.jpg": "x.jpg"}
    homes, aside = place_images(images, {"x.jpg": ""})
    assert not homes
    assert "several images have this name" in aside[0][1]


def test_an_image_is_annotated_once():
    homes, aside = place_images(("a.jpg",), {"a.jpg": "", "other/a.jpg": ""})
    assert homes == {"a.jpg": "a.jpg"}
    assert "annotated under the name a.jpg already" in aside[0][1]


def test_files_of_annotations_find_their_images():
    images = ("images/train/1.jpg", "images/val/1.jpg", "images/val/2.jpg")
    notes = ("labels/train/1.txt", "labels/val/1.txt", "labels/val/2.txt", "labels/val/3.txt")
    found, aside = pair_by_stem(images, notes)
    assert found == dict(zip(notes[:3], images, strict=True))
    assert aside == [("labels/val/3.txt", NO_IMAGE)]
    found, aside = pair_by_stem(images, ["1.txt", "a/2.txt", "b/2.txt"])
    assert found == {"a/2.txt": "images/val/2.jpg"}
    assert "several images have its name" in aside[0][1]
    assert "annotated by a/2.txt already" in aside[1][1]


def test_stems_are_in_one_normal_form():
    assert stem_of("x/Cafe\u0301.tar.jpg") == "Café.tar"
