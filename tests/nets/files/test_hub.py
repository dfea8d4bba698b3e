"""The hub: a real one on the loopback interface, there, then gone, then not asked."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.nets.saved import ARCHITECTURE, TIMM_NAME, write_folder

from headstart.errors import BackboneError
from headstart.nets.files.hub import cached_file, fetch_file, ways_to_supply, why_missing
from headstart.nets.pretrained.source import PRESETS, resolve
from headstart.nets.pretrained.weights import load_network


class Hub:
    """The part of the Hugging Face hub's protocol that downloads files, from a folder."""

    def __init__(self, root: Path) -> None:
        requests = self.requests = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self, body: bool = False) -> None:
                requests.append(f"{self.command} {self.path}")
                parts = self.path.strip("/").split("/")
                file = root.joinpath(*parts[:2], *parts[4:])
                known = (root / parts[0] / parts[1]).is_dir()
                if len(parts) < 5 or parts[2] != "resolve" or not file.is_file():
                    self.send_response(404)
                    self.send_header("X-Error-Code", "EntryNotFound" if known else "RepoNotFound")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                content = file.read_bytes()
                self.send_response(200)
                self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
                self.send_header("X-Repo-Commit", "0123456789abcdef0123456789abcdef01234567")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if body:
                    self.wfile.write(content)

            def do_GET(self) -> None:
                self.do_HEAD(body=True)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


PROBE = """
import json, sys, time
from headstart.errors import BackboneError
from headstart.nets.pretrained.source import fingerprint, resolve
from headstart.nets.pretrained.weights import load_network
import timm, torch, huggingface_hub.file_download
results = {}
for name in sys.argv[1:]:
    begun = time.monotonic()
    try:
        source = resolve(name)
        network = load_network(source)
        result = {
            "sum": sum(p.double().sum().item() for p in network.parameters()),
            "before": source.fingerprint,
            "fingerprint": fingerprint(resolve(name)),
            "licence": resolve(name).licence,
        }
    except BackboneError as error:
        result = {"error": str(error)}
    results[name] = result | {"seconds": time.monotonic() - begun}
print(json.dumps(results))
"""


def probe(home: Path, endpoint: str, *names: str, **environment: str) -> dict:
    """Loads backbones by name in a process of its own; the hub reads its settings on import."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *names],
        env=keep | {"HF_HOME": str(home), "HF_ENDPOINT": endpoint, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_hub_there_then_gone_then_cached(tmp_path):
    ours = write_folder(tmp_path / "hub" / "org" / "tiny", ARCHITECTURE, num_classes=5)
    write_folder(tmp_path / "hub" / "timm" / TIMM_NAME, ARCHITECTURE)
    pickled = write_folder(tmp_path / "hub" / "org" / "pickled", ARCHITECTURE, num_classes=5)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    hub = Hub(tmp_path / "hub")
    home = tmp_path / "home"
    names = ("hf-hub:org/tiny", TIMM_NAME)
    online = probe(home, hub.url, *names, "hf-hub:org/pickled", "hf-hub:org/unknown")
    hub.close()

    local = load_network(resolve(str(ours)))
    assert online[names[0]]["sum"] == pytest.approx(
        sum(p.double().sum().item() for p in local.parameters())
    )
    assert online[names[0]]["before"] == ""  # nothing is downloaded by resolve alone
    assert online[names[0]]["licence"] == "apache-2.0"
    assert all(len(online[name]["fingerprint"]) == 32 for name in names)
    assert "no such file" in online["hf-hub:org/pickled"]["error"]
    assert not any(r.startswith("GET") and r.endswith(".bin") for r in hub.requests)
    assert "no such repository" in online["hf-hub:org/unknown"]["error"]

    # The hub is gone: what is cached still loads, the rest fails soon and says what to do.
    gone = probe(home, hub.url, *names, "hf-hub:org/another")
    for name in names:
        assert gone[name]["sum"] == online[name]["sum"]
        assert gone[name]["before"] == online[name]["fingerprint"]
    failed = gone["hf-hub:org/another"]
    assert failed["seconds"] < 15
    for word in ("config.json of org/another", "hf download", "--local-dir", "HF_HOME", "starter"):
        assert word in failed["error"]
    assert "\n" not in failed["error"]

    # HF_HUB_OFFLINE: likewise, without asking.
    offline = probe(home, hub.url, *names, "fast", HF_HUB_OFFLINE="1")
    assert offline[names[0]]["sum"] == online[names[0]]["sum"]
    assert "HF_HUB_OFFLINE" in offline["fast"]["error"]
    assert f"model.safetensors of timm/{PRESETS['fast']}" in offline["fast"]["error"]


# --- without any hub ----------------------------------------------------------------------------

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """An empty cache of the hub."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", tmp_path / "hub")
    return tmp_path / "hub"


