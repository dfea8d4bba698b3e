"""`open_boxes`: images with boxes, however they are annotated, as a data set for detection."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from headstart.data.annotations.box_notes import BoxNotes
from headstart.data.annotations.json_file import json_of
from headstart.data.annotations.place_images import pair_by_stem, place_images
from headstart.data.boxes.from_notes import from_notes
from headstart.data.boxes.split_tables import read_box_tables, tables_of_boxes
from headstart.data.boxes.table import boxes_in, read_box_table
from headstart.data.dataset import Dataset
from headstart.data.files.scan import Tree, scan
from headstart.data.masks.beside import pairs_below
from headstart.data.masks.table import names_masks_of_things
from headstart.data.masks.without_masks import without_masks
from headstart.data.reading import NothingDrawn
from headstart.data.splits.table_names import split_tables
from headstart.data.tables.roles import Columns
from headstart.data.tables.tables import TABLES
from headstart.data.tools.box_json import is_label_studio, read_label_studio, read_labelme_boxes
from headstart.data.tools.coco import draws_boxes_only, is_coco
from headstart.data.tools.coco_boxes import has_coco_boxes, read_coco_boxes
from headstart.data.tools.cub import cub_boxes
from headstart.data.tools.labelme import is_labelme
from headstart.data.tools.named_boxes import has_named_boxes, read_named_boxes
from headstart.data.tools.object_lines import object_files, read_objects
from headstart.data.tools.outlines import all_boxes, outlined_boxes
from headstart.data.tools.tool_files import read_tool_file, tool_files, tool_of
from headstart.data.tools.unread_formats import no_images, unread_format
from headstart.data.tools.voc import read_voc, voc_files
from headstart.data.tools.yolo import joined_trees, read_yolo, yolo_files
from headstart.data.words import plural, split_word
from headstart.errors import DataError
from headstart.lists import short_names, some_of

__all__ = ["open_boxes"]

_LOOKED_AT = 40  # JSON files without an image of their name


@dataclass(frozen=True)
class _Source:
    """Annotations of one kind.

    Attributes:
        kind: For people.
        place: Where they are, for people.
        read: Reads them.
    """

    kind: str
    place: str
    read: Callable[[], BoxNotes]


def open_boxes(
    path: Path, columns: Columns, *, annotations: Path | None = None, sure: bool = True
) -> Dataset | None:
    """Reads images with boxes.

    Args:
        path: A folder, a table, or a JSON file.
        columns: Those that were asked for.
        annotations: Where the annotations are, if it was said.
        sure: Whether it was said that there are boxes.

    Returns:
        The data set; None where nothing looks like boxes, and nobody said that there are some.

    Raises:
        DataError: If boxes can be read in two ways, or not at all.
    """
    given = annotations or path
    if not path.exists():
        raise DataError(f"{path} is not there; give a folder of images or a table of their paths")
    if not given.exists() and not sure:
        return None  # perhaps a folder of masks, named without its path
    if not given.exists():
        raise DataError(f"--annotations {given}: there is no such file or folder")
    whole = scan(path.parent if path.is_file() else path)
    tree, beside = without_masks(whole, twins=True)  # of the same names: whose is the annotation?
    sources = _sources_at(given, tree, columns, sure=sure) if given.is_file() else None
    if sources is None:
        if annotations is not None:
            joined = joined_trees(scan(annotations), tree)
            sources = _sources_in(joined, columns, sure=True, told=True)
        else:
            sources = _sources_in(tree, columns, sure=sure)
    if not sources:
        if sure:
            raise NothingDrawn(_none(given, tree))
        return None
    if len(sources) > 1:
        some = ", ".join(f"{each.kind} in {each.place}" for each in sources)
        raise DataError(
            f"{given} holds boxes several times ({some}): say which are meant with --annotations "
            f"FILE or FOLDER"
        )
    if not sure:
        _refuse_rivals(whole, sources[0])
    notes = _read(sources[0])
    if path.is_file():  # a table is about the images that it names
        found, _ = place_images(tree.names, {n: each.split for n, each in notes.images.items()})
        if 2 * len(found) >= len(notes.images):
            tree = replace(tree, names=tuple(sorted(found)))
        else:
            tree = _named(path, notes) or tree
    found, _ = place_images(tree.names, {n: each.split for n, each in notes.images.items()})
    tree, masks = without_masks(tree, kept=found)
    masks = [*masks, *beside]
    if masks:
        left = f"{plural(len(masks), 'mask')} left out"
        notes = replace(notes, said=f"{notes.said}; {left}" if notes.said else left)
    return from_notes(tree, notes, columns)


def _read(source: _Source) -> BoxNotes:
    """Reads annotations; whatever in them is not as it should be is the file's own fault.

    Raises:
        DataError: If they cannot be understood.
    """
    try:
        return source.read()
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if isinstance(error, (AttributeError, TypeError)):
            reason = "something in it is not the record, the list or the text that it should be"
        raise DataError(
            f"{source.place}: {source.kind} that cannot be understood ({reason}); export them again"
        ) from None


def _named(path: Path, notes: BoxNotes) -> Tree | None:
    """Returns the images that a file names by whole paths, or by such as begin with ``..``."""
    full = [os.path.abspath(path.parent / name) for name in notes.images if name]
    there = [name for name in full if os.path.isfile(name)]
    if not there or 2 * len(there) < len(full):
        return None
    root = os.path.commonpath([os.path.dirname(name) for name in there])
    names = sorted({os.path.relpath(name, root).replace(os.sep, "/") for name in there})
    return Tree(Path(root), tuple(names))


def _sources_at(path: Path, tree: Tree, columns: Columns, *, sure: bool) -> list[_Source]:
    """Returns what a single file holds."""
    ending = path.suffix.lower()
    if tool_of(path):
        return _tool_sources([path], tree, sure=sure)
    if lines := [each for each in object_files(tree) if each == path]:
        return _line_sources(lines, tree)
    if ending in TABLES:
        found = boxes_in(path, sure=sure)
        read = lambda: read_box_table(path, tree, columns)  # noqa: E731
        return [_Source("a table", path.name, read)] if found or sure else []
    if ending == ".json":
        return _json_sources([path], tree, sure=sure)
    if not sure:
        return []
    raise DataError(
        f"{path}: boxes are read from a JSON file (COCO, Label Studio), a table "
        f"({', '.join(TABLES)}) or a folder"
    )


def _sources_in(tree: Tree, columns: Columns, *, sure: bool, told: bool = False) -> list[_Source]:
    """Returns the kinds of annotations that a folder holds.

    Args:
        tree: The images and the files.
        columns: Those that were asked for.
        sure: Whether it was said that there are boxes.
        told: Whether it was said that they are among these files, so that no place is odd.
    """
    found = []
    xml = voc_files(tree)
    if xml:
        found.append(_Source("XML files", _place(xml), lambda: read_voc(tree, xml)))
    texts = yolo_files(tree)
    if texts:
        found.append(_Source("text files", _place(texts), lambda: read_yolo(tree, texts)))
    if sure and (lists := cub_boxes(tree)):
        found.append(_Source("lists of CUB-200", "bounding_boxes.txt", lambda: lists))
    lines = object_files(tree)
    found += _line_sources(lines, tree)
    tools = tool_files(tree)
    found += _tool_sources(tools, tree, sure=sure)
    files = [tree.root / name for name in tree.others if name.lower().endswith(".json")]
    files = [path for path in files if path not in tools]
    found += _json_sources(files, tree, sure=sure)
    tables = [path for path in tables_of_boxes(tree, sure=sure, told=told) if path not in lines]
    if len(tables) == 1 or len(split_tables(tables)) > 1:
        some = some_of(short_names(tables), 3)
        found.append(_Source("tables", some, lambda: read_box_tables(tables, tree, columns)))
    elif tables:
        some = some_of([each.name for each in tables], 4)
        raise DataError(
            f"{tree.root} holds several tables of boxes ({some}): say which is meant with "
            f"--annotations FILE"
        )
    return found


def _line_sources(files: list[Path], tree: Tree) -> list[_Source]:
    """Returns the files of lines that list the boxes of an image, as one source."""
    some = some_of([str(path.relative_to(tree.root)) for path in files], 3)
    read = lambda: read_objects(files, tree)  # noqa: E731
    return [_Source("lines of Hugging Face", some, read)] if files else []


def _place(names: list[str]) -> str:
    homes = sorted({name.rpartition("/")[0] for name in names})
    return some_of([f"{home}/" if home else "the folder itself" for home in homes], 3)


def _json_sources(files: list[Path], tree: Tree, *, sure: bool) -> list[_Source]:
    """Returns the kinds of boxes in some JSON files."""
    own, _ = pair_by_stem(tree.names, [str(path) for path in files])
    shaped = [path for path in files if _holds(path, b'"shapes"')]
    shaped = [path for path in shaped if is_labelme(json_of(path))]
    drawn = [(own.get(str(path)) or f"{path.stem} ({path.name})", path) for path in shaped]
    found = []
    if drawn and (sure or _all_rectangles(shaped)):
        other = [path for path in files if str(path) in own and path not in shaped]
        found.append(_Source("Labelme's files", drawn[0][1].parent.name + "/",
                             lambda: _with_unread(read_labelme_boxes(drawn), other)))  # fmt: skip
    rest = [path for path in files if str(path) not in own and path not in shaped][:_LOOKED_AT]
    coco = [
        path for path in rest
        if _holds(path, b'"images"', b'"annotations"') and _is_ours(json_of(path), sure)
    ]  # fmt: skip
    # COCO's own archives hold key points of people and captions beside the boxes of everything.
    coco = [path for path in coco if path.stem.startswith("instances_")] or coco
    if coco:
        found.append(_Source("COCO files", some_of(short_names(coco), 3),
                             lambda: read_coco_boxes(coco, tree.root)))  # fmt: skip
    studio = [path for path in rest if _holds(path, b'"rectanglelabels"')]
    studio = [path for path in studio if is_label_studio(json_of(path))]
    for path in studio:
        read = lambda path=path: read_label_studio(path, tree.names)  # noqa: E731
        found.append(_Source("an export of Label Studio", path.name, read))
    for path in [path for path in files if _holds(path, b'"xmin"', b'"ymax"')]:
        if has_named_boxes(json_of(path)):
            read = lambda path=path: read_named_boxes(path)  # noqa: E731
            found.append(_Source("corners by the names of images", path.name, read))
    # Named, and its own reader says what is wrong.
    if not found and len(files) == 1 and sure and not unread_format(tree):
        found.append(_Source("a JSON file", files[0].name,
                             lambda: read_coco_boxes(files, tree.root)))  # fmt: skip
    return found


def _tool_sources(files: list[Path], tree: Tree, *, sure: bool) -> list[_Source]:
    """Returns files of annotation tools, of which all boxes are boxes, or outlines if so asked."""
    found = []
    for path in files:
        images = read_tool_file(path)
        if sure or all_boxes(images):
            said = f"{path.name} ({tool_of(path)})"
            read = lambda images=images, said=said: outlined_boxes(images, said)  # noqa: E731
            found.append(_Source(tool_of(path), str(path.relative_to(tree.root)), read))
    return found


def _with_unread(notes: BoxNotes, files: list[Path]) -> BoxNotes:
    """Returns notes that name files beside images which are called like theirs, and say nothing."""
    aside = [(path.name, "no readable file of Labelme, as those beside it are") for path in files]
    return replace(notes, set_aside=(*notes.set_aside, *aside))


def _is_ours(content: object, sure: bool) -> bool:
    if not has_coco_boxes(content):
        return False
    return sure or not is_coco(content) or draws_boxes_only(content)


def _all_rectangles(paths: list[Path]) -> bool:
    shapes = [shape for path in paths for shape in json_of(path)["shapes"]]
    return bool(shapes) and all(each.get("shape_type") == "rectangle" for each in shapes)


def _holds(path: Path, *words: bytes) -> bool:
    try:
        content = path.read_bytes()
    except OSError:
        return False
    content = content.replace(b"\0", b"")  # as UTF-16 has them between its letters
    return all(word in content for word in words)


def _refuse_rivals(tree: Tree, source: _Source) -> None:
    """Refuses boxes that nobody spoke of, beside what could be learnt as well.

    Raises:
        DataError: If there are masks too, or the images lie in one folder for each class.
    """
    pairs = pairs_below(tree)
    masks = pairs.files if pairs is not None and any(pairs.masks) else ""
    tables = [n for n in tree.others if n.endswith(TABLES) and "/" not in n]
    tables = [name for name in tables if names_masks_of_things(tree.root / name)]
    if masks or tables:
        raise DataError(
            f"{tree.root} holds boxes ({source.kind} in {source.place}) and masks "
            f"({masks or f'of {tables[0]}'}): say --task detection or --task segmentation"
        )
    homes = {name.rpartition("/")[0].rpartition("/")[2] for name in tree.names}
    classes = sorted(h for h in homes if h and split_word(h) is None and h.lower() != "images")
    if len(classes) > 1 and len(homes) == len(classes):
        raise DataError(
            f"{tree.root} holds boxes ({source.kind} in {source.place}), and its images lie in "
            f"the folders {some_of(classes, 4)}: say --task detection to learn the boxes, or "
            f"--task classification if the folders are classes"
        )


def _none(path: Path, tree: Tree) -> str:
    if not tree.names:
        return no_images(tree)
    unread = unread_format(tree)
    if unread and not unread.seen:
        return f"{path}: {unread.line}"
    seen = f". {unread.seen}" if unread else ""
    return (
        f"{path} holds no boxes: give XML files of Pascal VOC, a JSON file of COCO or Label "
        f"Studio, those of Labelme, CVAT or VIA, text files of YOLO, or a table with the columns "
        f"image, xmin, ymin, xmax, ymax, label; or say where they are with --annotations{seen}"
    )
