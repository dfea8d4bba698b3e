"""`template`: the pages' Jinja templates, with the figures and formats that they use."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.reporting import box_figures, curves, figures, scatter

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["template"]


@functools.cache
def template(name: str) -> Template:
    """Returns a template of this folder, with the figures and formats that pages use.

    Args:
        name: Of the file.
    """
    from jinja2 import ChainableUndefined, Environment, FileSystemLoader

    jinja = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=ChainableUndefined,  # a part that is missing is left out
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters.update(
        percent=figures.percent,
        number=figures.number,
        span=figures.span,
        in_points=figures.in_points,
        signed=figures.signed,
        duration=figures.duration,
    )
    jinja.globals.update(
        dots=figures.dots,
        track=figures.track,
        reliability_diagram=figures.reliability_diagram,
        learning_curve=figures.draw_learning_curve,
        loss_curve=curves.loss_curve,
        accuracy_curve=curves.accuracy_curve,
        scatter=scatter.scatter,
        precision_recall=box_figures.precision_recall,
        size_histogram=box_figures.size_histogram,
    )
    return jinja.get_template(name)
