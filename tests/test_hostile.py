"""What a hostile world does to a training: bad files, full disks, kill -9, two at once.

Every case ends in one clear line and status 2, or goes on and names what it left out.
"""

import contextlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.said import besides_reading

import headstart.nets.pretrained.source
from headstart.cli import main
from headstart.images.store import trim_cache
from headstart.run import Run
from headstart.verbs.train import train

# A process is told to have held what its parent held when it began: so a small one begins it.
MEASURED = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(used // (1024 if sys.platform == "darwin" else 1), file=sys.stderr)
sys.exit(status)
"""
FAST = {
    "backbone": "starter",
    "strategy": "probe",
    "baselines": "none",
    "folds": 2,
    "evaluation": "holdout",
}
FLAGS = [
    "--backbone",
    "starter",
    "--strategy",
    "probe",
    "--baselines",
    "none",
    "--folds",
    "2",
    "--evaluation",
    "holdout",
]
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture
def refused(capfd):
    """``refused("word", …)``: `headstart train` with these arguments is one line and status 2."""

    def run(word, *arguments):
        status = main(["train", *FLAGS, *map(str, arguments)])
        out, err = capfd.readouterr()
        err = besides_reading(err)
        assert (status, out) == (2, ""), err
        assert err.startswith("headstart: ")
        assert err.count("\n") == 1, err
        assert word in err, err

    return run


@contextlib.contextmanager
def mounted(place, options):
    """A small file system of its own, where that is allowed."""
    place.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    if not ROOT or not shutil.which("mount") or subprocess.run(command, check=False).returncode:
        pytest.skip("needs the right to mount a file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def write_huge_png(path, side=30_000):
    """A valid PNG of `side` x `side` grey pixels, streamed: its pixels never lie in memory."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    packer = zlib.compressobj(1)
    row = bytes(1 + side // 8)
    data = b"".join([*(packer.compress(row * 100) for _ in range(side // 100)), packer.flush()])
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def same(one, other):
    """Whether two runs measured and predict the same."""
    assert one.predictions.read_bytes() == other.predictions.read_bytes()
    assert one.metrics.read_bytes() == other.metrics.read_bytes()
    head = "head.safetensors"
    assert (one.model / head).read_bytes() == (other.model / head).read_bytes()


# --- files --------------------------------------------------------------------------------------


def test_a_folder_of_bad_files_trains_and_names_them(images, tmp_path):
    first = images / "class_a"
    Image.open(first / "00.png").save(first / "whole.jpg", quality=95)
    whole = (first / "whole.jpg").read_bytes()
    (first / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (first / "whole.jpg").unlink()
    (first / "text.jpg").write_text("Dear diary,")
    (first / "zero.png").write_bytes(b"")
    write_huge_png(first / "huge.png")
    (first / "folder.jpg").mkdir()
    (first / "dangling.png").symlink_to(first / "nowhere.png")
    (images / "class_b" / "00.png").rename(images / "class_b" / "ünïcödé 猫 😀.png")
    bad = {
        "truncated.jpg": "truncated",
        "text.jpg": "a text file",
        "zero.png": "empty",
        "huge.png": "30000 x 30000",
        "dangling.png": "link to a file that is gone",
    }
    command = [sys.executable, "-m", "headstart", "train", images, "-o", tmp_path / "run", *FLAGS]
    if not ROOT or shutil.which("setpriv"):
        secret = first / "secret.png"
        shutil.copy(first / "01.png", secret)
        secret.chmod(0)
        bad["secret.png"] = "no permission"
        if ROOT:  # root reads everything unless it gives this right up
            command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *map(str, command)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    text, kilobytes = done.stdout, int(done.stderr.split()[-1])
    assert 0 < kilobytes < 2 << 20, "more than 2 GiB of memory"
    run = Run(tmp_path / "run")
    aside = dict(json.loads(run.dataset.read_text(encoding="utf-8"))["set_aside"])
    page = run.report.read_text(encoding="utf-8")
    for name, reason in bad.items():
        assert reason in aside[f"class_a/{name}"], name
        assert f"class_a/{name}" in page, name
    assert "a folder, not an image" in aside["class_a/folder.jpg"]
    assert "class_a/folder.jpg" in page
    assert f"{len(aside)} set aside" in text
    assert json.loads(run.dataset.read_text(encoding="utf-8"))["items"] == 36


def test_odd_names_train_and_are_predicted(images, tmp_path, capfd):
    odd = [
        "ünïcödé 猫 😀.png",
        "a,b;'c'.png",
        "-rf.png",
        "%s {x} [bold]x.png",
        "two\nlines.png",
    ]
    for number, name in enumerate(odd):
        (images / "class_b" / f"{number:02}.png").rename(images / "class_b" / name)
    (images / "class_a").rename(images / "größe [red] 犬")
    run = train(images, out=tmp_path / "run é", **FAST)
    text = run.predictions.read_text(encoding="utf-8")
    assert "größe [red] 犬" in text
    assert (
        main(["predict", str(run.folder), *(str(images / "class_b" / name) for name in odd)]) == 0
    )
    shown = capfd.readouterr().out
    assert "[bold]x.png" in shown
    assert "ünïcödé 猫 😀.png" in shown
    assert main(["evaluate", str(run.folder)]) == 0
    assert "größe [red] 犬" in capfd.readouterr().out


# --- data ---------------------------------------------------------------------------------------


def test_a_class_of_one_image_is_a_finding(make_images, tmp_path):
    data = make_images(per_class=8)
    for path in sorted((data / "class_c").iterdir())[1:]:
        path.unlink()
    run = train(data, out=tmp_path / "run", **FAST | {"evaluation": "auto"})
    found = {each["check"]: each for each in json.loads(run.findings.read_text())}
    assert found["classes_of_one"]["evidence"] == ["class_c: 1"]
    assert found["classes_of_one"]["severity"] == "serious"


def test_two_identical_classes_are_a_finding(make_images, tmp_path):
    data = make_images(classes=2, per_class=8)
    shutil.copytree(data / "class_b", data / "class_twin")
    run = train(data, out=tmp_path / "run", **FAST | {"evaluation": "auto"})
    found = {each["check"]: each for each in json.loads(run.findings.read_text())}
    assert found["identical_classes"]["evidence"] == ["class_b = class_twin"]


def test_only_identical_classes(make_images, tmp_path):
    data = make_images(classes=1, per_class=6)
    shutil.copytree(data / "class_a", data / "class_twin")
    run = train(data, out=tmp_path / "run", **FAST | {"evaluation": "auto"})
    found = {each["check"]: each for each in json.loads(run.findings.read_text())}
    assert found["identical_classes"]["evidence"] == ["class_a = class_twin"]
    assert run.primary.value <= 0.75


def test_nothing_to_learn_from(refused, make_images, tmp_path):
    (tmp_path / "empty").mkdir()
    refused("no images", tmp_path / "empty", "-o", tmp_path / "run")
    (tmp_path / "hollow" / "cats").mkdir(parents=True)
    (tmp_path / "hollow" / "dogs").mkdir()
    refused("no images", tmp_path / "hollow", "-o", tmp_path / "run")
    one = make_images("one", classes=1)
    refused("no labels", one / "class_a", "-o", tmp_path / "run")
    refused("", one, "-o", tmp_path / "run")
    for path in (one / "class_a").iterdir():
        (one / "class_b").mkdir(exist_ok=True)
        (one / "class_b" / path.name).write_bytes(b"")
    refused("fewer than two classes", one, "-o", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_tables(refused, images, tmp_path):
    rows = [f"{path.relative_to(images)},{path.parent.name}" for path in images.rglob("*.png")]
    table = images / "all.csv"
    table.write_text("\n".join(["path,label", *rows, "class_a/gone.png,class_a"]))
    run = train(table, out=tmp_path / "run", **FAST)
    aside = dict(json.loads(run.dataset.read_text())["set_aside"])
    assert "class_a/gone.png" in aside
    assert "class_a/gone.png" in run.report.read_text(encoding="utf-8")

    for flag in ("--label", "--group", "--split"):
        refused("nonesuch", table, "-o", tmp_path / "other", flag, "nonesuch")
    more = [f"{row},{number % 2}" for number, row in enumerate(rows)]
    table.write_text("\n".join(["alpha,beta,gamma", *more]))  # beta or gamma may be the label
    refused("column", table, "-o", tmp_path / "other")
    table.write_text("path,label\ngone/1.png,x\ngone/2.png,y\n")
    refused("", table, "-o", tmp_path / "other")
    table.write_text("")
    refused("", table, "-o", tmp_path / "other")


# --- disks --------------------------------------------------------------------------------------


def test_damaged_caches_are_made_again(images, tmp_path, isolated_cache):
    first = train(images, out=tmp_path / "first", **FAST)
    rng = np.random.default_rng(0)
    shards = sorted(isolated_cache.rglob("*.shard"))
    assert len(shards) >= 3, "facts, pixels and features"
    for number in range(3):
        for shard in sorted(isolated_cache.rglob("*.shard")):
            data = bytearray(shard.read_bytes())
            if number == 0:  # a few bytes anywhere
                for place in rng.integers(0, len(data), 20):
                    data[place] ^= 0xFF
            shard.write_bytes([data, data[: len(data) // 2], b"garbage"][number])
        same(first, train(images, out=tmp_path / f"again{number}", **FAST))


def test_a_full_disk_under_the_cache_only_costs_time(images, tmp_path, monkeypatch, capfd):
    first = train(images, out=tmp_path / "first", **FAST)
    with mounted(tmp_path / "small", "size=16k") as small:
        monkeypatch.setenv("HEADSTART_CACHE", str(small / "cache"))
        assert main(["train", str(images), "-o", str(tmp_path / "run"), *FLAGS]) == 0
        assert "Traceback" not in capfd.readouterr().err
        assert not list(small.rglob("*.tmp"))
    same(first, Run(tmp_path / "run"))


def test_a_cache_that_cannot_be_made(images, tmp_path, monkeypatch, capfd):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "file" / "cache"))
    assert main(["train", str(images), "-o", str(tmp_path / "run"), *FLAGS]) == 0
    assert "Traceback" not in capfd.readouterr().err
    trim_cache()


STARTER = Path(headstart.nets.pretrained.source.__file__).parent / "starter"
WEIGHTS = (STARTER / "model.safetensors").stat().st_size // 1024


@pytest.mark.parametrize("kilobytes", [8, 100, WEIGHTS + 44, WEIGHTS + 80])
def test_a_full_disk_under_the_output(refused, images, tmp_path, kilobytes):
    with mounted(tmp_path / "small", f"size={kilobytes}k") as small:
        refused(str(small / "run"), images, "-o", small / "run")
        assert list(small.iterdir()) == [], "nothing half-written was left"


def test_a_read_only_output(refused, images, tmp_path):
    (tmp_path / "file").write_text("precious")
    refused("cannot write", images, "-o", tmp_path / "file" / "run")
    refused("not a run", images, "-o", tmp_path / "file", "--overwrite")
    assert (tmp_path / "file").read_text() == "precious"
    if os.path.isdir("/proc"):
        refused("cannot write", images, "-o", "/proc/run")
    with mounted(tmp_path / "sealed", "ro") as sealed:
        refused("cannot write", images, "-o", sealed / "run")


# --- backbones ----------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["truncated", "other", "missing", "config", "swapped"])
def test_a_backbone_with_wrong_weights(refused, images, tmp_path, damage):
    from safetensors.numpy import load_file, save_file

    folder = tmp_path / "net"
    shutil.copytree(STARTER, folder)
    weights = folder / "model.safetensors"
    if damage == "truncated":
        weights.write_bytes(weights.read_bytes()[:-1000])
    elif damage == "other":
        save_file({"some.weight": np.ones((3, 3), np.float32)}, weights)
    elif damage == "missing":
        weights.unlink()
    elif damage == "config":
        (folder / "config.json").write_text("{")
    else:  # one tensor of another shape
        arrays = load_file(weights)
        name = next(name for name, array in arrays.items() if array.ndim == 4)
        arrays[name] = arrays[name][:1]
        save_file(arrays, weights)
    refused(str(folder), images, "-o", tmp_path / "run", "--backbone", folder)


# --- several processes, and killed ones -----------------------------------------------------------


def train_until(killed_at, data, *, cache=None, **words):
    """Trains; `killed_at` (event, part of a name) is where the process kills itself."""
    if cache is not None:
        os.environ["HEADSTART_CACHE"] = cache

    def hook(event, given):
        if event == killed_at[0] and any(killed_at[1] in str(each) for each in given):
            os.kill(os.getpid(), signal.SIGKILL)

    if killed_at is not None:
        sys.addaudithook(hook)
    train(data, **words)


# What Python is about to do, and to which file: in the caches, in the run, and when it takes the
# place of the earlier one.
PLACES = [
    ("open", ".shard.tmp"),
    ("os.rename", ".shard"),
    ("os.rename", "items.csv"),
    ("open", "model.json"),
    ("ctypes.dlsym", "renameat2"),
    ("shutil.rmtree", ".headstart-building-"),
]


@pytest.fixture(scope="module")
def others():
    """Starts `train` in processes forked from one that has imported everything already."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        pytest.skip("needs forked processes")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["headstart.verbs.train", "sklearn.linear_model", "timm"])

    def start(data, out, *, killed_at=None, **more):
        words = {"out": out, **FAST, **more}
        child = context.Process(target=train_until, args=(killed_at, data), kwargs=words)
        child.start()
        return child

    return start


def test_two_processes_at_once_corrupt_nothing(others, images, tmp_path, isolated_cache):
    children = [others(images, tmp_path / name) for name in ("one", "two", "both", "both")]
    for child in children:
        child.join(300)
    assert [child.exitcode for child in children[:2]] == [0, 0]
    assert sorted(child.exitcode for child in children[2:])[0] == 0, "one of them was first"
    alone = train(images, out=tmp_path / "alone", **FAST)
    for name in ("one", "two", "both"):
        same(alone, Run(tmp_path / name))
    assert not list(isolated_cache.rglob("*.tmp"))
    assert not list(tmp_path.glob(".headstart-*"))


@pytest.mark.skipif(sys.platform != "linux", reason="the places are those of Linux")
def test_killed_at_chosen_places(others, images, tmp_path, monkeypatch):
    """Before the last one the earlier run stands there, after it the new one; both whole."""
    wanted = train(images, out=tmp_path / "wanted", **FAST)
    earlier = train(images, out=tmp_path / "earlier", **FAST, seed=1)
    for number, place in enumerate(PLACES):
        out = tmp_path / f"out{number}" / "run"
        shutil.copytree(earlier.folder, out)
        monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / f"cache{number}"))
        cache = {"cache": str(tmp_path / f"cache{number}")}
        child = others(images, out, killed_at=place, overwrite=True, **cache)
        child.join(120)
        assert child.exitcode == -signal.SIGKILL, place
        same(wanted if place[0] == "shutil.rmtree" else earlier, Run.open(out))
        again = train(images, out=out, overwrite=True, **FAST)  # with what the caches hold now
        same(wanted, again)


def test_kill_9_leaves_the_next_call_correct(others, images, tmp_path, monkeypatch):
    shared = os.environ["HEADSTART_CACHE"]
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "undisturbed"))
    wanted = train(images, out=tmp_path / "wanted", **FAST)
    monkeypatch.setenv("HEADSTART_CACHE", shared)
    out = tmp_path / "run"
    dice = random.Random(0)

    def seen(pattern, place):
        return lambda: any(True for _ in place.glob(pattern))

    cache = Path(shared)
    moments = [
        seen("**/*.tmp", cache),
        seen("**/*.shard", cache),
        seen(".headstart-building-*", tmp_path),
        seen(".headstart-building-*/model/head.safetensors", tmp_path),
        *[None] * 3,
    ]
    for moment in moments:
        child = others(images, out, overwrite=True)
        start, limit = time.monotonic(), dice.uniform(0.2, 2.5) if moment is None else 60
        while child.is_alive() and time.monotonic() - start < limit:
            if moment and moment():
                break
            time.sleep(0.002)
        child.kill()
        child.join()
        # What stands there now is a whole run or none.
        if out.exists():
            same(wanted, Run.open(out))
    final = train(images, out=out, overwrite=True, **FAST)
    same(wanted, final)
