"""Groups by folder: a person is a folder's name, in whichever class it lies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from headstart.cli import main
from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.data.masks.masks import Masks
from headstart.data.open import open_dataset
from headstart.data.splits.groups import group_by_folder, means_folder, possible_folders
from headstart.errors import DataError, OptionError

PEOPLE = ("anna", "ben", "cleo")


def lay(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return root


@pytest.fixture
def photos(tmp_path):
    kinds = ("dehydrated", "hydrated")
    names = [f"{kind}/{who}/{i}.jpg" for kind in kinds for who in PEOPLE for i in "12"]
    return lay(tmp_path / "photos", *names)


@pytest.mark.parametrize("group", ["folder", "folder:2", "folder:-1"])
def test_one_name_is_one_person_in_both_classes(photos, group):
    found = open_dataset(photos, group=group)
    assert found.groups.tolist() == [name.split("/")[1] for name in found.names]
    assert set(found.groups) == set(PEOPLE)
    assert found.set_aside == ()


def test_the_level_counts_from_the_root_and_below_splits(tmp_path):
    names = [f"{s}/{k}/{w}/x/1.jpg" for s in ("train", "test") for k in "ab" for w in PEOPLE]
    root = lay(tmp_path, *names)
    for group in ("folder:3", "folder:-2"):
        found = open_dataset(root, group=group)
        assert found.groups.tolist() == [name.split("/")[2] for name in found.names]


def test_composed_letters_are_the_same_person(tmp_path):
    root = lay(tmp_path, "a/Zoe\u0301/1.jpg", "b/Zo\u00e9/2.jpg", "a/ben/3.jpg", "b/ben/4.jpg")
    assert len(set(open_dataset(root, group="folder:2").groups)) == 2


def test_images_that_lie_less_deep_are_on_their_own(photos):
    lay(photos, "hydrated/loose.jpg")
    found = open_dataset(photos, group="folder:2")
    assert found.groups[found.names.index("hydrated/loose.jpg")] == ""
    assert found.set_aside == (
        ("--group folder:2", "1 of 13 images lie in no such folder: each is on its own"),
    )


@pytest.mark.parametrize("group", ["folder", "folder:2", "folder:x"])
def test_a_column_of_that_very_name_goes_before(photos, group):
    rows = [f"{path.relative_to(photos)},{path.stem}" for path in photos.rglob("*.jpg")]
    (photos / "attributes.csv").write_text("\n".join([f"file,{group}", *rows]))
    assert set(open_dataset(photos, group=group).groups) == {"1", "2"}


def test_tables_too(photos):
    paths = sorted(photos.rglob("*.jpg"))
    rows = [f"photos/{path.relative_to(photos)},{path.parts[-3][0]}" for path in paths]
    table = photos.parent / "table.csv"
    table.write_text("\n".join(["path,label", *rows]))
    found = open_dataset(table, group="folder:3")
    assert found.groups.tolist() == [path.parts[-2] for path in paths]
    with pytest.raises(DataError, match="no more than the class"):
        open_dataset(table, group="folder:2")


@pytest.mark.parametrize("group", ["folder:0", "folder:x", "folder:", "folder:1.5"])
def test_levels_that_cannot_be(photos, group):
    with pytest.raises(OptionError, match="folder:1 is the first folder"):
        open_dataset(photos, group=group)


def test_too_deep_names_an_example(photos):
    with pytest.raises(DataError, match=r"dehydrated/anna/1\.jpg, lies in 2\. Give each person"):
        open_dataset(photos, group="folder:3")


def test_the_class_is_no_group(photos, tmp_path):
    with pytest.raises(
        DataError, match=r"no more than the class.* called 'dehydrated'.*folder:2\?"
    ):
        open_dataset(photos, group="folder:1")
    flat = lay(tmp_path / "flat", "a/1.jpg", "b/1.jpg")
    with pytest.raises(DataError, match="leave it out"):
        open_dataset(flat, group="folder")
    # Where classes are people, and whole people are held out, the class may well be the group.
    assert open_dataset(flat, group="folder", task="identity").groups.tolist() == ["a", "b"]


def test_the_split_is_no_group(tmp_path):
    root = lay(
        tmp_path, *(f"{s}/{k}/{w}/1.jpg" for s in ("Train", "Test") for k in "ab" for w in PEOPLE)
    )
    with pytest.raises(DataError, match=r"folder of the split \(Test, Train\).*folder:3"):
        open_dataset(root, group="folder:1")
    turned = lay(
        tmp_path / "turned",
        *(f"{k}/{s}/{i}.jpg" for s in ("train", "test") for k in "ab" for i in "12"),
    )
    with pytest.raises(DataError, match="folder of the split"):
        open_dataset(turned, group="folder")


def test_a_column_that_is_missing_hints_at_folders(photos, tmp_path):
    with pytest.raises(DataError, match="--group folder:N"):
        open_dataset(photos, group="person")
    with pytest.raises(DataError, match="no column") as plain:
        open_dataset(lay(tmp_path / "flat", "a/1.jpg", "b/1.jpg"), group="person")
    assert "folder:N" not in str(plain.value)


def hint(root, **how):
    return [finding.remedy for finding in possible_folders(open_dataset(root, **how))]


def test_sub_folders_are_noted(photos, tmp_path):
    (told,) = possible_folders(open_dataset(photos))
    assert told.severity == "note"
    assert told.claim == (
        "The class folders hold sub-folders of 3 names, 3 of them in more than one class."
    )
    assert told.evidence[0] == "anna: 4 images"
    assert "--group folder:2" in told.remedy
    parts = [f"{split}/{kind}" for split in ("train", "test") for kind in "ab"]
    split = lay(
        tmp_path / "split", *(f"{p}/{w}/{i}.jpg" for p in parts for w in PEOPLE for i in "12")
    )
    assert "--group folder:3" in hint(split)[0]
    assert hint(photos, group="folder:2") == []


def test_folders_that_may_be_the_classes_are_a_warning(tmp_path):
    tops = {"Lauf": "123", "Nachlauf": "12"}
    names = [f"{a}/{b}/{i}.jpg" for a, many in tops.items() for b in ("rot", "blau") for i in many]
    (told,) = possible_folders(open_dataset(lay(tmp_path / "x", *names)))
    assert told.severity == "warning"
    assert "Lauf and Nachlauf were taken for classes" in told.claim
    assert told.evidence == ("in each: blau, rot",)
    assert "--label folder:2" in told.remedy
    assert "--group folder:2" in told.remedy
    loose = lay(tmp_path / "y", *names, "Lauf/loose.jpg")
    assert [each.severity for each in possible_folders(open_dataset(loose))] in ([], ["note"])


def test_a_folder_beside_the_images_of_a_class_is_told(tmp_path):
    names = [f"{place}/{i}.jpg" for place in ("rot", "rot/dunkel", "blau") for i in range(6)]
    (told,) = possible_folders(open_dataset(lay(tmp_path, *names)))
    assert told.severity == "note"
    assert told.claim == (
        "1 folder lies in a class beside its images; the 6 images in it count to that class."
    )
    assert told.evidence == ("rot/dunkel: 6 images",)


@pytest.mark.parametrize(
    ("train", "test"),
    [("Trainingsdaten", "Testdaten"), ("apprentissage", "\u00e9valuation"),
     ("entrenamiento", "prueba"),
     ("\u8bad\u7ec3\u96c6", "\u6d4b\u8bd5\u96c6")],
)  # fmt: skip
def test_splits_of_other_languages_are_splits(tmp_path, train, test):
    names = [f"{a}/{b}/{i}.jpg" for a in (train, test) for b in ("rot", "blau") for i in "123"]
    found = open_dataset(lay(tmp_path, *names))
    assert found.labels.names == ("blau", "rot")
    assert (found.splits == "train").sum() == 6
    assert set(found.splits) <= {"train", "val", "test"}


@pytest.mark.parametrize(
    "names",
    [
        [f"{k}/{i}.jpg" for k in "abc" for i in range(9)],
        [f"{k}/{k}_images/{i}.jpg" for k in "abc" for i in range(9)],
        [f"{k}/raw/{i}.jpg" for k in "abc" for i in range(9)],
        [f"{k}/{k}{i}/only.jpg" for k in "abc" for i in range(9)],
        [*(f"{k}/{i}.jpg" for k in "abc" for i in range(9)), "a/x/1.jpg", "a/y/1.jpg", "a/z/1.jpg"],
    ],
)
def test_other_layouts_are_left_in_peace(tmp_path, names):
    assert hint(lay(tmp_path, *names)) == []


def test_through_the_command_line(tmp_path, capfd):
    rng = np.random.default_rng(0)
    for kind in ("dry", "wet"):
        for who in PEOPLE:
            for number in range(4):
                path = tmp_path / "photos" / kind / who / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                pixels = rng.integers(0, 120, (40, 40, 3), np.uint8)
                pixels[..., kind == "wet"] += 100
                Image.fromarray(pixels).save(path)
    photos, run = str(tmp_path / "photos"), str(tmp_path / "run")
    main(["check", photos])
    told = capfd.readouterr()
    assert "--group folder:2" in told.out, told.err
    words = ["--backbone", "starter", "--strategy", "probe", "--evaluation", "holdout"]
    assert main(["train", photos, "-o", run, "--group", "folder:2", *words]) == 0
    tested = {
        line.split(",")[0].split("/")[1]
        for line in (tmp_path / "run" / "predictions.csv").read_text().splitlines()[1:]
    }
    assert len(tested) == 1  # one of three people, from both classes
    assert main(["train", photos, "-o", str(tmp_path / "none"), "--group", "folder:1"]) == 2
    assert "no more than the class" in capfd.readouterr().err
    assert not (tmp_path / "none").exists()


# --- without any disk ---------------------------------------------------------------------------


def named(*names, splits=None):
    """A data set whose first folder is the class, by names alone."""
    kinds = sorted({name.partition("/")[0] for name in names})
    targets = np.array([kinds.index(name.partition("/")[0]) for name in names])
    given = np.array([""] * len(names) if splits is None else splits, "U5")
    return Dataset(Path("root"), names, Classes(tuple(kinds), targets), given)


@pytest.mark.parametrize(
    ("text", "means"),
    [("folder", True), ("folder:2", True), ("folder:x", True), ("folders", False), (None, False),
     ("person", False), ("", False), ("Folder", False)],
)  # fmt: skip
def test_what_may_mean_a_folder(text, means):
    assert means_folder(text) == means


PATHS = st.lists(
    st.lists(st.sampled_from("abcd"), min_size=2, max_size=4).map("/".join), min_size=4, max_size=9
)


@given(PATHS, st.integers(-4, 4).filter(bool))
def test_a_level_is_the_same_from_either_end(paths, level):
    data = named(*(f"{path}/{at}.jpg" for at, path in enumerate(paths)))
    try:
        found = group_by_folder(data, f"folder:{level}", classes_apart=False).groups
    except DataError:
        return
    for name, group in zip(data.names, found, strict=True):
        folders = name.split("/")[:-1]
        at = level - 1 if level > 0 else len(folders) + level
        assert group == (folders[at] if 0 <= at < len(folders) else "")


@pytest.mark.parametrize("group", ["folder:0", "folder:", "folder:x", "folder:1.5", "folder:-"])
def test_what_says_no_level(group):
    with pytest.raises(OptionError, match=rf"--group {group}: folder:1 is the first folder"):
        group_by_folder(named("a/x/1.jpg", "b/x/2.jpg"), group)


def test_classes_may_be_people():
    data = named("ann/1.jpg", "ann/2.jpg", "bob/3.jpg")
    with pytest.raises(DataError, match="says no more than the class"):
        group_by_folder(data, "folder:1")
    found = group_by_folder(data, "folder:1", classes_apart=False)
    assert found.groups.tolist() == ["ann", "ann", "bob"]


def test_a_column_of_that_name_is_meant(tmp_path):
    import dataclasses

    column = np.array(["p", "q"])
    data = dataclasses.replace(named("a/x/1.jpg", "b/y/2.jpg"), attributes={"folder:2": column})
    assert group_by_folder(data, "folder:2").groups is column


def test_no_images_have_no_folder():
    with pytest.raises(DataError, match="no image below root has such a folder; the deepest, none"):
        group_by_folder(named(), "folder:1")


@pytest.mark.parametrize(
    ("people", "images", "told"), [(2, 4, False), (3, 4, True), (9, 1, False), (5, 2, True)]
)
def test_sub_folders_that_may_be_people(people, images, told):
    names = [f"{kind}/p{who}/{at}.jpg" for kind in "ab" for who in range(people)
             for at in range(images)]  # fmt: skip
    if images == 1:  # a folder an image is only a number
        names = [f"a/p{who}/0.jpg" for who in range(people)] + ["b/0.jpg"] * people
    found = list(possible_folders(named(*names)))
    assert bool(found) == told
    if told:
        [finding] = found
        assert finding.count == people
        assert f"{people} of them in more than one class" in finding.claim
        assert "--group folder:2" in finding.remedy
        assert finding.evidence[0] == f"p0: {2 * images} images"


def test_sub_folders_that_are_measured_are_no_people(tmp_path):
    files = [f"{kind}/{{}}/{i}.jpg" for kind in "ab" for i in "12"]
    ages = [name.format(age) for name in files for age in ("9", "23", "104")]
    root = lay(tmp_path / "ages", *ages)
    assert len(hint(root)) == 1
    rows = [f"{name},{name.split('/')[1]}" for name in ages]
    (root / "attributes.csv").write_text("\n".join(["file,age", *rows]) + "\n")
    assert hint(root) == []
    wear = [name.format(mm) for name in files for mm in ("0.5mm", "1.25mm", "2.5mm")]
    assert hint(lay(tmp_path / "wear", *wear)) == []


def test_folders_are_said_to_lie_in_a_class_only_where_folders_are_classes(tmp_path):
    names = tuple(f"{home}{i}.jpg" for home in ("", "more/") for i in range(6))
    masks = Masks((), (None,) * 12, np.zeros((12, 0)), np.zeros((12, 2)), np.zeros((0, 3)))
    splits = np.full(12, "")
    data = Dataset(tmp_path, names, masks, splits, task="segmentation")
    assert not list(possible_folders(data))


def test_the_same_files_in_several_folders_at_the_top_are_told(tmp_path):
    tops, kinds = ("color", "grayscale"), ("scab", "rust", "rot")
    names = [f"{t}/{c}/IMG_00{n}{c}.jpg" for t in tops for c in kinds for n in range(3)]
    (found,) = possible_folders(open_dataset(lay(tmp_path, *names)))
    assert found.severity == "warning"
    assert "--label folder:2" in found.remedy
