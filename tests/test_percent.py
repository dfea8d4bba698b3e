"""A share is written in one way wherever a user reads it: 95%, as tables and charts have it."""

import ast
import re
from pathlib import Path

import headstart

ROOT = Path(headstart.__file__).parent


def _said(tree):
    """Yields every text that is no docstring, of f-strings with {} for what is put in."""
    plain = {
        id(node.value) for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [str(p.value) if isinstance(p, ast.Constant) else "0" for p in node.values]
            yield node.lineno, "".join(parts)
        elif isinstance(node, ast.Constant) and id(node) not in plain:
            yield node.lineno, str(node.value)


def test_no_blank_stands_before_a_percent_sign():
    found = []
    for file in ROOT.rglob("*.py"):
        for line, text in _said(ast.parse(file.read_text())):
            if re.search(r"\d %(?![(\w%])", text):
                found.append(f"{file.relative_to(ROOT)}:{line} {text}")
    for file in [*ROOT.rglob("*.j2"), *ROOT.rglob("*.js")]:
        for line, text in enumerate(file.read_text().splitlines(), 1):
            if re.search(r"\d %(?!\})|\)\} %", text):
                found.append(f"{file.relative_to(ROOT)}:{line} {text}")
    assert found == []
