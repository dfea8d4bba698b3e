"""Headstart: a folder of images in; a measured, audited, deployable model out.

    import headstart

    headstart.check("photos")                            # what is wrong with the data
    run = headstart.train("photos", out="run", backbone="fast")
    run.results["test"]["accuracy"]                      # value, low, high, n
    headstart.audit("run", by="gender")                  # does the model lean on a column?
    model = headstart.load("run")
    model.predict_proba(["new/one.jpg"])                 # (N, C), in the order of model.classes_

A verb's flags on the command line are its keyword-only arguments here; `help(headstart.train)`
lists them. Names are imported when first used, so `import headstart` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headstart.data.dataset import Dataset
    from headstart.data.open import open_dataset
    from headstart.errors import (
        BackboneError,
        DataError,
        HeadstartError,
        ImageError,
        ModelError,
        OptionError,
        OutputError,
    )
    from headstart.records import Estimate, Finding
    from headstart.run import Run
    from headstart.verbs.advise import advise
    from headstart.verbs.audit import audit
    from headstart.verbs.check import check
    from headstart.verbs.compare import compare
    from headstart.verbs.convert import convert
    from headstart.verbs.demo import demo
    from headstart.verbs.enroll import enroll
    from headstart.verbs.evaluate import evaluate
    from headstart.verbs.export import export
    from headstart.verbs.faces import faces
    from headstart.verbs.identify import identify
    from headstart.verbs.predict import load, predict
    from headstart.verbs.report import report
    from headstart.verbs.serve import serve
    from headstart.verbs.train import train
    from headstart.verbs.verify import verify

__version__ = "0.1.0"
__all__ = [
    "BackboneError",
    "DataError",
    "Dataset",
    "Estimate",
    "Finding",
    "HeadstartError",
    "ImageError",
    "ModelError",
    "OptionError",
    "OutputError",
    "Run",
    "advise",
    "audit",
    "check",
    "compare",
    "convert",
    "demo",
    "enroll",
    "evaluate",
    "export",
    "faces",
    "identify",
    "load",
    "open_dataset",
    "predict",
    "report",
    "serve",
    "train",
    "verify",
]

_HOMES = {
    "Dataset": "data.dataset",
    "Estimate": "records",
    "Finding": "records",
    "Run": "run",
    "advise": "verbs.advise",
    "audit": "verbs.audit",
    "check": "verbs.check",
    "compare": "verbs.compare",
    "convert": "verbs.convert",
    "demo": "verbs.demo",
    "enroll": "verbs.enroll",
    "evaluate": "verbs.evaluate",
    "export": "verbs.export",
    "faces": "verbs.faces",
    "identify": "verbs.identify",
    "load": "verbs.predict",
    "open_dataset": "data.open",
    "predict": "verbs.predict",
    "report": "verbs.report",
    "serve": "verbs.serve",
    "train": "verbs.train",
    "verify": "verbs.verify",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'headstart' has no attribute {name!r}")
    home = importlib.import_module(f"headstart.{_HOMES.get(name, 'errors')}")
    value = getattr(home, name)
    globals()[name] = value
    if home.__name__.startswith("headstart.verbs."):
        _show_progress()
    return value


def _show_progress() -> None:
    """Lets verbs show their progress where somebody sits before this Python."""
    from headstart.console.lines import interactive, interactive_progress
    from headstart.options.command import show_progress_by

    if interactive():
        show_progress_by(interactive_progress)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
