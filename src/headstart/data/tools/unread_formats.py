"""Annotations in formats that are not read: recognised, so that nobody is left guessing."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from headstart.data.annotations.place_images import stem_of
from headstart.data.files.matlab import matlab_structures
from headstart.data.files.packed_images import packed_images
from headstart.data.files.scan import EXTENSIONS, Tree
from headstart.data.tables.tables import TABLES
from headstart.data.words import normal
from headstart.lists import some_of

__all__ = ["Unread", "no_data", "no_images", "unread_format"]

_ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"})
_LOOKED_AT = 20  # files of one kind
_HEAD = 1 << 16
_IMAGE = rf"\S.*?(?:{'|'.join(re.escape(each) for each in sorted(EXTENSIONS))})"
_NUMBER = r"-?\d+(?:\.\d+)?"
_TABLE = "convert it to COCO, or to a table with the columns image, xmin, ymin, xmax, ymax, label"
_LABELS = "save it as CSV, with a first row of path,label"
_JSON: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (('"segments_info"',), "of COCO's panoptic kind", "export polygons or run lengths"),
    (('"classTitle"', '"geometryType"'), "Supervisely's", "export it as COCO or Pascal VOC"),
    (('"annotations"', '"coordinates"', '"image"'), "Create ML's", "export it as COCO"),
    (
        ('"image"', '"annotations"', '"counts"'),
        "a file for each image, as SA-1B's",
        "join them into one file of COCO",
    ),
    (('"category_id"', '"bbox"', '"score"'), "detections with scores", "give the annotations"),
    (('"box2d"', '"category"'), "BDD100K's", "convert it to COCO"),
    (('"annotations"', '"item"', '"slots"'), "V7 Darwin's", "export it as COCO"),
    (('"annotations"', '"bounding_box"', '"image"'), "V7 Darwin's", "export it as COCO"),
    (('"polygonlabels"',), "outlines of Label Studio", "export it as COCO"),
    (('"brushlabels"',), "strokes of Label Studio", "export it as Brush labels to PNG"),
    (('"keypointlabels"',), "key points of Label Studio", "draw boxes or outlines"),
    (('"objects"', '"imgHeight"'), "polygons of Cityscapes", "give its images of labels"),
)
_TEXT: tuple[tuple[str, str, str], ...] = (
    (rf"[A-Za-z]\w+( {_NUMBER}){{14,15}}\s*", "KITTI's", _TABLE),
    (rf"(imagesource|gsd):.*|({_NUMBER} ){{8}}[^\d\s]\S*( \d)?\s*", "DOTA's", _TABLE),
    (rf"{_IMAGE}\s*\n\s*\d+\s*\n({_NUMBER} ){{4}}.*", "WIDER FACE's", _TABLE),
    (rf"\d+,-?\d+(,{_NUMBER}){{8}}\s*|\d+,-?\d+(,{_NUMBER}){{7}}", "MOT's", _TABLE),
    (r"(\d+,){4}[01],\d+,-?\d+,-?\d+,?\s*", "VisDrone's", _TABLE),
    (rf"{_IMAGE}(\s+\d+(,\d+){{4}})+\s*", "a line of boxes for each image", _TABLE),
    (rf"{_IMAGE}[ \t]+[^\s,]+\s*", "a list of images and classes", _LABELS),
)
_SHEETS = (".xlsx", ".xls", ".ods")
_TRUTH = re.compile(r"truth|label|class|target|annot|^gt|_gt", re.I)
_KEPT = (".mat", ".npy", ".npz", ".h5", ".hdf5", ".pkl", ".pickle")
_TOLD = re.compile(r"class|label|fname|file|path|image", re.I)
_MOST_BYTES = 1 << 26
_NOTES = (".txt", ".xml", ".json", ".geojson")
_READ = re.compile(r'\A(<\?xml[^>]*>\s*)?<annotation[ >]|"shapes"|\A\d+(\s+-?[\d.]+){4}')
_PLACES = re.compile(r"\b(xmin|x1|vertex|vertices|points?|bbox|bndbox|coordinates)\b", re.I)
_ARRAYS = (".npy", ".npz", ".mat", ".nii", ".nii.gz", ".h5", ".dcm", ".nrrd", ".mha")


@dataclass(frozen=True)
class Unread:
    """Annotations that no reader takes.

    Attributes:
        line: Which, and what to do, for people.
        places: Whether they are of places in the images, so that folders are hardly classes.
        seen: What there is, without what to do, where nobody knows its kind.
    """

    line: str
    places: bool
    seen: str = ""


def unread_format(tree: Tree) -> Unread | None:
    """Returns annotations of a known kind that no reader takes.

    Args:
        tree: Images and other files.
    """
    texts: dict[str, list[str]] = {".json": [], ".txt": [], ".jsonl": []}
    for name in tree.others:
        kind = texts.get(os.path.splitext(name)[1].lower())
        if kind is not None and len(kind) < _LOOKED_AT:
            kind.append(name)
    for name in texts[".json"]:
        head = _head(tree.root / name)
        if not head.strip():
            return Unread(f"{name} is empty, and says nothing: export it again", False)
        for words, what, cure in _JSON:
            if all(word in head for word in words):
                return Unread(f"{name} is {what}, which is not read: {cure}", True)
        if '"choices"' in head or ('"choice"' in head and '"annotator"' in head):
            what = "holds choices of Label Studio, which are not read"
            return Unread(f"{name} {what}: export it as CSV, and say --label choice", False)
        if _names_images(head, tree) or _mentions_images(head, tree):
            what = "names images, and what it says of them is not read"
            return Unread(f"{name} {what}: {_LABELS}", False)
    for name in texts[".jsonl"]:
        if '"file_name"' in _head(tree.root / name):
            what = "is metadata as Hugging Face has it, which is not read"
            return Unread(f"{name} {what}: {_LABELS}", False)
        if '"image"' in _head(tree.root / name):
            what = "says something of each image, line by line, which is not read"
            return Unread(f"{name} {what}: {_LABELS}", False)
    for name in tree.others:
        if name.lower().endswith(_SHEETS):
            return Unread(f"{name} is a spreadsheet, which is not read: {_LABELS}", False)
        if name.rpartition("/")[2] == "_classes.csv":
            what = "holds a column for each label (Roboflow), which is not read there"
            return Unread(f"{name} {what}: {_LABELS}", False)
    for name in texts[".txt"]:
        head = _head(tree.root / name).lstrip()
        first = "\n".join(head.split("\n")[:3])
        for pattern, what, cure in _TEXT:
            lines = first if r"\n" in pattern else first.partition("\n")[0]
            if re.match(rf"(?:{pattern})(?:\n|$)", lines):
                return Unread(f"{name} is {what}, which is not read: {cure}", cure == _TABLE)
        if _counts_images(tree.root / name, tree):
            what = "holds a word for each image, in some order, and names none"
            return Unread(f"{name} {what}: write each beside its image, and {_LABELS}", False)
        if _lists_images(head, tree):
            what = "is a list of images, and what it says of each is not read"
            return Unread(f"{name} {what}: {_LABELS}", False)
    return _manifest(tree) or _own_files(tree) or _arrays(tree) or _of_programs(tree)


def no_images(tree: Tree) -> str:
    """Returns what to say of a folder without images, and what to do with what is there instead."""
    others = ", ".join(f"{ending} {count:,}" for ending, count in tree.endings.items())
    endings = " ".join(sorted(EXTENSIONS))
    line = f"no images below {tree.root}; files that end in {endings} are taken for images"
    line += f". What is there: {others}" if others else ""
    packed = packed_images(tree)
    return f"{line}. {packed}" if packed else line


def _head(path: Path) -> str:
    try:
        with open(path, "rb") as stream:
            return stream.read(_HEAD).decode("utf-8", errors="replace")
    except OSError:
        return ""


def _lists_images(head: str, tree: Tree) -> bool:
    """Whether most of the first lines begin with the name of an image, and say more of it."""
    rows = (re.split(r"[\s,;]+", line.strip()) for line in head.splitlines()[:40])
    lines = [words for words in rows if len(words) > 1]
    there = {normal(name.rpartition("/")[2]) for name in tree.names}
    there |= {stem_of(name) for name in tree.names}
    known = [normal(words[0].rpartition("/")[2]) in there for words in lines]
    return len(known) > 1 and 2 * sum(known) > len(known)


def _counts_images(path: Path, tree: Tree) -> bool:
    """Whether a file called after labels has as many lines as there are images, of one word each.

    ImageNet's `ILSVRC2012_validation_ground_truth.txt` is so; its numbers are those of a devkit.
    """
    if not _TRUTH.search(path.stem) or len(tree.names) < 2:
        return False
    try:
        lines = path.read_text("utf-8", errors="replace").split("\n")
    except OSError:
        return False
    lines = [line for line in lines if line.strip()]
    return len(lines) == len(tree.names) and all(len(line.split()) == 1 for line in lines)


def _mentions_images(head: str, tree: Tree) -> bool:
    """Whether text names most of the first images, each as a word of its own."""
    if '"bbox"' in head or '"segmentation"' in head:  # COCO's, whose own reader says what is wrong
        return False
    some = [normal(name.rpartition("/")[2]) for name in tree.names[:20]]
    return len(some) > 1 and 2 * sum(f'{name}"' in head for name in some) > len(some)


def _names_images(head: str, tree: Tree) -> bool:
    """Whether JSON is a dictionary whose keys are images and whose values are words or numbers."""
    keys = re.findall(r'"([^"\\]+)"\s*:\s*(?:"[^"\\]*"|-?\d+(?:\.\d+)?)\s*[,}]', head)
    if not head.lstrip().startswith("{") or len(keys) < 2:
        return False
    there = {normal(name.rpartition("/")[2]) for name in tree.names}
    there |= {stem_of(name) for name in tree.names}
    return 2 * sum(normal(key.rpartition("/")[2]) in there for key in keys) > len(keys)


def _manifest(tree: Tree) -> Unread | None:
    """Returns what to say of the lines of SageMaker Ground Truth."""
    files = [name for name in tree.others if name.lower().endswith((".manifest", ".jsonl"))]
    for name in files[:_LOOKED_AT]:
        if '"source-ref"' in _head(tree.root / name):
            what = "is a manifest of SageMaker's, which is not read"
            return Unread(f"{name} {what}: {_TABLE}", True)
    return None


def _own_files(tree: Tree) -> Unread | None:
    """Returns what to say of files that are called like most images, each, and say more of it."""
    stems = {stem_of(name) for name in tree.names}
    own = [n for n in tree.others if n.lower().endswith(_NOTES) and stem_of(n) in stems]
    if len(own) < 2 or 2 * len({stem_of(name) for name in own}) <= len(stems):
        return None
    heads = ((name, _head(tree.root / name).strip()) for name in own[:_LOOKED_AT])
    name, head = next(((name, head) for name, head in heads if head), ("", ""))
    if not name or _READ.search(head):  # of boxes that are read where they are asked for
        return None
    line = " ".join(head.split())[:40]
    places = len(re.findall(_NUMBER, line)) > 3 or bool(_PLACES.search(head))
    what = f"{len(own):,} files are called like images and are not read (such as {name}: {line})"
    return Unread(f"{what}: {_TABLE if places else _LABELS}", places, what)


def _arrays(tree: Tree) -> Unread | None:
    """Returns what to say of arrays that are called like the images: they may be masks."""
    stems = {stem_of(name) for name in tree.names}
    kinds: Counter[str] = Counter()
    for name in tree.others:
        ending = next((each for each in _ARRAYS if name.lower().endswith(each)), "")
        if ending and normal(name.rpartition("/")[2][: -len(ending)]) in stems:
            kinds[ending] += 1
    if not kinds:
        return None
    ending, count = kinds.most_common(1)[0]
    line = f"{count:,} files in {ending} are called like images and are not read"
    return Unread(f"{line}: save masks as PNG", False)


def _of_programs(tree: Tree) -> Unread | None:
    """Returns what to say of a few files that programs keep things in: labels, perhaps."""
    packed = [name for name in tree.others if name.lower().endswith(tuple(_ARCHIVES))]
    if packed and len(packed) <= _LOOKED_AT:
        what = f"{some_of(packed, 3)} may hold what is on the images, and is not read"
        return Unread(f"{what}: unpack it beside them", False)
    files = [name for name in tree.others if name.lower().endswith(_KEPT)]
    if not files or len(files) > _LOOKED_AT:
        return None
    structure = next(filter(None, (_structure(tree.root / n) for n in files[:_LOOKED_AT])), None)
    if structure is not None:
        return structure
    what = f"{some_of(files, 3)} may say what is on the images, and is not read"
    return Unread(f"{what}: {_LABELS}", False)


def _structure(path: Path) -> Unread | None:
    """Returns what to say of a structure of MATLAB's with a class or a box for each file."""
    try:
        known = path.suffix.lower() == ".mat" and path.stat().st_size <= _MOST_BYTES
        found = matlab_structures(path.read_bytes()) if known else {}
    except OSError:
        return None
    for name, fields in found.items():
        if len(fields) > 1 and any(map(_TOLD.search, fields)):
            what = f"{path.name} holds a structure of MATLAB ({name}: {some_of(fields, 8)})"
            cure = (
                f"in Python a = scipy.io.loadmat('{path.name}', squeeze_me=True)['{name}']; "
                f"numpy.savetxt('{path.stem}.csv', a, '%s', ',', header=','.join(a.dtype.names), "
                f"comments='') writes it as a table"
            )
            return Unread(f"{what}, which is not read: {cure}, which is", False)
    return None


def no_data(path: Path) -> str:
    """Returns why a file holds no data that can be read, and what to give instead."""
    ending = path.suffix.lower()
    if ending in EXTENSIONS:
        return f"{path} is one image; give the folder that holds the images"
    if ending in _ARCHIVES:
        return f"{path} is an archive; unpack it and give the folder"
    if ending in (".xls", ".xlsx", ".ods"):
        return f"{path} is a spreadsheet; save it as CSV"
    return f"{path} is neither a folder nor a table ({', '.join(TABLES)})"
