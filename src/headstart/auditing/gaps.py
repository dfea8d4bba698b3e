"""`audit_gaps`: which images a model of masks, boxes or identities answers worse than others.

There is no class that a column could give away; what can be told is by which column, or by which
property of light, file and camera, its answers differ more than by chance.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.auditing.audit import Audit, Said
from headstart.auditing.confound import Verdict
from headstart.checks.outside import outside_of
from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.data.tables.ordered import places_of
from headstart.data.tables.spellings import join_spellings
from headstart.errors import DataError
from headstart.images.outer import WORDS, OuterProperties
from headstart.lists import some_of
from headstart.metrics.confound import holm
from headstart.metrics.groups import Subgroups, bands, by_subgroup
from headstart.metrics.statistic import Measure, Statistic
from headstart.results.items import read_items
from headstart.results.outputs import read_predictions
from headstart.run import Run
from headstart.scoring.score import measured
from headstart.tasks import task_of

__all__ = ["Gap", "audit_gaps"]

_OUTSIDE = {  # property -> what stands behind its bands
    "brightness": " of 255", "contrast": "", "sharpness": "", "size": " megapixels",
    "bytes a pixel": "", "date": "",
}  # fmt: skip
_LOOK = "the look of the images and of their files"
_MOST = 1_000
_LEVEL = 0.05
_PER_BAND = 12  # images at least


@dataclass(frozen=True)
class Gap:
    """One column, or one outer property, and how the answers differ by it.

    Attributes:
        subgroups: The measure of each value.
        outer: Whether it is a property of the image or file that no column names.
        p_adjusted: Of the gap, for all columns (or properties) together.
        verdict: ``"warning"`` where the gap is more than chance, else ``"fine"``.
        claim: The same in a sentence.
    """

    subgroups: Subgroups
    outer: bool
    p_adjusted: float
    verdict: Verdict
    claim: str


def audit_gaps(
    run: Run, by: Sequence[str], compute: Compute, *, name: str, unnamed: bool
) -> Audit:  # fmt: skip
    """Asks columns and outer properties of the tested images of a run of any task.

    Args:
        run: A finished one.
        by: Columns; none for all.
        compute: Its seed is that of intervals and permutations.
        name: Of the run, for people.
        unnamed: Look at light, file and camera too, which reads the images.

    Raises:
        ModelError: If the run cannot be read.
        DataError: If a column is not there, or none of those that were named can be asked.
    """
    items = read_items(run)
    tested, predictions = read_predictions(run, items)
    dataset = items.dataset.take(tested)
    columns, joined = _columns(dataset, by)
    primary = task_of(dataset.task).PRIMARY
    one = measured(dataset.task, predictions, dataset.labels)
    statistic, clusters = one.statistics[primary.key], items.clusters[tested][one.kept]
    compute.begin("asking whether some images are answered worse")

    def asked(values: dict[str, np.ndarray], outer: bool) -> tuple[list[Gap], dict[str, str]]:
        kept = {column: cells[one.kept] for column, cells in values.items()}
        gaps, why = _gaps(kept, statistic, primary, clusters, outer, compute.seed)
        return [_noted(each, joined) for each in gaps], why

    found, skipped = asked(columns, False)
    if by and not found:
        said = "; ".join(f"{column}: it {why}" for column, why in skipped.items())
        raise DataError(f"--by {said}")
    if unnamed:
        outside, _ = asked(_outside(dataset, compute), True)
        found += outside
        if not outside:
            skipped[_LOOK] = "differs too little, or too few images were tested, to be compared"
    found.sort(key=lambda each: (each.verdict == "fine", each.p_adjusted))
    return Audit(
        run=name,
        summary=f"the run's own test answers to {len(dataset)} images, by their {primary.words}",
        images=len(dataset), classes=(), columns=(), said=tuple(_said(each) for each in found),
        skipped=skipped, gaps=tuple(found), by=tuple(by),
    )  # fmt: skip


def _columns(dataset: Dataset, by: Sequence[str]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Returns column -> (N,) str, and which of them had values in several spellings."""
    dataset.require_columns(by, "--by")
    known = dataset.attributes
    count = _bands_of(dataset)
    spelt = {name: join_spellings(np.char.strip(known[name].astype(str))) for name in (by or known)}
    return (
        {name: _banded(cells, count) for name, (cells, _) in spelt.items()},
        {name: said for name, (_, said) in spelt.items() if said},
    )


