"""The command line: a lazy table of verbs.

A verb's flags are the fields of its record in `options`, which its function takes as well.
Nothing but the chosen verb is imported, and not that before its flags are known to make sense.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from headstart.errors import HeadstartError, OptionError

__all__ = ["entry", "main"]

_BUG = 70  # EX_SOFTWARE: 1 means that something serious was found, and a traceback's own is 1
_OBJECTS = 50_000  # that are new before garbage is looked for
VERBS = {
    "check": "what is wrong with the data, by file name",
    "advise": "freeze or fine-tune, which backbone, what to expect: measured on your images",
    "train": "a folder of images in; a model, its test measure and its report out",
    "evaluate": "the measures of a run, or of its model on other labelled images",
    "audit": "whether a run's model leans on gender, camera or any other column, and the repair",
    "compare": "whether two runs really differ, by a paired test",
    "faces": "photos in; upright faces out, with what is known about each",
    "convert": "a detector's published weights as a backbone, proven to answer alike",
    "export": "a run's model as one ONNX file, int8 too, proven to answer as the run's does",
    "predict": "classes of new images with calibrated probabilities, numbers, masks or boxes",
    "serve": "an exported model over HTTP, with a page",
    "enroll": "people into a gallery and out of it, with thresholds calibrated on their photos",
    "identify": "who of a gallery is on a photo or in a video, or nobody that it knows",
    "verify": "whether two photos show one person; ROC and ranks on labelled photos",
    "report": "the page about a run, written again",
    "demo": "the whole path on sample data, offline",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: Arguments; by default those of the process.

    Returns:
        Exit status: 0 done; 1 done, and something serious was found; 2 the user can mend it; 70
        our bug (EX_SOFTWARE); 130 interrupted.
    """
    from headstart.console.terminal import open_streams, say, say_bug

    # Threads that spin while they wait slow a busy machine down; both must be set before torch.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    open_streams()
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(arguments)
    except HeadstartError as error:
        say(str(error))
        return 2
    except ModuleNotFoundError as error:
        if importlib.util.find_spec("torch") is not None:
            say_bug()
            return _BUG
        say(
            f"this needs {error.name}, which is not installed: pip install 'headstart[train]' "
            f"(only exported models are used without)"
        )
        return 2
    except KeyboardInterrupt:
        say("interrupted; what was computed is kept in the cache")
        return 130
    except Exception:
        say_bug()
        return _BUG


def entry() -> NoReturn:
    """The `headstart` command: `main`, then out without the second that torch's farewell takes."""
    # Imports make half a million objects that stay: by default they are looked through for garbage
    # time and again, for half a second in all.
    gc.set_threshold(_OBJECTS)
    status = main()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def _run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="headstart",
        add_help=False,
        description="A folder of images in; a trained, honestly measured, deployable model out.",
        epilog="'headstart VERB --help' lists a command's flags.",
    )
    parser.add_argument("-h", "--help", action="store_true", help="print this")
    parser.add_argument("--version", action="store_true", help="print the version")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    for name, summary in VERBS.items():
        verbs.add_parser(name, help=summary, add_help=False)
    if arguments and not arguments[0].startswith("-") and arguments[0] not in VERBS:
        from headstart.options.kinds import near

        guess = near(arguments[0], VERBS) or ": 'headstart --help' lists them"
        raise OptionError(f"there is no verb {arguments[0]}{guess}")
    if not arguments or arguments[0] not in VERBS:
        chosen = parser.parse_args(arguments)
        version = f"headstart {importlib.import_module('headstart').__version__}"
        _print(version if chosen.version else parser.format_help().rstrip())
        return 0
    return _call(arguments[0], arguments[1:])


def _call(verb: str, arguments: list[str]) -> int:
    """Reads a verb's flags, calls it and shows what it returns.

    What makes no sense is refused before anything but the verb's options is imported.
    """
    from headstart.options.shell import help_of, read

    record = getattr(
        importlib.import_module(f"headstart.options.{verb}"), f"{verb.capitalize()}Options"
    )
    until = arguments.index("--") if "--" in arguments else len(arguments)
    if {"-h", "--help"} & set(arguments[:until]):
        _print(help_of(record, VERBS[verb]))
        return 0
    options, looks = read(record, arguments)

    from headstart.console.answers import unanswered
    from headstart.console.bars import progress_bar
    from headstart.console.notes import notes_shown
    from headstart.console.show import show, written
    from headstart.console.terminal import json_text, quiet_log, say, standard_output
    from headstart.records import to_json

    quiet_log()
    function = getattr(importlib.import_module(f"headstart.verbs.{verb}"), verb)
    with notes_shown(quiet=looks.quiet), progress_bar(quiet=looks.quiet) as progress:
        result = function.run(options, progress)
    places = written(result, options)
    if looks.json:
        from headstart.run import Run

        value = {"run": str(result.folder), **result.results} if isinstance(result, Run) else result
        _print(json_text(_with_places(to_json(value), places), sys.stdout.encoding or "utf-8"))
    else:
        with standard_output():
            show(result, options, quiet=looks.quiet)
    if problem := unanswered(result):
        say(problem)
        return 2
    return 1 if getattr(result, "serious", False) else 0


def _with_places(text: str, places: list[str]) -> str:
    """Adds to the JSON of a record the paths of what was written."""
    if not places or not text.startswith("{"):
        return text
    import json

    value = json.loads(text) | {"written": places}
    return json.dumps(value, indent=2, ensure_ascii=False)


def _print(text: str) -> None:
    from headstart.console.terminal import standard_output

    with standard_output():
        print(text)
