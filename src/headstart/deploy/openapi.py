"""What OpenAPI says of the server: what it takes and what it answers."""

from __future__ import annotations

from typing import Any

__all__ = ["RESPONSES", "masks_parameter", "request_body"]

# What else an answer has is the task's to say (`Predictions.record`).
_FACE = {
    "type": "object",
    "required": ["box"],
    "properties": {
        "box": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}
    },
    "additionalProperties": True,
}
_BY_CLASS = {"type": "object", "additionalProperties": {"type": "number"}}
# Of models that answer every pixel.
_MASK: dict[str, Any] = {
    "width": {"type": "integer"},
    "height": {"type": "integer"},
    "pixels": _BY_CLASS,
    "share": _BY_CLASS,
    "regions": _BY_CLASS,
    "unsure": {"type": "number", "description": "share of pixels that are no class"},
    "png": {
        "type": "string",
        "contentEncoding": "base64",
        "description": "an index PNG with the palette, as large as the upright image; 255 is not "
        "sure",
    },
    "masks": {
        "type": "object",
        "description": "class to COCO's compressed run lengths",
        "additionalProperties": {
            "type": "object",
            "required": ["size", "counts"],
            "properties": {
                "size": {"type": "array", "items": {"type": "integer"}},
                "counts": {"type": "string"},
            },
        },
    },
}
_DOUBT = {
    "unlike": {
        "type": "boolean",
        "description": "further from all that was trained on than nineteen in twenty of held-out "
        "images",
    },
    "distance": {"type": "number", "description": "above 1 an image is unlike"},
    "possible": {
        "type": "array",
        "items": {"type": "string"},
        "description": "classes that hold the true one nine times in ten; none where none is as "
        "probable as the true class is then",
    },
}
_OBJECTS: dict[str, Any] = {
    "count": {"type": "object", "additionalProperties": {"type": "integer"}},
    "objects": {
        "type": "array",
        "description": "the most certain first",
        "items": {
            "type": "object",
            "required": ["class", "score", "box"],
            "properties": {
                "class": {"type": "string"},
                "score": {"type": "number"},
                "box": {
                    "type": "array", "minItems": 4, "maxItems": 4, "items": {"type": "number"},
                    "description": "left, top, right, bottom in pixels of the upright image",
                },
            },
        },
    },
}  # fmt: skip
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
                    **_MASK,
                    **_DOUBT,
                    **_OBJECTS,
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


def masks_parameter(forms: tuple[str, ...]) -> dict[str, Any]:
    """Returns the query parameter of `/predict` that says how masks are sent; the first is usual.

    Args:
        forms: That there are.
    """
    return {
        "name": "masks",
        "in": "query",
        "description": "png: an index PNG in base64; rle: run lengths of each class; none: areas "
        "alone",
        "schema": {"type": "string", "enum": list(forms), "default": forms[0]},
    }
