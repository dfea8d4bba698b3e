"""`Recipe`: everything that decides a fine-tuning, and what follows from it at every step.

Which stages are trainable and how fast they learn are functions of the step alone. Nothing is
remembered between steps, so a resumed training cannot differ from one that was never stopped.
"""

from __future__ import annotations

import difflib
import math
import typing
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, Self, TypeVar

from headstart.choices import Balance, Flip, Policy
from headstart.errors import OptionError

__all__ = ["Freeze", "Length", "Recipe", "Schedule", "epochs_of", "names_in", "parse_recipe"]

Freeze = Literal["none", "head", "last", "gradual", "norms"]
Schedule = Literal["cosine", "one-cycle", "triangular", "cyclical", "constant", "plateau"]

_CYCLES = 4
_AT_LEAST_1 = (lambda value: value >= 1, "at least 1")
_AT_LEAST_0 = (lambda value: 0 <= value < math.inf, "at least 0")
_ABOVE_0 = (lambda value: 0 < value < math.inf, "above 0")
_BELOW_1 = (lambda value: 0 <= value < 1, "from 0 to below 1")
_FITS: dict[str, tuple[Callable[[float], bool], str]] = {
    "batch": _AT_LEAST_1,
    "accumulate": _AT_LEAST_1,
    "lr": _ABOVE_0,
    "layer_decay": (lambda value: 0 < value <= 1, "above 0, up to 1"),
    "backbone_lr": _AT_LEAST_0,
    "warmup": (lambda value: 0 <= value <= 1, "0 to 1"),
    "stages": _AT_LEAST_0,
    "frozen_views": _AT_LEAST_0,
    "weight_decay": _AT_LEAST_0,
    "anchor_decay": _AT_LEAST_0,
    "label_smoothing": _BELOW_1,
    "dropout": _BELOW_1,
    "drop_path": _BELOW_1,
    "mixup": _AT_LEAST_0,
    "ema": _BELOW_1,
    "clip": (lambda value: value > 0, "above 0"),
    "patience": _AT_LEAST_0,
    "most_steps": _AT_LEAST_0,
}


@dataclass(frozen=True)
class Recipe:
    """One way to fine-tune.

    Attributes:
        epochs: Passes over the training items.
        batch: Images per step of the optimiser.
        accumulate: Parts that a batch is computed in, to save memory.
        lr: Learning rate of the head (AdamW, or SGD with Nesterov momentum).
        layer_decay: Each layer further from the head learns this much slower.
        backbone_lr: Further factor on every layer but the head's.
        schedule: How the rate changes over the training, see `factor`.
        warmup: Share of the steps in which the rate rises.
        freeze: ``"none"``: all layers learn; ``"head"``: only the head; ``"last"``: the top
            `stages`; ``"gradual"``: one more stage at a time from the top, all of them in the
            second half; ``"norms"``: head, biases and normalisation only.
        stages: For ``"last"``: how many stages below the head learn.
        frozen_views: For ``"head"`` and ``"last"``: augmented views of an image that the frozen
            part sees, once each; epochs beyond that take them in turn. 0: a new view every epoch.
        optimiser: ``"adamw"`` or ``"sgd"``.
        weight_decay: Decoupled, on weights of two or more dimensions.
        anchor_decay: Decoupled pull toward where the weights started (L2-SP; Li et al., ICML
            2018).
        label_smoothing: Share of the target spread over all classes.
        dropout: Before the head.
        drop_path: Stochastic depth, in networks that have it.
        augment: Policy.
        hflip: Whether a mirrored image keeps its class; ``"auto"`` lets the start decide on
            held-out images (`mirror.flip_invariant`).
        mixup: Parameter of MixUp and CutMix (Zhang et al., 2018; Yun et al., 2019); 0 is none.
        balance: What is done about classes of different size.
        ema: Longest memory of the moving average of the weights, in shares of a step's decay;
            0 is none.
        clip: Largest norm of the gradient.
        freeze_bn_stats: BatchNorm keeps the statistics of its pretraining.
        patience: Epochs without a better validation measure after which training ends; 0 never.
        refit: What was chosen on held-out images is trained once more on all training images.
        most_steps: Where the training ends, in the middle of an epoch too; 0: after its epochs.
    """

    epochs: int = 10
    batch: int = 32
    accumulate: int = 1
    lr: float = 1e-3
    layer_decay: float = 0.9
    backbone_lr: float = 0.3
    schedule: Schedule = "cosine"
    warmup: float = 0.1
    freeze: Freeze = "none"
    stages: int = 2
    frozen_views: int = 6
    optimiser: Literal["adamw", "sgd"] = "adamw"
    weight_decay: float = 0.05
    anchor_decay: float = 0.0
    label_smoothing: float = 0.1
    dropout: float = 0.0
    drop_path: float = 0.0
    augment: Policy = "standard"
    hflip: Flip = "auto"
    mixup: float = 0.0
    balance: Balance = "auto"
    ema: float = 0.99
    clip: float = 1.0
    freeze_bn_stats: bool = True
    patience: int = 0
    refit: bool = True
    most_steps: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise OptionError(f"--epochs {self.epochs}: at least 1")
        for name, (fits, summary) in _FITS.items():
            value = getattr(self, name)
            if not fits(value):
                given = f"--lr {value}" if name == "lr" else f"--recipe {name}={value}"
                raise OptionError(f"{given}: {summary}")

    @property
    def said(self) -> dict[str, Any]:
        """What decides a training, ready for JSON."""
        return dict(self.__dict__)

    @property
    def sampled(self) -> Literal["none", "oversample", "undersample"]:
        """How `balance` changes how often images come."""
        return self.balance if self.balance in ("oversample", "undersample") else "none"

    def shortened(self, share: float, rate: float) -> Self:
        """Returns it for learning on: a share of the epochs, at least one, at so many rates.

        Where steps are counted it is that share of them.
        """
        return replace(
            self, epochs=max(1, math.ceil(share * self.epochs)), lr=self.lr * rate,
            most_steps=math.ceil(share * self.most_steps),
        )  # fmt: skip

    def steps_in(self, per_epoch: int) -> int:
        """Returns the steps of a training whose epochs have so many."""
        every = per_epoch * self.epochs
        return min(every, self.most_steps) if self.most_steps else every

    def passes(self, per_epoch: int) -> float:
        """Returns its epochs, of so many steps, to a tenth: the last may be a part of one."""
        return round(self.steps_in(per_epoch) / per_epoch, 1)

    def factor(self, share: float) -> float:
        """Returns what the rate is multiplied with when a share of all steps is done.

        ``"cosine"``: up in the warm-up, then half a cosine down (Loshchilov and Hutter, 2017);
        ``"one-cycle"``: up for 30 %, cosine both ways (Smith and Topin, 2018);
        ``"triangular"``: slanted, up in the warm-up and straight down (Howard and Ruder, 2018);
        ``"cyclical"``: four triangles of halving height (Smith, 2017); ``"constant"`` and
        ``"plateau"``: up, then flat (the loop lowers it on a plateau).
        """
        if self.schedule == "cyclical":
            cycle, within = divmod(share * _CYCLES, 1.0)
            return max(1e-3, (1 - abs(2 * within - 1)) * 0.5 ** min(cycle, _CYCLES - 1))
        rising = 0.3 if self.schedule == "one-cycle" else self.warmup
        if share < rising:
            part = share / rising
            if self.schedule == "one-cycle":
                return 0.04 + 0.96 * (1 - math.cos(math.pi * part)) / 2
            return max(part, 1e-3)
        part = (share - rising) / max(1 - rising, 1e-9)
        if self.schedule in ("constant", "plateau"):
            return 1.0
        if self.schedule == "triangular":
            return max(1 - part, 1e-3)
        return max((1 + math.cos(math.pi * min(part, 1.0))) / 2, 1e-4)

    def trainable_stages(self, share: float, *, n_stages: int) -> int:
        """Returns how many stages from the top, the head's included, learn at a share of all steps.

        Args:
            share: 0 at the first step, towards 1 at the last.
            n_stages: How many there are.
        """
        if self.freeze == "head":
            return 1
        if self.freeze == "last":
            return min(1 + self.stages, n_stages)
        if self.freeze == "gradual":
            return min(n_stages, 1 + int(2 * share * n_stages))
        return n_stages

    def lr_scale(self, depth: int, *, n_layers: int) -> float:
        """Returns the factor on the rate of a layer; 1 for the head."""
        above = n_layers - 1 - depth
        return self.layer_decay**above * (self.backbone_lr if above else 1.0)


