"""The server: the same answers as `predict`, and a clear one to whatever is sent."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tests.serving import Process, ask, connected, png, running, slow_image

from headstart.deploy.access import Access
from headstart.deploy.runtime import OnnxPredictor
from headstart.deploy.uploads import Limits
from headstart.errors import ModelError, OptionError
from headstart.verbs.predict import predict
from headstart.verbs.serve import serve


@pytest.fixture(scope="module")
def model(exported):
    _, out = exported
    return OnnxPredictor(out / "model.onnx")


@pytest.fixture(scope="module")
def port(model):
    limits = Limits(bytes=1 << 20, pixels=1 << 20, files=5, seconds=1.0)
    with running(model, limits=limits) as given:
        yield given


def form(*files: tuple[str, bytes]) -> tuple[bytes, dict[str, str]]:
    mark = uuid.uuid4().hex
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n".encode()
        + data
        + b"\r\n"
        for name, data in files
    ]
    body = b"".join(parts) + f"--{mark}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={mark}"}


JPEG = {"Content-Type": "image/jpeg"}


# --- answers ------------------------------------------------------------------------------------


def test_every_answer_is_what_predict_says(port, exported, trained):
    data, _ = trained
    _, out = exported
    images = sorted((data / "test").rglob("*.png"))
    wanted = predict(out / "model.onnx", images)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda p: ask(port, body=p.read_bytes(), headers=JPEG), images))
    for number, (status, value, _) in enumerate(answers):
        assert status == 200
        [found] = value["predictions"]
        assert found["class"] == wanted.classes[wanted.labels[number]]
        row = [found["probabilities"][name] for name in wanted.classes]
        np.testing.assert_allclose(row, wanted.probabilities[number], atol=1e-5)
        assert found["probability"] == max(row)
        assert found["sure"] == (max(row) >= 0.5)


def test_a_form_with_several_files_in_order_the_broken_one_named(port, new):
    good = (new / "a.png").read_bytes()
    body, headers = form(("x/../a.png", good), ("broken.jpg", b"\xff\xd8\xff\xe0"), ("c.png", good))
    status, value, _ = ask(port, body=body, headers=headers)
    assert status == 200
    names = [each["name"] for each in value["predictions"]]
    assert names == ["a.png", "broken.jpg", "c.png"]
    assert [each.get("class") for each in value["predictions"]] == ["red", None, "red"]
    assert value["predictions"][1]["error"]


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "application/x-www-form-urlencoded"}])
def test_what_says_no_type_or_curls_own_is_taken_as_an_image(port, new, headers):
    assert ask(port, body=(new / "a.png").read_bytes(), headers=headers)[0] == 200


def test_two_servers_on_one_model(model, new):
    with running(model) as one, running(OnnxPredictor(model.path)) as two:
        answers = [ask(port, body=(new / "a.png").read_bytes())[1] for port in (one, two)]
    assert answers[0]["predictions"] == answers[1]["predictions"]


def test_below_the_threshold_it_is_not_sure(exported, new):
    _, out = exported
    model = OnnxPredictor(out / "model.onnx")
    model.threshold = 0.9999
    with running(model) as port:
        [found] = ask(port, body=(new / "a.png").read_bytes())[1]["predictions"]
    assert not found["sure"]


def test_what_it_says_of_itself(port, model):
    assert ask(port, "GET", "/health")[:2] == (200, {"status": "ok"})
    status, value, _ = ask(port, "GET", "/model")
    assert status == 200
    assert value["names"] == list(model.spec.names)
    assert value["task"] == "classification"
    assert value["precision"] == "fp32"
    status, value, _ = ask(port, "GET", "/openapi.json")
    assert "/predict" in value["paths"]
    status, text, _ = ask(port, "GET", "/metrics")
    assert b"headstart_requests_total" in text


@pytest.mark.parametrize("path", ["/", "/page.js", "/page.css"])
def test_the_page_runs_nothing_from_elsewhere(port, path):
    status, content, headers = ask(port, "GET", path)
    assert status == 200
    assert len(content) > 200
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert b"http://" not in content
    assert b"https://" not in content


# --- bad input ----------------------------------------------------------------------------------


def bomb() -> bytes:
    """A PNG of some kilobytes that says it has 400 million pixels."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    head = struct.pack(">IIBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 100_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
