"""Labels that are numbers."""

import numpy as np
import pytest
from PIL import Image

from headstart.checks.files import check_dataset
from headstart.data.open import open_dataset
from headstart.data.tables.numbers import parse_numbers, possible_numbers
from headstart.errors import DataError
from headstart.images.pixels import measure


@pytest.fixture
def table(tmp_path):
    """Writes a table of images with these labels."""

    def make(labels, splits=None):
        lines = ["file,weight" + (",split" if splits else "")]
        for number, label in enumerate(labels):
            Image.new("L", (4, 4), number % 256).save(tmp_path / f"{number:03}.png")
            lines.append(f"{number:03}.png,{label}" + (f",{splits[number]}" if splits else ""))
        (tmp_path / "table.csv").write_text("\n".join(lines))
        return tmp_path / "table.csv"

    return make


def test_what_counts_as_a_number():
    assert parse_numbers(("3", "-2,5", "1e3", "1,5")).tolist() == [3, -2.5, 1000, 1.5]
    assert parse_numbers(("\u22123.5", "4.5")).tolist() == [-3.5, 4.5]
    assert np.isnan(parse_numbers(("", "NaN", "n/a", "?"))).all()
    for odd in ("3 kg", "inf", "1,000.5x", "anna"):
        with pytest.raises(ValueError, match=r"."):
            parse_numbers((odd,))


def test_a_table_of_numbers(table):
    labels = [f"{x:.1f}" for x in np.linspace(0, 9.9, 100)]
    labels[7] = ""
    found = open_dataset(table(labels), label="weight", task="regression")
    assert found.task == "regression"
    assert found.labels.name == "weight"
    assert found.labels.values[0] == 0
    assert found.labels.values[99] == pytest.approx(9.9)
    assert np.isnan(found.labels.values[7])
    assert not found.labelled[7]
    assert found.labels.strata[7] == -1
    assert (np.diff(found.labels.strata[8:]) >= 0).all(), "strata are in the order of the numbers"
    assert found.take(np.array([3, 5])).labels.values.tolist() == pytest.approx([0.3, 0.5])


def test_auto_takes_many_fractions_for_numbers_and_nothing_else(table):
    def task(labels):
        return open_dataset(table(labels), label="weight", task="auto").task

    assert task([f"{x:.2f}" for x in np.linspace(0, 5, 40)]) == "regression"
    with pytest.raises(DataError, match=r"column weight .* 40 different whole numbers.*--task"):
        task(list(range(40)))
    with pytest.raises(DataError, match=r"looks like a number to learn, but '1,001' may be"):
        task([f'"1,{x:03}"' for x in range(1, 41)])
    assert task([f"{x}" for x in range(15)]) == "classification", "a few grades"
    assert task([0.5, 1.0, 1.5] * 10) == "classification", "three grades"
    assert task(["a", "b"] * 10) == "classification"
    assert open_dataset(table([1.5, 2.5] * 20), label="weight").task == "classification"


def test_many_whole_numbers_are_a_hint(table):
    def hints(labels, **options):
        dataset = open_dataset(table(labels), label="weight", **options)
        return [each.claim for each in possible_numbers(dataset)]

    assert hints(list(range(40))) == ["All 40 classes are called by numbers, from 0 to 39."]
    assert hints(list(range(40)), task="regression") == []
    assert hints(list(range(19)) * 2) == ["All 19 classes are called by numbers, from 0 to 18."]
    assert hints([1, 2, 3] * 10) == []
    assert hints(list(range(10)) * 2) == [], "digits"
    assert hints([f"n{x}" for x in range(40)]) == []


