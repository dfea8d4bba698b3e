"""The page about a recognition that was measured: the ROC and its measures. It computes nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from headstart.errors import OutputError
from headstart.output import write_atomic
from headstart.records import Estimate
from headstart.reporting.figures import HEIGHT, LEFT, TOP, WIDTH, frame, x_label, y_axis

__all__ = ["roc_figure", "write_page"]

_STYLE = Path(__file__).parent / "report.css"
_DECADES = 6


def roc_figure(
    far: Sequence[float], tar: Sequence[float], *, at: tuple[Estimate, Estimate] | None = None
) -> Markup:
    """Draws a ROC on a logarithmic axis of false-accept rates, where the low ones can be read.

    Args:
        far: Rates in rising order, 0 first.
        tar: Of each.
        at: Both rates at a threshold that is in use, drawn as a dot with its interval.
    """
    least = min((value for value in far if value > 0), default=0.1)
    decades = min(_DECADES, max(1, math.ceil(-math.log10(least) - 1e-9)))

    def x(value: float) -> float:
        share = 1 + math.log10(max(value, 10.0**-decades)) / decades
        return LEFT + WIDTH * share

    def y(value: float) -> float:
        return TOP + HEIGHT * (1 - value)

    said = []
    for power in range(1, decades + 1):
        best = max(b for a, b in zip(far, tar, strict=True) if a <= 10.0**-power * (1 + 1e-9))
        said.append(f"FAR {10.0**-power:g}, TAR {best:.0%}")
    label = "ROC: " + "; ".join(said)
    parts = [
        *frame(label, "different people accepted (FAR)", "same person accepted (TAR)"),
        *y_axis(0, 1),
    ]
    parts += [x_label(x(10.0**-power), f"{10.0**-power:g}") for power in range(decades + 1)]
    path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in zip(far, tar, strict=True))
    parts.append(Markup('<polyline class="line" points="{}"/>').format(path))
    if at is not None:
        wrong, right = at
        parts.append(
            Markup(
                '<line class="whisker" x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}"/>'
                '<line class="whisker" x1="{3:.1f}" x2="{4:.1f}" y1="{5:.1f}" y2="{5:.1f}"/>'
                '<circle class="after" cx="{0:.1f}" cy="{5:.1f}" r="5"/>'
            ).format(
                x(wrong.value), y(right.low), y(right.high), x(wrong.low), x(wrong.high),
                y(right.value),
            )
        )  # fmt: skip
    return Markup("").join([*parts, Markup("</svg>")])


def write_page(
    file: Path,
    *,
    lines: Sequence[str],
    rows: Sequence[tuple[str, Estimate]],
    curve: Mapping[str, Sequence[float]],
    at: tuple[Estimate, Estimate] | None = None,
) -> None:
    """Writes one page that stands on its own.

    Args:
        file: Where.
        lines: Sentences at the top.
        rows: Measures by name.
        curve: ``far`` and ``tar``.
        at: See `roc_figure`.

    Raises:
        OutputError: If it cannot be written.
    """
    cells = Markup("").join(
        Markup(
            '<tr><th scope="row">{}</th><td class="n">{:.4f}</td>'
            '<td class="span">{:.4f} – {:.4f}</td><td class="n">{:,}</td></tr>'
        ).format(name, each.value, each.low, each.high, each.n)
        for name, each in rows
    )
    dot = Markup("<figcaption>The dot is the gallery's threshold, with 95% intervals.</figcaption>")
    page = Markup(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>Recognition, measured</title><style>{style}</style></head><body>"
        '<header><p class="eyebrow">headstart verify</p><h1>Recognition, measured</h1></header>'
        "<main>{said}<figure>{figure}{dot}</figure><section>"
        '<div class="scroll"><table><thead><tr><th scope="col">measure</th>'
        '<th scope="col" class="n">value</th><th scope="col">95% interval</th>'
        '<th scope="col" class="n">n</th></tr></thead><tbody>{cells}</tbody></table></div>'
        "</section></main></body></html>\n"
    ).format(
        style=Markup(_STYLE.read_text(encoding="utf-8")),
        said=Markup("").join(Markup("<p>{}</p>").format(line) for line in lines),
        figure=roc_figure(curve["far"], curve["tar"], at=at),
        dot=dot if at is not None else "",
        cells=cells,
    )
    try:
        write_atomic(file, str(page))
    except OSError as error:
        raise OutputError(
            f"cannot write {file} ({error.strerror or error}); choose another -o"
        ) from None
