"""What the categories of COCO's files are called, where some lack a name or share one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from headstart.data.words import normal

__all__ = ["category_names", "said_of_categories"]

_NONE = (None, "")


def category_names(categories: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """Returns for each category its name, and what is to be said of it, or ``""``.

    One without a name is called after what it belongs to, where no other belongs to that, else by
    its number.

    Args:
        categories: C records.
    """
    above = Counter(str(each.get("supercategory")) for each in categories)
    named = {normal(str(each["name"])) for each in categories if each.get("name") not in _NONE}
    found = []
    for each in categories:
        number, parent = each.get("id"), str(each.get("supercategory"))
        if each.get("name") not in _NONE:
            found.append((str(each["name"]), ""))
        elif each.get("supercategory") in _NONE or above[parent] > 1 or normal(parent) in named:
            found.append((str(number), f"category {number} has no name: called by its number"))
        else:
            said = f"category {number} has no name: called {parent}, after its supercategory"
            found.append((parent, said))
    return found


def said_of_categories(categories: Sequence[dict[str, Any]]) -> list[str]:
    """Returns what is to be said of categories without a name, and of two of one name."""
    called = category_names(categories)
    counts = Counter(normal(name) for name, _ in called)
    twice = [f"two categories are called {name}: taken for one"
             for name, count in counts.items() if count > 1]  # fmt: skip
    return [*(said for _, said in called if said), *twice]
