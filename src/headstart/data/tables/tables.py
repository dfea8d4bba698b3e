"""Tables as text: CSV (any usual delimiter), Parquet and lines of JSON, in one normal form."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.data.tables.column_words import english_names
from headstart.data.words import normal
from headstart.errors import DataError

__all__ = ["FILE_COLUMNS", "TABLES", "Table", "json_lines", "read_table", "text_of"]

_WORD = re.compile(r"[^\W\d][^.]*")  # no number, no file
TABLES = (".csv", ".tsv", ".parquet", ".jsonl")
FILE_COLUMNS = (
    *("file", "path", "image", "filename", "image_path", "file_name", "filepath", "file_path"),
    *("image_file", "image_name", "img", "img_path"),
)


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
        name = normal(name)
        if name not in self.columns:
            there = ", ".join(self.columns)
            raise DataError(f"no column {name!r} in {self.path}; its columns are: {there}")
        return self.columns[name]

    def guess(self, names: tuple[str, ...]) -> str | None:
        """Returns the first of `names` that is a column, whatever its case and language."""
        there = english_names(self.columns)
        return next((there[name] for name in names if name in there), None)


def read_table(path: Path, header: tuple[str, ...] | None = None) -> Table:
    """Reads a CSV, TSV or Parquet file, or lines of JSON, as text.

    Args:
        path: The file; the delimiter (comma, semicolon, tab, bar) is told from its header.
        header: Names of the columns of a file that has none.

    Returns:
        Its columns. A column without a name is called ``"unnamed"``.

    Raises:
        DataError: The file cannot be read, is empty, or its rows do not fit its header.
    """
    if path.suffix.lower() == ".parquet":
        return _read_parquet(path)
    if path.suffix.lower() == ".jsonl":
        return _of_records(path, json_lines(path))
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    text = text_of(data)
    first, _, rest = text.lstrip().partition("\n")
    delimiter = max(",;\t|", key=first.count)
    said = re.fullmatch(r'"?sep=(.)"?', first.strip())
    if said:  # Excel's own first line
        delimiter, text = said[1], rest
    try:
        rows = [
            row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row
        ]
    except csv.Error as error:
        raise DataError(f"{path} is not a readable CSV file: {error}") from None
    if not rows:
        raise DataError(f"{path} is empty; it needs a header and one row for each image")
    rows = [list(header), *rows] if header else rows
    _refuse_title(path, rows)
    names = [normal(cell) or "unnamed" for cell in rows[0]]
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
        name: [normal(row[at]) if at < len(row) else "" for row in body]
        for at, name in reversed(list(enumerate(names)))
    }
    return Table(path, dict(reversed(columns.items())))


def _refuse_title(path: Path, rows: list[list[str]]) -> None:
    """Refuses a table whose first row is a title, and not the names of its columns.

    Raises:
        DataError: If it has one cell alone, and the first full row below holds several words.
    """
    head = rows[0]
    if not head[0].strip() or any(cell.strip() for cell in head[1:]):
        return
    for row in rows[1:10]:
        # With no sign between columns in the title, a row below is one cell with such signs in it.
        cells = re.split(r"[;\t|,]", row[0]) if len(head) == 1 == len(row) else row
        if sum(bool(cell.strip()) for cell in cells) > 1:
            if all(_WORD.fullmatch(cell.strip()) for cell in cells if cell.strip()):
                raise DataError(
                    f"the first row of {path} is one cell ({head[0].strip()!r}), and those below "
                    f"have several: delete what stands above the row of column names"
                )
            return


def json_lines(path: Path) -> list[dict[str, Any]]:
    """Returns the records of a file with one in each line.

    Raises:
        DataError: If it cannot be read, or a line is no record.
    """
    try:
        lines = text_of(path.read_bytes()).splitlines()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    records = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}, line {number} is not readable JSON: {error}") from None
        if not isinstance(record, dict):
            raise DataError(f"{path}, line {number} is no record; write {{name: value, …}} a line")
        records.append(record)
    return records


def _of_records(path: Path, records: list[dict[str, Any]]) -> Table:
    """Returns records as a table; what is nested in them is left out."""
    if not records:
        raise DataError(f"{path} is empty; it needs one line for each image")
    nested = {k for each in records for k, v in each.items() if isinstance(v, dict | list)}
    names = [key for key in dict.fromkeys(k for each in records for k in each) if key not in nested]
    cells = {key: [each.get(key) for each in records] for key in names}
    return Table(path, {
        normal(key): ["" if cell is None else normal(str(cell)) for cell in column]
        for key, column in cells.items()
    })  # fmt: skip


def text_of(data: bytes) -> str:
    """Returns the text of a file as UTF-8, UTF-16 or Windows wrote it."""
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
        columns[normal(name)] = ["" if cell is None else normal(str(cell)) for cell in cells]
    return Table(path, columns)
