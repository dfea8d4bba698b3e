"""Images out of a request: whatever is sent, they come or one clear refusal does."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("starlette", reason="needs the extra serve")

from starlette.requests import Request

from headstart.deploy.uploads import Limits, Refused, read_images

EDGE = "xXx"


def form(*files: tuple[str | None, bytes], fields: int = 0) -> bytes:
    """A form with files of a name (None: no file at all), and further fields."""
    parts = []
    for name, content in files:
        what = 'form-data; name="f"' + ("" if name is None else f'; filename="{name}"')
        head = f"Content-Disposition: {what}\r\n\r\n".encode()
        parts.append(f"--{EDGE}\r\n".encode() + head + content + b"\r\n")
    for at in range(fields):
        head = f'--{EDGE}\r\nContent-Disposition: form-data; name="t{at}"\r\n\r\nx\r\n'
        parts.append(head.encode())
    return b"".join(parts) + f"--{EDGE}--\r\n".encode()


def read(
    body: bytes = b"", kind: str | None = "image/png", *, limits: Limits | None = None,
    parts: int = 3, declared: int | None = None, slow: float = 0, hangs_up: bool = False,
) -> list[tuple[str, bytes]]:  # fmt: skip
    """What a request with this body gives, sent in parts."""
    headers = [] if kind is None else [(b"content-type", kind.encode())]
    if declared is not None:
        headers.append((b"content-length", str(declared).encode()))
    step = max(1, -(-len(body) // parts))
    chunks = [body[at : at + step] for at in range(0, len(body), step)] or [b""]

    async def receive():
        await asyncio.sleep(slow)
        if hangs_up and len(chunks) == 1:
            return {"type": "http.disconnect"}
        chunk = chunks.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

    request = Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)
    return asyncio.run(read_images(request, limits or Limits()))


def as_form(body: bytes, **how: object) -> list[tuple[str, bytes]]:
    return read(body, f"multipart/form-data; boundary={EDGE}", **how)


def refused(status: int, words: str, *given: object, of: object = read, **how: object) -> str:
    with pytest.raises(Refused, match=words) as caught:
        of(*given, **how)
    assert caught.value.status == status
    assert str(caught.value) == caught.value.summary
    assert "\n" not in caught.value.summary
    return caught.value.summary


@pytest.mark.parametrize(
    "kind",
    [
        "image/png", "image/x-whatever", "IMAGE/JPEG; q=1", "application/octet-stream",
        "application/x-www-form-urlencoded", None, "",
    ],
)  # fmt: skip
def test_a_raw_image(kind):
    assert read(b"\x89PNG and so on", kind) == [("image", b"\x89PNG and so on")]


@pytest.mark.parametrize("kind", ["text/html", "application/json", "multipart/mixed", "x" * 500])
def test_other_kinds_are_told_what_to_send(kind):
    summary = refused(415, "send an image", b"x", kind)
    assert len(summary) < 300


def test_files_of_a_form_in_their_order():
    found = as_form(form(("b.png", b"1"), ("a.jpg", b"\r\n2\r\n"), fields=2))
    assert found == [("b.png", b"1"), ("a.jpg", b"\r\n2\r\n")]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("a.png", "a.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\a.png", "a.png"),
        ("folder/", "image"),
        ("ä ö.png", "ä ö.png"),
        ("x" * 200 + ".png", ("x" * 200 + ".png")[-80:]),
    ],
)
def test_a_name_is_only_a_name(given, name):
    assert as_form(form((given, b"1"))) == [(name, b"1")]


def test_an_empty_file_is_a_file():
    assert as_form(form(("a.png", b""))) == [("a.png", b"")]


def test_an_empty_request():
    refused(400, "the request is empty: send an image")
    refused(400, "the request is empty", of=as_form, body=b"")


@pytest.mark.parametrize("body", [form((None, b"text")), form(fields=2), form()])
def test_a_form_without_files(body):
    refused(400, "the form holds no file: attach images", body, of=as_form)


@pytest.mark.parametrize(
    "body", [b"no form at all", form(("a.png", b"1"))[5:], b"--" + EDGE.encode() + b"\r\nX"]
)
def test_a_form_that_is_none(body):
    refused(400, "the form (cannot be read|holds no file)", body, of=as_form)


def test_a_form_without_its_boundary():
    refused(400, "the form cannot be read", form(("a.png", b"1")), "multipart/form-data")


@pytest.mark.parametrize("parts", [1, 7])
def test_too_large_whoever_says_so(parts):
    limits = Limits(bytes=1 << 20)
    words = "larger than 1 MiB: send smaller images"
    refused(413, words, b"x", declared=(1 << 20) + 1, limits=limits)
    refused(413, words, bytes((1 << 20) + 1), limits=limits, parts=parts)
    refused(413, words, bytes((1 << 20) + 1), limits=limits, parts=parts, declared=5)
    assert len(read(bytes(1 << 20), limits=limits, parts=parts)[0][1]) == 1 << 20


def test_a_length_that_is_no_number_is_counted_instead():
    limits = Limits(bytes=4)
    assert read(b"1234", declared=-1, limits=limits) == [("image", b"1234")]


@pytest.mark.parametrize("files", [2, 3])
def test_so_many_files_and_no_more(files):
    limits = Limits(files=2)
    body = form(*((f"{at}.png", b"x") for at in range(files)))
    if files == 2:
        assert len(as_form(body, limits=limits)) == 2
    else:
        refused(413, "send at most 2 images at a time", body, of=as_form, limits=limits)


def test_many_fields_are_refused_too():
    refused(413, "Too many fields", form(("a.png", b"x"), fields=3), of=as_form,
            limits=Limits(files=2))  # fmt: skip


def test_who_sends_too_slowly():
    refused(408, r"did not arrive within 0\.05 seconds", bytes(9), slow=0.04, parts=9,
            limits=Limits(seconds=0.05))  # fmt: skip


def test_who_hangs_up():
    refused(400, "the client hung up before", bytes(9), hangs_up=True)
