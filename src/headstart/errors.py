"""The exceptions of Headstart: every one is something the user can mend.

HeadstartError
├── DataError       the folder or table cannot be used as a data set
│   └── ImageError  one image cannot be decoded (set aside by name, never fatal alone)
├── BackboneError   weights are missing, unreachable or do not fit
├── ModelError      a saved model or run cannot be read
├── OutputError     the output folder or the disk refuses
└── OptionError     a flag or argument does not make sense

A message says what, where, and what to do. The command line prints it as one
line and exits with status 2; any other exception is our bug, keeps its traceback and exits with
status 70.
"""

from __future__ import annotations

__all__ = [
    "BackboneError",
    "DataError",
    "HeadstartError",
    "ImageError",
    "ModelError",
    "OptionError",
    "OutputError",
]


class HeadstartError(Exception):
    """Something the user can mend; the message says how."""


class DataError(HeadstartError):
    """The folder or table cannot be used as a data set."""


class ImageError(DataError):
    """One image cannot be decoded; the message is the reason, without the file's name."""


class BackboneError(HeadstartError):
    """Weights are missing, unreachable or do not fit the network."""


class ModelError(HeadstartError):
    """A saved model or run cannot be read."""


class OutputError(HeadstartError):
    """The output folder or the disk refuses."""


class OptionError(HeadstartError):
    """A flag or argument does not make sense."""
