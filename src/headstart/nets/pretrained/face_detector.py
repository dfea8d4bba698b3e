"""Which face detector a name means: YuNet of OpenCV's zoo, from the hub, or a file."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from headstart.errors import BackboneError
from headstart.images.detect import detector_content, read_detector, register_detector
from headstart.images.faces import TEMPLATE, Faces
from headstart.images.preprocess import Preprocess
from headstart.nets.files.hub import fetch_file, why_missing
from headstart.nets.pretrained.backbone import Backbone

__all__ = ["faces_for", "find_detector", "resolve_detector", "save_detector"]

# MIT licence. The checksum makes it the very file that was looked at, whoever hands it out.
_YUNET = ("opencv/face_detection_yunet", "face_detection_yunet_2023mar.onnx")
_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
# An ImageNet network sees the whole head; a face embedder what its template says.
_MARGIN = 0.2
_BESIDE = "detector.onnx"


def find_detector(name: str) -> tuple[str, str]:
    """Finds a detector's file, downloading it if it is not here.

    Args:
        name: ``"yunet"``, or an ONNX file of YuNet's kind.

    Returns:
        (path, fingerprint of its content, hexadecimal).

    Raises:
        BackboneError: If it cannot be had, or the hub's file is not the one it should be.
    """
    if name != "yunet":
        return name, register_detector(read_detector(name))
    repo, file = _YUNET
    try:
        path = fetch_file(repo, file)
    except BackboneError as error:
        raise BackboneError(
            f"{why_missing(error)} Where the hub can be reached, run `hf download {repo} {file}` "
            f"and give the file with --detector FILE, or set HF_HOME to a cache that has it"
        ) from None
    content = read_detector(path)
    if hashlib.sha256(content).hexdigest() != _SHA256:
        raise BackboneError(
            f"{path} is not the {file} that is known: remove it and try again, or give a detector "
            f"that you trust with --detector FILE"
        )
    return str(path), register_detector(content)


def faces_for(network: Backbone, detector: str) -> Faces:
    """Returns how faces are cut out for a network: by its own template where it has one.

    Args:
        network: A face embedder with its ``alignment``, or any other network.
        detector: See `find_detector`.

    Raises:
        BackboneError: If the detector cannot be had.
    """
    path, fingerprint = find_detector(detector)
    template = network.face_template
    if template is not None:
        return Faces(path, fingerprint, template=template)
    return Faces(path, fingerprint, margin=_MARGIN, template=TEMPLATE)


def save_detector(preprocess: Preprocess, folder: Path) -> Preprocess:
    """Writes the detector of a preprocessing into a folder, as ``detector.onnx``.

    Returns:
        The preprocessing to write there: its detector is named relative to the folder.

    Raises:
        BackboneError: If the detector is gone.
        OSError: If the folder cannot be written.
    """
    faces = preprocess.faces
    if faces is None:
        return preprocess
    (folder / _BESIDE).write_bytes(detector_content(faces.detector, faces.fingerprint))
    return replace(preprocess, faces=replace(faces, detector=_BESIDE))


def resolve_detector(preprocess: Preprocess, folder: Path) -> Preprocess:
    """Returns a preprocessing that `save_detector` wrote, with the detector's full path.

    Raises:
        ValueError: If the detector is said to lie elsewhere.
    """
    faces = preprocess.faces
    if faces is None:
        return preprocess
    if faces.detector != _BESIDE:
        raise ValueError(f"its detector is {faces.detector!r} and not {_BESIDE!r} beside it")
    return replace(preprocess, faces=replace(faces, detector=str(folder / faces.detector)))