def _noted(gap: Gap, joined: dict[str, str]) -> Gap:
    said = "" if gap.outer else joined.get(gap.subgroups.column, "")
    return dataclasses.replace(gap, claim=f"{gap.claim[:-1]} ({said}).") if said else gap


def _banded(cells: np.ndarray, count: int) -> np.ndarray:
    values, places = places_of(cells)
    return bands(values, count=count, places=places)


def _bands_of(dataset: Dataset) -> int:
    """Returns into how many bands numbers are put, so that each has enough images."""
    return int(np.clip(len(dataset) // _PER_BAND, 2, 5))


def _outside(dataset: Dataset, compute: Compute) -> dict[str, np.ndarray]:
    """Returns property -> (N,) str, in bands where it is a number; empty where not known."""
    rows = np.arange(len(dataset))
    if len(rows) > _MOST:
        rows = np.sort(np.random.default_rng(compute.seed).choice(rows, _MOST, replace=False))
    measured_ = outside_of(dataset, rows, compute)
    found = {}
    for name in (*_OUTSIDE, *WORDS):
        cells = np.full(len(dataset), "", dtype=object)
        for row, each in zip(rows.tolist(), measured_, strict=True):
            if each is None:
                continue
            cells[row] = each.words[name] if name in WORDS else _cell(name, each)
        banded = _banded(cells, _bands_of(dataset))
        unit = _OUTSIDE.get(name, "")
        found[name] = np.array([f"{each}{unit}" if each else "" for each in banded])
    return found


def _cell(name: str, of: OuterProperties) -> str:
    """Returns one property of one image as people say it; empty where not known."""
    numbers = of.numbers[name]
    if np.isnan(numbers).any():
        return ""
    if name == "date":
        day = f"{numbers[0]:.0f}"
        return f"{day[:4]}-{day[4:6]}-{day[6:8]}"
    if name == "size":
        return f"{numbers[0] * numbers[1] / 1e6:.3g}"
    return f"{math.exp(numbers[0]) if name == 'bytes a pixel' else numbers[0]:.3g}"


def _gaps(
    columns: dict[str, np.ndarray], statistic: Statistic, primary: Measure,
    clusters: np.ndarray, outer: bool, seed: int,
) -> tuple[list[Gap], dict[str, str]]:  # fmt: skip
    """Returns what was found of each column, and why others could not be asked."""
    asked: list[Subgroups] = []
    skipped = {}
    for name, values in columns.items():
        if len(np.unique(values[values != ""])) < 2:
            skipped[name] = "has one value only, or none"
            continue
        one = by_subgroup(name, values, statistic, primary, clusters, seed=seed)
        if one.gap is None:
            skipped[name] = "has no two values with ten tested images or more each"
        else:
            asked.append(one)
    gaps = []
    for one, p in zip(asked, holm([each.p_value for each in asked]), strict=True):
        assert one.gap is not None, "those without one were skipped"
        sure = p < _LEVEL and one.gap.low > 0
        claim = _claim(one, p, primary, sure)
        gaps.append(Gap(one, outer, p, "warning" if sure else "fine", claim))
    return gaps, skipped


def _claim(found: Subgroups, p: float, primary: Measure, sure: bool) -> str:
    best, worst = found.values[found.best], found.values[found.worst]
    few = f"; fewer than ten of {some_of(found.left_out)}" if found.left_out else ""
    if best.value == worst.value:
        every = some_of((f"{name} ({each.n})" for name, each in found.values.items()), 5)
        return f"{found.column}: {primary.words} is {best.value:.3f} for every value: {every}{few}."
    said = (
        f"{found.column}: {primary.words} is {best} for {found.best} ({best.n} images) and {worst} "
        f"for {found.worst} ({worst.n})"
    )
    chance = (
        "a difference that chance alone would not give"
        if sure
        else "a difference that chance alone may give"
    )
    return f"{said}, {chance} (p = {p:.2g}){few}."


def _said(found: Gap) -> Said:
    one = found.subgroups
    gap = one.gap
    sure = found.verdict != "fine"
    lines = [f"{value}: {each}" for value, each in one.values.items()]
    lines += [f"gap {gap}"] if gap is not None else []
    return Said(
        one.column, found.verdict,
        f"How well images are answered {'differs' if sure else 'was not seen to differ'} "
        f"by {one.column}",
        found.claim,
        f"Gather more images of {one.column} {one.worst}, or see what is different about them."
        if sure
        else "Nothing to do.",
        tuple(lines),
    )  # fmt: skip
