"""Images out of a request's body: bounded in bytes, files and time, whatever is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

__all__ = ["Limits", "Refused", "read_images"]

_MULTIPART = "multipart/form-data"
# The last is what `curl --data-binary` says of anything when it is told nothing else.
_RAW = ("image/", "application/octet-stream", "application/x-www-form-urlencoded")
_NAME = 80


@dataclass(frozen=True)
class Limits:
    """What one request may be.

    Attributes:
        bytes: Of its body.
        pixels: Of one image.
        files: Images.
        seconds: To send its headers, and again its body.
        decoding: Seconds of processor time to decode one image.
    """

    bytes: int = 10 << 20
    pixels: int = 1 << 26
    files: int = 16
    seconds: float = 20.0
    decoding: float = 2.0


class Refused(Exception):
    """A request that is answered with a status and one sentence.

    Args:
        status: Of HTTP.
        summary: What is wrong and what to do.
    """

    def __init__(self, status: int, summary: str) -> None:
        super().__init__(summary)
        self.status, self.summary = status, summary


async def read_images(request: Request, limits: Limits) -> list[tuple[str, bytes]]:
    """Reads the images of a request: one raw image, or the files of a form.

    Args:
        request: With its body not yet read.
        limits: Of it.

    Returns:
        (name, content), names shortened and without a path.

    Raises:
        Refused: With status 400, 408, 413 or 415.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and kind != _MULTIPART and not kind.startswith(_RAW):
        raise Refused(
            415,
            f"content type {kind[:_NAME]!r}: send an image (image/jpeg, …, or "
            f"application/octet-stream), or a form (multipart/form-data) with image files",
        )
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limits.bytes:
        raise _too_large(limits)
    try:
        async with asyncio.timeout(limits.seconds):
            body = await _body(request, limits)
    except TimeoutError:
        raise Refused(
            408, f"the request did not arrive within {limits.seconds:g} seconds"
        ) from None
    except ClientDisconnect:
        raise Refused(400, "the client hung up before the request was complete") from None
    if not body:
        raise Refused(400, "the request is empty: send an image")
    if kind != _MULTIPART:
        return [("image", body)]
    return await _files(request.headers, body, limits)


async def _body(request: Request, limits: Limits) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limits.bytes:
            raise _too_large(limits)
        parts.append(part)
    return b"".join(parts)


async def _files(headers: Headers, body: bytes, limits: Limits) -> list[tuple[str, bytes]]:
    async def whole() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MultiPartParser(
        headers, whole(), max_files=limits.files, max_fields=limits.files,
        max_part_size=limits.bytes,
    )  # fmt: skip
    # The body is in memory already: a file on disk as well would be one more to open and to keep.
    parser.spool_max_size = limits.bytes + 1
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        summary = getattr(error, "message", "") or str(error)
        if "Too many" in summary:
            raise Refused(413, f"{summary}: send at most {limits.files} images at a time") from None
        raise Refused(400, f"the form cannot be read: {summary[:200]}") from None
    found = []
    try:
        for number, (_, value) in enumerate(form.multi_items()):
            if isinstance(value, UploadFile):
                name = (value.filename or f"image {number + 1}").replace("\\", "/")
                found.append((name.rpartition("/")[2][-_NAME:] or "image", await value.read()))
    finally:
        await form.close()
    if not found:
        raise Refused(400, "the form holds no file: attach images, under any field name")
    return found


def _too_large(limits: Limits) -> Refused:
    return Refused(413, f"larger than {limits.bytes / (1 << 20):g} MiB: send smaller images")
