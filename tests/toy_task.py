"""A task of its own in a few lines: is an image brighter than most? The proof of the seam.

Nothing of it is known to the package; `tests/test_toy_task.py` takes it through everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from headstart.metrics.statistic import Measure, mean, proportion
from headstart.predictions import predictions_html
from headstart.records import OutputSpec
from headstart.tasks.drawing import write_on
from headstart.tasks.protocol import Target

PRIMARY = Measure("lamp_score", "lamp score", meaning="share of lamps that are right")
MEASURES = (PRIMARY, Measure("regret", "regret", larger_is_better=False, unit="plain"))
DARK, BRIGHT = "dark", "bright"


@dataclass(frozen=True)
class Lamps:
    """How brightly a lamp should shine for each image; NaN rows are unreadable."""

    names: tuple[str, ...]
    light: np.ndarray
    errors: dict[str, str] = field(default_factory=dict)
    boxes: np.ndarray | None = None

    def __len__(self):
        return len(self.names)

    def take(self, indices):
        indices = np.flatnonzero(indices) if indices.dtype == bool else indices
        return Lamps(tuple(self.names[i] for i in indices), self.light[indices], self.errors)

    @property
    def answered(self):
        return ~np.isnan(self.light)

    def answers(self):
        return self.light

    def agrees(self, other):
        return (self.light > 0.5) == (other.light > 0.5)

    def record(self, index):
        if not self.answered[index]:
            return {"name": self.names[index], "error": self.errors.get(self.names[index], "?")}
        return {"name": self.names[index], "light": float(self.light[index])}

    def text(self, index):
        return f"lamp at {self.light[index]:.0%}"

    def _repr_html_(self):
        return predictions_html(self)


def check(dataset, stats, clusters):
    """Yields nothing: lamps are always in order."""
    yield from ()


def encode(labels, train, spec=None):
    """Returns 1 for bright, whatever order the folders are in."""
    bright = np.array([name == BRIGHT for name in labels.names] + [False])
    return Target(bright[labels.targets].astype(np.int64), OutputSpec("lamp", (DARK, BRIGHT)))


def decode(outputs, spec, places):
    """Returns the probability of bright as the light of the lamp."""
    light = outputs["probabilities"][:, spec.names.index(BRIGHT)]
    return Lamps(places.names, np.asarray(light, float), dict(places.errors), places.boxes)


def _truth(labels):
    return np.array([name == BRIGHT for name in labels.names])[labels.targets]


def measures(predictions, labels):
    """Returns the share of right lamps, and how far they are from what they should be."""
    truth = _truth(labels)
    return {
        "lamp_score": proportion((predictions.light > 0.5) == truth),
        "regret": mean(np.abs(predictions.light - truth)),
    }


def details(predictions, labels, clusters, seed):
    """Returns nothing but the mean light."""
    return {"light": float(predictions.light.mean())}


def baselines(labels, names, train, test):
    """Returns a lamp that is always half on."""
    return {"half": Lamps(tuple(names[i] for i in test), np.full(len(test), 0.5))}


def draw(pixels, predictions, index):
    """Writes the light on the image."""
    return write_on(pixels, predictions.text(index))