BAD = {
    "empty": (b"", JPEG, 400),
    "text": (b"hello", JPEG, 422),
    "truncated jpeg": (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01", JPEG, 422),
    "bomb": (bomb(), JPEG, 422),
    "too large": (b"x" * ((1 << 20) + 1), JPEG, 413),
    "wrong type": (b"{}", {"Content-Type": "application/json"}, 415),
    "url-encoded": (b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}, 422),
    "svg": (SVG, {"Content-Type": "image/svg+xml"}, 422),
    "html": (b"<html><script>1</script></html>", JPEG, 422),
    "form without boundary": (b"abc", {"Content-Type": "multipart/form-data"}, 400),
    "form of nonsense": (b"abc", {"Content-Type": "multipart/form-data; boundary=x"}, 400),
    "form without files": (
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n',
        {"Content-Type": "multipart/form-data; boundary=x"},
        400,
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_one_clear_sentence(port, name):
    body, headers, wanted = BAD[name]
    status, value, _ = ask(port, body=body, headers=headers)
    assert status == wanted
    assert len(value["error"]) > 10
    assert "Traceback" not in value["error"]
    assert ask(port, body=png())[0] == 200


def test_too_many_files(port):
    body, headers = form(*[(f"{i}.png", png()) for i in range(6)])
    status, value, _ = ask(port, body=body, headers=headers)
    assert status == 413
    assert "at most 5" in value["error"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\x\\y.png", "/", "a" * 500, "<b>.png"])
def test_a_files_name_is_only_a_name(port, name):
    body, headers = form((name, png()))
    status, value, _ = ask(port, body=body, headers=headers)
    assert status == 200
    [found] = value["predictions"]
    assert "/" not in found["name"]
    assert 0 < len(found["name"]) <= 80


@pytest.mark.parametrize(
    ("method", "path", "wanted"), [("GET", "/predict", 405), ("GET", "/x", 404)]
)
def test_other_paths_and_methods(port, method, path, wanted):
    assert ask(port, method, path)[0] == wanted


def test_a_slow_client_is_told_and_harms_nobody(port):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as slow:
        head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
        slow.sendall(head + b"Content-Length: 1000\r\n\r\nabc")
        assert ask(port, body=png())[0] == 200
        assert b" 408 " in slow.recv(4096)


def test_a_client_that_hangs_up_harms_nobody(port):
    for body in (b"", b"abc", png()[:50]):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as gone:
            gone.sendall(
                b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + body
            )
        assert ask(port, body=png())[0] == 200
    # What they took of the queue is given back.
    until = time.monotonic() + 10
    while b"headstart_waiting_images 0.0" not in ask(port, "GET", "/metrics")[1]:
        assert time.monotonic() < until
        time.sleep(0.1)


def test_half_closed_connections_are_answered(port):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as half:
        body = png()
        half.sendall(
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
            + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
        )  # fmt: skip
        half.shutdown(socket.SHUT_WR)
        # Some servers answer a half-closed connection, some close it; neither may hang.
        half.settimeout(10)
        half.recv(4096)
    assert ask(port, body=png())[0] == 200


# --- who may, how many, how long ----------------------------------------------------------------


def test_a_key_is_asked_for(model):
    with running(model, access=Access(key="secret")) as port:
        assert ask(port, body=png())[0] == 401
        assert ask(port, body=png(), headers={"X-API-Key": "Secret"})[0] == 401
        assert ask(port, body=png(), headers={"X-API-Key": "secret"})[0] == 200
        assert ask(port, body=png(), headers={"Authorization": "Bearer secret"})[0] == 200
        assert ask(port, body=png(), headers={"Authorization": "Basic secret"})[0] == 401
        assert ask(port, "GET", "/model")[0] == 401
        assert ask(port, "GET", "/metrics")[0] == 401
        for path in ("/", "/page.js", "/health"):
            assert ask(port, "GET", path)[0] == 200


def test_beyond_the_queue_it_says_busy_and_recovers(exported):
    _, out = exported
    model = OnnxPredictor(out / "model.onnx")
    quick = model.outputs

    def slow(inputs):
        time.sleep(0.3)
        return quick(inputs)

    model.outputs = slow
    with running(model, room=3) as port, ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: ask(port, body=png()), range(12)))
        statuses = [status for status, _, _ in answers]
        assert set(statuses) == {200, 503}
        assert statuses.count(200) >= 3
        for status, value, headers in answers:
            if status == 503:
                assert headers["retry-after"] == "1"
                assert "busy" in value["error"]
        assert ask(port, body=png())[0] == 200


def test_stopped_under_load_it_answers_all_that_it_accepted(exported, tmp_path):
    _, out = exported
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path / "log").open("w+")
    server = subprocess.Popen(
        [sys.executable, "-m", "headstart", "serve", str(out), "--port", str(port)],
        stderr=log, env=os.environ | {"HEADSTART_API_KEY": ""},
    )  # fmt: skip
    try:
        until = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError):
                if ask(port, "GET", "/health")[0] == 200:
                    break
            assert time.monotonic() < until
            time.sleep(0.1)
        answered, cut = [], []
        stop = threading.Event()

        def load():
            while not stop.is_set():
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
                try:
                    connection.request("POST", "/predict", png())
                except OSError:
                    return  # it accepts no more
                try:
                    answered.append(connection.getresponse().status)
                except (OSError, http.client.HTTPException) as error:
                    cut.append(error)
                    return
                finally:
                    connection.close()

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(1.0)
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
        stop.set()
        for thread in threads:
            thread.join(20)
        assert len(answered) > 4
        assert set(answered) == {200}
        # A connection that was made but not read from when the end came was not accepted.
        log.seek(0)
        served = sum('"/predict"' in line for line in log)
        assert served == len(answered)
    finally:
        server.kill()
        log.close()


