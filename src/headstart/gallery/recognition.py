"""How well people are told apart on labelled photos: the record, and what goes into it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from headstart.gallery.leave_one_out import Trials
from headstart.metrics.subgroup_errors import pair_rate, person_rate, person_weights, rank_k
from headstart.metrics.verification import verification_measures
from headstart.records import Estimate

__all__ = ["Recognition", "measures_of"]


@dataclass(frozen=True)
class Recognition:
    """How well people are told apart on labelled photos.

    Attributes:
        data: The photos.
        people: P.
        photos: N that could be used.
        measures: Name -> estimate: AUC, EER, TAR at false-accept rates, ranks, and the gallery's
            threshold at work.
        subgroups: Column -> value -> the same measures within it.
        curve: Points of the ROC: ``far``, ``tar``, ``threshold``.
        errors: Photo -> reason.
        notes: What a reader must know besides.
    """

    data: str
    people: int
    photos: int
    measures: dict[str, Estimate]
    subgroups: dict[str, dict[str, dict[str, Estimate]]] = field(default_factory=dict)
    curve: dict[str, list[float]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Returns what was measured, in sentences."""
        return [
            f"Measured on {self.data}: {self.photos:,} photos of {self.people:,} people, each pair "
            f"compared, and each photo searched among all others.",
            *self.notes,
        ]

    def rows(self) -> list[tuple[str, Estimate]]:
        """Returns the measures, by name."""
        rows = [(_words(name), each) for name, each in self.measures.items()]
        for column, values in self.subgroups.items():
            for value, measures in values.items():
                lead = f"{column} {value}: "
                for name, each in measures.items():
                    rows.append((lead + _words(name), each))
                    lead = "  "
        return [(name, each) for name, each in rows if each.n]

    def __repr__(self) -> str:
        return f"Recognition({self.people:,} people, EER {self.measures['eer']})"

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{each}</td></tr>" for name, each in self.rows()
        )
        return f"<table><caption>{escape(' '.join(self.lines()))}</caption>{rows}</table>"


def measures_of(
    trials: Trials,
    chosen: np.ndarray,
    threshold: float | None,
    seed: int,
    *,
    fars: tuple[float, ...],
) -> dict[str, Estimate]:
    """Measures the pairs inside some photos, and the searches for those photos among all.

    Args:
        trials: Of n photos.
        chosen: (n,) bool which photos.
        threshold: Of `verify`, measured too unless None.
        seed: Of the intervals.
        fars: False-accept rates at which TAR is given.

    Returns:
        Name -> estimate; empty where there is no pair of one person, or none of two.
    """
    inside = chosen[trials.pairs].all(axis=1)
    genuine, impostor = inside & trials.same, inside & ~trials.same
    if not genuine.any() or not impostor.any():
        return {}
    of_genuine = trials.people[trials.pairs[genuine, 0]]
    of_impostor = trials.people[trials.pairs[impostor]]
    measures = verification_measures(
        trials.scores[genuine], trials.scores[impostor], of_genuine, of_impostor, fars=fars,
        seed=seed,
    )  # fmt: skip
    ranked = chosen & (trials.ranks > 0)
    for k in (k for k in (1, 5) if k < trials.count):
        measures[f"rank_{k}"] = rank_k(trials.ranks[ranked], k, trials.people[ranked], seed=seed)
    if threshold is not None:
        accepted = trials.scores[impostor] > threshold
        measures["far_at_threshold"] = pair_rate(
            of_impostor[accepted],
            np.bincount(trials.people[chosen], minlength=trials.count),
            person_weights(trials.count, seed=seed),
        )
        measures["tar_at_threshold"] = person_rate(
            trials.scores[genuine] > threshold, of_genuine, seed=seed
        )
    return measures


def _words(name: str) -> str:
    """A measure's name for people."""
    if name.startswith("tar_at_far_"):
        return f"TAR at FAR {name.rpartition('_')[2]}"
    return {
        "auc": "AUC",
        "eer": "equal error rate",
        "rank_1": "rank-1",
        "rank_5": "rank-5",
        "far_at_threshold": "different people accepted at the gallery's threshold",
        "tar_at_threshold": "same person accepted at it",
    }[name]
