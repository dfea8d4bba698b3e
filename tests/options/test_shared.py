"""Options that several verbs have mean the same in each."""

from __future__ import annotations

import importlib
from collections import defaultdict

from headstart.cli import VERBS
from headstart.options import shared
from headstart.options.record import options_of

# What has another meaning for the verb that has it: which faces, and the side of the crops.
OTHER_NAMES = {
    "annotations_option": "annotations",
    "faces_option": "faces",
    "folds_option": "folds",
}
NAMES = {OTHER_NAMES.get(each, each) for each in shared.__all__}
OWN = {("faces", "faces"), ("faces", "image_size"), ("check", "backbone"), ("export", "threshold")}


def records():
    for verb in VERBS:
        module = importlib.import_module(f"headstart.options.{verb}")
        yield verb, getattr(module, f"{verb.capitalize()}Options")


def test_same_name_same_type_group_and_metavar():
    seen = defaultdict(set)
    for verb, record in records():
        for each in options_of(record):
            if each.name in NAMES and (verb, each.name) not in OWN:
                kind = (each.kind.choices, each.kind.number, each.kind.flag, each.kind.path)
                seen[each.name].add((kind, each.group, str(each.limits)))
    assert set(seen) == NAMES
    assert {name: found for name, found in seen.items() if len(found) > 1} == {}


def test_what_is_asked_for_the_same_way_is_said_the_same_way():
    helps = defaultdict(set)
    for verb, record in records():
        for each in options_of(record):
            if (verb, each.name) == ("train", "detector"):
                continue  # of boxes it names what learns them
            helps[each.name].add(each.help)
    for name in ("task", "split", "detector", "workers", "geometry", "folds", "threshold"):
        found = {each for each in helps[name] if not each.startswith("Probability below which")}
        assert len(found) == 1, (name, found)