@pytest.mark.parametrize(
    "options", [{"port": 70000}, {"max_mb": 0}, {"queue": 2}, {"max_files": 0}, {"timeout": -1}]
)
def test_bad_options(exported, options):
    _, out = exported
    with pytest.raises(OptionError):
        serve(out, **options)


def test_a_run_is_not_an_export(trained):
    _, run = trained
    with pytest.raises(ModelError, match="headstart export"):
        serve(run.folder)


def test_a_port_that_is_taken(exported):
    _, out = exported
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OptionError, match="port is taken"):
            serve(out, port=taken.getsockname()[1])


def test_the_page_is_in_the_package():
    import headstart.deploy.server as server

    for name, _ in server._FILES.values():
        assert (Path(server.__file__).parent / "page" / name).is_file()


# --- hostile clients ----------------------------------------------------------------------------


def spent(port, body, timeout=20.0):
    """Seconds to a good answer."""
    begun = time.monotonic()
    assert ask(port, body=body, timeout=timeout)[0] == 200
    return time.monotonic() - begun


@pytest.mark.skipif(not shutil.which("prlimit"), reason="no prlimit to lower the limit of files")
@pytest.mark.parametrize(("limit", "count"), [(1024, 1100), (128, 300)])
def test_half_open_connections_stop_nobody_and_fill_no_log(exported, tmp_path, limit, count):
    _, out = exported
    with Process(out, tmp_path / "log", open_files=limit) as server, contextlib.ExitStack() as many:
        for _ in range(count):
            many.enter_context(connected(server.port, b"GET / HTTP/1.1\r\nX: "))
        assert max(spent(server.port, png()) for _ in range(10)) < 5
        assert ask(server.port, "GET", "/health")[0] == 200
        assert len(os.listdir(f"/proc/{server.child.pid}/fd")) < limit
        assert len(server.log) < 20_000
        assert "Traceback" not in server.log
        server.child.send_signal(signal.SIGTERM)
        assert server.child.wait(5) == 0


def test_bombs_beside_good_requests(exported, tmp_path):
    _, out = exported
    words = ("--workers", "2", "--decode-timeout", "0.5")
    slow_image()
    with Process(out, tmp_path / "log", *words) as server, ThreadPoolExecutor(2) as pool:
        bombs = [pool.submit(ask, server.port, body=slow_image()) for _ in range(2)]
        waits = []
        while not all(each.done() for each in bombs):
            waits.append(spent(server.port, png()))
            assert ask(server.port, "GET", "/health")[0] == 200
        assert sorted(waits)[int(0.95 * len(waits))] < 2.0
        for each in bombs:
            status, value, _ = each.result()
            assert status == 422
            assert "longer than 0.5 seconds" in value["error"]
        assert "Traceback" not in server.log


