"""Which column of a table is what: asked for, or told by its name, and then said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from headstart.data.files.scan import EXTENSIONS
from headstart.data.splits.split_flags import flag_split, holds_flags
from headstart.data.tables.column_words import english_names, is_called
from headstart.data.tables.fold_column import fold_column, said_of_folds
from headstart.data.tables.locate import locate
from headstart.data.tables.refused import refuse_pairs, refuse_pixels
from headstart.data.tables.tables import FILE_COLUMNS, Table
from headstart.data.words import normal, plural, split_name
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = [
    "NONE",
    "Columns",
    "Roles",
    "called_like_people",
    "groups_repeat_classes",
    "hardly_people",
    "roles_of",
]

NONE = "none"
"""Says that no column has a role, where one might be guessed."""

_LABELS = (
    *("label", "class", "target", "category", "class_name", "species"),
    *("classid", "class_id", "label_id", "category_id"),
)
_LABEL_WORDS = frozenset({"label", "labels", "class", "category", "species", "breed", "diagnosis"})
_FEW_GROUPS = 5
# Of a split where all cells say one, and there are two.
_LIKE_SPLIT = ("partition", "phase", "dataset", "set", "data_split", "usage", "part", "fold")
_NUMBERING = frozenset({"unnamed", "unnamed: 0", "index"})  # of the rows, as pandas writes them
_FRACTION = re.compile(r"[+-]?\d*[.,]\d+")
# Never taken without being asked for, but named where nobody says who belongs together.
_PEOPLE = frozenset(
    {
        *("patient", "patient_id", "patientid", "subject", "subject_id", "person", "person_id"),
        *("participant", "participant_id", "case_id", "lesion_id", "video", "video_id", "slide_id"),
    }
)


@dataclass(frozen=True)
class Columns:
    """The columns that were asked for; None to be told by their names, ``"none"`` for none.

    Attributes:
        label: Of the truth.
        group: Of who belongs together.
        split: Of train, val and test.
        image: Of the files.
    """

    label: str | None = None
    group: str | None = None
    split: str | None = None
    image: str | None = None

    @property
    def asked(self) -> dict[str, str]:
        """Role -> the column that was asked for."""
        roles = {"label": self.label, "group": self.group, "split": self.split, "image": self.image}
        return {role: normal(name) for role, name in roles.items() if name and name != NONE}


@dataclass(frozen=True)
class Roles:
    """What the columns of a table are.

    Attributes:
        image: Of the files.
        label: Of the truth, or None.
        group: Of who belongs together, or None.
        split: Of train, val and test, or None.
        reading: Role, for people -> the column, and whether it was guessed.
        guessed: Those of `reading` that nobody asked for and no usual name says.
    """

    image: str
    label: str | None
    group: str | None
    split: str | None
    reading: dict[str, str] = field(default_factory=dict)
    guessed: frozenset[str] = frozenset()


def roles_of(table: Table, columns: Columns) -> Roles:
    """Decides which column is what. No column has two roles.

    Args:
        table: R rows.
        columns: What was asked for.

    Raises:
        DataError: If a column is not there, has two roles, or two would do equally well.
    """
    asked = columns.asked
    for name in asked.values():
        table.column(name)
    twice = [role for role, name in asked.items() if list(asked.values()).count(name) > 1]
    if twice:
        raise DataError(
            f"column {asked[twice[0]]!r} of {table.path} cannot be both {twice[0]} and {twice[1]}: "
            f"name another one with --{twice[1]}"
        )
    taken = set(asked.values())
    reading: dict[str, str] = {}
    guessed = set()
    image = asked.get("image") or _image_column(table, taken)
    reading["files"] = f"column {image}"
    guessed |= set() if "image" in asked or is_called(image, FILE_COLUMNS) else {"files"}
    taken.add(image)
    folds = fold_column(table, taken)
    taken |= {folds} if folds else set()
    label = asked.get("label")
    if label is None and columns.label != NONE:
        label = _label_column(table, taken)
    reading["labels"] = f"column {label}" if label else _no_label(table, taken)
    if label is None and columns.label is None:
        label, why = _guessed_label(table, taken)
        if label:
            reading["labels"] = f"column {label} (guessed{why})"
            guessed |= {"labels"}
    taken |= {label} if label else set()
    split = asked.get("split")
    if split is None and columns.split != NONE:
        split = _split_column(table, taken)
    reading["splits"] = f"column {split}" if split else "none"
    if split and holds_flags(split, table.columns[split]):
        reading["splits"] += f" (yes is {flag_split(split)})"
    if split is None and columns.split is None:
        reading["splits"] += _unused_split(table, taken)
    taken |= {split} if split else set()
    reading["splits"] += said_of_folds(folds) if folds else ""
    group = asked.get("group")
    reading["groups"] = f"column {group}" if group else "none"
    if group is None and columns.group != NONE:
        group, reading["groups"] = _group_column(table, taken, label)
        guessed |= {"groups"} if reading["groups"] != "none" else set()
    return Roles(image, label, group, split, reading, frozenset(guessed))


def _image_column(table: Table, taken: set[str]) -> str:
    """Returns the column whose cells are files, of those that are called so before all others.

    Raises:
        DataError: If there is none, or the table has no header.
    """
    free = [name for name in table.columns if name not in taken]
    lower = english_names(free)
    called = [lower[name] for name in FILE_COLUMNS if name in lower]
    # In another language a word may be meant otherwise: such a column has to name files, too.
    called = [n for n in called if n.lower() in FILE_COLUMNS or _share_of_files(table, n)]
    if len(called) == 1:
        return called[0]
    if not called and any(_ends_like_image(name) for name in table.columns):
        raise DataError(
            f"{table.path} has no header: its first row is {', '.join(table.columns)}. Write a row "
            f"of column names before it, such as path,label"
        )
    if not called:
        refuse_pixels(table, free)
    shares = {name: _share_of_files(table, name) for name in called or free}
    best = max(shares.values(), default=0.0)
    if called and best == 0:
        return called[0]  # the error about missing files names some of them
    if best > 0.5:
        good = [name for name, share in shares.items() if share == best]
        # Classes 0 and 1 may well be files 000.jpg and 001.jpg that lost their zeros.
        good = [name for name in good if not is_called(name, _LABELS)] or good
        # Folds and ratings may too, but hardly any two rows name one file.
        kinds = {name: len(set(table.columns[name]) - {""}) for name in good}
        good = [name for name in good if 2 * kinds[name] > max(kinds.values())]
        if len(good) == 1 or called:
            return good[0]
        refuse_pairs(table, good)
        raise DataError(
            f"the columns {', '.join(good)} of {table.path} all name files: say which with "
            f"--image COLUMN"
        )
    there = ", ".join(table.columns)
    raise DataError(
        f"no column of {table.path} names image files that are there; its columns are: {there}. "
        f"Say which with --image COLUMN"
    )


def _share_of_files(table: Table, name: str) -> float:
    """Returns which share of a column's cells are files; a few hundred are looked for."""
    cells = [cell for cell in table.columns[name] if cell]
    cells = cells[:: max(1, len(cells) // 200)]
    if not cells:
        return 0.0
    try:
        return sum(locate(table.path, cells).there) / len(cells)
    except DataError:  # in several folders
        return 1.0


def _ends_like_image(text: str) -> bool:
    return "." in text and f".{text.rpartition('.')[2].lower()}" in EXTENSIONS


def _label_column(table: Table, taken: set[str]) -> str | None:
    """Returns the column that is called like one of labels.

    Raises:
        DataError: If two are, and say different things.
    """
    lower = english_names(name for name in table.columns if name not in taken)
    called = [lower[name] for name in _LABELS if name in lower]
    for other in called[1:]:
        if not _same_partition(table.columns[called[0]], table.columns[other]):
            raise DataError(
                f"the columns {called[0]} and {other} of {table.path} could both be the label: "
                f"say which with --label COLUMN"
            )
    return called[0] if called else None


def _no_label(table: Table, taken: set[str]) -> str:
    """Returns what to say where no column is called like one of labels."""
    free = [name for name in table.columns if name not in taken]
    if not free:
        return "none"
    some = some_of(free, 6)
    return f"none (no column is called label; of {some} say which it is with --label)"


def _guessed_label(table: Table, taken: set[str]) -> tuple[str | None, str]:
    """Returns the only other column, or the only one that ends in a word for labels; and why."""
    free = [n for n in table.columns if n not in taken and n.lower() not in _NUMBERING]
    if only := _only_column(table, free):
        return only, ": the only other one"
    ends = [n for n in free if is_called(re.split(r"[\W\d_]+", n)[-1], _LABEL_WORDS)]
    if len(ends) == 1 and len(set(table.columns[ends[0]]) - {""}) > 1:
        return ends[0], " by its name"
    return None, ""


def _only_column(table: Table, free: list[str]) -> str | None:
    """Returns the one other column of a table of two, where its cells recur as classes do."""
    others = {*_PEOPLE, "group", "split", "subset", *FILE_COLUMNS}
    if len(free) != 1 or is_called(free[0], others):
        return None
    cells = [cell for cell in table.columns[free[0]] if cell]
    return free[0] if 1 < len(set(cells)) <= len(cells) / 2 else None


def _split_column(table: Table, taken: set[str]) -> str | None:
    lower = english_names(name for name in table.columns if name not in taken)
    for name in ("split", "subset"):
        cells = table.columns[lower[name]] if name in lower else []
        if cells and all(not cell or split_name(cell) for cell in cells):
            return lower[name]
    for name in _LIKE_SPLIT:
        cells = table.columns[lower[name]] if name in lower else []
        if len({split_name(cell) for cell in cells}) > 1 and all(map(split_name, cells)):
            return lower[name]
    flags = [name for name in lower.values() if holds_flags(name, table.columns[name])]
    return flags[0] if len(flags) == 1 else None  # only called so: it stays an attribute


def _unused_split(table: Table, taken: set[str]) -> str:
    """Returns what to say of a column that is called split, and holds something else."""
    lower = english_names(name for name in table.columns if name not in taken)
    for name in ("split", "subset"):
        odd = [c for c in table.columns.get(lower.get(name, ""), ()) if c and not split_name(c)]
        if odd:
            return f" (column {lower[name]} holds {odd[0]!r}, and not only train, val and test)"
    return ""


def _group_column(table: Table, taken: set[str], label: str | None) -> tuple[str | None, str]:
    """Returns the column called group, unless no split could keep its groups whole; and why."""
    lower = english_names(name for name in table.columns if name not in taken)
    if "group" not in lower:
        people = [
            name
            for name in dict.fromkeys(lower.values())
            if called_like_people(name) and not _are_measured(table.columns[name])
        ]
        if people:
            names = " or ".join(f"--group {name}" for name in reversed(people))
            return None, f"none, though column {people[-1]} may say who belongs together ({names})"
        return None, "none"
    group = lower["group"]
    groups = table.columns[group]
    labels = table.columns[label] if label else [""] * len(groups)
    count = len(set(groups) - {""})
    if count < _FEW_GROUPS:
        return None, (
            f"none (column {group} has {plural(count, 'value')} only, hardly people; "
            f"--group {group} takes it nevertheless)"
        )
    if _are_measured(groups):
        return None, (
            f"none (column {group} holds numbers with fractions, hardly people; "
            f"--group {group} takes it nevertheless)"
        )
    if label and groups_repeat_classes(groups, labels):
        return None, (
            f"none (column {group} was left alone: a class would be in one group only, and could "
            f"not be learned and tested both; --group {group} takes it nevertheless)"
        )
    return group, f"column {group} (guessed by its name; --group none leaves it out)"


def called_like_people(name: str) -> bool:
    """Tells whether a column is called like one that says who is on an image, or what it is of."""
    return is_called(re.sub(r"[ .-]", "_", name), _PEOPLE)


def hardly_people(cells: Sequence[str]) -> bool:
    """Tells whether cells say too little to be who is on an image: a few values, or fractions."""
    return len(set(cells) - {""}) < _FEW_GROUPS or _are_measured(cells)


def _are_measured(cells: Sequence[str]) -> bool:
    """Tells whether cells are numbers with fractions: a measurement, and nobody's id."""
    fractions = [bool(_FRACTION.fullmatch(cell.strip())) for cell in cells if cell.strip()]
    return len(fractions) > 0 and sum(fractions) > len(fractions) / 2


def groups_repeat_classes(groups: list[str], labels: list[str]) -> bool:
    """Tells whether all images of some class are in one group, so that no split can hold both."""
    seen: dict[str, set[str]] = {}
    for row, (group, label) in enumerate(zip(groups, labels, strict=True)):
        if label:
            seen.setdefault(label, set()).add(group or f"\0{row}")
    return any(len(each) < 2 for each in seen.values())


def _same_partition(first: list[str], second: list[str]) -> bool:
    pairs = set(zip(first, second, strict=True))
    return len(pairs) == len(set(first)) == len(set(second))
