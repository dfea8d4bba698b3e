"""`export`: a run's model as one ONNX file, proven to answer as the run's model does."""

from __future__ import annotations

from pathlib import Path

from headstart.compute import Progress, silent
from headstart.errors import OptionError
from headstart.exporting.record import HOLDS, Export
from headstart.run import Run, check_output, new_folder

__all__ = ["export"]


def export(
    run: str | Path,
    *,
    out: str | Path,
    data: str | Path | None = None,
    int8: bool = False,
    fp16: bool = False,
    max_drop: float = 1.0,
    threshold: float = 0.5,
    seed: int = 0,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Export:
    """Writes a run's model as ONNX, with everything that prediction needs inside.

    Args:
        run: The folder that `train` wrote.
        out: Folder to write: `model.onnx`, a model card, `export.json`.
        data: Where the run's images are now; by default where they were.
        int8: Write `model-int8.onnx` too, if it is shown to cost no more than `max_drop`.
        fp16: Write `model-fp16.onnx` too: half the size.
        max_drop: What int8 may cost in the measure that decides, by the unfavourable end of a
            95 % interval: points of a share such as accuracy, per cent of all else.
        threshold: Probability below which predictions are shown as not sure.
        seed: Of the choice of images and of intervals.
        overwrite: Replace an earlier export in `out`.
        progress: Called as work goes on.

    Returns:
        An `Export`.

    Raises:
        ModelError: If there is no run, its images are gone, its network has no ONNX form, or
            what was written does not answer as the run's model does.
        OptionError: If an argument makes no sense.
        OutputError: If `out` cannot be written.
    """
    from headstart.exporting.write_export import Choices, write_export

    if not 0 <= max_drop <= 100:
        raise OptionError(f"--max-drop {max_drop}: choose between 0 and 100")
    if not 0 <= threshold < 1:
        raise OptionError(f"--threshold {threshold}: choose from 0 to below 1")
    opened, folder = Run.open(run), Path(out)
    check_output(folder, overwrite=overwrite, holds=HOLDS, what="export")
    place = Path(data) if data is not None else None
    choices = Choices(place, int8, fp16, max_drop, threshold, seed)
    with new_folder(folder, overwrite=overwrite, holds=HOLDS, what="export") as home:
        return write_export(opened, folder, home, choices, progress)
