"""`try_backbones`: would another network lean less? Told, and never written.

Of all repairs this is often the strongest: a network that was taught the kind of image at hand
needs the attribute less. Its vectors of the same images are answered by the classifier that a
repair by weights uses, in the same folds, and compared image by image with the model as it is.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from headstart.advice.candidates import open_networks
from headstart.auditing.attribute import Attribute
from headstart.auditing.evidence import Evidence
from headstart.auditing.gather import cell_weights
from headstart.auditing.repair import STRENGTHS, RepairTrial, compare_answers
from headstart.compute import Compute
from headstart.data.words import plural
from headstart.errors import ModelError, OptionError
from headstart.features.extract import extract
from headstart.images.preprocess import Preprocess
from headstart.nets.model import Model
from headstart.nets.pretrained.backbone import Backbone
from headstart.probe.classifiers import make_space
from headstart.probe.ensemble import log_probabilities
from headstart.probe.frozen import feature_sets
from headstart.probe.held_out import held_out
from headstart.strategies.prepare import choose_preprocess, face_flags

__all__ = ["SecondAsk", "try_backbones"]


@dataclass(frozen=True)
class SecondAsk:
    """Which networks are tried.

    Attributes:
        names: With commas between; or ``"presets"``.
        detector: What finds the faces that they look at; None for the images as they are.
    """

    names: str
    detector: str | None = None


def try_backbones(
    ask: SecondAsk, model: Model, evidence: Evidence, attribute: Attribute, compute: Compute
) -> tuple[RepairTrial, ...]:
    """Compares networks with that of a model where attribute and class would be unrelated.

    Args:
        ask: Which.
        model: As it is.
        evidence: What it answered to N images while they were held out.
        attribute: Of the same.
        compute: Where, and from which seed.

    Returns:
        Of each its gain, the best first.

    Raises:
        BackboneError: If one cannot be had.
        OptionError: If one is the model's own.
        ModelError: If the images are gone.
    """
    found = []
    for network in open_networks(ask.names)[0]:
        preprocess = choose_preprocess(
            evidence.dataset, network, "auto", model.preprocess.geometry,
            levels=model.preprocess.levels, detector=ask.detector,
        )  # fmt: skip
        same = network.fingerprint == model.backbone.fingerprint
        if same and (preprocess.faces is None) == (model.preprocess.faces is None):
            raise OptionError(f"--backbone {network.name}: that is the network of this run itself")
        compute.begin(f"asking {network.name}")
        found.append(_trial(network, preprocess, ask, evidence, attribute, compute))
    return tuple(sorted(found, key=lambda each: -each.loss.value))


def _trial(
    network: Backbone, preprocess: Preprocess, ask: SecondAsk, evidence: Evidence,
    attribute: Attribute, compute: Compute,
) -> RepairTrial:  # fmt: skip
    """Returns what one network would bring."""
    beside = evidence.beside
    assert beside is not None, "the verb refuses a run without vectors"
    features = extract(
        evidence.dataset, network, preprocess=preprocess, device=compute.device,
        workers=compute.workers, progress=compute.progress, allow_none=True,
    )  # fmt: skip
    seen = np.flatnonzero(features.stats.readable)
    _enough(network, seen, evidence)
    sets = feature_sets(features.slices)
    columns = sets.get("all", sets["last"])
    targets = evidence.targets[seen]
    answered = held_out(
        make_space(features.vectors[seen][:, columns], np.arange(len(columns))),
        targets, evidence.clusters[seen], weights=cell_weights(targets, attribute.values[seen]),
        folds=beside.folds[seen], strengths=STRENGTHS, seed=compute.seed,
    )  # fmt: skip
    part = dataclasses.replace(
        evidence, dataset=evidence.dataset.take(seen), targets=targets,
        clusters=evidence.clusters[seen], scores=evidence.scores[seen],
        models=evidence.models[seen], tested=evidence.tested[seen],
    )  # fmt: skip
    flags = " ".join(face_flags(ask.detector))
    summary = (
        f"{network.name} in its place, every {attribute.name} counting alike (headstart train "
        f"DATA -o RUN3 --backbone {network.source.place}{flags and ' ' + flags} "
        f"--balance {attribute.name})"
    )
    if len(seen) < len(evidence):
        summary += f", on the {plural(len(seen), 'image')} that it can look at"
    some = dataclasses.replace(attribute, values=attribute.values[seen])
    scores = log_probabilities(answered.scores)
    return compare_answers("backbone", summary, part, some, scores, seed=compute.seed)


def _enough(network: Backbone, seen: np.ndarray, evidence: Evidence) -> None:
    """Refuses to speak of few images.

    Raises:
        ModelError: If fewer than half can be looked at, or a class is no longer there.
    """
    missing = len(np.unique(evidence.targets)) > len(np.unique(evidence.targets[seen]))
    if missing or 2 * len(seen) < len(evidence):
        raise ModelError(
            f"--backbone {network.name}: only {len(seen)} of {plural(len(evidence), 'image')} can "
            f"be looked at (they are gone from {evidence.dataset.root}, or show no face)"
        )
