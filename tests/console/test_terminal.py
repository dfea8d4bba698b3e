"""What names do to a terminal, what encodings lack, and streams that fail or are not there."""

from __future__ import annotations

import io
import json
import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.said import besides_reading

from headstart.console.terminal import json_text, printable, say, standard_output
from headstart.errors import OutputError

CHECK = "from headstart.cli import main; import sys; sys.exit(main(sys.argv[1:]))"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain ä 漢 😀.jpg", "plain ä 漢 😀.jpg"),
        ("bad\x1b[31m.jpg", "bad\\x1b[31m.jpg"),
        ("two\nlines\r\ttab", "two\\nlines\\r\\ttab"),
        ("\x9b2J\x7f\x00", "\\x9b2J\\x7f\\x00"),
        ("gpj.\u202efdp", "gpj.\\u202efdp"),
        ("a\u2028b\u2066c\ufeff", "a\\u2028b\\u2066c\\ufeff"),
        ("b\udcffd", "b\\udcffd"),
    ],
)
def test_what_cannot_be_seen_is_an_escape(name, shown):
    assert printable(name) == shown


@given(st.text(st.characters(codec=None)))
def test_a_name_is_one_line_that_can_be_written(name):
    shown = printable(name)
    assert "\x1b" not in shown
    assert len(shown.splitlines()) <= 1
    shown.encode()


@given(st.text(st.characters(codec=None)), st.sampled_from(["utf-8", "ascii", "cp1252"]))
def test_json_is_the_same_in_every_encoding(name, encoding):
    text = json_text(json.dumps({"a": name}, ensure_ascii=False, indent=2), encoding)
    assert json.loads(text.encode(encoding).decode(encoding)) == {"a": name}
    assert not any(each in text for each in "\x1b\x9b\u202e")


def test_errors_are_one_line_in_a_pipe_and_wrapped_at_words_on_a_terminal(monkeypatch):
    class Window(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", io.StringIO())
    words = "there is a reason, and " + "timm/mobilenetv4_conv_small " * 8
    say(words + "\x1b")
    assert sys.stderr.getvalue() == f"headstart: {words}\\x1b\n"
    monkeypatch.setattr(sys, "stderr", Window())
    monkeypatch.setattr("headstart.console.terminal._width", lambda stream: 40)
    say(words)
    lines = sys.stderr.getvalue().splitlines()
    assert len(lines) > 5
    assert max(map(len, lines)) <= 40
    assert lines[0].startswith("headstart: there is a reason,")
    assert " ".join(line.strip() for line in lines) == f"headstart: {words.strip()}"


def test_the_reason_comes_first_and_each_way_out_on_a_line_of_its_own(monkeypatch):
    class Window(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Window())
    monkeypatch.setattr("headstart.console.terminal._width", lambda stream: 60)
    say("net a/b.c cannot be had: no network. Ways to supply it: (1) get it; (2) use starter, now")
    assert sys.stderr.getvalue().splitlines() == [
        "headstart: net a/b.c cannot be had: no network.",
        "  Ways to supply it:",
        "  (1) get it;",
        "  (2) use starter, now",
    ]


def test_a_disk_that_is_full_is_an_error_of_the_user(monkeypatch):
    class Full(io.StringIO):
        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    said = r"standard output cannot be written \(No space left"
    with pytest.raises(OutputError, match=said), standard_output():
        sys.stdout.write("x")


def shell(command: str, folder: object, **environment: str):
    import subprocess

    line = command.replace("headstart", f"{sys.executable} -m headstart")
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], capture_output=True, check=False, cwd=str(folder),
        env=os.environ | environment,
    )  # fmt: skip


needs_bash = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")


@needs_bash
@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        ("headstart check images | head -c 1 > /dev/null", 0, b""),
        ("headstart check images | true", 0, b""),
        ("headstart check images --json | true", 0, b""),
        ("headstart --help | true", 0, b""),
        ("headstart check --help | true", 0, b""),
        ("headstart check images > /dev/full", 2, b"standard output cannot be written (No space"),
        ("headstart check images --json > /dev/full", 2, b"standard output cannot be written"),
        ("headstart --help > /dev/full", 2, b"standard output cannot be written"),
        ("headstart check images >&-", 0, b""),
        ("headstart check images 2>&-", 0, b""),
        ("headstart check images --json >&- 2>&- <&-", 0, b""),
        ("headstart check gone 2>&-", 2, b""),
        ("headstart check gone 2> /dev/full", 2, b""),
    ],
)
def test_streams_that_fail(images, command, status, said):
    if "/dev/full" in command and not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    done = shell(command, images.parent)
    assert done.returncode == status, done.stderr
    assert b"Traceback" not in done.stdout + done.stderr
    assert b"Exception ignored" not in done.stderr
    told = besides_reading(done.stderr)
    assert told.startswith(b"headstart: " + said if said else b"")
    assert len(told.splitlines()) == bool(said)


@needs_bash
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize("flags", ["", "--json"])
def test_encodings_that_lack_letters(images, encoding, flags):
    os.rename(images / "class_a", images / "größe → 漢😀")
    (images / "class_b" / "a\x1b[2J→.png").write_text("no image")
    done = shell(f"headstart check images {flags}", images.parent, PYTHONIOENCODING=encoding)
    assert (done.returncode, besides_reading(done.stderr)) == (0, b"")
    text = done.stdout.decode(encoding)
    assert "\x1b" not in text
    if flags:
        assert "größe → 漢😀" in json.loads(text)["classes"]
    else:
        assert "\\x1b[2J" in text
        assert ("→" in text) == (encoding == "utf-8")
