"""How numbers are learnt: as neighbouring ranges, which are classes like any other."""

from __future__ import annotations

from headstart.tasks.classification.learn import batches, correct, head, loss

__all__ = ["batches", "correct", "head", "loss"]
