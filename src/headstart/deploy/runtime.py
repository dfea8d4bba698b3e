"""An exported model at work: numpy, Pillow and ONNX Runtime, and nothing that trained it.

One `.onnx` file holds the network, the head, the calibration and, in its metadata, all that is
needed around them: what its outputs mean, preprocessing, test-time augmentation, the threshold
below which it is not sure.
"""

from __future__ import annotations

import base64
import json
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from headstart.choices import Views
from headstart.errors import ModelError
from headstart.fingerprint import fingerprint_bytes, fingerprint_start
from headstart.images.detect import detector_content, register_detector
from headstart.images.pixels import cpu_count
from headstart.images.preprocess import Preprocess
from headstart.images.tiles import answered_by_tiles
from headstart.records import OutputSpec, is_number
from headstart.tasks import TASKS
from headstart.tasks.predictor import Predictor
from headstart.tasks.protocol import Outputs

__all__ = [
    "KEY",
    "About",
    "OnnxPredictor",
    "find_exported",
    "open_session",
    "put_about",
    "run_session",
]

KEY = "headstart"
"""Of the metadata entry that holds everything about an exported model, as JSON."""

# Of the entry that holds the face detector of models of faces, as base64.
_DETECTOR = "headstart-detector"
# Of the last entry: the fingerprint of all bytes before it.
_SEAL = "headstart-fingerprint"
FORMAT = 3
_PRECISIONS = ("fp32", "fp16", "int8")
_ANEW = "copy it anew, or export the run again"
# Numbers an image that outputs may have: more are damage, and would ask for their memory.
_MOST_NUMBERS = 40_000_000


