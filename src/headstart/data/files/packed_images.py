"""Files that hold many images, or images in a form of their own: what they are, and what to do."""

from __future__ import annotations

import re
from pathlib import Path

from headstart.data.files.scan import Tree

__all__ = ["packed_images"]

_LOOKED_AT = 40
_EACH = "write each image to a PNG file, in a folder called like its class"
_DICOM = "Volumes and slides are not read: save their slices or views as PNG or TIFF"
_IDX = re.compile(rb"\0\0[\x08\x09\x0b-\x0e][\x01-\x04]", re.S)
_PICKLE = re.compile(rb"\x80[\x02-\x05].", re.S)
# Told by the first bytes, of files whose names say nothing.
_STARTS = (
    (_IDX, f"The files of MNIST (idx) are not read: {_EACH}"),
    (_PICKLE, f"Python's pickles are never opened, as they may run anything: {_EACH}, by a program "
              f"that you trust"),
    (re.compile(rb".{128}DICM", re.S), _DICOM),
    (re.compile(rb"\x1f\x8b|PK\x03\x04|BZh|\xfd7zXZ"), "Archives are not read: unpack them"),
    (re.compile(rb"PAR1|ARROW1"), f"Tables with images in them are not read: {_EACH}"),
    (re.compile(rb"\x89HDF|MATLAB|\x93NUMPY"), f"Arrays and records are not read: {_EACH}"),
)  # fmt: skip
_ENDINGS = (
    ((".dcm", ".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", ".czi", ".lif", ".nd2", ".svs"), _DICOM),
    ((".parquet", ".arrow", ".feather"), _STARTS[4][1]),
    ((".pkl", ".pickle", ".pt", ".pth"), _STARTS[1][1]),
    ((".zip", ".tar", ".tgz", ".gz", ".7z", ".rar", ".bz2", ".xz"), _STARTS[3][1]),
    ((".npy", ".npz", ".mat", ".h5", ".hdf5", ".tfrecord", ".tfrecords", ".record", ".bin",
      ".lmdb", ".mdb", ".rec", ".beton"), _STARTS[5][1]),
)  # fmt: skip


def packed_images(tree: Tree) -> str:
    """Returns what the files below a folder are that may hold images, and what to do; or ``""``.

    Args:
        tree: A folder without images of its own.
    """
    for endings, said in _ENDINGS:
        if any(name.lower().endswith(endings) for name in tree.others):
            return said
    for name in tree.others[:_LOOKED_AT]:
        head = _head(tree.root / name)
        for start, said in _STARTS:
            if start.match(head):
                return said
    return ""


def _head(path: Path) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read(132)
    except OSError:
        return b""
