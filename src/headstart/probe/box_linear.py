"""The class layers of a frozen detector, learnt anew: a logistic regression a level, by L-BFGS.

Of the thousands of cells of an image most are background that any layer tells. Those are drawn,
and each stands for many; what the pretrained layers took for something is kept whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from headstart.probe.box_cells import BACKGROUND, UNCOUNTED, Cells
from headstart.probe.descent import descend
from headstart.probe.level_fit import LevelFit, Standardised, parts_of

__all__ = ["CellRows", "fit_level", "level_scores", "rows_of_cells"]

# Scores that are worked on at a time.
_BLOCK = 1 << 16


@dataclass(frozen=True)
class CellRows:
    """Some cells of one level of many images.

    Attributes:
        features: (R, c) float32.
        images: (R,) int, which image each is of.
        kinds: (R,) int64 class, or `BACKGROUND`.
        quality: (R,) float32 what the score of that class is to be: how well its box shows it.
        away: (R, 4) float32, see `Cells`.
        weights: (R,) float32 for how many cells each stands.
        certain: (R,) float32 what the score is multiplied with (objectness); ones where nothing.
    """

    features: np.ndarray
    images: np.ndarray
    kinds: np.ndarray
    quality: np.ndarray
    away: np.ndarray
    weights: np.ndarray
    certain: np.ndarray

    def fewer(self, most: int, rng: np.random.Generator) -> CellRows:
        """Returns at most about so many rows, each of which then stands for more.

        Background has half of them at least. Of the classes the frequent ones are thinned first:
        of a rare one every cell tells something.

        Args:
            most: Rows.
            rng: Draws them.
        """
        if len(self.images) <= most:
            return self
        groups, of, counts = np.unique(
            np.maximum(self.kinds, BACKGROUND), return_inverse=True, return_counts=True
        )
        objects = groups != BACKGROUND
        wanted = np.zeros(len(groups))
        wanted[objects] = _level_out(counts[objects], most / 2)
        wanted[~objects] = np.minimum(counts[~objects], most - wanted.sum())
        wanted[objects] = _level_out(counts[objects], most - wanted[~objects].sum())
        shares = np.minimum(wanted / counts, 1.0)[of]
        drawn = rng.random(len(shares)) < shares
        kept = self.of(drawn)
        return replace(kept, weights=(kept.weights / shares[drawn]).astype(np.float32))

    def of(self, kept: np.ndarray) -> CellRows:
        """Returns some of the rows, by (R,) bool."""
        return CellRows(*(getattr(self, name)[kept] for name in self.__dataclass_fields__))

    @classmethod
    def joined(cls, parts: list[CellRows]) -> CellRows:
        """Returns all rows of several."""
        return cls(
            *(np.concatenate([getattr(each, name) for each in parts])
              for name in cls.__dataclass_fields__)
        )  # fmt: skip


def _level_out(counts: np.ndarray, most: float) -> np.ndarray:
    """Returns how many of each group are kept, that make `most` together: the large ones alike."""
    found = counts.astype(float)
    left = most
    for rank, at in enumerate(np.argsort(counts)):
        found[at] = min(counts[at], left / (len(counts) - rank))
        left -= found[at]
    return found


def rows_of_cells(
    maps: np.ndarray,
    cells: Cells,
    image: int,
    rng: np.random.Generator,
    *,
    taken: np.ndarray,
    certain: np.ndarray,
    share: float,
) -> CellRows:
    """Returns the cells of one level of one image that are learnt from.

    Args:
        maps: (c, a) features of its a cells.
        cells: What those are.
        image: Number of the image.
        rng: Draws background.
        taken: (a,) bool, background that is kept whole: what was taken for something.
        certain: (a,) see `CellRows`.
        share: Of other background that is drawn.
    """
    background = cells.kinds == BACKGROUND
    drawn = background & ~taken & (rng.random(len(background)) < share)
    whole = (cells.kinds >= 0) | (background & taken)
    rows = np.flatnonzero(whole | drawn)
    assert UNCOUNTED < BACKGROUND < 0, "kinds of cells without a class are below 0"
    return CellRows(
        np.ascontiguousarray(maps[:, rows].T, np.float32),
        np.full(len(rows), image, np.int64), cells.kinds[rows], cells.quality[rows],
        cells.away[rows],
        np.where(drawn[rows], 1 / share, 1.0).astype(np.float32),
        certain[rows].astype(np.float32),
    )  # fmt: skip


def fit_level(
    rows: CellRows,
    start: LevelFit,
    learns: np.ndarray,
    strengths: Sequence[float],
    quality: np.ndarray,
    *,
    beta: float = 2.0,
    steps: int = 60,
) -> list[list[LevelFit]]:
    """Fits the class layer of one level, M times side by side, at several strengths.

    Each minimises the quality focal loss, summed over its cells and classes, plus |W - start|^2 /
    (2 * strength) in standardised features: where there is little to learn from, a layer stays
    where it began. Reading the features is the cost, so that all models read them together. The
    most regularised are fitted first, and the next begin at what those found.

    Args:
        rows: R cells that are learnt from; may be none.
        start: Where all begin: rows of the pretrained layer, or zeros with a low bias.
        learns: (R, M) bool, which cells each model learns from.
        strengths: S numbers, larger is less regularised.
        quality: (R, M) float32, `CellRows.quality` for the boxes of each model.
        beta: How much less a cell counts that is told well already; 0 for cross-entropy.
        steps: Of L-BFGS at each strength, at most.

    Returns:
        The M models of each strength, in the order of `strengths`.
    """
    models = learns.shape[1]
    if not len(rows.features):
        return [[start] * models for _ in strengths]
    given = Standardised(rows.features)
    begun, point = given.begin(start, models)
    loss, found = _Loss(given.x, rows, quality, learns, beta), {}
    for strength in sorted(set(strengths)):
        point = descend(loss.at(begun, strength), point, steps=steps)
        found[strength] = given.layers(point, start)
    return [found[each] for each in strengths]


class _Loss:
    """The quality focal loss of M linear layers on the same cells.

    Args:
        x: (R, c) standardised features.
        rows: What they are.
        quality: (R, M) float32.
        learns: (R, M) bool.
        beta: See `fit_level`.
    """

    def __init__(
        self, x: torch.Tensor, rows: CellRows, quality: np.ndarray, learns: np.ndarray, beta: float
    ) -> None:
        self.x, self.beta = x, beta
        self.counts = torch.from_numpy(rows.weights[:, None] * learns).float()
        self.certain = None
        if (rows.certain != 1).any():
            self.certain = torch.from_numpy(rows.certain)[:, None, None]
        self.own = np.flatnonzero(rows.kinds >= 0)
        self.kinds = torch.from_numpy(rows.kinds)
        self.quality = torch.from_numpy(quality)
        worth = self.quality * (self.kinds >= 0)[:, None] * self.counts
        self.scale = 1 / worth.sum(0).clamp_min(1.0)

    def at(
        self, begun: torch.Tensor, strength: float
    ) -> Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
        """Returns loss and distance from (C, c) weights, as `descend` wants it."""

        def objective(point: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            weights, bias = parts_of(point, self.x.shape[1])
            values, slopes = self(weights, bias)
            moved = weights - begun
            slopes[..., :-1] += moved / strength
            values += (moved**2).sum((1, 2)) / (2 * strength)
            return values * self.scale, (slopes * self.scale[:, None, None]).flatten(1)

        return objective

    def __call__(
        self, weights: torch.Tensor, bias: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the (M,) sums of the losses, and their (M, C, c + 1) slopes."""
        models, classes = bias.shape
        flat, level = weights.flatten(0, 1).T, bias.flatten()
        totals = torch.zeros(models)
        steep = torch.zeros(models * classes, self.x.shape[1])
        ahead = torch.zeros(models, classes)
        # Blocks that stay in the processor's cache while they are worked on.
        block = max(256, _BLOCK // (models * classes))
        for first in range(0, len(self.x), block):
            part = slice(first, first + block)
            x, counts = self.x[part], self.counts[part]
            logits = torch.addmm(level, x, flat).unflatten(1, (models, classes))
            losses, slopes = self._of(logits, first)
            totals += (losses.sum(2) * counts).sum(0)
            slopes *= counts[..., None]
            steep.addmm_(slopes.flatten(1).T, x)
            ahead += slopes.sum(0)
        found = torch.cat([steep.unflatten(0, (models, classes)), ahead[..., None]], dim=2)
        return totals, found

    def _of(self, logits: torch.Tensor, first: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns (r, M, C) losses and slopes of the rows from the first on."""
        own = torch.from_numpy(
            self.own[slice(*np.searchsorted(self.own, (first, first + len(logits))))]
        )
        kinds = self.kinds[own]
        told = logits[own - first, :, kinds]
        certain = None if self.certain is None else self.certain[first : first + len(logits)]
        losses, slopes = _background(logits, certain, self.beta)
        sure = torch.ones(len(own), 1) if certain is None else certain[own - first, 0]
        found = _focal(told, self.quality[own], sure, self.beta)
        losses[own - first, :, kinds], slopes[own - first, :, kinds] = found
        return losses, slopes


def _background(
    logits: torch.Tensor, certain: torch.Tensor | None, beta: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns losses where no object is wanted, and their slopes by the logits, used up.

    That is nearly everywhere: what `_focal` gives for 0, in half of its operations.
    """
    plain = logits.sigmoid_()
    score = (plain if certain is None else plain * certain).clamp_(1e-6, 1 - 1e-6)
    rest = 1 - score
    entropy = rest.log().neg_()
    power = score**beta
    slopes = (entropy * rest).mul_(beta).add_(score)
    if certain is not None:
        slopes.div_(rest).mul_(1 - plain)
    return entropy.mul_(power), slopes.mul_(power)


def _focal(
    logits: torch.Tensor, wanted: torch.Tensor, certain: torch.Tensor, beta: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns quality focal losses, and their slopes by the logits, which are used up.

    Written out: automatic differentiation takes three times as long, and this is all there is.
    """
    plain = logits.sigmoid_()
    score = (plain * certain).clamp_(1e-6, 1 - 1e-6)
    apart = score - wanted
    rest = 1 - score
    entropy = torch.xlogy(wanted, score).neg_().sub_((1 - wanted) * rest.log())
    away = apart.abs()
    focus = away**beta
    # By the score, then by the logit: the score's slope is score * (1 - plain).
    slopes = apart / (score * rest) * focus
    if beta:
        slopes.addcmul_(apart.sign_() * away.pow_(beta - 1), entropy, value=beta)
    return entropy.mul_(focus), slopes.mul_(score).mul_(1 - plain)


def level_scores(fit: LevelFit, maps: np.ndarray, certain: np.ndarray) -> np.ndarray:
    """Returns (a, C) float32 scores of the cells of one level of one image.

    Args:
        fit: The class layer.
        maps: (c, a) features.
        certain: (a,) see `CellRows`.
    """
    logits = np.asarray(maps, np.float32).T @ fit.weights.T + fit.bias
    return np.asarray(certain[:, None] / (1 + np.exp(-np.clip(logits, -50, 50))))
