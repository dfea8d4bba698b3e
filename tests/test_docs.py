"""The docs say what is so: links lead somewhere, commands parse, Python names what there is."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.test_layers import PACKAGE

import headstart
from headstart.cli import VERBS
from headstart.options.record import options_of
from headstart.options.shell import read

ROOT = PACKAGE.parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
HISTORY = "CHANGELOG.md"  # tells of flags that are gone, too
OTHERS = {"--help", "--json", "--quiet", "--version", "--no-drop-leaks"}
FLAGS_OF_SCRIPTS = {
    flag
    for script in [*ROOT.glob("benchmarks/**/*.py"), *ROOT.glob("scripts/**/*.py")]
    for flag in re.findall(r'add_argument\(\s*"(--[a-z0-9-]+)"', script.read_text(encoding="utf-8"))
}
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)


def anchors(page: Path) -> set[str]:
    """What GitHub calls the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def record(verb: str):
    module = importlib.import_module(f"headstart.options.{verb}")
    return getattr(module, f"{verb.capitalize()}Options")


def flags(verb: str) -> set[str]:
    return {flag for each in options_of(record(verb)) if not each.subject for flag in each.flags}


def commands(text: str) -> Iterator[str]:
    """Lines of code that begin with `headstart`, without prompt, remark and redirection."""
    for line in re.findall(r"^(?: {4,})?(?:\$ )?(headstart [^\n]+)$", text, re.M):
        yield re.split(r"\s+#|\s+>", line)[0].strip()


@pages
def test_links_lead_somewhere(page):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


def test_every_page_of_the_docs_is_linked_from_the_readme():
    linked = set(re.findall(r"\]\(docs/([\w-]+\.md)", (ROOT / "README.md").read_text("utf-8")))
    assert {page.name for page in (ROOT / "docs").glob("*.md")} == linked


@pages
def test_commands_parse(page):
    refused = []
    for line in commands(page.read_text(encoding="utf-8")):
        _, verb, *words = shlex.split(line)
        if verb == "VERB" or words == ["--help"] or verb.startswith("-"):
            continue
        try:
            read(record(verb), words)
        except headstart.HeadstartError as error:
            refused.append(f"{line}: {error}")
    assert refused == []


@pytest.mark.parametrize("verb", VERBS)
def test_the_examples_of_the_help_parse(verb):
    for line in record(verb).EXAMPLES:
        words = shlex.split(line.partition("headstart ")[2].partition(" >")[0])
        assert words[0] == verb
        read(record(verb), words[1:])


@pages
def test_flags_that_are_named_are_there(page):
    if page.name == HISTORY:
        pytest.skip("what changed also tells of what is gone")
    known = {flag for verb in VERBS for flag in flags(verb)} | OTHERS | FLAGS_OF_SCRIPTS
    wrong = []
    for code in re.findall(r"`([^`\n]+)`", prose(page)):
        verb = code.split()[1] if code.startswith("headstart ") else None
        wanted = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", code))
        if verb is not None and verb != "VERB" and not verb.startswith("-"):
            assert verb in VERBS, code
            wrong += [f"{code}: {each}" for each in wanted - flags(verb) - OTHERS]
        elif not code.startswith(("pip ", "python ", "docker ", "hf ")):
            wrong += [f"{code}: {each}" for each in wanted - known]
    assert wrong == []


@pages
def test_python_names_what_there_is(page):
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.S | re.M):
        if "/learn.py" in block or "<name>" in block:
            continue  # the agreement of a task, told as a sketch
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("headstart"):
                home = importlib.import_module(node.module)
                assert all(hasattr(home, each.name) for each in node.names), block
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if isinstance(node.func.value, ast.Name) and node.func.value.id == "headstart":
                verb = node.func.attr
                assert verb in headstart.__all__, verb
                if verb in VERBS:
                    names = {each.name for each in options_of(record(verb))} | {"progress"}
                    assert {each.arg for each in node.keywords} <= names, block


def test_every_file_that_is_named_in_benchmarks_and_the_makefile_is_there():
    for page in [*PAGES, ROOT / "Makefile"]:
        if page.name == HISTORY:
            continue
        named = set(re.findall(r"(?:benchmarks|scripts)/[\w/]+\.py", page.read_text("utf-8")))
        assert [each for each in sorted(named) if not (ROOT / each).is_file()] == [], page.name
