"""Words of splits, and one normal form of names."""

from __future__ import annotations

import pytest

from headstart.data.words import (
    normal,
    plural,
    spelling,
    split_name,
    split_word,
    stem_and_number,
    uploaded_name,
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("training_set", "train"), ("test_set", "test"), ("seg_pred", "pred"),
        ("Seg-Train", "train"),
        ("train_images", "train"), ("test1", "test"), ("trainset", "train"), ("TestImages", "test"),
        ("Validation Data", "val"), ("dev", "val"), ("images.test", "test"), ("2019_val", "val"),
        ("Trainingsdaten", "train"), ("Testdaten", "test"), ("entra\u00eenement", "train"),
        ("entrai\u0302nement", "train"), ("\u00e9valuation", "val"), ("Pr\u00fcfung", "test"),
        ("\u8bad\u7ec3\u96c6", "train"), ("\u6d4b\u8bd5\u96c6", "test"),
        ("conjunto de prueba", "test"),
        ("obras", None), ("provador", None), ("m\u00e9val", None),
        ("contest", None), ("protest", None), ("trained", None), ("values", None), ("cats", None),
        ("train_test", None), ("latest", None), ("strain", None), ("", None),
    ],
)  # fmt: skip
def test_a_word_in_a_name_says_which_split(text, found):
    assert split_word(text) == found


@pytest.mark.parametrize(
    "names",
    [
        ("M\u00fcller, Anna", "Anna Mueller", "anna  muller", "ANNA_M\u00dcLLER",
         "Anna Mu\u0308ller"),
        ("Stra\u00dfe", "strasse", "STRASSE "), ("Jos\u00e9", "Jose"),
        ("Li_Wei", "Li Wei", "li-wei"), ("P 01", "p-01", "P01"), ("1_5", "1-5", "1.5"),
        ("1", "1.0", "1,00 "),
    ],
)  # fmt: skip
def test_spellings_of_one_name_are_one(names):
    assert len({spelling(each) for each in names}) == 1


def test_other_names_stay_apart():
    names = ["Anna Miller", "Anna Muller", "Hannah Muller", "a, b, c", "c, b, a", "left_right",
             "right_left", "-", "+", "oe", "1.5", "15", "1-1", "11", "10", "1"]  # fmt: skip
    assert len({spelling(each) for each in names}) == len(names)


@pytest.mark.parametrize(("text", "found"), [(" Train", "train"), ("dev", "val"), ("tests", None)])
def test_exact_spellings(text, found):
    assert split_name(text) == found


def test_names_have_one_form():
    assert normal(" e\u0301 ") == "\u00e9"
    assert plural(1, "entry", "entries") == "1 entry"
    assert plural(1200, "image") == "1,200 images"


@pytest.mark.parametrize(
    ("text", "found"),
    [("fold_3", ("fold", "3")), ("2019", ("", "2019")), ("Part 12", ("part", "12")), ("cat", None)],
)
def test_numbers_at_the_end(text, found):
    assert stem_and_number(text) == found


def test_a_name_without_what_an_upload_put_before_it():
    assert uploaded_name("/data/upload/1/0a1b2c3d-x.jpg") == "x.jpg"
    assert uploaded_name("a/frame-12.jpg") == "frame-12.jpg"