def keep(home: Path, repo: str, file: str, *, revision: str = "main") -> Path:
    """Puts a file into the cache as the hub's client does."""
    folder = home / ("models--" + repo.replace("/", "--"))
    place = folder / "snapshots" / COMMIT / file
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"kept")
    (folder / "refs").mkdir(exist_ok=True)
    (folder / "refs" / revision).write_text(COMMIT)
    return place


def test_what_is_in_the_cache_is_found_without_asking(home, monkeypatch):
    assert cached_file("org/net", "config.json") is None
    place = keep(home, "org/net", "config.json")
    assert cached_file("org/net", "config.json") == place
    assert cached_file("org/net", "model.safetensors") is None
    monkeypatch.setattr(
        "huggingface_hub.get_hf_file_metadata", lambda *given, **how: pytest.fail("asked")
    )
    assert fetch_file("org/net", "config.json") == place


def test_a_revision_is_another_file(home):
    place = keep(home, "org/net", "config.json", revision="v2")
    assert cached_file("org/net@v2", "config.json") == place
    assert cached_file("org/net", "config.json") is None
    assert cached_file("org/net@v3", "config.json") is None


def refusal(kind: str) -> Exception:
    """An error of the hub, made without the HTTP answer that its own constructor asks for."""
    from huggingface_hub import errors

    def begin(self: Exception) -> None:
        Exception.__init__(self, "the hub's own words")

    return type(kind, (getattr(errors, kind),), {"__init__": begin, "__str__": repr})()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("GatedRepoError", "accept its terms"),
        ("RepositoryNotFoundError", "no such repository, or it is private"),
        ("RevisionNotFoundError", "has no revision v9"),
        ("EntryNotFoundError", "no such file"),
    ],
)
def test_a_refusal_is_put_into_words(home, monkeypatch, kind, words):
    error = refusal(kind)

    def refuse(*given: object, **how: object) -> None:
        raise error

    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", refuse)
    with pytest.raises(BackboneError, match=words) as caught:
        fetch_file("org/net@v9", "model.safetensors")
    assert str(caught.value).startswith("cannot get model.safetensors of org/net@v9: ")
    assert caught.value.__cause__ is error


def test_any_other_trouble_is_named_in_one_line(home, monkeypatch):
    def fail(*given: object, **how: object) -> None:
        raise ConnectionResetError("first line\nsecond line " + "x" * 500)

    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", fail)
    with pytest.raises(BackboneError) as caught:
        fetch_file("org/net", "config.json")
    message = str(caught.value)
    assert "ConnectionResetError: first line second line xxx" in message
    assert "\n" not in message
    assert "x" * 201 not in message


def test_offline_says_so(home):
    with pytest.raises(BackboneError, match="HF_HUB_OFFLINE is set and the file is not in"):
        fetch_file("org/net", "config.json")


@pytest.mark.parametrize(
    ("repo", "file", "words"),
    [
        ("org/net", "model.safetensors", "hf download org/net config.json model.safetensors`"),
        ("org/net", "config.json", "hf download org/net config.json`"),
        ("org/net@v2", "x.safetensors", "org/net config.json x.safetensors --revision v2`"),
    ],
)
def test_ways_to_supply_a_file(repo, file, words):
    text = ways_to_supply(repo, file)
    assert words in text
    for way in ("HF_HOME", "--local-dir FOLDER", "HF_ENDPOINT", "starter"):
        assert way in text


def test_what_works_at_once_is_the_first_way_and_the_reason_stands_alone(home, monkeypatch):
    def fail(*given: object, **how: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", fail)
    with pytest.raises(BackboneError) as caught:
        fetch_file("org/net", "model.safetensors")
    reason, _, ways = str(caught.value).partition(" What to do, one of: ")
    assert ways.startswith("(1) --backbone starter")
    assert why_missing(caught.value) == reason
    assert reason.startswith("cannot get model.safetensors of org/net: https://")
    assert reason.endswith("does not answer (ConnectionError: no route).")
