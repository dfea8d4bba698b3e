"""docs/architecture.md is the house as built: its tree and the folders agree."""

from __future__ import annotations

import re

from tests.test_layers import FLOORS, INSIDE, PACKAGE

PAGE = PACKAGE.parents[1] / "docs" / "architecture.md"


def drawn() -> dict[str, set[str]]:
    """Folder -> modules that the page's tree lists."""
    tree = re.search(r"^src/headstart/\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.S | re.M)
    assert tree, "the page has no tree"
    found: dict[str, set[str]] = {}
    room = ""
    for line in tree[1].splitlines():
        if line.startswith("      "):
            found[room] |= set(line.split())
        elif line.strip():
            room = line.split()[0].rstrip("/")
            found.setdefault(room, set())
    return found


def built() -> dict[str, set[str]]:
    """Folder -> modules that are there."""
    found: dict[str, set[str]] = {}
    for file in PACKAGE.rglob("*.py"):
        room = file.parent.relative_to(PACKAGE).as_posix()
        found.setdefault(room, set())
        if not file.stem.startswith("__"):
            found[room].add(file.stem)
    return found


def test_the_tree_and_the_folders_agree():
    assert drawn() == built()


def test_rooms_are_drawn_from_the_ground_up():
    order = [FLOORS[room.split("/")[0]] for room in drawn() if room != "."]
    assert order == sorted(order)
    for house, floors in INSIDE.items():
        inside = [floors[room.split("/")[1]] for room in drawn() if room.startswith(f"{house}/")]
        assert inside == sorted(inside)


def test_the_map_of_behaviours_leads_somewhere():
    text = (PACKAGE.parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.split("## Where is")[1].split("\n## ")[0]
    places = re.findall(r"`([\w/]+\.py)`", table)
    assert len(places) > 10
    assert [each for each in places if not (PACKAGE / each).is_file()] == []


def test_the_nouns_are_where_the_page_says():
    table = PAGE.read_text(encoding="utf-8").split("## The nouns")[1].split("\n## ")[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| `")]
    assert len(rows) > 20
    lost = []
    for nouns, *_, where in rows:
        files = [PACKAGE / each for each in re.findall(r"`([\w/]+\.py)`", where)]
        text = "".join(each.read_text(encoding="utf-8") for each in files if each.is_file())
        lost += [
            f"{noun} in {where}" for noun in re.findall(r"`(\w+)`", nouns)
            if not re.search(rf"^(class )?{noun}\b", text, re.M)
        ]  # fmt: skip
    assert lost == []
