"""The model card beside an export: what the model is, how well it does, how to use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headstart.nets.model import Model
from headstart.records import Estimate
from headstart.run import Run, read_json

__all__ = ["write_card"]


def write_card(path: Path, run: Run, model: Model, record: Any, threshold: float) -> None:
    """Writes a model card (Mitchell et al., 2019) in Markdown.

    Args:
        path: To write.
        run: Where the model comes from.
        model: What was exported.
        record: With `summary` and `files`.
        threshold: Below which it is not sure.
    """
    from jinja2 import Environment, FileSystemLoader

    jinja = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=False,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    text = jinja.get_template("card.md.j2").render(
        name=run.folder.resolve().name,
        model=model,
        size=model.preprocess.size,
        backbone=read_json(run.model / "model.json")["backbone"]["name"],
        licence=model.backbone.source.licence or "not stated",
        results=run.results,
        measures={name: Estimate.from_json(each) for name, each in run.results["test"].items()},
        record=record,
        threshold=threshold,
    )
    path.write_text(text, encoding="utf-8")
