"""A console whose text can be read again."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from rich.console import Console


@pytest.fixture
def console() -> Console:
    """As wide as a wide window, and without colours."""
    return Console(file=io.StringIO(), width=200, highlight=False)


@pytest.fixture
def lines(console: Console) -> Callable[[], list[str]]:
    """``lines()`` is what stands on the console, line by line, without blanks at the ends."""
    return lambda: [each.rstrip() for each in console.file.getvalue().splitlines()]


@pytest.fixture
def cells(lines: Callable[[], list[str]]) -> Callable[[], list[list[str]]]:
    """``cells()`` is the same, each line cut where columns are apart."""
    return lambda: [re.split(r"\s{2,}", line.strip()) for line in lines()]
