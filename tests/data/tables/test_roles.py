"""Which column is what, who said so, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from headstart.data.tables.roles import Columns, groups_repeat_classes, roles_of
from headstart.data.tables.tables import Table
from headstart.errors import DataError


def table(root: Path, **columns: str) -> Table:
    """Columns as words with blanks between."""
    return Table(root / "t.csv", {name: cells.split() for name, cells in columns.items()})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in "abcd":
        (tmp_path / f"{name}.jpg").touch()
    return tmp_path


FILES = "a.jpg b.jpg c.jpg d.jpg"


def test_a_column_has_one_role(root):
    given = table(root, file=FILES, Group="AD CN AD CN", label="1 1 2 2")
    roles = roles_of(given, Columns(label="Group"))
    assert (roles.label, roles.group) == ("Group", None)
    with pytest.raises(DataError, match="cannot be both label and group"):
        roles_of(given, Columns(label="Group", group="Group"))


def test_a_guessed_group_is_said_and_can_be_declined(root):
    given = table(root, file=FILES * 3, label="x y x y " * 3, group="p p q q r r s s t t u u")
    roles = roles_of(given, Columns())
    assert roles.group == "group"
    assert "guessed by its name; --group none" in roles.reading["groups"]
    assert roles_of(given, Columns(group="none")).group is None


@pytest.mark.parametrize(
    ("groups", "why"), [("p p q q", "2 values only"), ("p q p q " * 3, "values only")]
)
def test_a_group_that_no_split_can_keep_whole_is_left_alone(root, groups, why):
    roles = roles_of(table(root, file=FILES, label="x y x y", group=groups), Columns())
    assert roles.group is None
    assert why in roles.reading["groups"]


def test_people_are_named_where_nobody_says_who_belongs_together(root):
    roles = roles_of(table(root, file=FILES, label="x y x y", patient_id="1 1 2 2"), Columns())
    assert roles.group is None
    assert "--group patient_id" in roles.reading["groups"]


def test_the_column_whose_cells_are_files_is_taken(root):
    assert roles_of(table(root, image="1 2 3 4", filename=FILES), Columns()).image == "filename"
    assert roles_of(table(root, who="1 2 3 4", what="a b c d"), Columns()).image == "what"
    both = table(root, one=FILES, two=FILES)
    with pytest.raises(DataError, match=r"one, two .* all name files: say which with --image"):
        roles_of(both, Columns())
    assert roles_of(both, Columns(image="two")).image == "two"


def test_a_table_without_a_header_is_named(root):
    given = Table(root / "t.csv", {"a.jpg": ["b.txt"], "cat": ["dog"]})
    with pytest.raises(DataError, match=r"has no header: its first row is a.jpg, cat"):
        roles_of(given, Columns())


def test_two_labels_that_differ_are_refused(root):
    with pytest.raises(DataError, match=r"label and category .* could both be the label"):
        roles_of(table(root, file=FILES, label="x y x y", category="s s t t"), Columns())
    twins = table(root, file=FILES, label="0 1 0 1", class_name="cat dog cat dog")
    assert roles_of(twins, Columns()).label == "label"


def test_measurements_are_no_people(root):
    """An age with decimals in a column called as people are, or as groups are."""
    ages = " ".join(f"{3 + i / 10:.1f}" for i in range(12))
    given = table(root, file=FILES * 3, label="x y x y " * 3, subject=ages)
    assert roles_of(given, Columns()).reading["groups"] == "none"
    given = table(root, file=FILES * 3, label="x y x y " * 3, subject="1 2 3 4 5 6 " * 2)
    assert "--group subject" in roles_of(given, Columns()).reading["groups"]
    given = table(root, file=FILES * 3, label="x y x y " * 3, group=ages.replace(".", ","))
    roles = roles_of(given, Columns())
    assert roles.group is None
    assert "numbers with fractions, hardly people" in roles.reading["groups"]
    assert roles_of(given, Columns(group="group")).group == "group"


def test_a_class_in_one_group_only():
    assert groups_repeat_classes(["p", "p", "q"], ["x", "x", "y"])
    assert not groups_repeat_classes(["p", "q", "p", "q"], ["x", "x", "y", "y"])
    assert not groups_repeat_classes(["", "", "p", "q"], ["x", "x", "y", "y"]), "empty is alone"


def test_a_column_called_split_that_holds_something_else_is_told(root):
    given = table(root, file=FILES, label="x y x y", split="train test 0 0")
    roles = roles_of(given, Columns())
    assert roles.split is None
    assert roles.reading["splits"] == (
        "none (column split holds '0', and not only train, val and test)"
    )


def test_labels_that_may_be_files_are_no_files(root):
    for name in ("000.jpg", "001.jpg"):
        (root / name).touch()
    given = table(root, id="000.jpg 001.jpg", label="0 1")
    assert roles_of(given, Columns()).image == "id"


def test_the_only_other_column_is_the_label_as_a_guess(root):
    roles = roles_of(table(root, file=FILES, breed="pug husky pug husky"), Columns())
    assert (roles.label, "labels" in roles.guessed) == ("breed", True)
    assert roles.reading["labels"] == "column breed (guessed: the only other one)"


@pytest.mark.parametrize("other", [{"caption": "a b c d"}, {"person": "x y x y"}])
def test_one_that_never_recurs_or_is_of_people_is_none(root, other):
    assert roles_of(table(root, file=FILES, **other), Columns()).label is None


def test_columns_that_might_be_the_label_are_named(root):
    roles = roles_of(table(root, file=FILES, smiling="1 0 1 0", male="0 0 1 1"), Columns())
    assert roles.label is None
    assert "of smiling, male say which it is with --label" in roles.reading["labels"]


@pytest.mark.parametrize(("one", "other"), [("image1", "image2"), ("img_a", "img_b")])
def test_pairs_of_images_are_refused_with_what_to_give(root, one, other):
    given = table(root, **{one: FILES, other: FILES, "same": "0 1 0 1"})
    with pytest.raises(DataError, match="nothing is learnt from pairs: give a table with one"):
        roles_of(given, Columns())


@pytest.mark.parametrize(("cells", "taken"), [("Train Valid Train Test", True), ("a b a b", False)])
def test_a_column_called_otherwise_is_the_split_where_all_its_cells_are(root, cells, taken):
    given = table(root, file=FILES, label="x y x y", phase=cells)
    assert roles_of(given, Columns()).split == ("phase" if taken else None)


def test_a_column_that_ends_in_a_word_for_labels_is_guessed(root):
    columns = {"file": FILES, "Finding Labels": "x y x y", "age": "1 2 3 4", "label_by": "a a b b"}
    roles = roles_of(table(root, **columns), Columns())
    assert roles.label == "Finding Labels"
    assert roles.reading["labels"] == "column Finding Labels (guessed by its name)"
    assert roles_of(table(root, **columns, true_class="x x y y"), Columns()).label is None


def test_people_are_named_however_their_column_is_spelled(tmp_path):
    table = Table(tmp_path / "t.csv", {"path": ["a.jpg"], "label": ["x"], "Patient ID": ["7"]})
    assert "column Patient ID may say who" in roles_of(table, Columns()).reading["groups"]


def test_a_column_of_few_values_names_no_files(tmp_path):
    for n in range(10):
        (tmp_path / f"{n:03}.jpg").touch()
    rows = {"image_id": " ".join(f"{n:03}.jpg" for n in range(10)), "kfold": "0 1 2 3 4 " * 2,
            "target": "a b " * 5}  # fmt: skip
    roles = roles_of(table(tmp_path, **rows), Columns())
    assert (roles.image, roles.label) == ("image_id", "target")
