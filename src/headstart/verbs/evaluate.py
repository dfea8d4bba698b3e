"""`evaluate`: the measures of a run, or of its model on other labelled images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headstart.compute import Compute, Progress, silent
from headstart.errors import OptionError
from headstart.options.command import command
from headstart.options.evaluate import EvaluateOptions

if TYPE_CHECKING:
    from headstart.nets.model import Model
    from headstart.results.evaluation import Evaluation
    from headstart.run import Run

__all__ = ["evaluate"]


@command(EvaluateOptions)
def evaluate(options: EvaluateOptions, progress: Progress = silent) -> Evaluation:
    """Returns the measures of a run, or measures its model on other labelled images.

    Returns:
        An `Evaluation`. Where the data bring a test along (their test split, or the validation
        split where there is none), that part of them is measured.

    Raises:
        ModelError: If the run or the exported model cannot be read.
        OptionError: If an exported model is not given any images.
        DataError: If the data have no labels, labels that the model does not know, or not the
            columns of `by`.
    """
    from headstart.data.open import open_dataset
    from headstart.deploy.runtime import OnnxPredictor, find_exported
    from headstart.results.evaluation import evaluate_on, evaluation_of_run
    from headstart.run import Run

    columns = [each.strip() for each in (options.by or "").split(",") if each.strip()]
    exported = find_exported(options.run)
    if options.data is None:
        if exported is not None:
            raise OptionError(
                f"{options.run} is an exported model and holds no test: name labelled images to "
                f"measure it on, 'headstart evaluate {options.run} DATA'"
            )
        return evaluation_of_run(Run.open(options.run), columns, seed=options.seed)
    progress("opening the model", 0, 1)
    model: Model | OnnxPredictor
    if exported is not None:
        model = OnnxPredictor(exported)
    else:
        from headstart.nets.model import Model

        model = Model.load(options.run)
    progress("finding the images", 0, 1)
    dataset = open_dataset(
        options.data, label=options.label, group=options.group, split=options.split,
        image=options.image, task=model.spec.task, annotations=options.annotations,
        masks=options.masks,
    )  # fmt: skip
    compute = Compute(options.device, options.workers, options.seed, progress)
    learnt = frozenset() if exported is not None else _learnt(Run(Path(options.run)))
    return evaluate_on(model, dataset, str(options.data), columns, compute, learnt=learnt)


def _learnt(run: Run) -> frozenset[str]:
    """Returns the fingerprints of what a run's model was trained on; none of a bare model."""
    from headstart.results.items import read_items

    if not run.items.is_file():
        return frozenset()
    items = read_items(run)
    return frozenset(
        each for each, used in zip(items.fingerprints, items.trained, strict=True) if used
    )
