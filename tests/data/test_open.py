"""`open_dataset`: what a path holds, or why nothing fits."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from headstart.data.open import open_dataset
from headstart.errors import DataError

REAL = Path(os.environ.get("HEADSTART_DATA", Path(__file__).parents[3] / "shared" / "data"))
needs_real_sets = pytest.mark.skipif(not REAL.is_dir(), reason=f"no real image sets at {REAL}")


def make(root: Path, *names: str, text: str = "x") -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def labels(dataset):
    return [dataset.labels.names[t] if t >= 0 else None for t in dataset.labels.targets]


def test_class_folders(tmp_path):
    make(tmp_path, "cat/b.jpg", "cat/a.PNG", "dog/deep/er/c.jpeg", "cat/notes.txt", "README.md")
    got = open_dataset(tmp_path)
    assert got.names == ("cat/a.PNG", "cat/b.jpg", "dog/deep/er/c.jpeg")
    assert got.labels.names == ("cat", "dog")
    assert labels(got) == ["cat", "cat", "dog"]
    assert got.splits.tolist() == [""] * 3
    assert (got.source, got.root, got.groups, got.set_aside) == ("folders", tmp_path, None, ())


def test_litter_is_passed_over(tmp_path):
    make(
        tmp_path,
        *("cat/a.jpg", "dog/b.jpg", ".hidden/c.jpg", "cat/.d.jpg", "__MACOSX/cat/._a.jpg"),
        *("cat/.ipynb_checkpoints/a-checkpoint.jpg", "cat/Thumbs.db", ".DS_Store"),
    )
    got = open_dataset(tmp_path)
    assert got.names == ("cat/a.jpg", "dog/b.jpg")
    assert got.set_aside == ()


def test_what_only_looks_like_images_or_classes_is_set_aside(tmp_path):
    make(tmp_path, "cat/a.jpg", "dog/b.jpg", "docs/x.txt", "docs/y.txt", "loose.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "cat" / "folder.jpg").mkdir()
    make(tmp_path, "dog/full.png/inside.jpg")
    got = open_dataset(tmp_path)
    assert got.labels.names == ("cat", "dog")
    assert "dog/full.png/inside.jpg" in got.names
    aside = dict(got.set_aside)
    assert aside["empty"] == "an empty folder"
    assert "2 other files" in aside["docs"]
    assert "not an image" in aside["cat/folder.jpg"]
    assert "outside every class" in aside["."]


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [("train", "val", "test"), ("Training", "validation", "TESTING"), ("train", "valid", "test")],
)
def test_split_folders(tmp_path, train, val, test):
    make(tmp_path, f"{train}/cat/a.jpg", f"{train}/dog/b.jpg", f"{val}/cat/c.jpg")
    make(tmp_path, f"{test}/dog/d.jpg", "extra/e.jpg")
    (tmp_path / train / "cow").mkdir()
    got = open_dataset(tmp_path)
    assert dict(zip(got.names, got.splits.tolist())) == {
        f"{train}/cat/a.jpg": "train",
        f"{train}/dog/b.jpg": "train",
        f"{val}/cat/c.jpg": "val",
        f"{test}/dog/d.jpg": "test",
    }
    assert got.labels.names == ("cat", "dog")
    assert "beside the split folders" in dict(got.set_aside)["extra"]
    assert dict(got.set_aside)[f"{train}/cow"] == "an empty folder"


def test_one_class_may_be_called_train(tmp_path):
    make(tmp_path, "train/a.jpg", "bus/b.jpg", "car/c.jpg")
    assert open_dataset(tmp_path).labels.names == ("bus", "car", "train")


def test_splits_inside_classes(tmp_path):
    make(tmp_path, "cat/train/a.jpg", "cat/test/b.jpg", "dog/train/c.jpg", "dog/test/d.jpg")
    got = open_dataset(tmp_path)
    assert got.labels.names == ("cat", "dog")
    assert got.splits.tolist() == ["test", "train", "test", "train"]


def test_an_unlabelled_test_folder_beside_train_classes_is_set_aside(tmp_path):
    make(tmp_path, "train/cat/a.jpg", "train/dog/b.jpg", "test/1.jpg", "test/2.jpg")
    got = open_dataset(tmp_path)
    assert len(got) == 2
    assert dict(got.set_aside)["test"] == "2 images outside every class folder"


def test_splits_without_a_common_class_are_an_error(tmp_path):
    make(tmp_path, "train/cat/a.jpg", "train/dog/b.jpg", "test/x/c.jpg")
    with pytest.raises(DataError, match="share no class"):
        open_dataset(tmp_path)
    people = open_dataset(tmp_path, task="identity")
    assert people.labels.names == ("cat", "dog", "x")
    assert people.splits.tolist() == ["test", "train", "train"]


def test_a_single_folder_around_everything_is_entered(tmp_path):
    make(tmp_path, "set/train/cat/a.jpg", "set/train/dog/b.jpg", "set/test/cat/c.jpg")
    got = open_dataset(tmp_path)
    assert got.root == tmp_path / "set"
    assert got.labels.names == ("cat", "dog")


def test_unlabelled(tmp_path):
    make(tmp_path, "b.jpg", "a.jpg")
    got = open_dataset(tmp_path)
    assert (got.names, got.labels.names, got.source) == (("a.jpg", "b.jpg"), (), "unlabelled")
    assert got.labels.targets.tolist() == [-1, -1]
    assert not got.labelled.any()


def test_composed_and_decomposed_letters_are_one_class(tmp_path):
    make(tmp_path, "train/caf\u00e9/a.jpg", "train/x/b.jpg", "test/cafe\u0301/c.jpg")
    assert open_dataset(tmp_path).labels.names == ("caf\u00e9", "x")


def test_links(tmp_path):
    make(tmp_path / "set", "cat/a.jpg", "dog/b.jpg")
    make(tmp_path / "more", "c.jpg")
    (tmp_path / "set" / "cat" / "linked").symlink_to(tmp_path / "more")
    (tmp_path / "set" / "dog" / "loop").symlink_to(tmp_path / "set")
    (tmp_path / "set" / "dog" / "dangling.jpg").symlink_to(tmp_path / "nowhere.jpg")
    got = open_dataset(tmp_path / "set")
    assert got.names == ("cat/a.jpg", "cat/linked/c.jpg", "dog/b.jpg", "dog/dangling.jpg")
    assert "folder above" in dict(got.set_aside)["dog/loop"]


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="names are Unicode")
def test_a_name_that_is_not_utf8_is_set_aside(tmp_path):
    make(tmp_path, "cat/a.jpg", "dog/b.jpg")
    Path(os.fsdecode(bytes(tmp_path) + b"/cat/\xff.jpg")).write_text("x")
    got = open_dataset(tmp_path)
    assert len(got) == 2
    assert "UTF-8" in dict(got.set_aside)["cat/\\xff.jpg"]


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("a.txt",), "no images"),
        (("images/a.jpg", "masks/a.png"), "masks"),
        (("train/images/a.jpg", "train/masks/a.png", "test/images/b.jpg"), "masks"),
        (("JPEGImages/a.jpg", "Annotations/a.xml"), "boxes"),
        (("train/images/a.jpg", "train/labels/a.txt", "test/images/a.jpg"), "boxes"),
        (("images/train/a.jpg", "images/test/b.jpg", "labels/train/a.txt"), "boxes"),
    ],
)
def test_why_not(tmp_path, names, reason):
    with pytest.raises(DataError, match=reason):
        open_dataset(make(tmp_path, *names))


@pytest.mark.parametrize("name", ["a.zip", "a.jpg", "a.xlsx", "a.md", "nowhere"])
def test_paths_that_are_no_data_set(tmp_path, name):
    if name != "nowhere":
        make(tmp_path, name)
    with pytest.raises(DataError, match=r"archive|one image|spreadsheet|neither|not there"):
        open_dataset(tmp_path / name)


def test_sidecar_in_the_folder_or_above(tmp_path):
    make(tmp_path, "classes/a/1.jpg", "classes/b/2.jpg", "masks/a/1.png", "masks/b/2.png")
    table = "file,exposure\nclasses/a/1.jpg,e1\nclasses/b/2.jpg,e2\n"
    make(tmp_path, "attributes.csv", text=table)
    for path in (tmp_path, tmp_path / "classes"):
        got = open_dataset(path, group="exposure")
        assert got.root == tmp_path / "classes"
        assert got.labels.names == ("a", "b")
        assert got.groups.tolist() == ["e1", "e2"]
        assert list(got.attributes) == ["exposure"]


def test_sidecar_columns(tmp_path):
    make(tmp_path, "a/1.jpg", "a/2.jpg", "b/3.jpg")
    make(tmp_path, "attributes.csv", text="path;who;set;kind\r\n1.jpg;p;train;x\r\n3.jpg;q;test;y")
    got = open_dataset(tmp_path, group="who", split="set", label="kind")
    assert got.groups.tolist() == ["p", "", "q"]
    assert got.splits.tolist() == ["train", "", "test"]
    assert labels(got) == ["x", None, "y"]
    assert "no row for 1 of 3" in dict(got.set_aside)["attributes.csv"]
    with pytest.raises(DataError, match=r"no column 'nope'.*path, who, set, kind"):
        open_dataset(tmp_path, group="nope")


def test_a_group_without_a_sidecar_says_what_to_do(tmp_path):
    make(tmp_path, "a/1.jpg", "b/2.jpg")
    with pytest.raises(DataError, match=r"attributes\.csv"):
        open_dataset(tmp_path, group="person")


def test_a_foreign_table_above_is_ignored(tmp_path):
    make(tmp_path, "set/a/1.jpg", "set/b/2.jpg")
    make(tmp_path, "metadata.csv", text="file,x\nother.jpg,1\n")
    assert open_dataset(tmp_path / "set").attributes == {}


def test_a_folder_with_one_table_is_that_table(tmp_path):
    make(tmp_path, "1.jpg", "2.jpg")
    make(tmp_path, "labels.csv", text="file,label\n1.jpg,a\n2.jpg,b\n")
    assert open_dataset(tmp_path).source == "table"
    make(tmp_path, "results.csv", text="epoch,loss\n1,2\n")
    assert open_dataset(tmp_path).source == "table"
    make(tmp_path, "other.csv", text="file,label\n1.jpg,b\n2.jpg,a\n")
    with pytest.raises(DataError, match="several tables"):
        open_dataset(tmp_path)


def test_many_files_are_quick_and_in_order(tmp_path):
    for c in range(10):
        (tmp_path / f"c{c}").mkdir()
        for i in range(500):
            (tmp_path / f"c{c}" / f"{i}.jpg").touch()
    start = time.perf_counter()
    got = open_dataset(tmp_path)
    assert time.perf_counter() - start < 2
    assert len(got) == 5000
    assert list(got.names) == sorted(got.names)
    assert np.array_equal(got.labels.counts, np.full(10, 500))


@needs_real_sets
def test_real_sets():
    tile = open_dataset(REAL / "magnetic_tile", group="exposure")
    assert (len(tile), len(tile.labels.names)) == (492, 6)
    assert set(tile.groups.tolist()) == {f"exp{i}" for i in range(7)}
    omniglot = open_dataset(REAL / "omniglot", group="drawer")
    assert (len(omniglot), len(omniglot.labels.names)) == (2720, 136)
    assert (omniglot.splits == "test").sum() == 816
    assert open_dataset(REAL / "hymenoptera").labels.names == ("ants", "bees")
    for other in ("bccd", "raccoon", "membrane", "human_seg"):
        with pytest.raises(DataError, match=r"boxes|masks"):
            open_dataset(REAL / other)


def test_tables_of_images_to_be_predicted_are_passed_over(tmp_path):
    make(tmp_path, "train/000.jpg", "train/001.jpg", "train/002.jpg", "test/000.jpg")
    (tmp_path / "train.csv").write_text("id,label\n000.jpg,0\n001.jpg,1\n002.jpg,1\n")
    (tmp_path / "test.csv").write_text("id\n000.jpg\n")
    (tmp_path / "sample_submission.csv").write_text("id,label\n000.jpg,0\n")
    dataset = open_dataset(tmp_path, task="auto")
    assert dataset.reading["labels"] == "column label of train.csv"
    assert [dataset.labels.text(i) for i in range(len(dataset))] == ["0", "1", "1"]


def test_a_table_knows_better_than_folders_called_like_splits(tmp_path):
    make(tmp_path, "train_images/a.jpg", "train_images/b.jpg", "test_images/c.jpg")
    (tmp_path / "train.csv").write_text("id,label\na,cat\nb,dog\n")
    assert len(open_dataset(tmp_path, task="auto")) == 2
    (tmp_path / "train.csv").write_text("id,note\na,x\nb,y\n")
    with pytest.raises(DataError, match="called like splits"):
        open_dataset(tmp_path, task="auto")


def test_a_table_that_names_none_of_the_images_is_told(tmp_path):
    make(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "labels.csv").write_text("url,label\nhttps://x.org/1.png,cat\n")
    assert open_dataset(tmp_path, task="auto").reading["labels"] == (
        "none (labels.csv names none of the images)"
    )


def test_folders_that_are_alone_in_each_other_are_entered(tmp_path):
    names = [f"cars/cars/{s}/{c}/{c}{n}.jpg" for s in ("train", "test") for c in "ab" for n in "12"]
    dataset = open_dataset(make(tmp_path, *names))
    assert dataset.labels.names == ("a", "b")
    assert set(dataset.splits.tolist()) == {"train", "test"}


def test_a_folder_of_images_in_a_split_is_no_class(tmp_path):
    train = [f"train/n0{c}/images/{n}.jpg" for c in "12" for n in "123"]
    dataset = open_dataset(make(tmp_path, *train, "val/images/7.jpg", "val/images/8.jpg"))
    assert dataset.labels.names == ("n01", "n02")
    assert ("val/images", "2 images outside every class folder") in dataset.set_aside


def test_a_table_in_a_folder_of_its_own(tmp_path):
    make(tmp_path, *(f"images/{n}.jpg" for n in range(6)))
    rows = "".join(f"{n},{'ab'[n % 2]}\n" for n in range(6))
    make(tmp_path, "Training_GroundTruth/t.csv", text="image,label\n" + rows)
    dataset = open_dataset(tmp_path)
    assert labels(dataset) == ["a", "b"] * 3
    assert dataset.path(0) == tmp_path / "images/0.jpg"
    assert dataset.reading["files"] == "column image, in images/"


def test_tables_beside_class_folders_are_told(tmp_path):
    make(tmp_path, *(f"{c}/{c}{n}.jpg" for c in "ab" for n in range(3)))
    make(tmp_path, "more.csv", text="file,age\na/a1.jpg,3\n")
    dataset = open_dataset(tmp_path)
    assert dataset.reading["labels"].startswith("2 class folders (a, b); more.csv names images too")


def test_numbered_patients_are_no_classes_where_a_table_knows_more(tmp_path):
    names = [f"train/patient{n:03d}/study1/view.jpg" for n in range(6)]
    make(tmp_path, *names)
    rows = "".join(f"{name},{n % 2}\n" for n, name in enumerate(names))
    make(tmp_path, "train.csv", text="Path,Edema\n" + rows)
    assert "column Edema of train.csv (guessed" in open_dataset(tmp_path).reading["labels"]
    people = open_dataset(tmp_path, task="identity")
    assert len(people.labels.names) == 6


def test_tables_of_splits_in_a_folder_called_annotations(tmp_path):
    make(tmp_path, *(f"images/im{n}.jpg" for n in range(6)))
    for name, some in (("train", range(4)), ("val", range(4, 6))):
        rows = "".join(f"im{n}.jpg,{'ab'[n % 2]}\n" for n in some)
        make(tmp_path, f"annotations/{name}.csv", text="filename,label\n" + rows)
    dataset = open_dataset(tmp_path)
    assert dataset.splits.tolist() == ["train"] * 4 + ["val"] * 2


def test_a_table_that_names_none_of_the_images_of_one_folder_is_told(tmp_path):
    make(tmp_path, "shots/1.jpg")
    (tmp_path / "labels.csv").write_text("path,label\nother 1.jpg,a\n")
    said = open_dataset(tmp_path).reading["labels"]
    assert said == "1 class folder (shots) (labels.csv names none of the images)"


def test_a_column_with_a_unit_keeps_its_name(tmp_path):
    make(tmp_path, *(f"{row}.jpg" for row in range(4)))
    rows = "".join(f"{row}.jpg,{row % 2}\n" for row in range(4))
    (tmp_path / "t.csv").write_text("file,mass (g)\n" + rows)
    assert open_dataset(tmp_path, label="mass (g)").reading["labels"] == "column mass (g) of t.csv"


def test_a_split_that_is_not_wanted_is_left_out_of_folders_too(make_images):
    root = make_images(splits=("train", "test"))
    assert (open_dataset(root).splits == "test").any()
    found = open_dataset(root, split="none")
    assert (found.splits == "").all()
    assert found.reading["splits"] == "none, as asked"
