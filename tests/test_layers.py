"""Imports go down: the folder list is the data flow (docs/architecture.md)."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "headstart"

# Floors of docs/architecture.md. Modules of floor 0 may use each other; from floor 1 on, what
# shares a floor is strangers.
FLOORS = {
    room: floor
    for floor, rooms in enumerate([
        ("cells", "choices", "compute", "errors", "fingerprint", "lists", "output", "predictions",
         "records", "resume", "run", "samples", "shares", "stacking"),
        ("data", "metrics"),
        ("images",),
        ("checks",),
        ("nets",),
        ("features",),
        ("probe",),
        ("training",),
        ("tasks",),
        ("options",),
        ("gallery", "scoring"),
        ("strategies",),
        ("results",),
        ("advice",),
        ("deploy", "reporting"),
        ("exporting", "video"),
        ("auditing",),
        ("verbs",),
        ("console",),
        ("cli",),
        ("__init__", "__main__"),
    ])
    for room in rooms
}  # fmt: skip

# The same inside of data/: its nouns, its rooms in the order that files go through them, its door.
FLOORS_OF_DATA = {
    room: floor
    for floor, rooms in enumerate([
        ("dataset", "labels", "reading", "words"),
        ("files",),
        ("splits",),
        ("tables",),
        ("annotations",),
        ("tools",),
        ("classes", "masks"),
        ("boxes",),
        ("places",),
        ("open",),
    ])
    for room in rooms
}  # fmt: skip

# Inside of nets/: nouns, rooms from files to what learns, and models on top.
FLOORS_OF_NETS = {
    room: floor
    for floor, rooms in enumerate([
        ("imports", "stages"),
        ("files", "batches"),
        ("heads",),
        ("masks", "boxes"),
        ("torchvision", "detectors"),
        ("engines", "smp"),
        ("pretrained",),
        ("learning",),
        ("model",),
        ("place_runner",),
    ])
    for room in rooms
}  # fmt: skip

# Inside of strategies/: nouns, rooms in which later ones use earlier ones, and the door.
FLOORS_OF_STRATEGIES = {
    room: floor
    for floor, rooms in enumerate([
        ("ask", "clock", "make_problem", "prepare", "problem", "trained"),
        ("finetuning",),
        ("classes",),
        ("placed",),
        ("masks", "boxes", "identities"),
        ("ways",),
        ("look",),
    ])
    for room in rooms
}  # fmt: skip

INSIDE = {"data": FLOORS_OF_DATA, "nets": FLOORS_OF_NETS, "strategies": FLOORS_OF_STRATEGIES}

# What is deployed is here too, so nothing that trains may come in with these.
TORCHLESS = {
    "cells", "choices", "compute", "errors", "fingerprint", "lists", "output", "predictions",
    "records", "resume", "run", "shares", "stacking", "data", "metrics", "images", "checks",
    "deploy", "cli", "__init__",
}  # fmt: skip
TRAINERS = {"torch", "torchvision", "timm", "lightning", "openvino", "huggingface_hub"}

FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(file: Path, house: Path = PACKAGE) -> str:
    """The first part of a file's place: the package, or the module itself on the ground floor."""
    first = file.relative_to(house).parts[0]
    return first.removesuffix(".py")


def climbs(room: str, other: str, floors: dict[str, int]) -> bool:
    """Whether what a room imports lies above it, or is a stranger on the same floor."""
    if other == room:
        return False
    return floors[other] > floors[room] or floors[other] == floors[room] > 0


@functools.cache
def imports_of(file: Path) -> list[tuple[int, str]]:
    """(line, dotted module) of every import, those inside functions and TYPE_CHECKING included."""
    found = []
    package = ["headstart", *file.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            if module == "headstart":  # from headstart import data: a name or a room
                found += [
                    (node.lineno, f"headstart.{alias.name}" if alias.name in FLOORS else module)
                    for alias in node.names
                ]
            elif module.removeprefix("headstart.") in INSIDE:  # from headstart.nets import boxes
                found += [(node.lineno, f"{module}.{alias.name}") for alias in node.names]
            else:
                found.append((node.lineno, module))
    return found


def test_every_room_has_a_floor():
    unknown = {room_of(file) for file in FILES} - set(FLOORS)
    assert not unknown, f"give these a floor here and in docs/architecture.md: {unknown}"


def test_imports_go_down():
    wrong = []
    for file in FILES:
        room = room_of(file)
        for line, module in imports_of(file):
            if module == "headstart" and room != "__init__":
                wrong.append(
                    f"{file}:{line}: import from the room that defines it, not from headstart"
                )
            if not module.startswith("headstart."):
                continue
            other = module.split(".")[1]
            if climbs(room, other, FLOORS):
                wrong.append(
                    f"{file}:{line}: {room} (floor {FLOORS[room]}) imports {module} "
                    f"(floor {FLOORS[other]})"
                )
    assert not wrong, "\n".join(wrong)


def files_inside(house: str) -> list[Path]:
    """Modules of a room that has rooms itself."""
    return [f for f in FILES if PACKAGE / house in f.parents and f.name != "__init__.py"]


@pytest.mark.parametrize("house", INSIDE)
def test_every_room_inside_has_a_floor(house):
    """A module beside the nouns is refused too: what is new goes into a room."""
    assert {room_of(file, PACKAGE / house) for file in files_inside(house)} == set(INSIDE[house])


@pytest.mark.parametrize("house", INSIDE)
def test_imports_go_down_inside(house):
    wrong = []
    for file in files_inside(house):
        room = room_of(file, PACKAGE / house)
        for line, module in imports_of(file):
            if module.startswith(f"headstart.{house}."):
                other = module.split(".")[2]
                if climbs(room, other, INSIDE[house]):
                    wrong.append(f"{file}:{line}: {room} imports {module}, which is not below")
    assert not wrong, "\n".join(wrong)


def test_low_floors_know_no_trainers():
    low = [file for file in FILES if room_of(file) in TORCHLESS]
    assert len(low) > 100
    wrong = [
        f"{file}:{line}: {module}"
        for file in low
        for line, module in imports_of(file)
        if module.split(".")[0] in TRAINERS
    ]
    assert not wrong, "\n".join(wrong)


def test_verbs_import_heavy_libraries_inside_functions():
    """A verb's module may be imported to show its flags, so torch must wait for the call."""
    wrong = []
    for file in FILES:
        if room_of(file) not in {"verbs", "cli", "__init__"}:
            continue
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            heavy = {n.split(".")[0] for n in names} & (TRAINERS | {"sklearn", "scipy"})
            wrong += [f"{file}:{node.lineno}: {', '.join(heavy)}"] if heavy else []
    assert not wrong, "\n".join(wrong)
