"""`demo`: the whole path on sample data, offline."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.compute import Progress, silent
from headstart.errors import OutputError
from headstart.options.command import command
from headstart.options.demo import DemoOptions

if TYPE_CHECKING:
    from headstart.predictions import Predictions
    from headstart.results.checkup import Checkup
    from headstart.results.evaluation import Evaluation
    from headstart.run import Run

__all__ = ["Demo", "demo"]


@dataclass(frozen=True)
class Demo:
    """What `demo` did, step by step.

    Attributes:
        data: The sample data it wrote.
        checkup: What `check` found in them.
        run: What `train` left behind.
        evaluation: The run's measures.
        predictions: Of a few of its images.
    """

    data: Path
    checkup: Checkup
    run: Run
    evaluation: Evaluation
    predictions: Predictions

    def __repr__(self) -> str:
        return f"Demo(data={str(self.data)!r}, run={self.run!r})"

    def _repr_html_(self) -> str:
        return self.checkup._repr_html_() + self.run._repr_html_()


@command(DemoOptions)
def demo(options: DemoOptions, progress: Progress = silent) -> Demo:
    """Writes sample data (handwritten digits), checks, trains, evaluates and predicts.

    Returns:
        A `Demo`.

    Raises:
        OutputError: If `out` is taken by something else, or cannot be written.
    """
    from headstart.samples import write_digits
    from headstart.verbs.check import check
    from headstart.verbs.evaluate import evaluate
    from headstart.verbs.predict import predict
    from headstart.verbs.train import train

    folder = Path(options.out)
    data, run_folder = folder / "digits", folder / "run"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        known = {data.name, run_folder.name}
        strange = sorted(each.name for each in folder.iterdir() if each.name not in known)
        if strange:
            raise OutputError(
                f"{folder} holds {strange[0]}, which is not the demo's; choose another -o"
            )
        if data.exists():
            if not options.overwrite:
                raise OutputError(f"{folder} holds an earlier demo; say --overwrite to replace it")
            shutil.rmtree(data)
    except OSError as error:
        raise OutputError(
            f"cannot write in {folder} ({error.strerror}); choose another -o"
        ) from None
    write_digits(data)
    checkup = check(data, progress=progress)
    run = train(
        data,
        out=run_folder,
        backbone=options.backbone,
        strategy="probe",
        seed=options.seed,
        overwrite=options.overwrite,
        progress=progress,
    )
    some = [str(sorted(each.iterdir())[0]) for each in sorted(data.iterdir())[:5]]
    return Demo(data, checkup, run, evaluate(run_folder), predict(run_folder, some))
