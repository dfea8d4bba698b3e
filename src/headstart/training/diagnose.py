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
    loss = np.array([each.loss for each in history])
    validation = np.array([each.val_loss for each in history])
    # Balanced accuracy where classes differ in size, as everything else is judged there.
    accuracy = np.array([each.measure for each in history])
    best = int(np.nanargmin(validation)) if np.isfinite(validation).any() else 0
    trained, chance = history[-1].accuracy, 1 / n_classes
    lost = start_accuracy - float(np.nanmax(accuracy, initial=0.0))
    undone = lost > 0.05 and loss[0] > 1.5 * max(start_loss, 0.05)
    if diverged < 0 and (undone or not np.isfinite(validation).all()):
        found.append(
            Finding(
                "rate_too_high", "warning",
                f"The first epochs undid what the pretrained network knew: held-out accuracy fell "
                f"from {start_accuracy:.3f} to {accuracy.min():.3f}.",
                _curve(history),
                "Train with a third of the rate (--lr) or --lr auto, or freeze more "
                "(--recipe freeze=last).", 1,
            )
        )  # fmt: skip
    gap = trained - float(accuracy[-1])
    flat = float(validation[best]) > 0.97 * start_loss
    if n_groups is not None and n_groups <= _FEW_GROUPS and gap > 0.15:
        found.append(
            Finding(
                "too_few_groups", "serious",
                f"Training images are classified correctly ({trained:.3f}) and held-out groups "
                f"are not ({accuracy[-1]:.3f}): {n_groups} groups are too few to learn what is "
                f"common to a class.",
                _curve(history),
                "Add groups (people, patients), not images of the same ones; until then prefer "
                "--strategy probe.", 1,
            )
        )  # fmt: skip
    elif (
        trained > 0.9
        and float(accuracy[-1]) < chance + 0.25 * (1 - chance)
        and start_accuracy < (chance + 0.25 * (1 - chance))
    ):
        found.append(
            Finding(
                "validation_unlike_training", "serious",
                f"Training images are learnt ({trained:.3f}), held-out ones stay near chance "
                f"({accuracy[-1]:.3f}): they are not alike, or the labels carry nothing that "
                f"can be seen.",
                _curve(history),
                "Look at some held-out images beside training ones, check the labels, and "
                "run headstart check.", 1,
            )
        )  # fmt: skip
    elif (gap > 0.1 and validation[-1] > 1.1 * validation[best]) or (gap > 0.2 and flat):
        found.append(
            Finding(
                "overfitting", "warning",
                f"Training loss falls to {loss[-1]:.3f} while held-out loss is best in epoch "
                f"{best + 1} ({validation[best]:.3f}) and ends at {validation[-1]:.3f}: the "
                f"network learns "
                f"the training images by heart.",
                _curve(history),
                "Nothing to do for the result: the best epochs were kept and averaged with the "
                "probe. More images help most; else --recipe augment=strong or freeze=last.", 1,
            )
        )  # fmt: skip
    elif best == len(history) - 1 and len(history) > 2 and validation[-1] < 0.97 * validation[-3]:
        found.append(
            Finding(
                "underfitting", "note",
                f"Held-out loss was still falling in the last epoch ({validation[-3]:.3f} to "
                f"{validation[-1]:.3f} in two epochs).",
                _curve(history), "Train longer: twice the --epochs, or a larger --budget.", 1,
            )
        )  # fmt: skip
    if not found:
        found.append(
            Finding(
                "trained_well", "note",
                f"Training and held-out loss fell together; the best epoch was {best + 1} of "
                f"{len(history)}.",
                _curve(history), "No action needed.", 1,
            )
        )  # fmt: skip
    return found


def _curve(history: Sequence[Epoch]) -> tuple[str, ...]:
    """Returns some epochs as lines of numbers."""
    places = sorted({round(i) for i in np.linspace(0, len(history) - 1, 6)}) if history else []
    return tuple(
        f"epoch {each.epoch}: loss {each.loss:.3f}, accuracy {each.accuracy:.3f}; "
        f"held out: loss {each.val_loss:.3f}, accuracy {each.val_accuracy:.3f}"
        for each in (history[place] for place in places)
    )