@dataclass(frozen=True)
class Length:
    """How many steps a training has, and how far on its way it is after each.

    Where its end moves under way, what is left of the schedule stretches or shrinks with it: no
    rate jumps.

    Attributes:
        planned: Steps, as it was begun.
        turn: The step at which its end moved; 0 for never.
        steps: Of the whole, as it is now.
    """

    planned: int
    turn: int
    steps: int

    def share(self, step: int) -> float:
        """Returns the share of the schedule that is over after so many steps."""
        if step <= self.turn or self.steps == self.turn:
            return step / self.planned
        before = self.turn / self.planned
        return before + (1 - before) * (step - self.turn) / (self.steps - self.turn)


R = TypeVar("R", bound=Recipe)


def epochs_of(steps: int, images: int, batch: int) -> int:
    """Returns the epochs that have so many steps, of so many images in batches of about `batch`."""
    return math.ceil(steps / max(1, round(images / batch)))


def names_in(text: str | None) -> set[str]:
    """Returns the names that `parse_recipe` would change."""
    return {pair.partition("=")[0].strip() for pair in (text or "").split(",")} - {""}


def parse_recipe(text: str | None, base: R) -> R:
    """Changes a recipe by `name=value` pairs joined by commas.

    Args:
        text: Such as ``"freeze=last,augment=light,lr=1e-3"``; None changes nothing.
        base: What is not named; its kind says which names there are.

    Raises:
        OptionError: If a name is unknown or a value does not fit.
    """
    if not text:
        return base
    hints = typing.get_type_hints(type(base))
    changes: dict[str, object] = {}
    for pair in text.split(","):
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or name not in hints:
            near = difflib.get_close_matches(name, hints, n=1)
            guess = f"; did you mean {near[0]}?" if near else ""
            raise OptionError(
                f"--recipe {pair!r}: give name=value with a name of {', '.join(hints)}{guess}"
            )
        changes[name] = _convert(name, value, hints[name])
    return replace(base, **changes)  # type: ignore[arg-type]


def _convert(name: str, value: str, hint: type) -> object:
    choices = typing.get_args(hint)
    if choices:
        if value not in choices:
            raise OptionError(f"--recipe {name}={value}: choose {', '.join(map(str, choices))}")
        return value
    if hint is bool:
        if value.lower() not in ("true", "false", "yes", "no", "1", "0"):
            raise OptionError(f"--recipe {name}={value}: true or false")
        return value.lower() in ("true", "yes", "1")
    try:
        return hint(value)
    except ValueError:
        raise OptionError(f"--recipe {name}={value}: not a number") from None
