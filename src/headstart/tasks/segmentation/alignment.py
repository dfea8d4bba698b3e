"""Whether masks lie on what they are masks of: their boundaries on the edges of the images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from headstart.checks.wording import first
from headstart.data.dataset import Dataset
from headstart.data.masks.masks import Masks
from headstart.data.words import plural
from headstart.errors import HeadstartError
from headstart.images.decode import decode, read_bytes
from headstart.images.threads import ordered_map
from headstart.records import Finding

__all__ = ["check_alignment"]

_SIDE = 128
_MOST = 160  # images that are looked at
_LEAST_EDGE = 32  # pixels of boundary
_FEWEST, _MANY = 8, 12
_SURE = 5.0  # standard errors
_FAR = 3  # pixels of 128 that a shift begins with
_SWAPPED = 0.12  # of three real sets no two of 40,000 pairs gain more than 0.06 by an exchange
_TURNED, _DEVIATIONS = 0.1, 4.0
_TURNS = {
    "mirrored left to right": lambda edges: edges[:, :, ::-1],
    "upside down": lambda edges: edges[:, ::-1],
    "turned by 180 degrees": lambda edges: edges[:, ::-1, ::-1],
    "turned on their side": lambda edges: edges.transpose(0, 2, 1),
}


@dataclass(frozen=True)
class Edges:
    """Images and masks at 128 x 128.

    Attributes:
        items: (M,) int which items these are.
        strong: (M, 128, 128) float32: rank of the gradient within its image, -0.5 to 0.5.
        bounds: (M, 128, 128) float32: boundaries of the mask, each summing to 1.
    """

    items: np.ndarray
    strong: np.ndarray
    bounds: np.ndarray

    def fit(self, bounds: np.ndarray) -> np.ndarray:
        """Returns (M,) mean strength of the images along some boundaries; chance is 0."""
        return np.asarray(np.einsum("myx,myx->m", self.strong, bounds))


def check_alignment(dataset: Dataset) -> Iterator[Finding]:
    """Yields masks that lie mirrored, turned, shifted, exchanged or one image off.

    A boundary of a mask lies where the image changes, more so than the same boundary mirrored or
    laid on another image. Up to 160 images are looked at; what is said of all of them is said
    where it is beyond chance.
    """
    edges = _edges(dataset)
    if edges is None or len(edges.items) < _FEWEST:
        return
    own = edges.fit(edges.bounds)
    yield from _all_turned(edges, own)
    shift = _shift(edges)
    if shift is not None:
        yield shift
        return
    yield from _some(dataset, edges, own)


def _edges(dataset: Dataset) -> Edges | None:
    labels = dataset.labels
    assert isinstance(labels, Masks), "a segmentation has masks"
    items = np.flatnonzero((labels.pixels > 0).sum(axis=1) > 1)
    if len(items) < _FEWEST:
        return None
    if len(items) > _MOST:  # with the next of each, which its mask may be of
        starts = np.linspace(0, len(items) - 2, _MOST // 2).astype(int)
        items = items[np.unique(np.concatenate([starts, starts + 1]))]

    def look(item: int) -> tuple[int, np.ndarray, np.ndarray] | None:
        try:
            pixels = decode(read_bytes(dataset.path(item)), short_side=_SIDE).pixels
            mask = labels.read(item, (_SIDE, _SIDE))
        except HeadstartError:  # unreadable ones are named elsewhere
            return None
        bounds = _bounds(mask)
        return (item, _strength(pixels), bounds) if bounds.sum() >= _LEAST_EDGE else None

    found = [each for each in ordered_map(look, items.tolist()) if each is not None]
    if not found:
        return None
    bounds = np.stack([each[2] for each in found]).astype(np.float32)
    bounds /= bounds.sum(axis=(1, 2), keepdims=True)
    return Edges(np.array([each[0] for each in found]), np.stack([e[1] for e in found]), bounds)


def _strength(pixels: np.ndarray) -> np.ndarray:
    small = Image.fromarray(pixels).convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    down, across = np.gradient(np.asarray(small, np.float32))
    ranks = np.empty(_SIDE * _SIDE, np.float32)
    ranks[np.argsort(np.hypot(down, across), axis=None, kind="stable")] = np.arange(_SIDE * _SIDE)
    return (ranks / (_SIDE * _SIDE) - 0.5).reshape(_SIDE, _SIDE)


def _bounds(mask: np.ndarray) -> np.ndarray:
    """Returns (H, W) bool: pixels beside one of another class."""
    bounds = np.zeros(mask.shape, bool)
    across, down = mask[:, 1:] != mask[:, :-1], mask[1:] != mask[:-1]
    bounds[:, 1:] |= across
    bounds[:, :-1] |= across
    bounds[1:] |= down
    bounds[:-1] |= down
    return bounds


def _beyond(gains: np.ndarray) -> float:
    """Returns by how many standard errors gains are above 0."""
    spread = float(gains.std(ddof=1)) / len(gains) ** 0.5
    return float(gains.mean()) / max(spread, 1e-9)


def _all_turned(edges: Edges, own: np.ndarray) -> Iterator[Finding]:
    gains = {how: edges.fit(turn(edges.bounds)) - own for how, turn in _TURNS.items()}
    how = max(gains, key=lambda each: float(gains[each].mean()))
    if _beyond(gains[how]) < _SURE:
        return
    count = len(edges.items)
    yield Finding(
        "masks_turned",
        "serious",
        f"The masks seem to be {how}: so their boundaries would lie on stronger edges of the "
        f"images than they do ({plural(count, 'image')} looked at).",
        (),
        "Lay a mask over its image and see; then write images and masks anew with one program.",
        count,
    )


def _shift(edges: Edges) -> Finding | None:
    """Says that all masks fit better at another place."""
    if len(edges.items) < _MANY:
        return None
    strong, bounds = np.fft.rfft2(edges.strong), np.fft.rfft2(edges.bounds)
    fits = np.fft.irfft2(strong * np.conj(bounds), s=(_SIDE, _SIDE))
    # The best of so many places is one by chance: half of the images choose it, the others decide.
    chosen = fits[::2].mean(axis=0)
    down, across = np.unravel_index(int(chosen.argmax()), (_SIDE, _SIDE))
    gains = (fits[:, down, across] - fits[:, 0, 0])[1::2]
    y, x = ((int(at) + _SIDE // 2) % _SIDE - _SIDE // 2 for at in (down, across))
    if max(abs(x), abs(y)) < _FAR or _beyond(gains) < _SURE:
        return None
    sideways = f"{abs(x) / _SIDE:.0%} of the width to the {'left' if x > 0 else 'right'}"
    upwards = f"{abs(y) / _SIDE:.0%} of the height {'too high' if y > 0 else 'too low'}"
    where = " and ".join(text for text, by in ((sideways, x), (upwards, y)) if abs(by) > 1)
    return Finding(
        "masks_shifted",
        "serious",
        f"The masks seem to lie {where}: moved back, their boundaries would lie on stronger edges.",
        (),
        "Lay a mask over its image and see; a margin that was cut from one of them shifts them.",
        len(edges.items),
    )


def _moved_on(dataset: Dataset, edges: Edges, gains: np.ndarray) -> Finding | None:
    """Says that every mask is that of the image before or after.

    Args:
        dataset: N items.
        edges: Of M of them.
        gains: (M, M) by how much better each image would fit with each mask than with its own.
    """
    row_of = {item: row for row, item in enumerate(edges.items.tolist())}
    for step, which in ((1, "next"), (-1, "one before")):
        pairs = [(row, row_of[i + step]) for i, row in row_of.items() if i + step in row_of]
        if len(pairs) < _MANY:
            continue
        one, other = np.array(pairs).T
        if _beyond(gains[one, other]) < _SURE:
            continue
        names = [dataset.names[item] for item in edges.items]
        return Finding(
            "masks_moved_on",
            "serious",
            f"The masks seem to be one image off: the mask of the {which} fits each image better "
            f"than its own ({plural(len(pairs), 'pair')} looked at).",
            first(f"{names[i]}: mask of {names[j]}" for i, j in pairs),
            "Lay some over their images and see; then name the masks anew. One image without a "
            "mask, or one mask too many, moves all that follow.",
            len(pairs),
        )
    return None


def _some(dataset: Dataset, edges: Edges, own: np.ndarray) -> Iterator[Finding]:
    """Yields images whose masks are exchanged or turned, and sets whose masks fit nowhere."""
    n = len(edges.items)
    fits = edges.strong.reshape(n, -1) @ edges.bounds.reshape(n, -1).T
    moved = _moved_on(dataset, edges, fits - own[:, None])
    if moved is not None:
        yield moved
        return
    foreign = (fits.sum(axis=0) - own) / (n - 1)
    names = [dataset.names[item] for item in edges.items]
    if n >= _MANY and _beyond(own - foreign) < 2:
        yield Finding(
            "masks_off_edges",
            "warning",
            f"The masks follow the edges of their own images no better than those of others "
            f"({plural(n, 'image')} looked at).",
            (),
            "Lay some over their images and see that they are the masks of these.",
            n,
        )
        return
    gains = np.minimum(fits - own[:, None], (fits - own[:, None]).T)
    one, other = np.nonzero(np.triu(gains, 1) > _SWAPPED)
    if len(one):
        yield Finding(
            "masks_exchanged",
            "warning",
            f"{plural(len(one), 'pair of images has', 'pairs of images have')} masks that fit "
            f"better the other way round.",
            first(f"{names[i]} = {names[j]}" for i, j in zip(one, other, strict=True)),
            "Lay them over their images and see; then exchange the files of the masks.",
            len(one),
        )
    turned: dict[str, tuple[float, str]] = {}
    for how, turn in _TURNS.items():
        gain = edges.fit(turn(edges.bounds)) - own
        normal = float(np.median(gain))
        spread = float(np.median(np.abs(gain - normal))) * 1.4826
        for row in np.flatnonzero((gain > _TURNED) & (gain - normal > _DEVIATIONS * spread)):
            if gain[row] > turned.get(names[row], (0.0, ""))[0]:
                turned[names[row]] = (float(gain[row]), how)
    if turned:
        yield Finding(
            "some_masks_turned",
            "warning",
            f"{plural(len(turned), 'mask')} would fit better mirrored or turned.",
            first(f"{name}: {how}" for name, (_, how) in sorted(turned.items())),
            "Lay them over their images and see: was one of the two turned, and the other not?",
            len(turned),
        )
