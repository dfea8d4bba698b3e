"""The class layers of a frozen detector, learnt anew: a logistic regression a level, by L-BFGS.

Of the thousands of cells of an image most are background that any layer tells. Those are drawn,
and each stands for many; what the pretrained layers took for something is kept whole.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from headstart.probe.box_cells import BACKGROUND, UNCOUNTED, Cells

__all__ = ["CellRows", "LevelFit", "fit_level", "level_scores", "rows_of_cells"]


@dataclass(frozen=True)
class CellRows:
    """Some cells of one level of many images.

    Attributes:
        features: (R, c) float32.
        images: (R,) int, which image each is of.
        kinds: (R,) int64 class, or `BACKGROUND`.
        quality: (R,) float32 what the score of that class is to be.
        weights: (R,) float32 for how many cells each stands.
        certain: (R,) float32 what the score is multiplied with (objectness); ones where nothing.
    """

    features: np.ndarray
    images: np.ndarray
    kinds: np.ndarray
    quality: np.ndarray
    weights: np.ndarray
    certain: np.ndarray

    def fewer(self, most: int, rng: np.random.Generator) -> CellRows:
        """Returns at most about so many rows, each of which then stands for more.

        Args:
            most: Rows.
            rng: Draws them.
        """
        if len(self.images) <= most:
            return self
        drawn = self.of(rng.random(len(self.images)) < most / len(self.images))
        return replace(drawn, weights=drawn.weights * np.float32(len(self.images) / most))

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
        np.where(drawn[rows], 1 / share, 1.0).astype(np.float32),
        certain[rows].astype(np.float32),
    )  # fmt: skip


@dataclass(frozen=True)
class LevelFit:
    """A linear class layer of one level.

    Attributes:
        weights: (C, c) float32, of features as they come.
        bias: (C,) float32.
    """

    weights: np.ndarray
    bias: np.ndarray


def fit_level(
    rows: CellRows,
    start: LevelFit,
    learns: np.ndarray,
    strengths: np.ndarray,
    *,
    beta: float = 2.0,
    steps: int = 60,
) -> list[LevelFit]:
    """Fits the class layer of one level, M times side by side.

    Each minimises the quality focal loss, summed over its cells and classes, plus |W - start|^2 /
    (2 * strength) in standardised features: where there is little to learn from, a layer stays
    where it began. Reading the features is the cost, so that all models read them together.

    Args:
        rows: R cells that are learnt from; may be none.
        start: Where all begin: rows of the pretrained layer, or zeros with a low bias.
        learns: (R, M) bool, which cells each model learns from.
        strengths: (M,) larger is less regularised.
        beta: How much less a cell counts that is told well already; 0 for cross-entropy.
        steps: Of L-BFGS, at most.
    """
    models, classes = len(strengths), len(start.bias)
    if not len(rows.features):
        return [start] * models
    x = torch.from_numpy(rows.features)
    mean, std = x.mean(0), x.std(0, unbiased=False)
    std = std.clamp_min(1e-3 * float(std.mean().clamp_min(1e-6)))
    x = (x - mean) / std
    wanted = torch.zeros(len(x), 1, classes)
    own = torch.from_numpy(rows.kinds >= 0)
    wanted[own, 0, torch.from_numpy(rows.kinds)[own]] = torch.from_numpy(rows.quality)[own]
    certain = torch.from_numpy(rows.certain)[:, None, None]
    counts = torch.from_numpy(rows.weights[:, None] * learns)[:, :, None].float()
    scale = 1 / (wanted.sum(2) * counts[..., 0]).sum(0).clamp_min(1.0)
    decay = torch.from_numpy(np.asarray(strengths, np.float32))
    begun = torch.from_numpy(start.weights) * std
    level = torch.from_numpy(start.bias) + torch.from_numpy(start.weights) @ mean
    weights, bias = begun.repeat(models, 1, 1), level.repeat(models, 1)
    solver = torch.optim.LBFGS(
        [weights, bias], max_iter=steps, history_size=8, line_search_fn="strong_wolfe",
        tolerance_grad=1e-5, tolerance_change=1e-7,
    )  # fmt: skip

    def closure() -> torch.Tensor:
        with torch.no_grad():
            logits = (x @ weights.flatten(0, 1).T).unflatten(1, (models, classes)).add_(bias)
            losses, slopes = _focal(logits, wanted, certain, beta)
            slopes.mul_(counts).mul_(scale[:, None])
            moved = weights - begun
            apart = (moved**2).sum((1, 2)) / (2 * decay)
            flat = slopes.flatten(1)
            steep = (flat.T @ x).unflatten(0, (models, classes))
            weights.grad = steep + moved * (scale / decay)[:, None, None]
            bias.grad = slopes.sum(0)
            return ((losses.mul_(counts).sum((0, 2)) + apart) * scale).sum()

    solver.step(closure)
    raw = weights / std
    shift = bias - raw @ mean
    return [
        LevelFit(one.numpy().copy(), two.numpy().copy())
        if bool(torch.isfinite(one).all() and torch.isfinite(two).all())
        else start
        for one, two in zip(raw, shift, strict=True)
    ]


def _focal(
    logits: torch.Tensor, wanted: torch.Tensor, certain: torch.Tensor, beta: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns (R, M, C) quality focal losses, and their slopes by the logits.

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
