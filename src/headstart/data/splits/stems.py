"""Stems of file names: which images are versions of one, or frames of a burst."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.words import MASKS, normal, split_word

__all__ = ["STEM", "numbers_of_names", "stem_groups", "words_of_names"]

STEM = "stem"
"""Asks for groups by the stems of the file names."""

_WORDS = (
    "aug|augmented|flip|flipped|hflip|vflip|fliplr|flipud|mirror|mirrored|rot|rotated|rotate|"
    "rotation|crop|cropped|bright|brightness|contrast|noise|noisy|blur|blurred|shear|sheared|zoom|"
    "zoomed|jitter|shift|shifted|hue|saturation|gamma|copy|kopie|copie|copia|dup|duplicate"
)
# Written by those who make versions of an image, and by hardly anybody else.
_SURE = (
    re.compile(r"\.rf\.[0-9a-f]{6,}$", re.I),  # Roboflow
    re.compile(rf"[ _.\-]+({_WORDS})[ _.\-]*\d*$", re.I),
    re.compile(rf"[ _.\-]+({_WORDS})[ _.\-]*\(\d+\)$", re.I),
    re.compile(r"[ _.\-]+\d{1,3}(deg|°)$", re.I),
)
# Versions, or the next frames of a burst, or just numbers.
_PERHAPS = (*_SURE, re.compile(r"[ _.\-]*\(\d+\)$"), re.compile(r"[ _.\-]+\d{1,4}$"))
_CAMERAS = frozenset({"img", "image", "dsc", "dscf", "dscn", "pxl", "photo", "pic", "frame", "mvi",
                      "screenshot", "scan", "cam", "camera"})  # fmt: skip
_FIRST_WORD = re.compile(r"([^\W\d_]{2,}(?:[ _-][^\W\d_]+)*)[ _.\-]*\(?\d")
_LAST_WORD = re.compile(r"\d\)?[ _.\-]+([^\W\d_]{2,}(?:[ _-][^\W\d_]+)*)$")
_FEWEST = 3  # groups below which a common beginning is no stem
_LARGEST = 0.2  # of all images; a stem that more share is a word


def stem_groups(dataset: Dataset, *, sure: bool) -> np.ndarray:
    """Returns which images are, by their names, versions of one image.

    Args:
        dataset: N items.
        sure: Only by what is written by those who make versions (``x.rf.<hash>``, ``x_aug_3``,
            ``x - Copy``); else by numbers at the end too (``x (2)``, ``x_12``).

    Returns:
        (N,) str: the stem, and ``""`` for those that have it alone, or that share it with a fifth
        of all images. Images of different labels have different stems.
    """
    patterns = _SURE if sure else _PERHAPS
    strata = dataset.labels.strata
    found = []
    for item, name in enumerate(dataset.names):
        folder, _, last = name.rpartition("/")
        whole = normal(last.rpartition(".")[0] or last)
        stem = _stripped(whole, patterns)
        found.append((f"{strata[item]}/{stem}", folder, stem != whole))
    # An original is that of the versions beside it; elsewhere it has the same name by chance.
    versions = {(key, folder) for key, folder, cut in found if cut}
    keys = [
        key if (key, folder) in versions else f"{key}/{item}"
        for item, (key, folder, _) in enumerate(found)
    ]
    _, numbers, counts = np.unique(keys, return_inverse=True, return_counts=True)
    shared = (counts > 1) & (counts <= max(2, _LARGEST * len(dataset)))
    if shared.sum() < _FEWEST:
        shared[:] = False
    return np.where(shared[numbers], np.array(keys), "")


def words_of_names(names: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Returns the words that the names of images begin or end with, where these may be classes.

    They are few, each recurs, and a number stands beside each: ``cat.12.jpg``, ``dog_7.jpg``,
    ``IMG0012_benign.jpg``. Images of one folder only; words of cameras (``IMG``), of splits and of
    those who make versions (``_flip``) are none.

    Args:
        names: N paths.

    Returns:
        The words, and ``"begin"`` or ``"end"``; nothing twice where there are none.
    """
    if len({name.rpartition("/")[0] for name in names}) != 1:
        return (), ""
    last = [name.rpartition("/")[2] for name in names]
    stems = [name.rpartition(".")[0] for name in last]
    for how, found in (
        ("begin", [_FIRST_WORD.match(name) for name in last]),
        ("end", [_LAST_WORD.search(stem) for stem in stems]),
    ):
        words = Counter(each[1].lower() for each in found if each)
        if not all(found) or not 1 < len(words) <= max(2, len(names) // 4):
            continue
        made = [w for w in words if re.fullmatch(_WORDS, w)]
        known = [w for w in words if split_word(w) or w in _CAMERAS or w in MASKS]
        if not known and not made and min(words.values()) > 1:
            return tuple(sorted(words)), how
    return (), ""


def numbers_of_names(names: Sequence[str]) -> str:
    """Returns such a name where all begin with several short numbers: UTKFace's ``26_0_1_2017…``.

    The age, gender and origin of a face are among them; of frames and dates (2017_01_31) one would
    be longer, and of numbers that count none would recur.

    Args:
        names: N paths.
    """
    found = [re.match(r"(\d{1,3})_(\d)_(\d)_\d{6,}", name.rpartition("/")[2]) for name in names]
    told = [each.groups() for each in found if each]
    if len(told) < max(2, 0.95 * len(names)) or len(set(told)) < 2:
        return ""
    return names[0].rpartition("/")[2]


def _stripped(stem: str, patterns: tuple[re.Pattern[str], ...]) -> str:
    """Takes such endings off, one after the other, as long as something is left."""
    while True:
        for pattern in patterns:
            less = pattern.sub("", stem)
            if less and less != stem:
                stem = less
                break
        else:
            return stem
