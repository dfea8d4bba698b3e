"""`RunPredictor`: the model of a run at work.

Files go the way of training (`features.extract`, with its cache), so that whoever predicts what
was once measured gets the very same answer; all else goes through the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from headstart.choices import Device
from headstart.compute import Progress
from headstart.data.dataset import Dataset
from headstart.features.extract import extract
from headstart.images.given import ImageLike, is_path
from headstart.nets.engines.engine import Engine, stream
from headstart.nets.model import Model
from headstart.tasks import settle, usual_threshold
from headstart.tasks.predictor import Predictor, in_batches, spread
from headstart.tasks.protocol import Outputs

__all__ = ["RunPredictor"]

# Frames are many: converting the network pays.
_MANY = 1000

Embed = Callable[[np.ndarray], np.ndarray]
PlaceRunner = Callable[[np.ndarray], Outputs]


class RunPredictor(Predictor):
    """The model of a run as a `Predictor`.

    Args:
        model: Of a run, or its folder.
        device: Where the network runs.
        threshold: Probability below which an answer is "not sure"; by default a half, of a pixel
            none, and of an object the operating threshold.
        many: Many images will come one after the other, as from a video.
        exact: By plain fp32 torch, nothing folded or converted; a backbone that is an ONNX file
            runs on the engine that the model was trained with.
    """

    def __init__(
        self,
        model: Model | str | Path,
        *,
        device: Device = "auto",
        threshold: float | None = None,
        many: bool = False,
        exact: bool = False,
    ) -> None:
        self.model = model if isinstance(model, Model) else Model.load(model)
        self.spec, self.preprocess = self.model.spec, self.model.preprocess
        self.tta = self.model.tta
        self.threshold = usual_threshold(self.spec) if threshold is None else threshold
        self._device, self._many, self._exact = device, many, exact
        self._embed: Embed | None = None
        self._places: PlaceRunner | None = None
        self.try_spec(self._one(), f"the model of {self.spec.task}")

    def __sklearn_tags__(self) -> Any:
        """Returns what scikit-learn asks of an estimator: a classifier or a regressor, fitted."""
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        classes = self.decode(self.nothing(1), ("",)).answers().dtype.kind in "US"
        return Tags(
            estimator_type="classifier" if classes else "regressor",
            target_tags=TargetTags(required=False),
            classifier_tags=ClassifierTags() if classes else None,
            regressor_tags=None if classes else RegressorTags(),
            input_tags=InputTags(two_d_array=False, string=True),
            requires_fit=False,
        )

    def outputs(self, inputs: np.ndarray) -> Outputs:
        """Returns the named raw outputs, each (N, ...), of (N, V, size, size, 3) uint8."""
        if self.model.head.answers_with_place:
            return self._told(inputs)
        if self._embed is None:
            plain = self._exact and self.model.backbone.source.kind != "onnx"
            self._embed = self._by_torch() if plain else self._by_engine(inputs)
        embed = self._embed

        def run(part: np.ndarray) -> Outputs:
            vectors = embed(part.reshape(-1, *part.shape[2:]))
            return self.model.outputs(self.preprocess.pooled(vectors, self.tta))

        return in_batches(run, inputs) if self._exact else run(inputs)

    def _told(self, inputs: np.ndarray) -> Outputs:
        """Returns the outputs of a head that reads maps."""
        if self._places is None:
            from headstart.nets.place_runner import PlaceRunner

            self._places = PlaceRunner(
                self.model, images=_MANY if self._many else len(inputs), device=self._device,
                exact=self._exact,
            )  # fmt: skip
        return self._places(inputs)

    def _by_engine(self, inputs: np.ndarray) -> Embed:
        images = inputs.reshape(-1, *inputs.shape[2:])
        expected = _MANY if self._many else 1 if self._exact else len(images)
        engine: Engine = self.model.backbone.engine(
            self.preprocess, images=expected, proof=images[:1], device=self._device
        )

        def embed(images: np.ndarray) -> np.ndarray:
            starts = range(0, len(images), engine.batch)
            parts = ((i, images[i : i + engine.batch]) for i in starts)
            return np.concatenate([each for _, each in stream(engine, parts)])

        return embed

    def _by_torch(self) -> Embed:
        import torch

        pool = self.model.backbone.pool(self.preprocess)

        def embed(images: np.ndarray) -> np.ndarray:
            with torch.inference_mode():
                return pool(torch.from_numpy(images)).numpy()

        return embed

    def _one(self) -> Outputs:
        """Outputs of nothing: the head tells shapes, and no network is needed."""
        if self.model.head.answers_with_place:
            side, count = self.preprocess.size, self.model.head.n_classes
            shapes = self.model.head.outputs_at(side)
            even = {
                name: np.full((1, *shape), 1 / count, np.float32) for name, shape in shapes.items()
            }
            return settle(even, self.spec) | self.places([(side, side)])
        unlike = self.model.unlike
        read = [self.model.vector_head.columns, *([] if unlike is None else [unlike.columns])]
        width = max(int(each.max()) for each in read) + 1
        return self.model.outputs(np.ones((1, width), np.float32))

    def _look(
        self,
        images: list[ImageLike],
        names: tuple[str, ...],
        workers: int | None,
        progress: Progress,
    ) -> tuple[Outputs, dict[str, str]]:
        """Returns outputs of N images and name -> reason, of those that could not be read."""
        files = [number for number, each in enumerate(images) if is_path(each)]
        if not files or self.model.head.answers_with_place:
            return super()._look(images, names, workers, progress)
        features = extract(
            Dataset.unlabelled([names[i] for i in files]), self.model.backbone,
            preprocess=self.preprocess, tta=self.tta, device=self._device, workers=workers,
            progress=progress, allow_none=True,
        )  # fmt: skip
        errors = {names[files[at]]: reason for at, reason in features.stats.errors.items()}
        readable = features.stats.readable
        places = [files[at] for at in np.flatnonzero(readable)]
        parts = [self.model.outputs(features.vectors[readable])] if places else []
        others = [number for number in range(len(images)) if not is_path(images[number])]
        if others:
            found, more = super()._look(
                [images[i] for i in others], tuple(names[i] for i in others), workers, progress
            )
            places, parts, errors = [*places, *others], [*parts, found], errors | more
        return spread(places, parts, len(images), self._one), errors
