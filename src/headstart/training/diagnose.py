"""What the curves of a training say, in words: a verdict with its remedy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headstart.records import Finding
from headstart.training.record import Epoch

__all__ = ["diagnose"]

_FEW_GROUPS = 12


def diagnose(
    history: Sequence[Epoch],
    *,
    start_loss: float,
    start_accuracy: float,
    n_classes: int,
    n_groups: int | None = None,
    diverged: int = -1,
) -> list[Finding]:
    """Reads a training's curves.

    Args:
        history: One record an epoch, with held-out images.
        start_loss: Log-loss of the held-out images before the first step (the linear probe).
        start_accuracy: Their accuracy (balanced where `Epoch.measure` is), likewise.
        n_classes: C.
        n_groups: Groups (people, patients) that were trained on; None where there are none.
        diverged: Step at which the loss was not a number, or -1.

    Returns:
        The verdict first: one finding, or several where several things hold.
    """
    found: list[Finding] = []
    if diverged >= 0:
        found.append(
            Finding(
                "rate_too_high", "warning",
                f"The loss was not a number any more at step {diverged + 1}; the weights from "
                f"before are kept.",
                _curve(history), "Train with a third of the rate (--lr), or --lr auto.", 1,
            )
        )  # fmt: skip
    if not history:
        return found
    curves = _Curves(history, start_loss, start_accuracy, n_classes, n_groups)
    if diverged < 0 and curves.undone:
        found.append(_rate_too_high(curves))
    verdict = (
        _too_few_groups(curves)
        or _validation_unlike_training(curves)
        or _overfitting(curves)
        or _underfitting(curves)
        or _not_falling(curves)
    )
    if verdict is not None:
        found.append(verdict)
    return found or [_trained_well(curves)]


class _Curves:
    """The curves of a training and where they began.

    Args:
        history: At least one epoch.
        start_loss: As `diagnose` takes it, and so are the others.
        start_accuracy: Likewise.
        n_classes: C.
        n_groups: Or None.
    """

    def __init__(
        self,
        history: Sequence[Epoch],
        start_loss: float,
        start_accuracy: float,
        n_classes: int,
        n_groups: int | None,
    ) -> None:
        self.start_loss, self.start_accuracy, self.n_groups = start_loss, start_accuracy, n_groups
        self.lines = _curve(history)
        self.loss = np.array([each.loss for each in history])
        self.validation = np.array([each.val_loss for each in history])
        # Balanced accuracy where classes differ in size, as everything else is judged there.
        self.accuracy = np.array([each.measure for each in history])
        finite = np.isfinite(self.validation)
        self.best = int(np.nanargmin(self.validation)) if finite.any() else 0
        self.trained = history[-1].accuracy
        self.gap = self.trained - float(self.accuracy[-1])
        chance = 1 / n_classes
        self.near_chance = chance + 0.25 * (1 - chance)
        lost = start_accuracy - float(np.nanmax(self.accuracy, initial=0.0))
        undone = lost > 0.05 and self.loss[0] > 1.5 * max(start_loss, 0.05)
        self.undone = bool(undone or not finite.all())


def _rate_too_high(curves: _Curves) -> Finding:
    return Finding(
        "rate_too_high", "warning",
        f"The first epochs undid what the pretrained network knew: held-out accuracy fell "
        f"from {curves.start_accuracy:.3f} to {curves.accuracy.min():.3f}.",
        curves.lines,
        "Train with a third of the rate (--lr) or --lr auto, or freeze more "
        "(--recipe freeze=last).", 1,
    )  # fmt: skip


def _too_few_groups(curves: _Curves) -> Finding | None:
    groups = curves.n_groups
    if not (groups is not None and groups <= _FEW_GROUPS and curves.gap > 0.15):
        return None
    return Finding(
        "too_few_groups", "serious",
        f"Training images are classified correctly ({curves.trained:.3f}) and held-out groups "
        f"are not ({curves.accuracy[-1]:.3f}): {groups} groups are too few to learn what is "
        f"common to a class.",
        curves.lines,
        "Add groups (people, patients), not images of the same ones; until then prefer "
        "--strategy probe.", 1,
    )  # fmt: skip


def _validation_unlike_training(curves: _Curves) -> Finding | None:
    held_out = max(float(curves.accuracy[-1]), curves.start_accuracy)
    if not (curves.trained > 0.9 and held_out < curves.near_chance):
        return None
    return Finding(
        "validation_unlike_training", "serious",
        f"Training images are learnt ({curves.trained:.3f}), held-out ones stay near chance "
        f"({curves.accuracy[-1]:.3f}): they are not alike, or the labels carry nothing that "
        f"can be seen.",
        curves.lines,
        "Look at some held-out images beside training ones, check the labels, and "
        "run headstart check.", 1,
    )  # fmt: skip


def _overfitting(curves: _Curves) -> Finding | None:
    validation, best = curves.validation, curves.best
    flat = float(validation[best]) > 0.97 * curves.start_loss
    risen = curves.gap > 0.1 and validation[-1] > 1.1 * validation[best]
    if not (risen or (curves.gap > 0.2 and flat)):
        return None
    return Finding(
        "overfitting", "warning",
        f"Training loss falls to {curves.loss[-1]:.3f} while held-out loss is best in epoch "
        f"{best + 1} ({validation[best]:.3f}) and ends at {validation[-1]:.3f}: the "
        f"network learns "
        f"the training images by heart.",
        curves.lines,
        "Nothing to do for the result: the best epochs were kept and averaged with the "
        "probe. More images help most; else --recipe augment=strong or freeze=last.", 1,
    )  # fmt: skip


def _underfitting(curves: _Curves) -> Finding | None:
    validation = curves.validation
    last = curves.best == len(validation) - 1 and len(validation) > 2
    if not (last and validation[-1] < 0.97 * validation[-3]):
        return None
    return Finding(
        "underfitting", "note",
        f"Held-out loss was still falling in the last epoch ({validation[-3]:.3f} to "
        f"{validation[-1]:.3f} in two epochs).",
        curves.lines, "Train longer: twice the --epochs, or a larger --budget.", 1,
    )  # fmt: skip


def _not_falling(curves: _Curves) -> Finding | None:
    start, least = curves.start_loss, float(curves.validation[curves.best])
    if not (np.isfinite(least) and least > 0.97 * start):
        return None
    held = (
        f"held-out loss did not fall below the {start:.3f} where it began (best: {least:.3f} in "
        f"epoch {curves.best + 1})"
    )
    most = float(np.nanmax(curves.accuracy))
    if most > curves.start_accuracy:
        claim = (
            f"The {held}, though held-out accuracy rose from {curves.start_accuracy:.3f} to "
            f"{most:.3f}: the network is surer of its mistakes."
        )
        remedy = "No action needed: how sure it is gets calibrated on held-out images."
    elif len(curves.loss) > 1 and curves.loss[-1] > 0.97 * curves.loss[0]:
        claim = f"The {held}, nor did training loss: the network hardly learns."
        remedy = (
            "Raise --lr or say --lr auto, let more layers learn (--recipe freeze=none), or train "
            "longer."
        )
    else:
        claim = (
            f"The {held} while the network learnt the training images: what it learnt does not "
            f"hold for new ones."
        )
        remedy = (
            "Keep the network frozen (--strategy probe; auto keeps the better). More images help "
            "most; else a third of the rate (--lr), or --recipe freeze=last."
        )
    return Finding("not_falling", "warning", claim, curves.lines, remedy, 1)


def _trained_well(curves: _Curves) -> Finding:
    least, most = float(curves.validation[curves.best]), float(np.nanmax(curves.accuracy))
    fell = (
        f"Held-out loss fell from {curves.start_loss:.3f} before the first step to {least:.3f}; "
        f"the best epoch was {curves.best + 1} of {len(curves.loss)}"
    )
    remedy = "No action needed."
    if most < curves.start_accuracy:
        fell += f", but held-out accuracy did not rise ({curves.start_accuracy:.3f} to {most:.3f})"
        remedy = (
            "The frozen network may do as well: see --strategy probe, or auto, which keeps the "
            "better."
        )
    return Finding("trained_well", "note", f"{fell}.", curves.lines, remedy, 1)


def _curve(history: Sequence[Epoch]) -> tuple[str, ...]:
    """Returns some epochs as lines of numbers."""
    places = sorted({round(i) for i in np.linspace(0, len(history) - 1, 6)}) if history else []
    return tuple(
        f"epoch {each.epoch}: loss {each.loss:.3f}, accuracy {each.accuracy:.3f}; "
        f"held out: loss {each.val_loss:.3f}, accuracy {each.val_accuracy:.3f}"
        for each in (history[place] for place in places)
    )
