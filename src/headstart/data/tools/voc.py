"""Annotations of Pascal VOC: an XML file for each image, lists of names for the splits."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from headstart.data.annotations.box_notes import (
    BoxNotes,
    NotedBox,
    NotedImage,
    as_number,
    hull,
    tidied,
)
from headstart.data.annotations.place_images import pair_by_stem, place_images, stem_of
from headstart.data.files.scan import Tree
from headstart.data.words import normal, plural, split_name
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["list_splits", "parse_xml", "read_voc", "voc_files"]

_MOST_BYTES = 1 << 24
_DECLARED = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.I)
_LIST = re.compile(r"(?:^|.*/)(train|trainval|val|valid|test)\.txt$", re.I)


def voc_files(tree: Tree) -> list[str]:
    """Returns the XML files of a folder that annotate images as VOC's do."""
    files = [name for name in tree.others if name.lower().endswith(".xml")]
    return [name for name in files if _is_voc(tree.root / name)]


def _is_voc(path: Path) -> bool:
    try:
        with open(path, "rb") as stream:
            head = stream.read(4096)
    except OSError:
        return False
    text = head.replace(b"\0", b"")
    return b"<annotation>" in text or b"<annotation " in text


def read_voc(tree: Tree, files: Sequence[str]) -> BoxNotes:
    """Reads XML files of VOC; corners are taken as they are written.

    The first pixel of VOC itself is 1, that of most other tools 0: only files whose database is
    VOC's are counted from 1.

    Args:
        tree: The images.
        files: Paths of XML files below the same folder.
    """
    homes, aside = pair_by_stem(tree.names, files)
    lone = [name for name in files if name not in homes]
    images: dict[str, NotedImage] = {}
    read: dict[str, tuple[NotedImage, str]] = {}
    for name in files:
        try:
            read[name] = _noted(parse_xml(tree.root / name))
        except DataError as error:
            aside.append((name, str(error).partition(": ")[2] or str(error)))
    there = {normal(name.rpartition("/")[2]): name for name in tree.names}
    for name, image in homes.items():
        if name in read:
            images[image], called = read[name]
            other = there.get(normal(called.rpartition("/")[2]))
            if other is not None and stem_of(other) != stem_of(image):
                aside.append((name, f"it says it is of {called}, and was taken for {image}"))
    # Files that are called otherwise than their images say whose they are.
    told = {read[name][1]: name for name in lone if name in read and read[name][1]}
    found, _ = place_images([each for each in tree.names if each not in images],
                            dict.fromkeys(told, ""))  # fmt: skip
    for image, called in found.items():
        images[image] = read[told[called]][0]
    placed = {told[called] for called in found.values()}
    aside = [each for each in aside if each[0] not in placed]
    splits, said, twice = list_splits(tree)
    images = {
        name: NotedImage(each.boxes, each.size, each.flaw, splits.get(stem_of(name), ""))
        for name, each in images.items()
    }
    aside += twice
    return BoxNotes(images, f"{plural(len(read), 'XML file')} (Pascal VOC)",
                    set_aside=tuple(aside), splits=said)  # fmt: skip


def parse_xml(path: Path, *, most: int = _MOST_BYTES) -> ElementTree.Element:
    """Returns the root of an XML file.

    Args:
        path: The file.
        most: How many bytes it may have.

    Raises:
        DataError: If it cannot be read, is no XML, too large, or declares entities, which can grow
            without bounds or name other files.
    """
    try:
        if path.stat().st_size > most:
            raise DataError(f"{path}: too large, more than {most >> 20} MB")
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = data.decode("utf-16", errors="replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")
    if "\0" in text or _DECLARED.search(text):
        raise DataError(f"{path}: it declares a document type or entities, which are not read")
    try:
        return ElementTree.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))
    except (ElementTree.ParseError, RecursionError) as error:
        raise DataError(f"{path}: no readable XML ({error})") from None


def _noted(root: ElementTree.Element) -> tuple[NotedImage, str]:
    """Returns the objects of a file, and the name of the image that it is of."""
    first = 1.0 if "VOC" in (root.findtext("source/database") or "").upper() else 0.0
    boxes, flaws = [], []
    for each in root.iterfind("object"):
        label, flaw = tidied(each.findtext("name") or "")
        flaws += [flaw] if flaw else []
        corners = _corners(each)
        if each.find("robndbox") is not None:
            flaws.append("a turned box became the upright one around it")
        if first:
            corners = (corners[0] - 1, corners[1] - 1, corners[2], corners[3])
        boxes.append(
            NotedBox(
                corners, label, difficult=_flag(each, "difficult"),
                truncated=_flag(each, "truncated"),
            )
        )  # fmt: skip
    size = [as_number(root.findtext(f"size/{side}")) for side in ("width", "height")]
    width, height = (int(side) if side > 0 else 0 for side in size)
    called = (root.findtext("filename") or "").strip().replace("\\", "/")
    return NotedImage(tuple(boxes), (width, height), "; ".join(dict.fromkeys(flaws))), called


def _corners(element: ElementTree.Element) -> tuple[float, float, float, float]:
    box = element.find("bndbox")
    if box is not None:
        left, top, right, bottom = (
            as_number(box.findtext(name)) for name in ("xmin", "ymin", "xmax", "ymax")
        )
        return left, top, right, bottom
    turned = element.find("robndbox")
    if turned is not None:  # roLabelImg: the middle, the sides, and an angle in radians
        x, y, wide, high, angle = (
            as_number(turned.findtext(name)) for name in ("cx", "cy", "w", "h", "angle")
        )
        across, along = abs(math.cos(angle)) / 2, abs(math.sin(angle)) / 2
        half = wide * across + high * along, wide * along + high * across
        return x - half[0], y - half[1], x + half[0], y + half[1]
    outline = element.find("polygon")
    numbers = [as_number(each.text) for each in outline] if outline is not None else []
    return hull(list(zip(numbers[::2], numbers[1::2], strict=False)))


def _flag(element: ElementTree.Element, name: str) -> bool:
    return (element.findtext(name) or "").strip().lower() in ("1", "true", "yes")


def list_splits(tree: Tree) -> tuple[dict[str, str], str, list[tuple[str, str]]]:
    """Returns what lists of names (``ImageSets/Main/train.txt``) say of splits.

    Returns:
        Stem of a name -> split; where from, for people; and who is on the lists of two splits:
        such are the test's.
    """
    lists = [(name, found[1].lower()) for name in tree.others if (found := _LIST.match(name))]
    main = [each for each in lists if "/main/" in f"/{each[0].lower()}"]
    lists = main or lists
    exact = {kind for _, kind in lists}
    if "train" in exact:
        lists = [each for each in lists if each[1] != "trainval"]
    told: dict[str, str] = {}
    twice = []
    order = {"train": 0, "val": 1, "test": 2}
    kinds = {name: split_name(kind) or "train" for name, kind in lists}
    for name in sorted(kinds, key=lambda each: order[kinds[each]]):
        kind = kinds[name]
        for line in (tree.root / name).read_text("utf-8", errors="replace").splitlines():
            words = normal(line).split()
            if not words or (len(words) == 2 and words[1] == "-1"):
                continue
            stem = stem_of(words[0]) if "." in words[0][-6:] else words[0].rpartition("/")[2]
            if told.get(stem, kind) != kind:
                twice.append((stem, f"on the lists of {told[stem]} and {kind}; taken for {kind}"))
            told[stem] = kind
    known = {stem_of(name) for name in tree.names}
    if not known & set(told):
        return {}, "", []
    return told, f"by {some_of(sorted(kinds), 3)}", twice
