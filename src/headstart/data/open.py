"""`open_dataset`: recognises what a path holds, or says why nothing fits."""

from __future__ import annotations

from pathlib import Path

from headstart.choices import Task
from headstart.data.dataset import Dataset
from headstart.data.folders import EXTENSIONS, open_folders, scan
from headstart.data.groups import group_by_folder, means_folder
from headstart.data.numbers import are_classes, as_numbers
from headstart.data.sidecar import add_sidecar
from headstart.data.tables import FILE_COLUMNS, TABLES, open_table, read_table
from headstart.errors import DataError
from headstart.scale import Bins

__all__ = ["open_dataset"]

_ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"})


def open_dataset(
    path: str | Path,
    *,
    label: str | None = None,
    group: str | None = None,
    split: str | None = None,
    image: str | None = None,
    same_classes: bool = True,
    task: Task = "classification",
    bins: Bins | None = None,
) -> Dataset:
    """Opens a data set: class folders, a table, or a plain folder of images.

    Class folders may lie under train, val and test folders, and may have an
    ``attributes.csv`` in them or beside them. A folder of images without classes that holds
    one table naming them is read as that table. Nothing is decoded.

    Args:
        path: A folder, or a CSV, TSV or Parquet table.
        label: The column of class names (instead of the folders, where there are any).
        group: The column that says which images belong together (person, patient, video), or
            `folder:N`: the name of the Nth folder of each path, `folder`: of the last.
        split: The column of train, val and test.
        image: The column of paths.
        same_classes: Refuse train and test folders that have no class in common, which no
            classifier can be tested on. False where classes are people, and a test is of others.
        task: Whether labels are classes or numbers; ``"auto"`` tells it by the labels.
        bins: Of a regression model: the labels are numbers, put into its bins.

    Returns:
        The data set.

    Raises:
        DataError: Nothing is there, nothing fits, or a column is missing; the message says
            what would do.
        OptionError: `group` names a level of folders that cannot be.
    """
    numbers = bins is not None or task == "regression"
    apart = same_classes and not numbers
    by_folder = means_folder(group)
    dataset = _read(
        Path(path).expanduser(), image=image, same_classes=apart, label=label,
        group=None if by_folder else group, split=split,
    )  # fmt: skip
    if group is not None and by_folder:
        dataset = group_by_folder(dataset, group, classes_apart=apart)
    if not dataset.classes or (not numbers and are_classes(dataset, task)):
        return dataset
    return as_numbers(dataset, bins)


def _read(path: Path, *, image: str | None, same_classes: bool, **columns: str | None) -> Dataset:
    """Returns what a reader makes of a path, with every label a class."""
    columns["image"] = image
    if path.is_file():
        if path.suffix.lower() in TABLES:
            return open_table(path, **columns)
        raise DataError(_why_not(path))
    if not path.is_dir():
        raise DataError(f"{path} is not there; give a folder of images or a table of their paths")
    tree = scan(path)
    # A table may well name files outside its folder, so it has its say before "no images".
    dataset = (
        open_folders(tree, same_classes=same_classes) if tree.names or not _tables(path) else None
    )
    if dataset is None or dataset.source == "unlabelled":
        bare = {name.rpartition("/")[2] for name in tree.names}
        tables = [table for table in _tables(path) if not bare or _names_any(table, bare, image)]
        if len(tables) == 1:
            return open_table(tables[0], **columns)
        if len(tables) > 1:
            some = ", ".join(table.name for table in tables[:5])
            raise DataError(f"{path} holds several tables ({some}); give the path of the one meant")
    assert dataset is not None
    return add_sidecar(dataset, **columns)


def _tables(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in TABLES and p.name[0] != ".")


def _names_any(table: Path, bare: set[str], image: str | None) -> bool:
    """Whether a table names any of the files, judged by the last part of their paths."""
    try:
        content = read_table(table)
        column = image or content.guess(FILE_COLUMNS)
        cells = content.column(column) if column else []
    except DataError:
        return False
    return any(cell.replace("\\", "/").rpartition("/")[2] in bare for cell in cells)


def _why_not(path: Path) -> str:
    ending = path.suffix.lower()
    if ending in EXTENSIONS:
        return f"{path} is one image; give the folder that holds the images"
    if ending in _ARCHIVES:
        return f"{path} is an archive; unpack it and give the folder"
    if ending in (".xls", ".xlsx", ".ods"):
        return f"{path} is a spreadsheet; save it as CSV"
    return f"{path} is neither a folder nor a table ({', '.join(TABLES)})"
