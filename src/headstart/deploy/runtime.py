"""An exported model at work: numpy, Pillow and ONNX Runtime, and nothing that trained it.

One `.onnx` file holds the network, the head, the calibration and, in its metadata, all that is
needed around them: class names, preprocessing, test-time augmentation, the threshold below which
it is not sure.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.errors import ImageError, ModelError
from headstart.images.decode import MAX_PIXELS, decode, read_bytes
from headstart.images.detect import detector_content, register_detector
from headstart.images.pixels import cpu_count
from headstart.images.preprocess import Preprocess
from headstart.scale import Bins

if TYPE_CHECKING:
    from headstart.records import Predictions

__all__ = ["KEY", "About", "OnnxClassifier", "open_session", "put_about", "inputs_of"]

KEY = "headstart"
"""Of the metadata entry that holds everything about an exported model, as JSON."""

# Of the entry that holds the face detector of models of faces, as base64.
_DETECTOR = "headstart-detector"
FORMAT = 1
_BATCH = 16


@dataclass(frozen=True)
class About:
    """What an exported model says of itself.

    Attributes:
        classes: C class names, in the order of the probabilities.
        preprocess: How images are fitted; normalisation is inside the graph.
        tta: How many views of an image the graph averages.
        threshold: Probability below which an answer is "not sure".
        precision: ``"fp32"``, ``"fp16"`` or ``"int8"``.
        facts: Everything else: versions, fingerprints, licence, measured accuracy.
        bins: Of a regression model: the classes are its bins.
    """

    classes: tuple[str, ...]
    preprocess: Preprocess
    tta: int
    threshold: float
    precision: str
    facts: dict[str, Any]
    bins: Bins | None = None

    def to_json(self) -> str:
        """Returns the content of the metadata entry."""
        from dataclasses import asdict

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
            ValueError: If it is not that.
            KeyError: If something is missing.
        """
        value = json.loads(text)
        if value.pop("format") > FORMAT:
            raise ValueError("it was written by a newer headstart: upgrade headstart")
        value["preprocess"] = Preprocess.from_json(value["preprocess"])
        edges = (value.pop("bins", None) or {}).get("edges")
        bins = Bins(tuple(edges)) if edges else None
        return cls(**value | {"classes": tuple(value["classes"]), "bins": bins})


def inputs_of(
    data: bytes, preprocess: Preprocess, tta: int, *, max_pixels: int = MAX_PIXELS
) -> np.ndarray:
    """Returns what the graph sees of one image file, (V, size, size, 3) uint8.

    Args:
        data: The file's bytes.
        preprocess: How it is fitted.
        tta: V.
        max_pixels: Larger images are refused by their header.

    Raises:
        ImageError: If it cannot be read.
    """
    return preprocess.inputs(
        decode(data, short_side=preprocess.decoding_side, max_pixels=max_pixels).pixels, tta
    )


