"""Tables that name image files: CSV (any usual delimiter) and Parquet."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.errors import DataError

__all__ = [
    "FILE_COLUMNS",
    "TABLES",
    "Table",
    "class_labels",
    "open_table",
    "read_table",
    "split_name",
]

TABLES = (".csv", ".tsv", ".parquet")
FILE_COLUMNS = (
    *("file", "path", "image", "filename", "image_path", "file_name", "filepath", "file_path"),
    *("image_file", "image_name", "img", "img_path"),
)
_LABELS = ("label", "class", "target", "category", "class_name", "species")
_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def split_name(text: str) -> str | None:
    """Returns ``"train"``, ``"val"`` or ``"test"`` for its usual spellings, else None."""
    return _SPLITS.get(text.strip().lower())


@dataclass(frozen=True)
class Table:
    """A table as text.

    Attributes:
        path: The file it came from.
        columns: name -> R cells, ``""`` where empty.
    """

    path: Path
    columns: dict[str, list[str]]

    def column(self, name: str) -> list[str]:
        """Returns the cells of a column.

        Raises:
            DataError: There is no such column; the message lists those there are.
        """
        if name not in self.columns:
            there = ", ".join(self.columns)
            raise DataError(f"no column {name!r} in {self.path}; its columns are: {there}")
        return self.columns[name]

    def guess(self, names: tuple[str, ...]) -> str | None:
        """Returns the first of `names` that is a column, whatever its case."""
        there = {column.lower(): column for column in reversed(self.columns)}
        return next((there[name] for name in names if name in there), None)


def read_table(path: Path) -> Table:
    """Reads a CSV, TSV or Parquet file as text.

    Args:
        path: The file; the delimiter (comma, semicolon, tab, bar) is told from its header.

    Returns:
        Its columns. A column without a name is called ``"unnamed"``.

    Raises:
        DataError: The file cannot be read, is empty, or its rows do not fit its header.
    """
    if path.suffix.lower() == ".parquet":
        return _read_parquet(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    text = _text(data)
    header = text.lstrip().split("\n", 1)[0]
    delimiter = max(",;\t|", key=header.count)
    try:
        rows = [
            row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row
        ]
    except csv.Error as error:
        raise DataError(f"{path} is not a readable CSV file: {error}") from None
    if not rows:
        raise DataError(f"{path} is empty; it needs a header and one row for each image")
    names = [cell.strip() or "unnamed" for cell in rows[0]]
    twice = [name for name, count in Counter(names).items() if count > 1 and name != "unnamed"]
    if twice:
        raise DataError(f"{path} has two columns named {twice[0]!r}; rename one")
    width = len(names)
    for number, row in enumerate(rows[1:], start=2):
        if any(cell.strip() for cell in row[width:]):
            raise DataError(
                f"{path}, row {number}: {len(row)} cells under {width} column names; "
                f"quote cells that contain {delimiter!r}"
            )
    body = rows[1:]
    columns = {
        name: [row[at].strip() if at < len(row) else "" for row in body]
        for at, name in reversed(list(enumerate(names)))
    }
    return Table(path, dict(reversed(columns.items())))


def _text(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:  # spreadsheets on Windows still write this
        return data.decode("cp1252", errors="replace")


def _read_parquet(path: Path) -> Table:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise DataError(f"reading {path} needs pyarrow: pip install pyarrow") from None
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path} is not a readable Parquet file: {reason}") from None
    columns = {}
    for name, column in zip(table.column_names, table.columns):
        if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
            if name.lower() in FILE_COLUMNS:
                raise DataError(
                    f"{path} holds the images themselves in column {name!r}; "
                    "write them out as files and name those in the table"
                )
            continue
        cells = column.to_pylist()
        columns[name] = ["" if cell is None else str(cell).strip() for cell in cells]
    return Table(path, columns)


def class_labels(labels: list[str]) -> Classes:
    """Returns (N,) texts as classes; an empty one is unknown."""
    classes = tuple(sorted(set(labels) - {""}))
    index = {name: number for number, name in enumerate(classes)} | {"": -1}
    targets = np.fromiter((index[label] for label in labels), np.int64, len(labels))
    return Classes(classes, targets)


def open_table(
    path: Path,
    *,
    label: str | None = None,
    group: str | None = None,
    split: str | None = None,
    image: str | None = None,
) -> Dataset:
    """Reads a table of images: one row per image.

    Paths are taken relative to the table, or to the one folder beside it where the files
    are; backslashes and absolute paths will do. Columns not asked for become attributes.

    Args:
        path: A CSV, TSV or Parquet file.
        label: The column of class names; otherwise label, class, target or category.
        group: The column that says which images belong together; otherwise ``group``.
        split: The column of train, val, test; otherwise ``split`` or ``subset``.
        image: The column of paths; otherwise file, path, image, filename and the like.

    Returns:
        The items in the order of their names; without a label column all are unlabelled.

    Raises:
        DataError: A column is missing, more than half of the files are missing, a split has
            an unknown name, or many files have several labels.
    """
    table = read_table(path)
    paths = image or table.guess(FILE_COLUMNS)
    if paths is None:
        there = ", ".join(table.columns)
        raise DataError(
            f"no column of {path} is known to name image files; its columns are: {there}. "
            "Say which with image (--image COLUMN)"
        )
    labels = label or table.guess(_LABELS)
    groups = group or table.guess(("group",))
    splits = split or table.guess(("split", "subset"))
    if split is None and splits and any(c and not split_name(c) for c in table.columns[splits]):
        splits = None  # only called so: it stays an attribute
    chosen = [name for name in (paths, labels, groups, splits) if name]
    columns = {name: table.column(name) for name in [*chosen, *table.columns]}
    if not columns[paths]:
        raise DataError(f"{path} has a header and no rows; it needs one row for each image")

    root, names = _locate(path, columns[paths])
    keep, set_aside = _usable(path, root, names, columns[labels] if labels else None)
    keep.sort(key=names.__getitem__)
    cells = {name: [column[row] for row in keep] for name, column in columns.items()}
    return Dataset(
        root=root,
        names=tuple(names[row] for row in keep),
        labels=class_labels(cells[labels] if labels else [""] * len(keep)),
        splits=split_column(cells[splits] if splits else [""] * len(keep), path),
        groups=np.array(cells[groups]) if groups else None,
        attributes={k: np.array(v) for k, v in cells.items() if k not in (paths, labels, splits)},
        source="table",
        set_aside=tuple(set_aside),
    )


def split_column(cells: list[str], path: Path) -> np.ndarray:
    """Returns (N,) str of train, val, test or nothing.

    Raises:
        DataError: A cell is none of these.
    """
    known = {cell: split_name(cell) if cell else "" for cell in set(cells)}
    odd = sorted(cell for cell, name in known.items() if name is None)
    if odd:
        raise DataError(f"unknown split {odd[0]!r} in {path}; use train, val or test")
    return np.array([known[cell] for cell in cells], "U5")


def _locate(path: Path, cells: list[str]) -> tuple[Path, list[str]]:
    """Finds the folder that the paths are relative to, and makes them relative to one root."""
    folder = path.parent
    cells = [cell.replace("\\", "/").removeprefix("file://") for cell in cells]
    sample = cells[:: max(1, len(cells) // 50)]
    try:
        beside = sorted(e.path for e in os.scandir(folder) if e.is_dir() and e.name[0] != ".")
    except OSError:
        beside = []
    # max takes the first of equals: the table's own folder, unless another does better.
    found = {
        b: sum(os.path.isfile(os.path.join(b, c)) for c in sample if c)
        for b in [str(folder), *beside[:100]]
    }
    base = max(found, key=found.__getitem__)
    full = [os.path.normpath(os.path.join(base, cell)) if cell else "" for cell in cells]
    home = os.path.normpath(folder)
    prefix = "" if home == "." else os.path.join(home, "")
    outside = ("..", os.sep) if home == "." else ("..",)
    if not all(n.startswith(prefix) and not n.startswith(outside) for n in full if n):
        absolute = [os.path.abspath(name) for name in full if name]
        try:
            home = os.path.commonpath([os.path.dirname(name) for name in absolute])
        except ValueError:
            raise DataError(
                f"the files of {path} lie on different drives; move them to one"
            ) from None
        prefix = os.path.join(home, "")
        full = [os.path.abspath(name) if name else "" for name in full]
    return Path(home), [name[len(prefix) :].replace(os.sep, "/") for name in full]


def _usable(
    path: Path, root: Path, names: list[str], labels: list[str] | None
) -> tuple[list[int], list[tuple[str, str]]]:
    """Returns the rows to keep (one per existing file), and what was set aside and why."""
    set_aside: list[tuple[str, str]] = []
    first: dict[str, int] = {}
    clashes: set[str] = set()
    for row, name in enumerate(names):
        if not name:
            set_aside.append((f"{path.name}, row {row + 2}", "it names no file"))
        elif name not in first:
            first[name] = row
        elif labels is not None and labels[row] != labels[first[name]]:
            clashes.add(name)
        else:
            set_aside.append((name, "named twice in the table; taken once"))
    if len(clashes) > max(5, len(first) // 10):
        raise DataError(
            f"{len(clashes)} files of {path} have several labels, such as {min(clashes)}; "
            "give each image one row with one class"
        )
    set_aside += [(name, "its rows in the table disagree about the label") for name in clashes]
    there = _existing(root, list(first))
    missing = sorted(set(first) - there)
    if 2 * len(missing) > len(first):
        some = ", ".join(missing[:3])
        raise DataError(
            f"{len(missing)} of {len(first)} files named in {path} are not there, such as {some}; "
            f"paths are looked for from {root}"
        )
    set_aside += [(name, "named in the table, but not there") for name in missing]
    keep = [row for name, row in first.items() if name in there and name not in clashes]
    return keep, sorted(set_aside)


def _existing(root: Path, names: list[str]) -> set[str]:
    """Returns the names that are files, by listing each folder once instead of asking for each."""
    listed: dict[str, set[str]] = {}
    there = set()
    for name in names:
        parent, _, last = name.rpartition("/")
        if parent not in listed:
            try:
                with os.scandir(root / parent) as entries:
                    listed[parent] = {entry.name for entry in entries if entry.is_file()}
            except OSError:
                listed[parent] = set()
        # The second look is for file systems that do not mind the case of letters.
        if last in listed[parent] or (listed[parent] and (root / name).is_file()):
            there.add(name)
    return there
