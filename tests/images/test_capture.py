"""What is a film, a camera or a stream, what it is called, and what is said if it does not open."""

from __future__ import annotations

import os
import socket
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.films import film_of, grey

cv2 = pytest.importorskip("cv2", reason="needs OpenCV")

from headstart.errors import DataError  # noqa: E402
from headstart.images.capture import name_of_source, open_capture, source_of  # noqa: E402
from headstart.images.video import Video  # noqa: E402


@pytest.mark.parametrize(
    ("given", "kind", "where", "name"),
    [
        (0, "camera", 0, "0"),
        ("2", "camera", 2, "2"),
        ("/dev/video0", "camera", "/dev/video0", "/dev/video0"),
        ("a/film.MP4", "file", "a/film.MP4", "a/film.MP4"),
        ("rtsp://h:8554/cam", "stream", "rtsp://h:8554/cam", "rtsp://h:8554/cam"),
        ("HTTP://h/video.mjpg", "stream", "HTTP://h/video.mjpg", "HTTP://h/video.mjpg"),
        ("https://h/film.mp4?x=1", "stream", "https://h/film.mp4?x=1", "https://h/film.mp4?x=1"),
        ("rtsp://me:secret@h/cam@2", "stream", "rtsp://me:secret@h/cam@2", "rtsp://h/cam@2"),
    ],
)
def test_sources(tmp_path, monkeypatch, given, kind, where, name):
    monkeypatch.chdir(tmp_path)
    found = source_of(given)
    assert found is not None
    assert (found.kind, found.where, found.name) == (kind, where, name)
    assert name_of_source(given) == name


@pytest.mark.parametrize(
    "given",
    ["a.jpg", "https://h/a.jpg", "http://h/A.PNG?size=1", "s3://b/film.mp4", True, "/dev/null",
     "file:///a.mp4", "1234", "-1", "", "²"],
)  # fmt: skip
def test_no_sources(given):
    assert source_of(given) is None
    assert name_of_source(given) == str(given)


def test_a_number_in_text_is_the_folder_of_that_name_and_a_number_is_the_camera(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("0").mkdir()
    assert source_of("0") is None
    assert source_of(0) is not None


@pytest.mark.skipif(os.name != "posix", reason="links of devices")
def test_a_link_to_a_device_is_that_device(monkeypatch):
    monkeypatch.setattr(os.path, "realpath", lambda path: "/dev/video3")
    found = source_of("/dev/v4l/by-id/usb-cam")
    assert found is not None
    assert found.kind == "camera"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (97, "camera 97 cannot be opened by OpenCV: is it plugged in"),
        (-1, "camera -1: cameras are counted from 0"),
        ("/dev/video97", "camera /dev/video97 cannot be opened by OpenCV"),
        ("gone.mp4", "gone.mp4: there is no such video"),
    ],
)
def test_what_cannot_be_opened_is_one_line(given, said, capfd):
    source = source_of(given)
    assert source is not None
    with pytest.raises(DataError) as caught:
        open_capture(source)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_stream_that_nobody_sends_is_one_line_without_its_password(capfd):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for scheme in ("rtsp", "http"):
        with pytest.raises(DataError) as caught:
            Video(f"{scheme}://me:secret@127.0.0.1:{port}/cam", fps=1)
        assert str(caught.value).startswith(f"{scheme}://127.0.0.1:{port}/cam cannot be opened")
        assert "secret" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_film_at_an_address_has_its_own_time_and_an_end(tmp_path):
    film_of(tmp_path / "film.avi", [grey(8 * at) for at in range(30)])

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *given, **how) -> None:
            super().__init__(*given, directory=str(tmp_path), **how)

        def log_message(self, *given: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            video = Video(f"http://127.0.0.1:{server.server_port}/film.avi", fps=1)
            assert not video.live
            assert [each.seconds for each in video] == [0, 1, 2]
        finally:
            server.shutdown()
    assert video.problem == ""