@dataclass(frozen=True)
class About:
    """What an exported model says of itself.

    Attributes:
        spec: What its outputs mean, and whose task it is to say so.
        preprocess: How images are fitted; normalisation is inside the graph.
        tta: How many views of an image the graph averages.
        threshold: Probability below which an answer is "not sure".
        precision: ``"fp32"``, ``"fp16"`` or ``"int8"``.
        facts: Everything else: versions, fingerprints, licence, measured quality.
    """

    spec: OutputSpec
    preprocess: Preprocess
    tta: int
    threshold: float
    precision: str
    facts: dict[str, Any]

    def to_json(self) -> str:
        """Returns the content of the metadata entry."""
        value = {"format": FORMAT} | asdict(self)
        # The detector travels inside; where it once lay is nobody's business.
        value["preprocess"]["faces"] = faces = self.preprocess.fields.get("faces")
        if faces is not None:
            faces["detector"] = ""
        return json.dumps(value, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> About:
        """Rebuilds it from `to_json`.

        Raises:
            ModelError: If it is of another version of the format.
            ValueError: If it is not that, or a number is out of bounds.
            KeyError: If something is missing.
        """
        value = json.loads(text)
        written = value.pop("format")
        if written > FORMAT:
            raise ModelError("it was written by a newer headstart: upgrade headstart")
        if written < FORMAT:
            raise ModelError("it was written by an earlier headstart: export the run again")
        value["spec"] = OutputSpec.from_json(value["spec"])
        value["preprocess"] = Preprocess.from_json(value["preprocess"])
        about = cls(**value)
        if about.tta not in get_args(Views) or isinstance(about.tta, bool | float):
            raise ValueError(f"tta must be 1, 2, 3, 6 or 8, got {about.tta!r}")
        if not is_number(about.threshold) or not 0 <= about.threshold <= 1:
            raise ValueError(f"threshold must be from 0 to 1, got {about.threshold!r}")
        if about.precision not in _PRECISIONS or not isinstance(about.facts, dict):
            raise ValueError("its precision or its facts are none")
        return about


class OnnxPredictor(Predictor):
    """An exported model as a `Predictor`; safe to use from several threads.

    Args:
        path: The `.onnx` file.
        threads: Of one call; by default as many as there are processors.

    Attributes:
        about: What the file says of itself.

    Raises:
        ModelError: If it is not a file that `headstart export` wrote, is damaged, or was changed
            since.
    """

    def __init__(self, path: str | Path, *, threads: int | None = None) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise ModelError(f"{path}: there is no such file; 'headstart export RUN' writes one")
        try:
            self._session = open_session(self.path, threads=threads)
            metadata = self._session.get_modelmeta().custom_metadata_map
        except ModelError:
            raise
        except Exception as error:  # ONNX Runtime has a class of its own for every cause
            raise ModelError(f"{path} is not an ONNX model, or is damaged ({error})") from None
        if KEY not in metadata:
            raise ModelError(
                f"{path} was not written by 'headstart export': it does not say what its outputs "
                f"mean; as a frozen network it can be given to 'headstart train --backbone'"
            )
        try:
            self.about = About.from_json(metadata[KEY])
            if self.about.spec.task not in TASKS:
                raise ValueError(f"nothing here knows the task {self.about.spec.task!r}")
            if self.about.preprocess.faces is not None:
                found = register_detector(base64.b64decode(metadata[_DETECTOR], validate=True))
                if found != self.about.preprocess.faces.fingerprint:
                    raise ValueError("the face detector inside is damaged")
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from None
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise ModelError(f"{path}: its metadata cannot be read ({error}): {_ANEW}") from None
        self._check()
        about = self.about
        self.spec, self.preprocess, self.tta = about.spec, about.preprocess, about.tta
        self.threshold = about.threshold
        self.try_spec(self._like(), path)

    def _check(self) -> None:
        """Compares the file with its fingerprint, and the graph's input with the description.

        Raises:
            ModelError: If one of the two does not fit.
        """
        if not _is_sealed(self.path):
            raise ModelError(
                f"{self.path} is not as 'headstart export' wrote it: it was damaged or changed; "
                f"{_ANEW}"
            )
        size = self.about.preprocess.seen.size
        views = self.about.preprocess.count(self.about.tta)
        given = [each.shape for each in self._session.get_inputs()]
        if len(given) != 1 or given[0][1:] != [views, size, size, 3]:
            raise ModelError(
                f"{self.path}: its graph takes {given[0][1:]} numbers an image, and it says of "
                f"itself {[views, size, size, 3]}: it is damaged; {_ANEW}"
            )

    def _like(self) -> Outputs:
        """Returns outputs of one image as the graph says that they are shaped, all even."""
        found: Outputs = {}
        whole, seen = self.about.preprocess.size, self.about.preprocess.seen.size
        for each in self._session.get_outputs():
            shape = [side for side in each.shape[1:] if isinstance(side, int)]
            if len(shape) < len(each.shape) - 1:
                return self._one()  # only an answer tells
            if math.prod(shape) > _MOST_NUMBERS:
                raise ModelError(f"{self.path}: its outputs are {shape}: it is damaged; {_ANEW}")
            even = np.float32(1 / max([1, *shape[-1:]]))
            if len(shape) == 3:  # of a tile, where there are such
                shape[1:] = [round(side * whole / seen) for side in shape[1:]]
            found[each.name] = np.broadcast_to(even, (1, *shape))
        return found | self.places([(whole, whole)])

    def outputs(self, inputs: np.ndarray) -> Outputs:
        """Returns the named raw outputs, each (N, ...), of (N, V, size, size, 3) uint8."""
        return run_session(self._session, inputs)


def find_exported(path: str | Path) -> Path | None:
    """Returns the file of an exported model: itself, or in the folder that `export` wrote.

    Args:
        path: Anything; what is neither gives None.
    """
    place = Path(path)
    if place.suffix.lower() == ".onnx" and not place.is_dir():
        return place
    inside = place / "model.onnx"
    return inside if inside.is_file() else None


def run_session(session: Any, inputs: np.ndarray) -> Outputs:
    """Returns name -> (N, ...) array of all outputs of a graph with one input.

    Squares that are larger than what it takes are answered tile by tile.
    """
    names, given = [each.name for each in session.get_outputs()], session.get_inputs()[0]

    def run(part: np.ndarray) -> Outputs:
        return dict(zip(names, session.run(names, {given.name: part}), strict=True))

    side = given.shape[2]
    if isinstance(side, int) and inputs.shape[2] > side:
        return answered_by_tiles(run, inputs, side)
    return run(inputs)


def put_about(path: Path, about: About) -> None:
    """Writes what a model says of itself into its file (needs the package onnx)."""
    import onnx

    model = onnx.load(path)
    entries = {KEY: about.to_json()}
    faces = about.preprocess.faces
    if faces is not None:
        content = detector_content(faces.detector, faces.fingerprint)
        entries[_DETECTOR] = base64.b64encode(content).decode()
    onnx.helper.set_model_props(model, entries)
    content = model.SerializeToString()
    # Messages of this format may be put one after the other: the last entry can speak of all else.
    path.write_bytes(content + _seal(fingerprint_bytes(content).hex()))


def _seal(fingerprint: str) -> bytes:
    """Returns a metadata entry as it stands at the end of a file (`ModelProto`, field 14)."""
    pair = (_field(1, _SEAL.encode()), _field(2, fingerprint.encode()))
    return _field(14, b"".join(pair))


def _field(number: int, content: bytes) -> bytes:
    """Returns a field of a protocol buffer; `content` is shorter than 128 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content


def _is_sealed(path: Path) -> bool:
    """Tells whether a file ends with the fingerprint of all that stands before."""
    length = len(_seal("0" * 32))
    with path.open("rb") as stream:
        before = max(0, os.fstat(stream.fileno()).st_size - length)
        digest = fingerprint_start(stream, before)
        return stream.read() == _seal(digest.hex())


def open_session(file: Path, *, threads: int | None = None) -> Any:
    """Returns an `onnxruntime.InferenceSession` on the CPU.

    Args:
        file: An ONNX file.
        threads: Of one call; by default as many as there are processors.

    Raises:
        ModelError: If ONNX Runtime is not installed; what the file makes it raise is its own.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(
            f"an exported model needs ONNX Runtime ({error}): pip install 'headstart[runtime]'"
        ) from None
    # Builds that report sessions to their maker are told not to: what runs here stays here.
    getattr(onnxruntime, "disable_telemetry_events", lambda: None)()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or cpu_count()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        os.fspath(file), options, providers=["CPUExecutionProvider"]
    )
