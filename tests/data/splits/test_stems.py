"""Stems of file names."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.data.dataset import Dataset
from headstart.data.labels import class_labels
from headstart.data.splits.stems import numbers_of_names, stem_groups, words_of_names


def groups(names: list[str], *, sure: bool = True) -> list[str]:
    # Others beside them, so that no stem is that of a fifth of all.
    names = [
        *names,
        *(f"z/other{chr(97 + i)}{chr(97 + j)}.jpg" for i in range(20) for j in range(20)),
    ]
    labels = class_labels([name.partition("/")[0] for name in names])
    dataset = Dataset(None, tuple(names), labels, np.full(len(names), ""))
    return stem_groups(dataset, sure=sure).tolist()


def versions(*endings: str) -> list[str]:
    return [f"a/{stem}{ending}.jpg" for stem in ("one", "two", "three") for ending in endings]


@pytest.mark.parametrize(
    "endings",
    [
        (".rf.1234567890ab", ".rf.ba0987654321"), ("", "_aug_3", "_aug_12"), ("", "_flip"),
        ("", " - Copy", " - Copy (2)"), ("-rot90", "-rot180"), ("", "_HFLIP", "_hflip_crop2"),
        ("", " - Kopie"), ("_90deg", "_180deg"), ("", "_brightness_1", "_noise"),
    ],
)  # fmt: skip
def test_what_is_written_onto_versions(endings):
    found = groups(versions(*endings))
    size = len(endings)
    assert "" not in found[: 3 * size]
    assert len(set(found[: 3 * size])) == 3
    assert set(found[3 * size :]) == {""}


@pytest.mark.parametrize(
    "endings", [(" (1)", " (2)"), ("_1", "_2"), ("_0_123", "_0_4567"), ("-001", "-002")]
)
def test_numbers_are_stems_only_where_they_are_asked_for(endings):
    assert set(groups(versions(*endings))) == {""}
    assert len(set(groups(versions(*endings), sure=False)[:6])) == 3


def test_images_of_different_labels_are_different():
    names = [f"{c}/{stem}{e}.jpg" for c in "ab" for stem in ("x", "y") for e in ("", "_flip")]
    assert len(set(groups(names)[:8])) == 4


def test_a_word_in_all_names_is_no_stem():
    names = tuple(f"a/cell_rot{i}.jpg" for i in range(50))
    labels = class_labels(["a"] * 50)
    assert set(stem_groups(Dataset(None, names, labels, np.full(50, "")), sure=True)) == {""}


def test_one_name_in_two_folders_is_chance_unless_versions_lie_beside():
    names = [f"a/{part}/{stem}.jpg" for part in ("train", "test") for stem in ("x", "y", "v")]
    assert set(groups(names)) == {""}
    more = [f"a/train/{stem}_flip.jpg" for stem in ("x", "y", "v")]
    found = groups([*names, *more])[:9]
    assert found[:3] == found[6:]
    assert found[3:6] == [""] * 3


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["cat.1.jpg", "cat.2.jpg", "dog.1.jpg", "dog.2.jpg"], ("cat", "dog")),
        (["great dane_1.jpg", "great dane_2.jpg", "pug (1).jpg", "pug (2).jpg"],
         ("great dane", "pug")),
        (["IMG_1.jpg", "IMG_2.jpg", "DSC_1.jpg", "DSC_2.jpg"], ()),
        (["train_1.jpg", "train_2.jpg", "test_1.jpg", "test_2.jpg"], ()),
        (["anna1.jpg", "ben1.jpg", "cleo1.jpg", "dan1.jpg"], ()),
        (["a/cat1.jpg", "a/cat2.jpg", "b/dog1.jpg", "b/dog2.jpg"], ()),
        (["cat1.jpg", "cat2.jpg", "dog1.jpg", "dog2.jpg", "x.jpg"], ()),
        (["IMG1_mask.png", "IMG2_mask.png", "IMG1_flip.png", "IMG2_flip.png"], ()),
    ],
)  # fmt: skip
def test_words_that_names_begin_with_may_be_classes(names, words):
    assert words_of_names(names) == (words, "begin" * bool(words))


def test_words_that_names_end_with_may_be_classes():
    names = [f"IMG{n:04}_{kind}.jpg" for n in range(3) for kind in ("benign", "malignant")]
    assert words_of_names(names) == (("benign", "malignant"), "end")


def test_numbers_that_names_begin_with_are_told():
    faces = [f"{age}_{age % 2}_{age % 5}_20170116{age:09}.jpg.chip.jpg" for age in range(20, 40)]
    assert numbers_of_names(faces) == faces[0]
    assert numbers_of_names([f"2017_01_{n:02}_000001.jpg" for n in range(9)]) == ""
    assert numbers_of_names([f"1_1_1_{n:08}.jpg" for n in range(9)]) == ""
    assert numbers_of_names([]) == ""
