"""`write_audit`: an audit as `audit.json` and as a page that a colleague can read alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from headstart.errors import OutputError
from headstart.lists import some_of
from headstart.output import write_atomic
from headstart.records import to_json
from headstart.reporting.templates import template
from headstart.run import Run

__all__ = ["write_audit"]

_HARM = {  # corruption -> what images have that suffered it
    "blur": "blur", "noise": "noise", "JPEG": "strong JPEG compression", "dark": "too little light",
    "bright": "too much light", "contrast": "little contrast", "rotation": "a turned camera",
    "resolution": "few pixels",
}  # fmt: skip


def write_audit(
    run: Run,
    audit: Any,
    pictures: Mapping[str, list[dict[str, Any]]],
    *,
    name: str | None = None,
    border_said: str = "",
) -> None:
    """Writes what was found into a run.

    Args:
        run: Whose model was audited.
        audit: The record.
        pictures: Column -> its cells, each with what it is called and a few images.
        name: What the run is called; by default as its folder.
        border_said: What to do about what the border tells; empty where nothing is.

    Raises:
        OutputError: If it cannot be written.
    """
    text = to_json(audit)
    file, place = run.audit_files(audit.data, audit.by)
    whole = run.audit_files(audit.data)[1]
    value = json.loads(text)
    said = {each["column"]: each for each in value["said"]}
    serious, warnings = (
        [each for each in value["said"] if each["verdict"] == verdict]
        for verdict in ("serious", "warning")
    )
    worse = value["corruptions"] or {"kinds": []}
    page = template("audit.html.j2").render(
        run=name or run.folder.resolve().name,
        audit=value,
        file=file.name,
        data=PurePath(audit.data).name,
        whole=whole.name if audit.by and whole.is_file() else "",
        columns=[
            {**each, "said": said[each["column"]], "cells_shown": pictures.get(each["column"], [])}
            for each in value["columns"]
        ],
        serious=serious,
        repaired=_repaired_for(run),
        warnings=warnings,
        leads=(serious + warnings)[:3],
        suspects=pictures.get("", []),
        maps=pictures.get(" maps", []),
        corrupted=pictures.get(" corrupted", []),
        outer_serious=[each for each in value["outer"] if each["verdict"] == "serious"],
        outer_open=[each for each in value["outer"] if each["verdict"] != "fine"],
        outer_to_do=_alike(value["outer"]),
        border_said=border_said,
        kinds=some_of(value["classes"], 8),
        harmed=list(
            dict.fromkeys(_HARM[each["name"]] for each in worse["kinds"] if each["surely"])
        ),
    )
    try:
        write_atomic(file, text + "\n")
        write_atomic(place, page)
    except OSError as error:
        raise OutputError(f"{run.folder} cannot be written: {error.strerror or error}") from error


def _repaired_for(run: Run) -> str:
    """Returns the column that the run's head was repaired for; empty where it was not."""
    made = run.results.get("repair") if run.metrics.is_file() else None
    return str((made or {}).get("column", ""))


def _alike(outer: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns what to do about properties, what is to be done alike together."""
    found: dict[tuple[str, str], list[str]] = {}
    for each in outer:
        if each["verdict"] != "fine":
            found.setdefault((each["verdict"], each["remedy"]), []).append(each["name"])
    return [
        {"verdict": verdict, "names": ", ".join(names), "remedy": remedy}
        for (verdict, remedy), names in found.items()
    ]
