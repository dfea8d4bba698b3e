"""Masks whose values may number things one by one, of which there are too few to be sure."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from headstart.checks.wording import first
from headstart.data.dataset import Dataset
from headstart.data.masks.masks import Masks
from headstart.records import Finding
from headstart.tasks.segmentation.things import Things, look_at_things

__all__ = ["check_numbered"]

_CHANCE = 0.02  # that classes come in turn so often without being counted
_ALIKE = math.log(2.0)  # how much larger things of one number may be than those of another, or …
_SPREADS = 1.5  # … so many spreads of the things of one number
_ALONE = 0.9  # of the values in a mask are in one piece
_AROUND = 0.5  # of the outline of a value is another's: parts of one thing, or of the whole image
_TOLD = 4.0  # standard errors of a trait: the values are kinds, although they come in turn
_TOLD_ALWAYS = 3.0  # likewise, where hardly anything else speaks for things
_ENOUGH = 8  # masks with two values, for their looks to say anything, and …
_FEW = 3  # … from which on it is said that they do not
_TOLD_BY_FEW = 10.0  # standard errors of a trait of so few, as the quantiles of Student's t have it
_ANYWHERE = 0.12  # of the width: how far things lie about, and organs do not


def check_numbered(dataset: Dataset) -> Iterator[Finding]:
    """Says that classes without names look like counted things: 1, then 2, then 3 in each mask.

    Many numbers are refused when masks are read. A few may well be classes. They are hardly where
    each is in one piece, none lies in or along another, and a mask never has the second without the
    first, beyond chance; or, within chance, neither size, place nor colour tells them apart. Where
    few masks hold several, these can hardly tell, and it is a note.

    Args:
        dataset: N items, whose labels are masks.
    """
    labels = dataset.labels
    assert isinstance(labels, Masks), "a segmentation has masks"
    numbers, pixels = _values(labels)
    things = list(numbers)
    if len(things) < 2:
        return
    there = pixels > 0
    items = np.flatnonzero(there.any(axis=1))
    scaled = _scaled_anew(np.array(list(numbers.values())), there[items])
    chance = 1.0 if scaled else _chance(there[items], numbers)
    in_turn = chance <= _CHANCE
    both = int((there.sum(axis=1) > 1).sum())
    perhaps = chance <= 1.0 and both >= _FEW
    if not (scaled or in_turn or perhaps) or not (scaled or _as_large(pixels)):
        return
    few = perhaps and not (scaled or in_turn) and both < _ENOUGH
    looks = look_at_things(dataset, items, things)
    if looks is None or not _are_things(looks, _bound(in_turn, few), scaled=scaled):
        return
    if scaled:
        why = "the values of each mask are spread over the same range, however many there are"
    elif in_turn:
        why = "hardly a mask has one of them without those before it, and all are about as large"
    elif few:
        why = (
            f"all come in turn, and on {both} masks with several of them neither size, place nor "
            f"colour surely tells them apart"
        )
    else:
        why = "all come in turn, and neither size, place nor colour tells them apart"
    several = list(numbers.values())
    listed = f"{several[0]} to {several[-1]}"
    typical = [float(np.median(pixels[there[:, at], at])) for at in range(len(things))]
    yield Finding(
        "numbered_things",
        "note" if few else "warning",
        f"The values {listed} may number things of one class: each is in one piece, {why}.",
        first(
            f"{name}: {size:,.0f} pixels, on {count} masks"
            for name, size, count in zip(several, typical, there.sum(axis=0).tolist(), strict=True)
        ),
        "Say --masks binary to learn them as one class; name the values in classes.txt if each is "
        "a class.",
        len(items),
    )


def _values(labels: Masks) -> tuple[dict[int, int], np.ndarray]:
    """Returns class -> value of the classes that are called by it, and (N, K) pixels of these.

    Nothing where other classes have names: then these numbers are theirs.
    """
    things = {at: int(n) for at, n in enumerate(labels.names) if n.isdecimal() and n != "0"}
    rest = [name for at, name in enumerate(labels.names) if at not in things]
    if rest not in (["background"], ["0"], ["0 background"]):
        return {}, labels.pixels[:, :0]
    return things, labels.pixels[:, list(things)]


def _chance(there: np.ndarray, numbers: dict[int, int]) -> float:
    """Returns how probable it is that (M, K) classes at even steps come in turn by chance.

    A mask of t of K classes holds just the first t of them once in C(K, t) times. A few masks may
    have lost one that was too small; infinity where nothing is in turn.
    """
    kinds = there.shape[1]
    values = list(numbers.values())
    if values != [values[0] * at for at in range(1, kinds + 1)]:
        return math.inf
    tops = there.sum(axis=1)
    fits = (there == (np.arange(kinds) < tops[:, None])).all(axis=1)
    odd = int((~fits).sum())
    surprise = sum(math.log(math.comb(kinds, int(top))) for top in tops[fits])
    chance = math.exp(math.log(math.comb(len(fits), odd)) - surprise)
    return chance if chance <= _CHANCE or not odd else math.inf


def _scaled_anew(values: np.ndarray, there: np.ndarray) -> bool:
    """Whether each mask spreads its own numbers over one range: 255; 127, 255; 85, 170, 255."""
    own = [values[row] for row in there]
    counts = {len(each) for each in own}
    top = int(values.max(initial=0))
    if len(counts) < 2 or max(counts) < 2 or max(counts) >= len(values) or top < 16:
        return False
    return all(
        np.abs(each - top * np.arange(1, len(each) + 1) / len(each)).max() <= 1 for each in own
    )


def _as_large(pixels: np.ndarray) -> bool:
    """Whether the things of all numbers are about as large."""
    logs = [np.log(column[column > 0]) for column in pixels.T if (column > 0).any()]
    typical = [float(np.median(each)) for each in logs]
    spread = float(np.mean([each.std() for each in logs]))
    return max(typical) - min(typical) <= max(_ALIKE, _SPREADS * spread)


def _bound(in_turn: bool, few: bool) -> float:
    """Returns how many standard errors of a trait say that values are kinds of things."""
    return _TOLD if in_turn else _TOLD_BY_FEW if few else _TOLD_ALWAYS


def _are_things(looks: Things, bound: float, *, scaled: bool) -> bool:
    """Whether values are of things by their looks: in one piece, apart, and of no kind."""
    there = looks.pieces > 0
    if (looks.pieces[there] == 1).mean() < _ALONE or looks.around() > _AROUND:
        return False
    if scaled:
        return True
    told = looks.told_apart(_FEW) if bound == _TOLD_BY_FEW else looks.told_apart()
    # Things are numbered from the top, and so by their place.
    if bound == _TOLD or (looks.from_the_top() and looks.scatter() >= _ANYWHERE):
        told = told[[0, 3, 4, 5]]
    return bool(told.max() < bound)
