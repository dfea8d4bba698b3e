"""What to expect by the task's own measure: the frozen probe, cross-validated."""

from __future__ import annotations

import numpy as np

from headstart.nets.heads.head import softmax
from headstart.probe.probe import Probe
from headstart.records import OutputSpec
from headstart.scoring.score import baseline_scores, score
from headstart.strategies.problem import Prepared
from headstart.tasks import decode, task_of
from headstart.tasks.protocol import Places

__all__ = ["expected_measure"]


def expected_measure(
    prepared: Prepared, probed: Probe, spec: OutputSpec, *, seed: int = 0
) -> tuple[str, ...]:
    """Returns a sentence on the primary measure of a task, where the probe's is another.

    Args:
        prepared: N training items.
        probed: What was chosen on them; what it learns are the columns of `spec`.
        spec: What decodes its outputs.
        seed: Of the interval.
    """
    primary, dataset = task_of(spec.task).PRIMARY, prepared.dataset
    if hasattr(probed.trials[0], primary.key):  # said of every trial already
        return ()
    rows = probed.chosen_on
    names, labels = tuple(dataset.names[i] for i in rows), dataset.labels.take(rows)
    held = softmax(probed.held_out / np.float32(probed.temperature))
    predictions = decode({"probabilities": held}, spec, Places(names, {}))
    clusters = prepared.clusters[rows]
    found = score(spec.task, predictions, labels, clusters=clusters, seed=seed).value
    everything = np.arange(len(rows))
    naive = task_of(spec.task).baselines(labels, names, everything, everything)
    beaten = baseline_scores(spec.task, naive, labels, clusters=clusters, seed=seed)
    best = "; ".join(
        f"{name} baseline {each[primary.key].value:.3g} ({each[primary.key].low:.3g} to "
        f"{each[primary.key].high:.3g})"
        for name, each in beaten.items()
    )
    return (
        f"Learnt as one of {len(spec.names)} ranges; accuracies are those of the range. "
        f"{primary.words[0].upper()}{primary.words[1:]} of the best frozen probe: "
        f"{found.value:.3g} ({found.low:.3g} to {found.high:.3g}), cross-validated; {best}.",
    )
