"""Folders of images: what is found, what a class is, and what is said of the rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.drawn_sets import blocks, noise, write

from headstart.data.classes.folders import open_folders
from headstart.data.files.scan import EXTENSIONS, Tree, scan
from headstart.data.open import open_dataset
from headstart.errors import DataError

ROOT = not hasattr(os, "geteuid") or os.geteuid() == 0
SEGMENT = st.text("abcé ", min_size=1, max_size=3).map(str.strip).filter(bool)


def make(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def tree(*names: str, **more) -> Tree:
    return Tree(Path("root"), tuple(sorted(names)), **more)


def labels(dataset) -> list:
    return [dataset.labels.names[t] if t >= 0 else None for t in dataset.labels.targets]


def test_only_endings_count_and_no_file_is_opened(tmp_path):
    names = [f"c/{at}{ending}" for at, ending in enumerate(sorted(EXTENSIONS))]
    make(tmp_path, *names, "c/x.txt", "c/jpg", "c/y.jpg.part")
    assert scan(tmp_path).names == tuple(sorted(names))


@pytest.mark.parametrize("name", ["A.JPG", "b.JpEg", "c.d.e.png", "mit leer.bmp", "名前.webp"])
def test_names_of_every_kind(tmp_path, name):
    assert scan(make(tmp_path, name)).names == (name,)


@pytest.mark.parametrize(
    "litter", [".git", "__MACOSX", "@eaDir", "$RECYCLE.BIN", "lost+found", "__pycache__"]
)
def test_litter_holds_nothing(tmp_path, litter):
    found = scan(make(tmp_path, f"{litter}/a.jpg", f"cat/{litter}/b.jpg", "cat/c.jpg"))
    assert found.names == ("cat/c.jpg",)
    assert (found.barren, found.set_aside) == ({}, ())


def test_barren_folders_are_counted_where_they_begin(tmp_path):
    make(tmp_path, "cat/a.jpg", "notes/x.txt", "notes/deep/y.txt", "cat/raw/z.cr2")
    (tmp_path / "empty" / "more").mkdir(parents=True)
    assert scan(tmp_path).barren == {"notes": 2, "cat/raw": 1, "empty": 0}


def test_an_empty_folder_is_no_error_of_scanning(tmp_path):
    assert scan(tmp_path) == Tree(tmp_path, ())


@pytest.mark.parametrize("place", ["gone", "file"])
def test_what_cannot_be_listed(tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=rf"cannot list .*{place}: (No such|Not a)"):
        scan(tmp_path / place)


@pytest.mark.skipif(ROOT, reason="root may read all")
def test_a_folder_without_permission_is_set_aside(tmp_path):
    make(tmp_path, "a/1.jpg", "b/2.jpg")
    (tmp_path / "b").chmod(0)
    try:
        found = scan(tmp_path)
    finally:
        (tmp_path / "b").chmod(0o755)
    assert found.names == ("a/1.jpg",)
    assert found.set_aside == (("b", "cannot be listed (Permission denied)"),)


def test_links_are_followed_but_not_in_circles(tmp_path):
    make(tmp_path, "set/a/1.jpg", "elsewhere/2.jpg")
    (tmp_path / "set" / "b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set" / "a" / "up").symlink_to(tmp_path / "set")
    found = scan(tmp_path / "set")
    assert found.names == ("a/1.jpg", "b/2.jpg")
    assert found.set_aside == (("a/up", "a link back to a folder above"),)


def test_a_broken_link_is_an_image_that_cannot_be_read_later(tmp_path):
    make(tmp_path, "a/1.jpg")
    (tmp_path / "a" / "2.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert scan(tmp_path).names == ("a/1.jpg", "a/2.jpg")


def test_below_is_what_a_scan_of_the_sub_folder_gives(tmp_path):
    make(tmp_path, "a/x/1.jpg", "a/2.jpg", "ab/3.jpg", "a/none/t.txt")
    whole, part = scan(tmp_path), scan(tmp_path / "a")
    assert whole.below("a") == part
    assert whole.below("nowhere").names == ()


@given(st.lists(st.lists(SEGMENT, min_size=1, max_size=4), min_size=1, max_size=8))
def test_folders_count_what_lies_at_any_depth(paths):
    names = {"/".join([*path, f"{at}.jpg"]) for at, path in enumerate(paths)}
    found = tree(*names)
    assert sum(found.folders.values()) == len(names)
    for folder, count in found.folders.items():
        assert len(found.below(folder).names) == count


def test_no_images_says_what_would_be_one():
    with pytest.raises(DataError, match=r"no images below root; files that end in .*\.jpg"):
        open_folders(tree())


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (("cat/1.jpg", "dog/2.jpg"), ("cat", "dog")),
        (("cat/1.jpg", "cat/2.jpg"), ("cat",)),
        (("around/cat/1.jpg", "around/dog/2.jpg"), ("cat", "dog")),
        (("1.jpg", "2.jpg"), ()),
        (("images/1.jpg", "images/2.jpg"), ()),
        (("10/1.jpg", "9/2.jpg"), ("10", "9")),
        (("images/cat/1.jpg", "images/dog/2.jpg", "masks/cat/1.png"), ("cat", "dog")),
    ],
)
def test_which_folders_are_classes(names, classes):
    found = open_folders(tree(*names))
    assert found.labels.names == classes
    assert found.source == ("folders" if classes else "unlabelled")


@given(st.permutations(["b/1.jpg", "a/2.jpg", "a/1.jpg", "c/deep/3.jpg"]))
def test_the_answer_does_not_depend_on_the_order_of_listing(names):
    found = open_folders(tree(*names))
    assert found.names == ("a/1.jpg", "a/2.jpg", "b/1.jpg", "c/deep/3.jpg")
    assert labels(found) == ["a", "a", "b", "c"]


@pytest.mark.parametrize("spelling", ["val", "VALID", "Validation", "dev"])
def test_spellings_of_a_split(spelling):
    found = open_folders(tree("train/a/1.jpg", "train/b/2.jpg", f"{spelling}/a/3.jpg"))
    assert dict(zip(found.names, found.splits))[f"{spelling}/a/3.jpg"] == "val"
    assert labels(found).count("a") == 2


def test_splits_without_classes_are_unlabelled():
    found = open_folders(tree("train/1.jpg", "test/2.jpg"))
    assert found.source == "unlabelled"
    assert found.splits.tolist() == ["test", "train"]


def test_two_folders_of_one_split_are_one():
    found = open_folders(tree("train/a/1.jpg", "training/a/2.jpg", "test/a/3.jpg"))
    assert found.splits.tolist() == ["test", "train", "train"]
    assert found.labels.names == ("a",)


def test_what_lies_beside_splits_is_set_aside():
    found = open_folders(
        tree("train/a/1.jpg", "test/a/2.jpg", "extra/a/3.jpg", "4.jpg", "train/5.jpg")
    )
    assert found.names == ("test/a/2.jpg", "train/a/1.jpg")
    aside = dict(found.set_aside)
    assert aside["extra/a"] == "beside the split folders and none of them (1 image)"
    assert aside["."] == "1 image outside every class folder"
    assert aside["train"] == "1 image outside every class folder"


def test_train_and_test_of_other_classes():
    given = tree("train/a/1.jpg", "train/b/1.jpg", "test/c/2.jpg", "test/d/2.jpg")
    with pytest.raises(DataError, match=r"share no class \('a' is in one, 'c' in the other\)"):
        open_folders(given)
    found = open_folders(given, same_classes=False)
    assert found.labels.names == ("a", "b", "c", "d")


def test_splits_inside_of_every_class():
    found = open_folders(tree("a/train/1.jpg", "a/test/2.jpg", "b/train/3.jpg", "b/val/4.jpg"))
    assert found.labels.names == ("a", "b")
    assert found.splits.tolist() == ["test", "train", "train", "val"]
    # One image without a split, and the folders are no splits at all.
    found = open_folders(tree("a/train/1.jpg", "a/test/2.jpg", "b/3.jpg"))
    assert set(found.splits.tolist()) == {""}


def test_letters_composed_in_two_ways_are_one_class():
    found = open_folders(tree("e\u0301/1.jpg", "\u00e9/2.jpg", "z/3.jpg"))
    assert found.labels.names == ("z", "\u00e9")
    assert found.labels.targets.tolist().count(1) == 2


def test_what_is_set_aside_keeps_what_scanning_said():
    found = open_folders(
        tree("a/1.jpg", "b/2.jpg", barren={"c": 0, "d": 3}, set_aside=(("x", "odd"),))
    )
    assert found.set_aside == (
        ("x", "odd"),
        ("c", "an empty folder"),
        ("d", "no images in it, only 3 other files"),
    )


@pytest.mark.parametrize(
    ("names", "barren", "words"),
    [
        (("images/1.jpg", "masks/1.png"), {}, "masks beside images"),
        (("img/1.jpg", "GT/1.png"), {}, "masks beside images"),
        (("train/images/1.jpg", "train/masks/1.png"), {}, "masks beside images"),
        (("JPEGImages/1.jpg",), {"Annotations": 5}, "boxes of a detection set"),
        (("images/train/1.jpg",), {"labels": 1}, "boxes of a detection set"),
        (("train/images/1.jpg",), {"train/labels": 1}, "boxes of a detection set"),
    ],
)
def test_sets_for_another_task_are_refused(names, barren, words):
    with pytest.raises(DataError, match=words):
        open_folders(tree(*names, barren=barren))


@pytest.mark.parametrize("barren", [{"labels": 0}, {"labels": 3}, {"xml": 2}])
def test_folders_of_such_names_alone_are_no_detection_set(barren):
    found = open_folders(tree("cat/1.jpg", "dog/2.jpg", barren=barren))
    assert found.labels.names == ("cat", "dog")


def test_images_and_a_folder_of_the_same_names_are_no_two_classes():
    names = [f"{folder}/{n}" for folder in ("JPEGImages", "SegmentationObject") for n in "ab"]
    given = tree(*(f"{name}.png" for name in names))
    with pytest.raises(DataError, match=r"as masks do: say --task segmentation --annotations"):
        open_folders(given)
    assert len(open_folders(given, level=1).labels.kinds) == 2
    assert len(open_folders(tree("cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/2.jpg"))) == 4


def test_boxes_beside_class_folders_name_the_folder_to_give():
    given = tree(
        "Images/a/1.jpg", "Images/b/2.jpg", others=("Annotation/a/1", "Annotation/b/2"),
        barren={"Annotation": 2},
    )  # fmt: skip
    with pytest.raises(DataError, match=r"to learn those in it, give root.Images"):
        open_folders(given)


@pytest.mark.parametrize("name", ["HAM10000_images_part", "images", "batch"])
def test_folders_that_number_parts_are_no_classes(name):
    given = tree(*(f"{name}_{part}/{n}.jpg" for part in (1, 2, 3) for n in "ab"))
    found = open_folders(given)
    assert found.source == "unlabelled"
    assert "number parts; --label folder:1 if not" in found.reading["labels"]
    assert len(open_folders(given, level=1).labels.kinds) == 3
    assert len(open_folders(tree("grade_1/a.jpg", "grade_2/b.jpg")).labels.kinds) == 2


def test_initial_letters_are_no_classes(tmp_path):
    names = ("a/abbey/1.jpg", "a/airport/2.jpg", "b/bar/3.jpg", "b/Beach/in/4.jpg")
    found = open_folders(Tree(tmp_path, names))
    assert found.labels.names == ("Beach", "abbey", "airport", "bar")
    assert "initial letter" in found.reading["labels"]
    assert open_folders(Tree(tmp_path, (*names, "c/dog/5.jpg"))).labels.names == ("a", "b", "c")


def test_two_folders_of_the_same_names_of_which_one_has_few_colours(tmp_path):
    for n in range(3):
        write(tmp_path / f"X/{n}.png", noise(n))
        write(tmp_path / f"Y/{n}.png", blocks(n, (0, 255)))
        write(tmp_path / f"Z/{n}.png", noise(n + 9))
    names = {c: tuple(f"{c}/{n}.png" for n in range(3)) for c in "XYZ"}
    with pytest.raises(DataError, match="/Y holds a file of the same name for each image of X"):
        open_folders(Tree(tmp_path, names["X"] + names["Y"]))
    assert open_folders(Tree(tmp_path, names["X"] + names["Z"])).labels.names == ("X", "Z")


def test_the_cure_names_the_folder_of_classes(tmp_path):
    names = tuple(f"images/Images/{c}/1.jpg" for c in ("pug", "boxer"))
    tree = Tree(tmp_path, names, {"annotations": 2}, others=("annotations/pug/1", "annotations/x"))
    with pytest.raises(DataError, match=r"to learn those in it, give .*/images$"):
        open_folders(tree)


@pytest.mark.parametrize("name", ["unlabeled", "Unlabelled images", "no_label", "to be labelled"])
def test_a_folder_that_says_so_holds_images_without_a_label(name):
    dataset = open_folders(tree("ant/1.jpg", "bee/1.jpg", f"{name}/1.jpg", f"{name}/2.jpg"))
    assert sorted(map(str, labels(dataset))) == ["None", "None", "ant", "bee"]
    assert f"; {name}/ (2 images) by name without a label" in dataset.reading["labels"]
    assert dataset.labels.names == ("ant", "bee")
    asked = open_folders(tree("ant/1.jpg", "bee/1.jpg", f"{name}/1.jpg"), level=1)
    assert len(asked.labels.names) == 3


def test_several_folders_with_a_file_for_each_image_are_no_classes(tmp_path):
    for n in range(3):
        write(tmp_path / f"image_2/{n}.png", noise(n))
        for kind in ("truth", "depth", "parts"):
            write(tmp_path / f"{kind}/{n}.png", blocks(n, (0, 9)))
    with pytest.raises(DataError, match="each hold a file of the same name for each image"):
        open_dataset(tmp_path, task="auto")
