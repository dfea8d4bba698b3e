"""`export`: a run's model as one ONNX file, proven to answer as the run's model does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headstart.compute import Progress, silent
from headstart.options.command import command
from headstart.options.export import ExportOptions
from headstart.output import check_output, new_folder

if TYPE_CHECKING:
    from headstart.exporting.record import Export

__all__ = ["export"]


@command(ExportOptions)
def export(options: ExportOptions, progress: Progress = silent) -> Export:
    """Writes a run's model as ONNX, with everything that prediction needs inside.

    Returns:
        An `Export`.

    Raises:
        ModelError: If there is no run, its images are gone, its network has no ONNX form, or
            what was written does not answer as the run's model does.
        OptionError: If an argument makes no sense.
        OutputError: If `out` cannot be written.
    """
    from headstart.exporting.record import HOLDS
    from headstart.exporting.write_export import Choices, write_export
    from headstart.run import Run

    opened, folder = Run.open(options.run), Path(options.out)
    check_output(folder, overwrite=options.overwrite, holds=HOLDS, what="export")
    place = Path(options.data) if options.data is not None else None
    choices = Choices(
        place, options.int8, options.fp16, options.max_drop, options.threshold, options.seed
    )
    with new_folder(folder, overwrite=options.overwrite, holds=HOLDS, what="export") as home:
        return write_export(opened, folder, home, choices, progress)
