"""`Predictor`: the one way to run a model, whether it is that of a run or an exported file.

It is torch-free, because what is deployed uses it. `scoring.run_predictor.RunPredictor` and
`deploy.runtime.OnnxPredictor` say what it is made of and how `outputs` are computed; all else is
here: which images are taken, how they are decoded beside, and what becomes of unreadable ones.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from headstart.compute import Progress, silent
from headstart.data.files.paths import NO_FILE, expand_paths, missing_paths
from headstart.data.files.scan import Tree
from headstart.data.masks.without_masks import without_masks
from headstart.data.words import plural
from headstart.errors import HeadstartError, ImageError, ModelError
from headstart.images.given import (
    ImageLike,
    ImagesLike,
    is_path,
    listed,
    names_of,
    sized_inputs_of,
)
from headstart.images.preprocess import Preprocess
from headstart.images.threads import ordered_map
from headstart.images.views import side_by_side
from headstart.lists import some_of
from headstart.predictions import Predictions
from headstart.records import OutputSpec
from headstart.tasks import decode, placed, settle
from headstart.tasks.protocol import Outputs, Places

__all__ = ["NO_NUMBER", "Predictor", "in_batches", "numbers_only", "spelt_out", "spread"]

_log = logging.getLogger("headstart.predict")

NO_NUMBER = "the model gave no number for it"
"""Why there is no answer to an input whose outputs are not finite."""

_BATCH, _BATCH_BYTES = 16, 1 << 28


class Predictor:
    """A model at work, with scikit-learn's methods beside its own.

    Attributes:
        spec: What its outputs mean.
        preprocess: How images are fitted.
        tta: How many views of an image are averaged; V below is the count of `preprocess` for it.
        threshold: Probability below which an answer is "not sure".
    """

    spec: OutputSpec
    preprocess: Preprocess
    tta: int
    threshold: float

    def __repr__(self) -> str:
        names = self.spec.names
        return f"{type(self).__name__}({self.spec.task}: {some_of(names)})"

    @property
    def together(self) -> int:
        """How many images are held and computed at once: few of large ones."""
        row = 3 * self.preprocess.size**2 * self.preprocess.count(self.tta)
        return max(1, min(_BATCH, _BATCH_BYTES // row))

    def outputs(self, inputs: np.ndarray) -> Outputs:
        """Returns the named raw outputs, each (N, ...), of (N, V, size, size, 3) uint8."""
        raise NotImplementedError

    def settled(self, inputs: np.ndarray) -> Outputs:
        """Returns of the outputs of (N, V, size, size, 3) uint8 what is worth keeping of them."""
        return settle(self.outputs(inputs), self.spec)

    def decode(
        self,
        outputs: Outputs,
        names: Sequence[str],
        *,
        errors: dict[str, str] | None = None,
        boxes: np.ndarray | None = None,
    ) -> Predictions:
        """Turns outputs of N images, or of N places on images, into answers.

        Args:
            outputs: Rows of NaN where there is no answer.
            names: N names.
            errors: Name -> why there is no answer.
            boxes: (N, 4) left, top, width, height in pixels, of places on images.
        """
        outputs, errors = numbers_only(outputs, names, errors or {})
        places = Places(tuple(names), errors, boxes, threshold=self.threshold)
        return decode(outputs, self.spec, places)

    def try_spec(self, outputs: Outputs, where: object) -> None:
        """Decodes outputs of one image, so that a spec that does not fit is found on opening.

        Args:
            outputs: Of any image: their shapes count.
            where: The file, for the error.

        Raises:
            ModelError: If they are not what the spec says.
        """
        try:
            self.decode(outputs, ("",)).record(0)
        except (ArithmeticError, AttributeError, HeadstartError, LookupError, TypeError,
                ValueError) as error:  # fmt: skip
            raise ModelError(
                f"{where}: its outputs are not what it says of them ({error}): it is damaged; copy "
                f"it anew, or write it again"
            ) from None

    def nothing(self, count: int) -> Outputs:
        """Returns outputs of as many images that could not be read: rows of NaN."""
        return spread([], [], count, self._one)

    def predictions(
        self, images: ImagesLike, *, workers: int | None = None, progress: Progress = silent
    ) -> Predictions:
        """Answers for images; unreadable ones are rows of NaN with a reason in `errors`.

        Args:
            images: One or many: paths, folders (searched through), globs, bytes of files, open
                files, Pillow images, (H, W, 3) or (H, W) uint8 arrays.
            workers: Decoding threads; by default one a processor.
            progress: Called as images are done.
        """
        names, outputs, errors = self._answers(images, workers, progress)
        return self.decode(outputs, names, errors=errors)

    def predict(self, images: ImagesLike) -> np.ndarray:
        """Returns (N,) answers of one or many images: names of classes, or numbers.

        Raises:
            ImageError: If one of them cannot be read; `predictions` goes on instead.
        """
        found = self.predictions(images)
        _refuse(found.errors)
        return found.answers()

    def predict_proba(self, images: ImagesLike) -> np.ndarray:
        """Returns (N, C) calibrated probabilities, in the order of `classes_`.

        Raises:
            ImageError: If an image cannot be read; `predictions` goes on instead.
            ModelError: If the model gives no probabilities.
        """
        names, outputs, errors = self._answers(images, None, silent)
        outputs, errors = numbers_only(outputs, names, errors)
        _refuse(errors)
        if (found := self._shares(outputs)) is not None:
            return found
        raise ModelError(
            f"a model of {self.spec.task} gives no probabilities: use predict or predictions"
        )

    def score(self, images: ImagesLike, truth: Sequence[object] | np.ndarray) -> float:
        """Returns the share of right answers, or R2 of numbers, as scikit-learn's `score` does.

        On images that the model learnt from it says nothing of new ones; `evaluate` measures on
        those it did not, with intervals.

        Args:
            images: N images.
            truth: N names of classes, or numbers.

        Raises:
            ImageError: If one of the images cannot be read.
            ModelError: If an image has no one right answer (masks, boxes).
            ValueError: If there are more or fewer of one than of the other.
        """
        names, outputs, errors = self._answers(images, None, silent)
        if self._shares(outputs) is None:
            raise ModelError(f"a model of {self.spec.task} is measured by 'headstart evaluate'")
        _refuse(errors)
        answers, given = self.decode(outputs, names).answers(), np.asarray(truth)
        if given.shape != answers.shape:
            raise ValueError(f"{len(answers):,} images need as many answers, got {given.shape}")
        if answers.dtype.kind in "US":
            return float((answers == given.astype(answers.dtype.kind)).mean())
        given = given.astype(float)
        spread = ((given - given.mean()) ** 2).sum()
        return float(1 - ((given - answers) ** 2).sum() / spread) if spread else float("nan")

    def _shares(self, outputs: Outputs) -> np.ndarray | None:
        """Returns (N, C) probabilities of images, if the model gives these."""
        found = outputs.get("probabilities")
        return found if found is not None and found.shape[1:] == (len(self.spec.names),) else None

    @property
    def classes_(self) -> np.ndarray:
        """(C,) str names of `predict_proba`'s columns."""
        return np.array(self.spec.names)

    def _one(self) -> Outputs:
        """Outputs of one image, whatever is on it: they tell shapes."""
        size, count = self.preprocess.size, self.preprocess.count(self.tta)
        found = self.settled(np.zeros((1, count, size, size, 3), np.uint8))
        return found | self.places([(size, size)])

    def places(self, sizes: list[tuple[int, int]]) -> Outputs:
        """Returns what goes with outputs that are of places: where on their images those lie.

        Args:
            sizes: Width and height of N images, in pixels.
        """
        if not placed(self.spec.task):
            return {}
        matrices = [self.preprocess.matrix(width, height) for width, height in sizes]
        return {"sizes": np.array(sizes, np.int32), "matrices": np.array(matrices, np.float32)}

    def _answers(
        self, images: ImagesLike, workers: int | None, progress: Progress
    ) -> tuple[tuple[str, ...], Outputs, dict[str, str]]:
        """Returns N names, outputs of N images, and name -> reason of those without an answer."""
        given = spelt_out(images)
        names = names_of(given)
        missing = missing_paths(name for name, each in zip(names, given) if is_path(each))
        outputs, errors = self._look(given, names, workers, progress)
        errors |= {name: NO_FILE for name in errors if name in missing}
        return names, outputs, errors

    def _look(
        self,
        images: list[ImageLike],
        names: tuple[str, ...],
        workers: int | None,
        progress: Progress,
    ) -> tuple[Outputs, dict[str, str]]:
        """Returns outputs of N images and name -> reason, of those that could not be read."""
        errors: dict[str, str] = {}
        parts: list[Outputs] = []
        places: list[int] = []
        waiting: list[np.ndarray] = []
        sizes: list[tuple[int, int]] = []

        def read(image: ImageLike) -> tuple[np.ndarray, tuple[int, int]] | ImageError:
            try:
                return sized_inputs_of(image, self.preprocess, self.tta)
            except ImageError as error:
                return error

        for number, result in enumerate(ordered_map(read, images, workers=workers)):
            if isinstance(result, ImageError):
                errors[names[number]] = str(result)
            else:
                places.append(number)
                waiting.append(result[0])
                sizes.append(result[1])
            if len(waiting) == self.together or (waiting and number == len(images) - 1):
                parts.append(self.settled(side_by_side(waiting)) | self.places(sizes))
                waiting, sizes = [], []
            progress("predicting", number + 1, len(images))
        return spread(places, parts, len(images), self._one), errors


