"""Numbers with their unit in the cell: ``10 mg``, ``12,5 kg``, ``34 °C``, ``€ 5``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from headstart.data.tables.conventions import UNKNOWN_CELLS

__all__ = ["WithUnit", "are_measured", "bare_unit", "one_unit", "unit_of"]

_NUMBER = r"[+-]?\d(?:[\d.,]|[ '\u2019\u00a0\u202f](?=\d))*"
_UNIT = r"(?:[^\W\d_]|[%‰°€$£¥\"'′″])(?:[^\W\d_]|[°²³/·.]){0,11}[23]?"
_BEHIND = re.compile(rf"({_NUMBER})(\s*)({_UNIT})")
_PLAIN, _SIGNS = re.compile(_NUMBER), "%‰°€$£¥"
_BEFORE = re.compile(rf"([€$£¥])\s*({_NUMBER})")
# Without a gap before it, a letter behind a number may as well be part of a name: 12a, 3x.
_USUAL = frozenset({
    *("kg", "mg", "µg", "μg", "lb", "lbs", "oz", "mm", "cm", "dm", "km", "µm", "μm", "nm", "ft"),
    *("ml", "cl", "dl", "min", "hz", "khz", "mhz", "kw", "mw", "mv", "ma", "kpa", "mbar", "bar"),
    *("cm2", "mm2", "km2", "m2", "m3", "cm3", "cm²", "mm²", "m²", "m³", "km/h", "m/s", "kg/m²"),
    *("kcal", "kj", "ppm", "px", "dpi", "usd", "eur"),
})  # fmt: skip


@dataclass(frozen=True)
class WithUnit:
    """Numbers of one unit.

    Attributes:
        texts: N cells without it.
        unit: As most of them write it.
        sure: Whether it can be nothing but a unit.
    """

    texts: tuple[str, ...]
    unit: str
    sure: bool


def unit_of(text: str) -> str:
    """Returns what stands behind a number, or the currency before it; ``""`` where nothing does."""
    return _parts(text)[1]


def one_unit(texts: Sequence[str]) -> WithUnit | None:
    """Returns the numbers of cells that all have one unit; None where one has another, or none.

    Args:
        texts: N cells. Those that say that a number is not known are left as they are.
    """
    known = [text for text in texts if text.strip().lower() not in UNKNOWN_CELLS]
    found = {text: _parts(text) for text in known}
    units = Counter(unit for _, unit, _ in found.values())
    if not units or len({bare_unit(unit) for unit in units}) > 1 or "" in units:
        return None
    bare = tuple(found[text][0] if text in found else text for text in texts)
    return WithUnit(bare, units.most_common(1)[0][0], all(sure for *_, sure in found.values()))


def are_measured(texts: Sequence[str]) -> bool:
    """Tells whether cells are numbers with units, of one kind or several, or without.

    Args:
        texts: N cells. One of the units has to be a usual one: ``12 a`` and ``13 b`` are names.
    """
    parts = [_parts(text) for text in texts]
    usual = any(unit and (unit[0] in _SIGNS or _is_usual(unit)) for _, unit, _ in parts)
    return usual and all(sure or _PLAIN.fullmatch(number) for number, _, sure in parts)


def bare_unit(unit: str) -> str:
    """Returns a unit as others may write it too: in small letters, but mW is no MW.

    Args:
        unit: Of `unit_of`.
    """
    unit = unit.rstrip(".")
    return (unit[:1] if unit[:1] in "mM" else unit[:1].casefold()) + unit[1:].casefold()


def _is_usual(unit: str) -> bool:
    return bare_unit(unit).lower() in _USUAL


def _parts(text: str) -> tuple[str, str, bool]:
    """Returns the number, its unit, and whether it can be nothing else."""
    text = text.strip().replace("\u2212", "-")
    if before := _BEFORE.fullmatch(text):
        return before[2], before[1], True
    if found := _BEHIND.fullmatch(text):
        number, gap, unit = found.groups()
        return number, unit, bool(gap) or unit[0] in _SIGNS or _is_usual(unit)
    return text, "", False
