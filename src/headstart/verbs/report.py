"""`headstart report RUN`: the page about a run, written again from its files."""

from __future__ import annotations

from pathlib import Path

from headstart.errors import ModelError
from headstart.options.command import command
from headstart.options.report import ReportOptions

__all__ = ["report"]


@command(ReportOptions)
def report(options: ReportOptions) -> Path:
    """Renders `report.html` of a run again, from the files the run left behind.

    Returns:
        The path of the page.

    Raises:
        ModelError: If the folder does not exist or is not a run.
        OutputError: If the page cannot be written.
    """
    from headstart.reporting.page import write_report
    from headstart.run import Run

    folder = Path(options.run)
    if not folder.is_dir():
        what = "is a file, not the folder of a run" if folder.exists() else "does not exist"
        raise ModelError(f"{folder} {what}; give the folder that 'headstart train … -o RUN' wrote")
    if Run(folder).metrics.is_file():
        _ = Run(folder).results  # refused where another version wrote it
    return write_report(folder)
