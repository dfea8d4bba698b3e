"""What a change of the arithmetic costs, in the measure that the task is judged by.

Training images are answered by heart and hardly ever change their answer, so to count them says
nothing: what quantising does to the outputs of training images is put on the outputs of images
that the run's models had not learnt from, and those are decoded and measured anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from headstart.metrics.interval import cluster_codes, resample
from headstart.metrics.statistic import Measure, Statistic
from headstart.predictions import Predictions
from headstart.records import Estimate, OutputSpec
from headstart.results.items import Items
from headstart.results.outputs import Part
from headstart.scoring.score import measured
from headstart.tasks import decode_parts, settle, task_of
from headstart.tasks.protocol import Outputs

__all__ = ["HeldOut", "expected_change", "lost", "noise_between"]

_SMALLEST = 1e-7
# Sets of noise, each drawn anew; how often each is put on the items; and the work it may be.
_SETS, _MOST, _FEWEST = 16, 32, 4
_WORK = 20_000_000
_REPLICATES = 64


@dataclass(frozen=True)
class HeldOut:
    """What the models of a run gave for items that they had not learnt from.

    Attributes:
        parts: Items, outputs and how to decode them, of each round.
        items: All of the run.
    """

    parts: Sequence[Part]
    items: Items

    @property
    def task(self) -> str:
        """Whose measures are taken."""
        return self.items.dataset.task

    @property
    def primary(self) -> Measure:
        """The measure that decides."""
        return task_of(self.task).PRIMARY

    def statistic(self, parts: Sequence[Part]) -> tuple[Statistic, np.ndarray]:
        """Returns the deciding measure of some outputs, and (M,) clusters of what it is over."""
        dataset = self.items.dataset
        order, predictions = decode_parts(parts, dataset.names)
        if self._rough is not None:
            return self._rough(predictions), self.items.clusters[order]
        found = measured(self.task, predictions, dataset.labels.take(order))
        clusters = self.items.clusters[order][found.kept]
        return found.statistics[self.primary.key], clusters

    @cached_property
    def _rough(self) -> Callable[[Predictions], Statistic] | None:
        """What measures answers to the same items again and again, where the task has a quick way.

        Every pixel of every photo would be measured hundreds of times.
        """
        rough = getattr(task_of(self.task), "rough", None)
        if rough is None:
            return None
        dataset = self.items.dataset
        order, predictions = decode_parts(self.parts, dataset.names)
        found: Callable[[Predictions], Statistic] = rough(predictions, dataset.labels.take(order))
        return found


def noise_between(before: Outputs, after: Outputs, spec: OutputSpec) -> Outputs:
    """Returns what quantising does to the outputs of N images; as a rule, to their logarithms.

    Args:
        before: Raw outputs.
        after: Likewise.
        spec: What they mean: a task may have other words for what changes (`noise_of`).
    """
    own = getattr(task_of(spec.task), "noise_of", None)
    if own is not None:
        found: Outputs = own(settle(before, spec), settle(after, spec))
        return found
    return {name: _log(after[name]) - _log(array) for name, array in before.items()}


def _log(values: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(values.astype(np.float64), _SMALLEST))


def expected_change(tested: HeldOut, noise: Outputs, *, seed: int = 0) -> Estimate:
    """Returns how the deciding measure changes on new images when outputs get some noise.

    Args:
        tested: Outputs for items that the models had not learnt from.
        noise: Name -> (N, ...) of other images, see `noise_between`.
        seed: Of the bootstrap over both.

    Returns:
        The difference (with noise minus without), paired on the items.
    """
    rng = np.random.default_rng(seed)
    plain, clusters = tested.statistic(tested.parts)
    codes, _ = cluster_codes(clusters, plain.n)
    size = sum(array.size for _, outputs, _ in tested.parts for array in outputs.values())
    # What has a noise of its own, such as boxes, is matched anew each time, and that is work.
    most = _FEWEST if hasattr(task_of(tested.task), "disturbed") else _MOST
    times = int(np.clip(_WORK // max(size * _SETS, 1), _FEWEST, most))
    count = len(next(iter(noise.values())))
    values, draws = [], []
    for number in range(_SETS):
        some = rng.integers(count, size=count)
        noisy = [
            tested.statistic([_disturbed(part, noise, some, rng) for part in tested.parts])[0]
            for _ in range(times)
        ]

        def change(weights: np.ndarray, noisy: list[Statistic] = noisy) -> np.ndarray:
            with_noise: np.ndarray = np.mean([each(weights) for each in noisy], axis=0)
            return with_noise - plain(weights)

        values.append(float(change(np.ones((1, plain.n)))[0]))
        draws.append(resample(change, codes, replicates=_REPLICATES, seed=seed + number))
    low, high = np.nanquantile(np.concatenate(draws), (0.025, 0.975))
    return Estimate(
        float(np.mean(values)), float(low), float(high), plain.n,
        "outputs with noise, paired cluster bootstrap",
    )  # fmt: skip


def _disturbed(part: Part, noise: Outputs, some: np.ndarray, rng: np.random.Generator) -> Part:
    """Returns the outputs of one round with a row of noise on each item; sums stay.

    Columns are of the second axis: of maps, each item gets the noise of all places of another.
    """
    items, outputs, spec = part
    own = getattr(task_of(spec.task), "disturbed", None)
    if own is not None:
        return items, own(outputs, noise, some, rng), spec
    rows = rng.choice(some, len(items))
    found = {}
    for name, array in outputs.items():
        if name not in noise:  # where something is, which no arithmetic changes
            found[name] = array
            continue
        moved = np.exp(_log(array) + _fitted(noise[name][rows], array.shape))
        total = array.sum(1, keepdims=True, dtype=np.float64)
        moved *= total / moved.sum(1, keepdims=True)
        found[name] = moved.astype(array.dtype)
    return items, found, spec


def _fitted(noise: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Gives noise as many columns as a round's model has: neighbouring ranges, or cells, are alike.

    Args:
        noise: (N, ...).
        shape: Of a round's outputs, with as many axes.
    """
    for axis in range(1, noise.ndim):
        have, wanted = noise.shape[axis], shape[axis]
        if have != wanted:
            chosen = np.round(np.linspace(0, have - 1, wanted)).astype(int)
            noise = np.take(noise, chosen, axis=axis)
    return noise


def lost(change: Estimate, primary: Measure, value: float) -> float:
    """Returns what may be lost, by the unfavourable end of the interval.

    Args:
        change: Of the measure.
        primary: The measure.
        value: Without the change.

    Returns:
        Points (hundredths) of a share; per cent of `value` of all else. Negative is a gain.
    """
    worse = -change.low if primary.larger_is_better else change.high
    if primary.unit == "share":
        return 100 * worse
    if worse <= 0 or value == 0:
        return float("inf") if worse > 0 else 0.0
    return 100 * worse / abs(value)