def spelt_out(images: ImagesLike) -> list[ImageLike]:
    """Returns one image or many as a list, with the files of folders and globs in their place.

    Masks of the images of a folder are no images, and left out of it, which is said.

    Raises:
        DataError: If a folder or glob holds no image, or one is an address.
    """
    found: list[ImageLike] = []
    for each in listed(images):
        found += _files_of(os.fspath(each)) if isinstance(each, str | os.PathLike) else [each]
    return found


def _files_of(path: str) -> list[str]:
    files = expand_paths([path])
    if not os.path.isdir(path):
        return files
    start = os.path.join(path, "")
    tree = Tree(Path(path), tuple(each.removeprefix(start).replace(os.sep, "/") for each in files))
    _, masks = without_masks(tree)
    if masks:
        what = plural(len(masks), "mask")
        _log.warning("%s: %s of its images left out (such as %s)", path, what, masks[0])
    gone = {start + each for each in masks}
    return [each for each in files if each not in gone]


def in_batches(
    run: Callable[[np.ndarray], Outputs], inputs: np.ndarray, size: int = _BATCH
) -> Outputs:
    """Returns the outputs of (N, V, size, size, 3) uint8, computed some at a time; N above 0."""
    parts = [run(inputs[start : start + size]) for start in range(0, len(inputs), size)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def spread(
    places: Sequence[int], parts: Sequence[Outputs], count: int, like: Callable[[], Outputs]
) -> Outputs:
    """Returns outputs of `count` items, rows of NaN where there is nothing.

    Args:
        places: Items that there are outputs of.
        parts: Those, one part after the other.
        count: N.
        like: Gives outputs of the right shape, where there are none.
    """
    found: Outputs = {}
    for name, array in (parts[0] if parts else like()).items():
        nothing = np.nan if array.dtype.kind == "f" else 0
        found[name] = np.full((count, *array.shape[1:]), nothing, array.dtype)
        if len(places):
            found[name][np.asarray(places)] = np.concatenate([part[name] for part in parts])
    return found


def numbers_only(
    outputs: Outputs, names: Sequence[str], errors: dict[str, str]
) -> tuple[Outputs, dict[str, str]]:
    """Makes rows that are not finite rows of NaN, each with a reason: never an answer.

    Args:
        outputs: Of N items.
        names: N names.
        errors: Name -> why there is no answer.
    """
    broken = np.zeros(len(names), bool)
    for array in outputs.values():
        if array.dtype.kind == "f":
            broken |= ~np.isfinite(array).all(axis=tuple(range(1, array.ndim)))
    if not broken.any():
        return outputs, errors
    reasons = {names[row]: NO_NUMBER for row in np.flatnonzero(broken).tolist()}
    silenced = {name: array.copy() for name, array in outputs.items()}
    for array in silenced.values():
        if array.dtype.kind == "f":
            array[broken] = np.nan
    return silenced, reasons | errors


def _refuse(errors: dict[str, str]) -> None:
    for name, reason in errors.items():
        raise ImageError(f"{name}: {reason}")