class OnnxClassifier:
    """An exported model with scikit-learn's methods; safe to use from several threads.

    Args:
        path: The `.onnx` file.
        threads: Of one call; by default as many as there are processors.

    Attributes:
        about: What the file says of itself.

    Raises:
        ModelError: If it is not a file that `headstart export` wrote, or is damaged.
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
                f"{path} was not written by 'headstart export': it does not say which classes it "
                f"knows; as a frozen network it can be given to 'headstart train --backbone'"
            )
        try:
            self.about = About.from_json(metadata[KEY])
            if self.about.preprocess.faces is not None:
                found = register_detector(base64.b64decode(metadata[_DETECTOR], validate=True))
                if found != self.about.preprocess.faces.fingerprint:
                    raise ValueError("the face detector inside is damaged")
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{path}: its metadata cannot be read ({error})") from None
        self._input = self._session.get_inputs()[0].name

    def __repr__(self) -> str:
        return f"OnnxClassifier({', '.join(self.about.classes)}; {self.about.precision})"

    @property
    def classes(self) -> tuple[str, ...]:
        """C class names."""
        return self.about.classes

    @property
    def preprocess(self) -> Preprocess:
        """How images are fitted."""
        return self.about.preprocess

    @property
    def tta(self) -> int:
        """How many views of an image are averaged."""
        return self.about.tta

    @property
    def threshold(self) -> float:
        """Probability below which an answer is "not sure"."""
        return self.about.threshold

    @property
    def bins(self) -> Bins | None:
        """Of a regression model: the classes are its bins."""
        return self.about.bins

    @property
    def classes_(self) -> np.ndarray:
        """(C,) str class names, in the order of `predict_proba`'s columns."""
        return np.array(self.about.classes)

    def probabilities(self, inputs: np.ndarray) -> np.ndarray:
        """Returns (N, C) calibrated probabilities.

        Args:
            inputs: (N, V, size, size, 3) uint8 from `inputs_of`.
        """
        return self._session.run(None, {self._input: inputs})[0]

    def inputs(self, image: str | Path | bytes) -> np.ndarray:
        """Returns what the graph sees of an image file or of its bytes, (V, size, size, 3) uint8.

        Raises:
            ImageError: If it cannot be read.
        """
        data = image if isinstance(image, bytes) else read_bytes(Path(image))
        return inputs_of(data, self.about.preprocess, self.about.tta)

    def predictions(
        self,
        images: Iterable[str | Path | bytes],
        *,
        workers: int | None = None,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> Predictions:
        """Names what is on images; unreadable ones are rows of NaN with a reason in `errors`.

        Args:
            images: Files, or the bytes of files.
            workers: Decoding threads; by default one a processor.
            progress: Called as images are done.
        """
        from headstart.records import Predictions

        given = list(images)
        names = [f"#{i}" if isinstance(x, bytes) else os.fspath(x) for i, x in enumerate(given)]
        found = np.full((len(given), len(self.about.classes)), np.nan, np.float32)
        errors: dict[str, str] = {}
        with ThreadPoolExecutor(workers or cpu_count(), "decode") as pool:
            batch: list[tuple[int, np.ndarray]] = []
            for number, result in enumerate(self._read(given, pool)):
                if isinstance(result, ImageError):
                    errors[names[number]] = str(result)
                else:
                    batch.append((number, result))
                if len(batch) == _BATCH or (batch and number == len(given) - 1):
                    found[[i for i, _ in batch]] = self.probabilities(
                        np.stack([inputs for _, inputs in batch])
                    )
                    batch = []
                if progress is not None:
                    progress("predicting", number + 1, len(given))
        return Predictions(
            found, self.about.classes, tuple(names), None, errors, bins=self.about.bins
        )

    def _read(
        self, images: list[str | Path | bytes], pool: ThreadPoolExecutor
    ) -> Iterator[np.ndarray | ImageError]:
        """Decodes beside, a few batches ahead and no more: memory stays flat."""

        def read(image: str | Path | bytes) -> np.ndarray | ImageError:
            try:
                return self.inputs(image)
            except ImageError as error:
                return error

        ahead = 4 * _BATCH
        queue = [pool.submit(read, image) for image in images[:ahead]]
        for number in range(len(images)):
            result = queue.pop(0).result()
            if number + ahead < len(images):
                queue.append(pool.submit(read, images[number + ahead]))
            yield result

    def predict_proba(
        self, images: str | Path | bytes | Iterable[str | Path | bytes]
    ) -> np.ndarray:
        """Returns (N, C) calibrated probabilities of image files, their bytes, or of one.

        Raises:
            ImageError: If one of them cannot be read; `predictions` goes on instead.
        """
        given = [images] if isinstance(images, str | Path | bytes) else images
        predictions = self.predictions(given)
        for name, reason in predictions.errors.items():
            raise ImageError(f"{name}: {reason}")
        return predictions.probabilities

    def predict(self, images: str | Path | bytes | Iterable[str | Path | bytes]) -> np.ndarray:
        """Returns (N,) str class names, or (N,) numbers; raises as `predict_proba`."""
        found = self.predict_proba(images)
        if self.bins is not None:
            return self.bins.numbers(found)[:, 0]
        return self.classes_[found.argmax(axis=1)]


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
    onnx.save(model, path)


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
