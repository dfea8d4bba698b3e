"""Checks of how images look from outside: sizes, formats, blanks, and what is odd."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

import numpy as np

from headstart.checks.duplicates import BLANK
from headstart.checks.shortcuts import check_shortcuts
from headstart.data.dataset import Dataset
from headstart.data.labels import present_of
from headstart.images.stats import ImageStats
from headstart.metrics.vectors import unit_rows
from headstart.records import Finding

__all__ = ["check_appearance"]

_SHOWN = 24
_EXTENSIONS = {
    "JPEG": {".jpg", ".jpeg", ".jpe", ".jfif"},
    "MPO": {".jpg", ".jpeg", ".mpo"},
    "PNG": {".png"},
    "GIF": {".gif"},
    "BMP": {".bmp", ".dib"},
    "WEBP": {".webp"},
    "TIFF": {".tif", ".tiff"},
    "PPM": {".ppm", ".pgm", ".pbm", ".pnm"},
    "JPEG2000": {".jp2", ".j2k"},
    "AVIF": {".avif"},
    "HEIF": {".heic", ".heif"},
}


def check_appearance(dataset: Dataset, stats: ImageStats, clusters: np.ndarray) -> list[Finding]:
    """Checks what can be told of images without looking at what they show.

    Args:
        dataset: N items.
        stats: Their N rows.
        clusters: (N,) int of duplicates and groups, whose members prove a shortcut only once.

    Returns:
        Findings, in no order.
    """
    items = np.flatnonzero(stats.readable)
    if not len(items):
        return []
    return [
        *check_shortcuts(dataset, stats, clusters, items),
        *_all_alike(stats, items),
        *_blank(dataset, stats, items),
        *_format_outliers(dataset, stats, items),
        *_tiny(dataset, stats, items),
        *_extensions(dataset, stats, items),
        *_modes(dataset, stats, items),
        # What has a place is learnt on the whole image, which nothing is cut from.
        *(() if present_of(dataset.labels) is not None else _shapes(dataset, stats, items)),
    ]


def _names(dataset: Dataset, items: Iterable[int]) -> tuple[str, ...]:
    return tuple(dataset.names[i] for i, _ in zip(items, range(_SHOWN)))


def _images(count: int) -> str:
    return f"{count:,} image{'s' * (count != 1)}"


def _all_alike(stats: ImageStats, items: np.ndarray) -> Iterator[Finding]:
    """One scene, again and again: the near-duplicate search is blind to what differs in it."""
    if len(items) < 20:
        return
    some = np.random.default_rng(0).permutation(items)[:200]
    grey = stats.thumbnails[some].mean(axis=3, dtype=np.float32).reshape(len(some), -1)
    grey = unit_rows(grey - grey.mean(axis=1, keepdims=True), least=1e-6)
    likeness = float(np.median((grey @ grey.T)[np.triu_indices(len(some), 1)]))
    if likeness >= 0.9:
        yield Finding(
            "all_alike",
            "warning",
            "The images all look alike from afar (two of them correlate by "
            f"{likeness:.2f} on average), as from a fixed camera.",
            (),
            "New images cannot be told from copies here, so duplicates may go unnoticed or be "
            "seen where there are none: name a --group (day, part, session) to split by.",
            len(items),
        )


def _blank(dataset: Dataset, stats: ImageStats, items: np.ndarray) -> Iterator[Finding]:
    blank = items[stats.contrast[items] < BLANK]
    if len(blank):
        yield Finding(
            "blank_images",
            "warning",
            f"{_images(len(blank))} with one even shade and nothing else.",
            _names(dataset, blank),
            "Look at them; delete them unless nothing is what the class means.",
            len(blank),
        )


def _format_outliers(dataset: Dataset, stats: ImageStats, items: np.ndarray) -> Iterator[Finding]:
    """Palette and one-bit images among photos: what web pages put where an image is missing."""
    drawn = np.isin(stats.modes[items], ("P", "PA", "1")) | (stats.formats[items] == "GIF")
    odd = items[drawn]
    if 0 < len(odd) <= len(items) / 50:
        yield Finding(
            "format_outliers",
            "warning",
            f"{_images(len(odd))} with a colour palette among {len(items) - len(odd):,} without: "
            "perhaps placeholders, icons or drawings.",
            tuple(
                f"{dataset.names[i]} ({stats.formats[i]}, {stats.widths[i]} x {stats.heights[i]})"
                for i in odd[:_SHOWN]
            ),
            "Look at them, and delete those that are no images of their class.",
            len(odd),
        )


def _tiny(dataset: Dataset, stats: ImageStats, items: np.ndarray) -> Iterator[Finding]:
    short = np.minimum(stats.widths, stats.heights)[items]
    middle = float(np.median(short))
    tiny = items[(short < 48) & (short < middle / 4)]
    if len(tiny):
        yield Finding(
            "tiny_images",
            "warning",
            f"{_images(len(tiny))} far smaller than the rest (half of all have a shorter side "
            f"of {middle:.0f} pixels or more): perhaps icons or thumbnails.",
            tuple(
                f"{dataset.names[i]} ({stats.widths[i]} x {stats.heights[i]})"
                for i in tiny[:_SHOWN]
            ),
            "Look at them; replace them by the full images.",
            len(tiny),
        )
    if middle < 100:
        yield Finding(
            "small_images",
            "note",
            f"The images are small: half of them have a shorter side of {middle:.0f} pixels or "
            "less, where pretrained networks usually look at 224.",
            (),
            "They are enlarged, which costs time and little accuracy; larger originals would help.",
            len(items),
        )


def _extensions(dataset: Dataset, stats: ImageStats, items: np.ndarray) -> Iterator[Finding]:
    endings = [PurePosixPath(dataset.names[i]).suffix.lower() for i in items]
    wrong = [
        int(i)
        for i, ending in zip(items, endings)
        if ending not in _EXTENSIONS.get(str(stats.formats[i]), {ending})
    ]
    if wrong:
        yield Finding(
            "wrong_extensions",
            "note",
            f"{_images(len(wrong))} of another format than the ending of the name says.",
            tuple(f"{dataset.names[i]} is {stats.formats[i]}" for i in wrong[:_SHOWN]),
            "They are read all the same; other tools may refuse them.",
            len(wrong),
        )


def _modes(dataset: Dataset, stats: ImageStats, items: np.ndarray) -> Iterator[Finding]:
    modes = stats.modes[items]
    clear = items[np.isin(modes, ("RGBA", "LA", "PA", "La", "RGBa"))]
    if len(clear):
        yield Finding(
            "transparency",
            "note",
            f"{_images(len(clear))} with transparency, which is laid over white.",
            _names(dataset, clear),
            "Where the background should be another, lay them over it yourself.",
            len(clear),
        )
    grey = np.isin(modes, ("L", "LA", "1", "I;16", "I;16B", "I", "F"))
    fewer = items[grey] if grey.mean() <= 0.5 else items[~grey]
    if len(fewer):
        what = "grey among colour images" if grey.mean() <= 0.5 else "in colour among grey images"
        yield Finding(
            "mixed_modes",
            "note",
            f"{_images(len(fewer))} stored {what}.",
            _names(dataset, fewer),
            "All are read as colour. If only some cameras give grey, see that no class depends "
            "on it.",
            len(fewer),
        )


def _shapes(dataset: Dataset, stats: ImageStats, items: np.ndarray) -> Iterator[Finding]:
    width, height = stats.widths[items].astype(float), stats.heights[items].astype(float)
    lost = 1 - np.minimum(width, height) / np.maximum(width, height)
    much = items[lost > 1 / 3]
    if len(much) > len(items) / 20:
        yield Finding(
            "long_images",
            "note",
            f"{len(much):,} of {_images(len(items))} have one side at least half as long again as "
            f"the other: a square cut from the middle loses {lost.mean():.0%} "
            "of the average image.",
            _names(dataset, items[np.argsort(-lost, kind="stable")][: len(much)]),
            "If what matters may lie at the edge, squash or pad images instead of cropping them.",
            len(much),
        )
