"""Checks of what files hold besides the 8-bit colours that a network sees: what is left behind."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headstart.checks.wording import first
from headstart.data.dataset import Dataset
from headstart.data.words import plural
from headstart.images.deep import EIGHT_BITS, common_levels
from headstart.images.stats import ImageStats
from headstart.records import Finding

__all__ = ["check_contents"]

_STEPS = (1, 255, 1023, 4095, 16383, 65535)
_BITS = {255: "8 bits", 1023: "10 bits", 4095: "12 bits", 16383: "14 bits", 65535: "16 bits"}
# Images whose lightest pixel is darker than this share of white lose what they show.
_DARK = 1 / 8


def check_contents(dataset: Dataset, stats: ImageStats) -> list[Finding]:
    """Checks for deep images, frames, pages and bands, and says what is made of them.

    Args:
        dataset: N items.
        stats: Their N rows.

    Returns:
        Findings, in no order.
    """
    return [*_deep(dataset, stats), *_several(dataset, stats), *_spare(dataset, stats),
            *_inks(dataset, stats)]  # fmt: skip


def _deep(dataset: Dataset, stats: ImageStats) -> Iterator[Finding]:
    deep = np.flatnonzero(stats.deep)
    if not len(deep):
        return
    lows, highs = stats.lows[deep], stats.highs[deep]
    black, white = common_levels(lows, highs, stats.modes[deep] == "F")
    if (black, white) == EIGHT_BITS:
        return  # whatever the files could hold, they hold 8 bits
    dark = deep[(highs - lows) < _DARK * (white - black)]
    bits = f" ({_BITS[int(white)]})" if white in _BITS else ""
    bits = bits or ", as they fill little of any depth"
    yield Finding(
        "deep_images",
        "warning" if len(dark) > len(deep) / 2 else "note",
        f"{plural(len(deep), 'image')} of more than 8 bits a channel, with levels from "
        f"{lows.min():g} to {highs.max():g}: in all of them {black:g} becomes black and {white:g} "
        f"white{bits}."
        + (f" {len(dark):,} of them fill less than an eighth of that." if len(dark) else ""),
        _kinds(lows, highs),
        "The model keeps these levels, and what lies far beyond is refused. Where another level is "
        "white, or the images are of several cameras, scale them to 8 bits yourself, all of one "
        "camera alike.",
        len(deep),
    )


def _kinds(lows: np.ndarray, highs: np.ndarray) -> tuple[str, ...]:
    """Returns how many images reach how far."""
    lines, below = [], -np.inf
    if (lows < 0).any():
        lines.append(f"{(lows < 0).sum():,} with negative levels")
    for step in (*_STEPS, np.inf):
        count = int(((highs > below) & (highs <= step)).sum())
        if count:
            up = f"up to {step:,}" if np.isfinite(step) else f"above {below:,.0f}"
            lines.append(f"{count:,} with a highest level {up}")
        below = step
    return tuple(lines)


def _left_out(
    check: str, which: np.ndarray, dataset: Dataset, claim: tuple[str, str, str], remedy: str
) -> Iterator[Finding]:
    """Says of some images that not all of them is read.

    Args:
        check: Id of the finding.
        which: (N,) bool.
        dataset: N items.
        claim: What one image does, what several do, and what comes of it.
        remedy: What to do.
    """
    items = np.flatnonzero(which)
    if len(items):
        one, many, what = claim
        yield Finding(
            check,
            "warning" if len(items) > len(dataset) / 50 else "note",
            f"{plural(len(items), one, many)} {what}",
            first(dataset.names[i] for i in items),
            remedy,
            len(items),
        )


def _several(dataset: Dataset, stats: ImageStats) -> Iterator[Finding]:
    claim = "image holds", "images hold", "several frames or pages; the first is read."
    yield from _left_out(
        "several_frames", stats.several, dataset, claim,
        "Where another one shows what counts (a stack of a microscope, say), save that one, or "
        "what is made of all of them, as an image of its own.",
    )  # fmt: skip


def _spare(dataset: Dataset, stats: ImageStats) -> Iterator[Finding]:
    what = "bands beside red, green and blue (near infrared, say), which are not read."
    yield from _left_out(
        "spare_bands", stats.spare, dataset, ("image has", "images have", what),
        "Where they count, export the three bands that show most as PNG.",
    )  # fmt: skip


def _inks(dataset: Dataset, stats: ImageStats) -> Iterator[Finding]:
    items = np.flatnonzero(stats.readable & (stats.modes == "CMYK"))
    if len(items):
        yield Finding(
            "printing_colours",
            "note",
            f"{plural(len(items), 'image is', 'images are')} in printing colours (CMYK), which are "
            "turned into RGB without their colour profile: colours are somewhat off.",
            first(dataset.names[i] for i in items),
            "Where colour counts, convert them to sRGB with an image editor.",
            len(items),
        )
