"""Which tables are splits: told by what they, or the folders around them, are called."""

from __future__ import annotations

from pathlib import Path

from headstart.data.words import split_word

__all__ = ["split_tables"]


def split_tables(tables: list[Path]) -> dict[str, Path]:
    """Returns split -> the table that is called so, where no two are called alike."""
    homes = len({path.parent for path in tables}) > 1  # one of all says nothing of any
    words = {
        p: split_word(p.stem) or (split_word(p.parent.name) if homes else None) for p in tables
    }
    told = {str(word): path for path, word in words.items() if word and word != "pred"}
    return told if len(told) == sum(word is not None for word in words.values()) else {}
