"""What OpenAPI says of the server: what it takes and what it answers."""

from __future__ import annotations

from typing import Any

__all__ = ["RESPONSES", "request_body"]

# What else an answer has is the task's to say (`Predictions.record`).
_FACE = {
    "type": "object",
    "required": ["box"],
    "properties": {
        "box": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}
    },
    "additionalProperties": True,
}
_ANSWER = {
    "type": "object",
    "required": ["predictions", "milliseconds"],
    "properties": {
        "milliseconds": {"type": "number"},
        "predictions": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "faces": {"type": "array", "items": _FACE},
                    "error": {"type": "string"},
                },
                "additionalProperties": True,
            },
        },
    },
}
_PROBLEM = {
    "type": "object", "required": ["error"], "properties": {"error": {"type": "string"}},
}  # fmt: skip
_STATUSES = {
    400: "empty, incomplete, or a form without files",
    401: "the API key is missing or wrong",
    403: "asked by another name than the server's, or by a page of another site",
    408: "the body did not arrive in time",
    413: "too many bytes or files",
    415: "neither an image nor a form",
    422: "not one of the images can be read, or decoded in time",
    500: "the server or its model made a mistake",
    503: "busy; come back after as many seconds as Retry-After says",
}

RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "one prediction an image",
        "content": {"application/json": {"schema": _ANSWER}},
    },
    **{
        status: {"description": why, "content": {"application/json": {"schema": _PROBLEM}}}
        for status, why in _STATUSES.items()
    },
}
"""What `/predict` answers, by status."""


def request_body(files: int) -> dict[str, Any]:
    """Returns what `/predict` takes: the bytes of one image, or a form of at most `files`."""
    binary = {"type": "string", "format": "binary"}
    form = {
        "type": "object",
        "required": ["files"],
        "properties": {
            "files": {"type": "array", "minItems": 1, "maxItems": files, "items": binary}
        },
    }
    return {
        "required": True,
        "content": {
            "image/*": {"schema": binary},
            "application/octet-stream": {"schema": binary},
            "multipart/form-data": {"schema": form},
        },
    }
