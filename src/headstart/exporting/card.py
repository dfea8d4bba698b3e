"""The model card beside an export: what the model is, how well it does, how to use it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from headstart.exporting.doubt import output_names
from headstart.nets.model import Model
from headstart.output import read_json
from headstart.records import Estimate
from headstart.run import Run
from headstart.tasks import words_of

__all__ = ["write_card"]

_SHOWN = 5
_DOUBTS = {
    "unlike": "(N,): how far an image is from all that was trained on; above 1 further than "
    "nineteen in twenty of held-out images",
    "possible": "(N, C) uint8: the classes that hold the true one nine times in ten",
}


def write_card(path: Path, run: Run, model: Model, record: Any, example: dict[str, Any]) -> None:
    """Writes a model card (Mitchell et al., 2019) in Markdown.

    Args:
        path: To write.
        run: Where the model comes from.
        model: What was exported.
        record: With `summary`, `files` and `primary`.
        example: The record of one answer.
    """
    from jinja2 import Environment, FileSystemLoader

    jinja = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=False,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    shown = _short({key: value for key, value in example.items() if key != "name"})
    text = jinja.get_template("card.md.j2").render(
        name=run.folder.resolve().name,
        model=model,
        outputs=model.head.outputs_at(model.preprocess.size),
        size=model.preprocess.size,
        backbone=read_json(run.model / "model.json")["backbone"]["name"],
        licence=model.backbone.source.licence or "not stated",
        results=run.results,
        measures={name: Estimate.from_json(each) for name, each in run.results["test"].items()},
        record=record,
        words=words_of(model.spec.task),
        example=json.dumps(shown, ensure_ascii=False),
        unsure="sure" in example,
        doubts={name: _DOUBTS[name] for name in output_names(model) if name in _DOUBTS},
    )
    path.write_text(text, encoding="utf-8")


def _short(value: Any) -> Any:
    """Numbers to three digits, and of many entries a few."""
    if isinstance(value, dict):
        return {key: _short(each) for key, each in list(value.items())[:_SHOWN]}
    return float(f"{value:.3g}") if isinstance(value, float) else value