def test_stopped_while_bombs_are_decoded_it_ends(exported, tmp_path):
    _, out = exported
    words = ("--workers", "1", "--decode-timeout", "60")
    with Process(out, tmp_path / "log", *words) as server, ThreadPoolExecutor(8) as pool:
        bombs = [pool.submit(ask, server.port, body=slow_image()) for _ in range(7)]
        head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx"
        with connected(server.port, head):
            time.sleep(1.0)
            server.child.send_signal(signal.SIGTERM)
            assert server.child.wait(5) == 0
        statuses = [each.result()[0] for each in bombs]
        assert set(statuses) <= {200, 503}
        assert statuses.count(503) > 1
        assert "Traceback" not in server.log


def test_killed_it_leaves_no_process(exported, tmp_path):
    _, out = exported
    with Process(out, tmp_path / "log") as server:
        task = Path(f"/proc/{server.child.pid}/task/{server.child.pid}/children")
        if not task.exists():
            pytest.skip("no way to see the processes here")
        children = [Path("/proc", each) for each in task.read_text().split()]
        assert children
        server.child.kill()
        server.child.wait()
        until = time.monotonic() + 5
        while any(each.exists() for each in children) and time.monotonic() < until:
            time.sleep(0.05)
        assert not any(each.exists() for each in children)


def test_slow_bodies_leave_room_for_others(model):
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nx"
    with running(model, room=4, limits=Limits(files=2)) as port, contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connected(port, head)) for _ in range(4)]
        time.sleep(1.3)
        for _ in range(3):
            assert ask(port, body=png())[0] == 200
        assert slow[0].recv(4096).startswith(b"HTTP/1.1 503 ")
        for each in slow[2:]:  # with half of the room they may stay
            each.settimeout(0.05)
            with pytest.raises(TimeoutError):
                each.recv(10)


def test_pages_and_names_of_others(exported, tmp_path):
    _, out = exported
    words = ("--allow-host", "box.lan, other.lan", "--cors", "https://mine.example")
    key = "s3cret-é"
    with Process(out, tmp_path / "log", *words, HEADSTART_API_KEY=key) as server:
        port = server.port
        keyed = {"X-API-Key": key.encode()}

        def status(method="POST", path="/predict", **headers):
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            body = png() if method == "POST" else b""
            return ask(port, method, path, body, keyed | given)[0]

        for host in (f"localhost:{port}", f"127.0.0.1:{port}", "[::1]", "box.lan:80", "OTHER.lan"):
            assert status(Host=host) == 200
        evil = f"evil.example:{port}"
        for path in ("/", "/health", "/model", "/metrics"):
            assert status("GET", path, Host=evil, Origin=f"http://{evil}") == 403
        assert status(Host=evil, Sec_Fetch_Site="same-origin") == 403
        assert status(Origin="http://evil.example") == 403
        assert status(Origin="null") == 403
        assert status(Sec_Fetch_Site="cross-site") == 403
        assert status(Origin="https://mine.example", Sec_Fetch_Site="cross-site") == 200
        assert status("OPTIONS", Origin="https://mine.example",
                      Access_Control_Request_Method="POST") == 204  # fmt: skip
        assert status("OPTIONS", Origin="https://a.b", Access_Control_Request_Method="POST") == 403
        for path in ("/", "/health", "/model", "/page.js", "/openapi.json"):
            assert status("HEAD", path) == 200
        assert ask(port, body=png(), headers={"X-API-Key": key.encode("latin-1")})[0] == 200
        assert ask(port, body=png(), headers={"X-API-Key": "s3cret-e"})[0] == 401


def test_at_an_address_for_all_any_name_will_do(exported, tmp_path):
    _, out = exported
    with Process(out, tmp_path / "log", "--host", "0.0.0.0") as server:
        assert ask(server.port, body=png(), headers={"Host": "photos.example"})[0] == 200
        assert ask(server.port, body=png(), headers={"Origin": "http://evil.example"})[0] == 403
        assert "can be used by anybody" in server.log


@pytest.mark.parametrize(
    "options",
    [{"cors": "example.org"}, {"cors": "https://a.b/c"}, {"allow_host": "http://x"},
     {"allow_host": "*"}, {"decode_timeout": 0}],
)  # fmt: skip
def test_bad_names_of_others(exported, options):
    _, out = exported
    with pytest.raises(OptionError, match="--"):
        serve(out, **options)


@pytest.mark.parametrize("key", ["  ", "two\nlines"])
def test_a_key_that_nobody_can_send(exported, monkeypatch, key):
    _, out = exported
    monkeypatch.setenv("HEADSTART_API_KEY", key)
    with pytest.raises(OptionError, match="HEADSTART_API_KEY"):
        serve(out)
