"""The command line: a lazy table of verbs.

A verb is a function; its keyword-only arguments, their types, defaults and the `Args` of
its docstring are the command's flags. Nothing but the chosen verb is imported.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import os
import re
import sys
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any, Literal, NoReturn

from headstart.errors import HeadstartError

__all__ = ["entry", "main"]

VERBS = {
    "check": "what is wrong with the data, by file name",
    "advise": "freeze or fine-tune, which backbone, what to expect: measured on your images",
    "train": "a folder of images in; a model, its test measure and its report out",
    "evaluate": "the measures of a run, or of its model on other labelled images",
    "compare": "whether two runs really differ, by a paired test",
    "faces": "photos in; upright faces out, with what is known about each",
    "export": "a run's model as one ONNX file, int8 too, proven to answer as the run's does",
    "predict": "classes of new images, with calibrated probabilities",
    "serve": "an exported model over HTTP, with a page",
    "enroll": "people into a gallery and out of it, with thresholds calibrated on their photos",
    "identify": "who of a gallery is on a photo or in a video, or nobody that it knows",
    "verify": "whether two photos show one person; ROC and ranks on labelled photos",
    "report": "the page about a run, written again",
    "demo": "the whole path on sample data, offline",
}
_SHORT = {"out": ("-o", "--out")}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: Arguments; by default those of the process.

    Returns:
        Exit status: 0 done; 1 done, and something serious was found; 2 the user can mend it.
    """
    # Threads that spin while they wait slow a busy machine down; both must be set before torch.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        status = _run(arguments)
        sys.stdout.flush()  # here, where a reader that left is known to be no error
        return status
    except HeadstartError as error:
        print(f"headstart: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if importlib.util.find_spec("torch") is not None:
            raise
        print(
            f"headstart: this needs {error.name}, which is not installed: pip install "
            f"'headstart[train]' (only exported models are used without)",
            file=sys.stderr,
        )
        return 2
    except BrokenPipeError:  # `headstart predict … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("headstart: interrupted; what was computed is kept in the cache", file=sys.stderr)
        return 130


def entry() -> NoReturn:
    """The `headstart` command: `main`, then out without the second that torch's farewell takes."""
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="headstart",
        description="A folder of images in; a trained, honestly measured, deployable model out.",
        epilog="'headstart VERB --help' lists a command's flags.",
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    for name, summary in VERBS.items():
        verbs.add_parser(name, help=summary, add_help=False)
    if not arguments or arguments[0] not in VERBS:
        chosen = parser.parse_args(arguments)
        if chosen.version:
            print(f"headstart {importlib.import_module('headstart').__version__}")
        else:
            parser.print_help()
        return 0
    verb = arguments[0]
    function = getattr(importlib.import_module(f"headstart.verbs.{verb}"), verb)
    return _call(verb, function, arguments[1:])


def _call(verb: str, function: Callable[..., Any], arguments: list[str]) -> int:
    """Parses a verb's flags, calls it and shows what it returns."""
    from headstart.console.show import progress_bar, show
    from headstart.records import to_json

    parser, names = _parser(verb, function)
    parser.add_argument("--json", action="store_true", help="the record as JSON on standard output")
    parser.add_argument("--quiet", action="store_true", help="no progress, no tables")
    if verb == "predict":
        parser.add_argument(
            "--format", choices=("table", "csv"), default="table", dest="layout",
            help="how predictions are printed (default table)",
        )  # fmt: skip
        parser.add_argument("--top", type=_positive, default=1, help="classes to show (default 1)")
        parser.add_argument(
            "--abstain-below", type=_share, default=0.0, metavar="P",
            help="show predictions less sure than this as 'not sure' (default 0)",
        )  # fmt: skip
    given = vars(parser.parse_args(arguments))
    with progress_bar(quiet=given["quiet"]) as progress:
        known = {name: given[name] for name in names}
        if "progress" in inspect.signature(function).parameters:
            known["progress"] = progress
        subjects = [known.pop(name) for name in _subjects(function)]
        result = function(*subjects, **known)
    if given["json"]:
        from headstart.run import Run

        value = {"run": str(result.folder), **result.results} if isinstance(result, Run) else result
        print(to_json(value))
    elif not given["quiet"]:
        looks = {key: given[key] for key in ("layout", "top", "abstain_below") if key in given}
        show(result, **looks)
    return 1 if getattr(result, "serious", False) else 0


def _subjects(function: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    return [each.name for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]


def _parser(verb: str, function: Callable[..., Any]) -> tuple[argparse.ArgumentParser, list[str]]:
    """Builds a verb's parser out of its signature and docstring."""
    doc = inspect.getdoc(function) or ""
    helps = _argument_helps(doc)
    hints = typing.get_type_hints(function)
    parser = argparse.ArgumentParser(
        prog=f"headstart {verb}", description=doc.split("\n\n")[0], allow_abbrev=False
    )
    names = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name == "progress":
            continue
        names.append(name)
        text = helps.get(name, "").replace("%", "%%").replace("`", "")
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            many = "Iterable" in str(hints[name])
            optional = parameter.default is None
            nargs = ("*" if optional else "+") if many else "?" if optional else None
            parser.add_argument(name, nargs=nargs, help=text, metavar=name.upper())
            continue
        _add_flag(parser, name, hints[name], parameter.default, text)
    return parser, names


def _add_flag(
    parser: argparse.ArgumentParser, name: str, hint: Any, default: Any, text: str
) -> None:
    flags = _SHORT.get(name, (f"--{name.replace('_', '-')}",))
    shown = "" if default is None or isinstance(default, bool) else f" (default {default})"
    if hint is bool:
        action = argparse.BooleanOptionalAction if default else "store_true"
        parser.add_argument(*flags, dest=name, action=action, default=default, help=text)
        return
    choices, convert = _kind(hint)
    convert = _LIMITED.get(name, convert)
    metavar = None if choices else name.rpartition("_")[2].upper()
    parser.add_argument(
        *flags, dest=name, default=default, type=convert, choices=choices, metavar=metavar,
        help=text + shown,
    )  # fmt: skip


def _kind(hint: Any) -> tuple[tuple[str, ...] | None, Callable[[str], Any]]:
    """Returns the choices (or None) and the conversion behind a flag's type."""
    if typing.get_origin(hint) is Literal:
        return typing.get_args(hint), str
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        parts = [part for part in typing.get_args(hint) if part is not type(None)]
        words = [word for part in parts for word in typing.get_args(part)]
        if len(parts) == 1 and typing.get_origin(parts[0]) is Literal:
            return tuple(words), str
        for kind in (int, float):
            if kind in parts:
                return None, _number_or(words, kind)
        return None, str
    return None, hint if hint in (int, float) else str


def _number_or(words: list[str], kind: type) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        return text if text in words else kind(text)

    what = "whole number" if kind is int else "number"
    convert.__name__ = " or ".join([*words, what])  # argparse shows it in its error
    return convert


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def _natural(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("must lie between 0 and 1")
    return value


_LIMITED: dict[str, Callable[[str], Any]] = {"workers": _positive, "seed": _natural}


def _argument_helps(doc: str) -> dict[str, str]:
    """Returns argument -> its text in the `Args` section of a Google docstring."""
    section = re.search(r"^Args:\n((?:(?: {4}.*)?\n)+)", doc + "\n", re.M)
    found = re.findall(
        r"^ {4}(\w+): ((?:.*\n?)(?: {8}.*\n?)*)", section[1] if section else "", re.M
    )
    return {name: re.sub(r"\s+", " ", text).strip() for name, text in found}
