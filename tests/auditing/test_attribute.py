import numpy as np
import pytest

from headstart.auditing.attribute import Attribute, nearly_the_same, read_attribute

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
    assert found.split()[0] in {"is", "has", "holds"}, "it goes on from 'it'"


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


def of(*parts):
    """Cells: (text, how many) after another, dealt out to two classes in turn."""
    cells = np.array([text for text, times in parts for _ in range(times)])
    return read_attribute("x", cells, np.arange(len(cells)) % 2)


def test_a_value_written_in_several_ways_is_one_and_that_is_said():
    found = of(("Canon", 30), ("canon ", 10), ("Nikon", 20))
    assert found.words == ("Canon", "Nikon")
    assert found.note == "Canon also written canon"
    found = of(("yes", 20), ("TRUE", 9), ("no", 20), ("0", 8))
    assert found.words == ("no", "yes")
    assert "yes also written TRUE" in found.note


def test_missing_and_small_values_are_said():
    found = of(("a", 30), ("b", 20), ("c", 1), ("d", 2))
    assert found.note == "2 of 4 values; the others have fewer than 5 images"
    found = of(("a", 15), ("b", 15), ("", 270))
    assert found.note == "known of 30 of 300 images"
    assert of(("a", 30), ("b", 1), ("c", 4)) == "has no two values with 5 images or more each"


def test_units_and_what_is_nearly_numbers():
    found = of(*((f"{number} %", 2) for number in range(20, 60)))
    assert found.words == ("up to 39 %", "40 % and more")
    numbers = [(f"{number},5", 2) for number in range(40)]
    assert of(*numbers).words == ("up to 19,5", "20,5 and more")
    assert (
        of(*numbers, (">90", 2)) == "holds numbers and '>90', which is none: leave such cells empty"
    )
    assert "written in two ways" in of(*numbers, ("1.5", 2))
    names = of(*((f"p{number}", 6) for number in range(20)))
    assert len(names.words) == 20


def test_two_columns_may_say_nearly_the_same():
    words = np.array(["a", "b", "c"])[np.arange(120) % 3]
    again = np.char.upper(words)
    again[:4] = "C"
    one, other = (read_attribute(n, c, np.arange(120) % 2) for n, c in (("x", words), ("y", again)))
    assert nearly_the_same(one, other)
    half = read_attribute("z", np.where(np.arange(120) % 4 < 2, "p", "q"), np.arange(120) % 2)
    assert not nearly_the_same(one, half)
    mixed = read_attribute(
        "m", words[np.random.default_rng(0).permutation(120)], np.arange(120) % 2
    )
    assert not nearly_the_same(one, mixed)
