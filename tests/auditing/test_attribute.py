import numpy as np
import pytest

from headstart.auditing.attribute import Attribute, read_attribute

TARGETS = np.arange(200) % 2


def read(cells, targets=TARGETS, groups=None):
    return read_attribute("column", np.array(cells).astype(str), targets, groups)


def test_words_are_categories_and_what_is_unknown_is_left_out():
    cells = np.where(np.arange(200) % 4 < 2, "man", "woman").astype("U9")
    cells[:10] = ["", "unknown", "NaN", "n/a", "-"] * 2
    found = read(cells)
    assert isinstance(found, Attribute)
    assert found.words == ("man", "woman")
    assert (found.values[:10] == -1).all()
    assert found.known.sum() == 190


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (np.random.default_rng(0).integers(20, 61, 200), ("up to 4", "4")),
        ([f"{1 + i % 28:02}.{1 + i % 12:02}.2024" for i in range(200)], ("up to ", "")),
        ([f"{i / 7:.1f}".replace(".", ",") for i in range(200)], ("up to 14", "14")),
        ([f"2024-{1 + i % 12:02}-{1 + i % 28:02}" for i in range(200)], ("up to 2024-0", "2024-0")),
    ],
)
def test_numbers_and_dates_are_put_into_halves(cells, words):
    found = read(cells)
    assert len(found.words) == 2
    assert found.words[0].startswith(words[0])
    assert found.words[1].startswith(words[1])
    assert found.words[1].endswith("and more")
    assert 0.35 < (found.values == 1).mean() < 0.65
    assert "halves" in found.note


def test_few_numbers_are_categories():
    assert read(np.arange(200) // 2 % 3).words == ("0", "1", "2")


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["same"] * 200, "one value"),
        ([""] * 190 + ["a", "b"] * 5, "10 images only"),
        ([f"name-{i}" for i in range(200)], "different for nearly every image"),
        (["old" if t else "young" for t in TARGETS], "class in other words"),
        ([f"patient {i % 2}-{i // 20}" for i in range(200)], "in one class each"),
        ([f"0{1 + i % 9}/{1 + i % 12:02}/2024" for i in range(200)], "day or month may come first"),
        (["a"] * 197 + ["b", "c", "d"], "no two values"),
    ],
)
def test_what_cannot_be_asked_is_said_in_a_line(cells, why):
    found = read(cells)
    assert isinstance(found, str)
    assert why in found
    assert "\n" not in found
    assert found.split()[0] in {"is", "has", "are"}, "it goes on from 'it'"


def test_the_group_cannot_have_been_leant_on():
    groups = np.array([f"p{i % 25}" for i in range(200)])
    assert "--group" in read(groups, np.arange(200) // 100, groups)
    assert isinstance(read(groups, np.arange(200) // 100), Attribute)


def test_of_hundreds_of_values_the_commonest_are_asked():
    rng = np.random.default_rng(0)
    cells = np.array([f"v{i:03}" for i in rng.integers(0, 120, 4000)])
    found = read(cells, rng.integers(0, 2, 4000))
    assert len(found.words) == 40
    assert "of 120" in found.note
