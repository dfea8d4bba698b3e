"""Fences around the house: what would let it grow crooked again is refused here.

Every exception is listed with its reason in `fences.json`; the lists are meant to shrink.
"""

from __future__ import annotations

import ast
import json
from collections import defaultdict
from pathlib import Path

from tests.test_layers import FILES, PACKAGE, imports_of, room_of

from headstart.cli import VERBS

TESTS = Path(__file__).resolve().parent
EXCEPTIONS = json.loads((TESTS / "fences.json").read_text(encoding="utf-8"))
MOST_PARAMETERS = 8
MOST_LINES = 350
MOST_CODE = 60

TREES = {file: ast.parse(file.read_text(encoding="utf-8"), str(file)) for file in FILES}


def module_of(file: Path) -> str:
    """Dotted name below `headstart`."""
    return ".".join(file.relative_to(PACKAGE).with_suffix("").parts)


MODULES = {module_of(file): file for file in FILES}


def public_names(file: Path) -> list[str]:
    """What `__all__` of a module lists."""
    for node in TREES[file].body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return [each.value for each in node.value.elts]
    return []


# --- verbs ----------------------------------------------------------------------------------


def test_verbs_holds_only_the_commands():
    stems = {file.stem for file in FILES if room_of(file) == "verbs"} - {"__init__"}
    assert stems == set(VERBS)


# --- names ----------------------------------------------------------------------------------


# What every task is asked by (`tasks.protocol`): one name, as many homes as there are tasks.
ASKED_OF_TASKS = frozenset([
    "PRIMARY", "MEASURES", "check", "encode", "decode", "measures", "details", "baselines", "draw",
    "head", "batches", "loss", "correct", "compared", "read_labels", "PLACED", "OBJECTS", "settle",
    "TOLD_APART", "rough", "served", "noise_of", "disturbed", "write_answers", "write_labels",
])  # fmt: skip


def test_no_public_name_twice():
    homes = defaultdict(list)
    for file in FILES:
        if module_of(file) != "__init__":
            for name in public_names(file):
                asked = name in ASKED_OF_TASKS and module_of(file).startswith("tasks.")
                homes[name] += [] if asked else [module_of(file)]
    twice = {name: sorted(where) for name, where in homes.items() if len(where) > 1}
    assert set(twice) == set(EXCEPTIONS["shared_names"]), twice


def test_no_private_name_is_imported():
    wrong = {
        f"{module_of(file)}: {alias.name}"
        for file, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("headstart")
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.startswith("__")
    }
    assert wrong == set(EXCEPTIONS["private_imports"]), wrong


# --- cycles and torch -----------------------------------------------------------------------


def graph() -> dict[str, set[str]]:
    """Module -> modules it imports, TYPE_CHECKING and imports inside functions included."""
    edges: dict[str, set[str]] = {}
    for file in FILES:
        found = set()
        for node in ast.walk(TREES[file]):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("headstart"):
                base = (node.module or "").removeprefix("headstart").lstrip(".")
                for alias in node.names:
                    full = f"{base}.{alias.name}" if base else alias.name
                    for each in (full, base, f"{base}.__init__"):
                        if each in MODULES:
                            found.add(each)
                            break
        edges[module_of(file)] = found - {module_of(file)}
    return edges


def test_no_import_cycle():
    edges, done, path, cycles = graph(), set(), [], set()

    def visit(module: str) -> None:
        if module in path:
            cycles.add(" -> ".join([*path[path.index(module) :], module]))
        if module in path or module in done:
            return
        path.append(module)
        for other in sorted(edges[module]):
            visit(other)
        path.pop()
        done.add(module)

    for module in sorted(edges):
        if module not in ("__init__",):  # its names are imported when they are asked for
            visit(module)
    assert cycles == set(EXCEPTIONS["cycles"]), cycles


def test_deployed_rooms_reach_no_torch():
    """Whatever a deployed room imports, and what that imports, is without what trains."""
    edges = graph()
    heavy = {"torch", "torchvision", "timm", "openvino", "sklearn", "scipy"}
    direct = {
        module_of(file): {name.split(".")[0] for _, name in imports_of(file)} & heavy
        for file in FILES
    }
    reaching = {}
    for start in edges:
        if start.split(".")[0] not in {"deploy", "images", "data", "metrics"}:
            continue
        queue, seen = [start], {start}
        while queue:
            module = queue.pop()
            if direct[module]:
                reaching[start] = f"{', '.join(sorted(direct[module]))} through {module}"
            new = edges[module] - seen
            seen |= new
            queue += new
    assert set(reaching) == set(EXCEPTIONS["reaching_torch"]), reaching


# --- sizes ----------------------------------------------------------------------------------


def functions() -> list[tuple[str, ast.FunctionDef]]:
    """(module:name, node) of every function and method."""
    return [
        (f"{module_of(file)}:{node.name}", node)
        for file, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_at_most_eight_parameters_outside_of_verbs():
    found = {}
    for name, node in functions():
        if name.startswith("verbs."):
            continue
        arguments = [
            a.arg for a in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        ]
        count = len([each for each in arguments if each not in ("self", "cls")])
        if count > MOST_PARAMETERS:
            found[name] = count
    assert set(found) == set(EXCEPTIONS["long_signatures"]), found


def lines_of_code(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    first = node.body[0]
    doc = 0
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        doc = (first.end_lineno or 0) - first.lineno + 1
    return (node.end_lineno or 0) - node.lineno + 1 - doc


def test_functions_are_short():
    found = {name: lines_of_code(node) for name, node in functions()}
    found = {name: count for name, count in found.items() if count > MOST_CODE}
    assert set(found) == set(EXCEPTIONS["long_functions"]), found


def test_files_are_short():
    texts = [*FILES, *PACKAGE.rglob("*.j2"), *PACKAGE.rglob("*.css"), *PACKAGE.rglob("*.js")]
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in texts}
    long = {str(file.relative_to(PACKAGE)): n for file, n in lengths.items() if n > MOST_LINES}
    assert set(long) == set(EXCEPTIONS["long_files"]), long
    real = sorted(lengths[file] for file in FILES if lengths[file] > 5)
    median = real[len(real) // 2]
    assert median <= EXCEPTIONS.get("median", 140), f"the median file has {median} lines"


# --- tests ----------------------------------------------------------------------------------


def test_every_module_has_its_mirrored_test():
    missing = set()
    for module, file in MODULES.items():
        if file.stem in ("__init__", "__main__") and len(file.read_text().splitlines()) < 10:
            continue
        *rooms, name = module.split(".")
        if name == "__init__":
            rooms, name = rooms[:-1], rooms[-1] if rooms else "public_names"
        if not (TESTS.joinpath(*rooms) / f"test_{name}.py").is_file():
            missing.add(module)
    assert missing == set(EXCEPTIONS["unmirrored"]), sorted(missing ^ set(EXCEPTIONS["unmirrored"]))


def test_enough_lines_of_tests():
    source = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in FILES)
    tests = sum(len(f.read_text(encoding="utf-8").splitlines()) for f in TESTS.rglob("*.py"))
    assert tests / source >= EXCEPTIONS.get("tests", 0.8), (
        f"{tests} lines of tests for {source} of the package"
    )