def test_copies_conflict_by_their_numbers_and_near_ones_by_far_ranges(table, tmp_path):
    path = table([f"{x / 10:.1f}" for x in range(200)])
    rng = np.random.default_rng(0)
    for number in range(200):
        pixels = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
        picture = Image.fromarray(pixels).resize((96, 96), Image.Resampling.BICUBIC)
        picture.save(tmp_path / f"{number:03}.png")
    (tmp_path / "001.png").write_bytes((tmp_path / "000.png").read_bytes())  # 0.1 and 0.0
    for one, other in ((20, 150), (60, 61)):  # far apart, and next to each other
        again = Image.open(tmp_path / f"{one:03}.png").resize((192, 192))
        again.save(tmp_path / f"{other:03}.png")
    dataset = open_dataset(path, label="weight", task="regression")
    found = {each.check: each for each in check_dataset(dataset, measure(dataset))}
    assert found["conflicting_labels"].count == 1
    assert "under two labels" in found["conflicting_labels"].claim
    assert found["conflicting_labels_near"].evidence == ("020.png = 150.png",)


def test_what_is_no_number_is_named_with_its_image(table):
    with pytest.raises(DataError, match=r"'heavy' of 002\.png is no number"):
        open_dataset(table([1, 2, "heavy", 4]), label="weight", task="regression")
    with pytest.raises(DataError, match=r"'3 kg' of 002\.png has the unit kg, and others"):
        open_dataset(table([1, 2, "3 kg", 4]), label="weight", task="regression")
    with pytest.raises(DataError, match="two or more different numbers"):
        open_dataset(table([3, 3, 3]), label="weight", task="regression")


def test_folders_may_be_named_by_numbers(tmp_path):
    for number in (1, 2.5, 10):
        (tmp_path / f"{number}").mkdir()
        for image in range(3):
            Image.new("L", (4, 4)).save(tmp_path / f"{number}" / f"{image}.png")
    found = open_dataset(tmp_path, task="regression")
    assert sorted(set(found.labels.values.tolist())) == [1, 2.5, 10]


def test_numbers_and_their_unit_are_said(table):
    def read(cells, task="auto"):
        return open_dataset(table(cells), label="weight", task=task)

    found = read([f"{x / 4}" for x in range(60)])
    assert found.reading["labels"] == "column weight, numbers from 0 to 14.75"
    assert found.labels.name == "weight"
    lengths = [*(f"{x} cm" for x in range(10, 60)), "n/a"]
    found = read(lengths)
    assert found.reading["labels"] == "column weight, numbers from 10 to 59 (unit: cm)"
    assert (found.labels.name, found.labels.values[3]) == ("weight (cm)", 13)
    assert np.isnan(found.labels.values[50])
    assert len(read(lengths, "classification").labels.names) == 51
    letters = [f"{x}a" for x in range(10, 60)]
    with pytest.raises(DataError, match=r"with 'a' behind them, such as 10a: say"):
        read(letters)
    assert read(letters, "regression").labels.values[0] == 10
    assert read(["1 cm", "2 cm", "3 cm"]).task == "classification"  # three grades
    assert read(["1 cm", "2 cm", "3 cm"], "regression").labels.values.tolist() == [1, 2, 3]
    with pytest.raises(DataError, match=r"'1 g', which has another unit"):
        read([*(f"{x} mg" for x in range(2, 40)), "1 g"])
    for other in ("g", "Mg"):  # in half of the rows
        with pytest.raises(DataError, match=rf"'1 {other}', which has another unit"):
            read([f"{x} {'mg' if x % 2 == 0 else other}" for x in range(60)])
    with pytest.raises(DataError, match=r"'1 kg', which has a unit that others lack"):
        read([f"{x}{' kg' * (x % 2)}" for x in range(60)])
    with pytest.raises(DataError, match="two ways"):
        read(['"1,5 kg"', "2.5 kg"], "regression")
    assert read([f"{x} {'ab'[x % 2]}" for x in range(60)]).task == "classification"


@pytest.mark.parametrize("unit", ["", " kg"])
def test_many_numbers_and_a_few_words_are_no_classes(table, unit):
    labels = [f"{n}{unit}" for n in range(30)] + [f"ca. {n}{unit}" for n in range(4)]
    with pytest.raises(DataError, match=r"holds 30 different numbers, and 'ca\. 0"):
        open_dataset(table(labels), label="weight", task="auto")
    codes = [f"{n}{'abcdefgh'[n % 8]}" for n in range(34)]
    assert len(open_dataset(table(codes), label="weight", task="auto").labels.names) == 34
