"""`Store`: what it gives back is what was put in, or nothing, whatever befell the disk."""

from __future__ import annotations

import errno
import logging
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from headstart.errors import OutputError
from headstart.fingerprint import fingerprint_bytes
from headstart.images import store as module
from headstart.images.store import Store, cache_folder, trim_cache


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


def key(number: int) -> bytes:
    return fingerprint_bytes(str(number).encode())


def row(number: int, shape: tuple[int, ...] = (5,)) -> np.ndarray:
    return np.random.default_rng(number).normal(size=shape).astype(np.float32)


def fill(folder: Path, numbers: range, shape: tuple[int, ...] = (5,)) -> Store:
    store = Store(folder, dtype=np.float32)
    for number in numbers:
        store.add(key(number), row(number, shape))
    store.flush()
    return store


def shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.shard"))


# --- what is put in comes out -------------------------------------------------------------------


@given(
    rows=st.dictionaries(
        st.binary(min_size=16, max_size=16) | st.just(bytes(16)) | st.just(b"k" + bytes(15)),
        arrays.arrays(
            np.uint8, arrays.array_shapes(min_dims=1, max_dims=3, max_side=5), fill=st.nothing()
        ),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_rows_under_any_keys(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("rows")
    store = Store(folder, dtype=np.uint8)
    for each, value in rows.items():
        store.add(each, value)
    store.flush()
    for reader in (store, Store(folder, dtype=np.uint8)):
        for each, value in rows.items():
            assert each in reader
            np.testing.assert_array_equal(reader.get(each), value, strict=True)


def test_a_row_that_is_no_block_of_memory(folder):
    picture = np.arange(4 * 6 * 3, dtype=np.float32).reshape(4, 6, 3)
    store = Store(folder, dtype=np.float32)
    store.add(key(1), picture[:, ::-1])
    store.add(key(2), picture.transpose(2, 0, 1))
    store.add(key(3), picture.astype(np.float64))
    store.flush()
    again = Store(folder, dtype=np.float32)
    np.testing.assert_array_equal(again.get(key(1)), picture[:, ::-1])
    np.testing.assert_array_equal(again.get(key(2)), picture.transpose(2, 0, 1))
    np.testing.assert_array_equal(again.get(key(3)), picture)


def test_absent_is_none(folder):
    assert Store(folder, dtype=np.float32).get(key(1)) is None
    assert fill(folder, range(3)).get(key(9)) is None
    assert not folder.with_name("other").exists()


def test_a_row_cannot_be_written_to(folder):
    with pytest.raises(ValueError, match="read-only"):
        fill(folder, range(1)).get(key(0))[0] = 1


def test_nothing_to_flush_leaves_nothing(folder):
    Store(folder, dtype=np.float32).flush()
    assert not folder.exists()


def test_a_shard_is_written_when_enough_is_pending(folder, monkeypatch):
    monkeypatch.setattr(module, "_SHARD_BYTES", 100)
    store = Store(folder, dtype=np.float32)
    for number in range(10):
        store.add(key(number), row(number))  # 20 bytes each
    assert len(shards(folder)) == 2
    assert store.get(key(9)) is not None


def test_refresh_sees_what_others_wrote(folder):
    early = Store(folder, dtype=np.float32)
    fill(folder, range(3))
    assert early.get(key(2)) is None
    early.refresh()
    np.testing.assert_array_equal(early.get(key(2)), row(2))


def test_another_dtype_is_a_miss(folder):
    fill(folder, range(3))
    assert Store(folder, dtype=np.uint8).get(key(1)) is None


# --- damage -------------------------------------------------------------------------------------


def assert_right_or_missing(folder: Path, numbers: range, shape: tuple[int, ...] = (5,)) -> int:
    """Returns how many rows are missing."""
    store = Store(folder, dtype=np.float32)
    missing = 0
    for number in numbers:
        found = store.get(key(number))
        if found is None:
            missing += 1
        else:
            np.testing.assert_array_equal(found, row(number, shape), strict=True)
    return missing


@pytest.mark.parametrize("shape", [(2,), (1, 2)])
def test_every_single_flipped_bit_is_noticed(folder, shape):
    """Magic, header, index and rows: none of them may turn an answer into another one."""
    fill(folder, range(1), shape)
    [shard] = shards(folder)
    good = shard.read_bytes()
    for place in range(len(good)):
        for bit in range(8):
            bad = bytearray(good)
            bad[place] ^= 1 << bit
            shard.write_bytes(bad)
            assert assert_right_or_missing(folder, range(1), shape), f"byte {place}, bit {bit}"


def test_every_truncation_is_noticed_and_removed(folder):
    fill(folder, range(3))
    [shard] = shards(folder)
    good = shard.read_bytes()
    for length in range(len(good)):
        shard.write_bytes(good[:length])
        assert assert_right_or_missing(folder, range(3)) == 3
        assert not shard.exists()
    shard.write_bytes(good + b"more")
    assert assert_right_or_missing(folder, range(3)) == 3


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"HDSTORE2",
        b"HDSTORE2" + b"\xff" * 8 + b"{}",
        b"HDSTORE2" + bytes(8),
        b"HDSTORE2" + (2).to_bytes(8, "little") + b"[]",
        b"HDSTORE2" + (28).to_bytes(8, "little") + b'{"count":0,  "dtype":"<f4" }',
        b"HDSTORE2" + (28).to_bytes(8, "little") + b'{"count":-1, "dtype":"<f4" }',
        b"HDSTORE2" + (28).to_bytes(8, "little") + b'{"count":9e9,"dtype":"<f4" }',
        b"HDSTORE1" + bytes(100),
        b"not a shard at all",
        bytes(4096),
    ],
)
def test_garbage_is_removed_and_made_again(folder, content, caplog):
    folder.mkdir()
    (folder / "0.shard").write_bytes(content)
    store = Store(folder, dtype=np.float32)
    assert "0.shard" in caplog.text
    assert shards(folder) == []
    assert store.get(key(0)) is None
    store.add(key(0), row(0))
    store.flush()
    assert assert_right_or_missing(folder, range(1)) == 0


def test_a_damaged_row_is_made_again_and_its_neighbours_still_serve(folder):
    fill(folder, range(4))
    [shard] = shards(folder)
    damaged = bytearray(shard.read_bytes())
    damaged[-1] ^= 1  # in the last row
    shard.write_bytes(damaged)
    store = Store(folder, dtype=np.float32)
    assert store.get(key(3)) is None
    assert not shard.exists()  # or it would be found again before the new one
    store.add(key(3), row(3))
    store.flush()
    for number in range(4):
        np.testing.assert_array_equal(store.get(key(number)), row(number))
    assert Store(folder, dtype=np.float32).get(key(3)) is not None


def test_threads_may_meet_one_damaged_row(folder):
    fill(folder, range(200))
    [shard] = shards(folder)
    good = shard.read_bytes()
    shard.write_bytes(good[: -200 * 20] + bytes(200 * 20))
    store = Store(folder, dtype=np.float32)
    failures = []

    def read() -> None:
        try:
            assert all(store.get(key(number)) is None for number in range(200))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_shard_that_cannot_be_opened_is_not_thrown_away(folder, monkeypatch):
    fill(folder, range(1))

    def refuse(*args: object, **options: object) -> None:
        raise OSError(errno.EMFILE, "too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(np, "memmap", refuse)
        assert Store(folder, dtype=np.float32).get(key(0)) is None
    assert assert_right_or_missing(folder, range(1)) == 0


def test_a_removed_shard_still_serves_who_has_it_open(folder):
    store = fill(folder, range(3))
    shutil.rmtree(folder)
    np.testing.assert_array_equal(store.get(key(1)), row(1))
    store.add(key(7), row(7))
    store.flush()  # makes the folder anew
    assert assert_right_or_missing(folder, range(7, 8)) == 0


# --- several processes --------------------------------------------------------------------------


def _write(folder: str, first: int, count: int) -> None:
    store = Store(Path(folder), dtype=np.float32)
    for number in range(first, first + count):
        store.add(key(number), row(number))
        if number % 7 == 0:
            store.flush()
            store.refresh()
            found = store.get(key(number))
            assert found is not None
            assert (found == row(number)).all()
    store.flush()


def test_processes_writing_at_once_lose_nothing(folder):
    context = multiprocessing.get_context("spawn")
    # Their ranges overlap: some rows are written twice.
    workers = [context.Process(target=_write, args=(str(folder), 30 * i, 60)) for i in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert assert_right_or_missing(folder, range(120)) == 0
    assert not list(folder.glob("*.tmp"))


WRITER = """
import sys
import numpy as np
from pathlib import Path
from headstart.images.store import Store
from headstart.fingerprint import fingerprint_bytes
store = Store(Path(sys.argv[1]), dtype=np.float32)
print("go", flush=True)
for number in range(100_000):
    rng = np.random.default_rng(number % 50)
    store.add(fingerprint_bytes(str(number % 50).encode()), rng.normal(size=4000).astype("f4"))
    if number % 5 == 4:
        store.flush()
"""


def test_kill_while_writing(folder):
    moments = random.Random(0)
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE
        )
        process.stdout.readline()
        time.sleep(moments.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert_right_or_missing(folder, range(50), (4000,))
    store = fill(folder, range(50), (4000,))
    assert all((store.get(key(n)) == row(n, (4000,))).all() for n in range(50))


# --- disks that refuse --------------------------------------------------------------------------


class FullDisk:
    """A file on a disk with room for the first bytes only."""

    def __init__(self, stream) -> None:
        self.stream = stream

    def __enter__(self) -> FullDisk:
        return self

    def __exit__(self, *error: object) -> None:
        self.stream.close()

    def write(self, data: bytes) -> None:
        self.stream.write(bytes(data)[:3])
        self.stream.flush()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_full_disk_goes_on_without_cache(folder, monkeypatch, caplog):
    store = fill(folder, range(2))
    real = Path.open
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda self, *args, **more: FullDisk(real(self, *args, **more)))
        for number in range(2, 6):
            store.add(key(number), row(number))
            store.flush()
    warnings = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "No space left" in warnings[0].getMessage()
    np.testing.assert_array_equal(store.get(key(1)), row(1))  # what is there still serves
    assert store.get(key(2)) is None
    assert len(list(folder.iterdir())) == 1  # nothing half-written was left


def test_a_rename_that_fails_leaves_nothing(folder, monkeypatch):
    def refuse(*args: object) -> None:
        raise OSError(errno.EDQUOT, "quota")

    monkeypatch.setattr(os, "replace", refuse)
    store = fill(folder, range(2))
    assert store.get(key(0)) is None
    assert list(folder.iterdir()) == []


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    store = fill(tmp_path / "file" / "store", range(3))
    assert store.get(key(0)) is None


def test_read_only_cache_serves_all_its_shards(folder, monkeypatch):
    for start in range(3):
        fill(folder, range(start, start + 1))

    def refuse(*args: object, **options: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    # By hand, since root may write where the permissions say no.
    monkeypatch.setattr(os, "utime", refuse)
    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    assert assert_right_or_missing(folder, range(3)) == 0
    fill(folder, range(3, 4))
    assert assert_right_or_missing(folder, range(4)) == 1


# --- the limit ----------------------------------------------------------------------------------


def aged_shards(count: int) -> list[Path]:
    """Writes shards in several stores, the first unused for longest."""
    for number in range(count):
        fill(cache_folder() / f"room{number % 2}", range(number, number + 1), (1000,))
    found = list(cache_folder().rglob("*.shard"))
    for age, shard in enumerate(random.Random(1).sample(found, count)):
        os.utime(shard, (1e9 + age, 1e9 + age))
    return sorted(found, key=lambda shard: shard.stat().st_mtime)


def test_trim_removes_the_oldest_first():
    old_to_new = aged_shards(6)
    limit = sum(shard.stat().st_size for shard in old_to_new[3:])
    trim_cache(limit=limit)
    assert [shard.exists() for shard in old_to_new] == [False] * 3 + [True] * 3
    trim_cache(limit=limit - 1)
    assert [shard.exists() for shard in old_to_new] == [False] * 4 + [True] * 2
    trim_cache(limit=0)
    assert not list(cache_folder().rglob("*.shard"))


def test_opening_counts_as_use():
    oldest, *rest = aged_shards(3)
    Store(oldest.parent, dtype=np.float32)
    trim_cache(limit=oldest.stat().st_size)
    assert [each.exists() for each in (oldest, *rest)].count(True) == 1
    survivor = next(each for each in (oldest, *rest) if each.exists())
    assert survivor.parent == oldest.parent


def test_limit_from_the_environment(monkeypatch):
    aged_shards(3)
    monkeypatch.setenv("HEADSTART_CACHE_LIMIT", "0.5")
    trim_cache()
    assert len(list(cache_folder().rglob("*.shard"))) == 3
    monkeypatch.setenv("HEADSTART_CACHE_LIMIT", "0.000005")  # 5368 bytes: one shard of 4096
    trim_cache()
    assert len(list(cache_folder().rglob("*.shard"))) == 1


@pytest.mark.parametrize("given", ["", "ten", "10GB", "nan", "inf"])
def test_a_limit_that_is_no_number(monkeypatch, given):
    monkeypatch.setenv("HEADSTART_CACHE_LIMIT", given)
    with pytest.raises(OutputError, match="HEADSTART_CACHE_LIMIT"):
        trim_cache()


def test_trim_clears_what_killed_processes_left_but_not_what_is_being_written():
    folder = cache_folder() / "room"
    folder.mkdir(parents=True)
    stale, fresh = folder / "a.shard.tmp", folder / "b.shard.tmp"
    stale.touch()
    fresh.touch()
    os.utime(stale, (1e9, 1e9))
    trim_cache(limit=0)
    assert not stale.exists()
    assert fresh.exists()


def test_no_cache_at_all(monkeypatch, tmp_path):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "nowhere"))
    trim_cache(limit=0)
    assert not (tmp_path / "nowhere").exists()


# --- any history --------------------------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 5)),
        st.tuples(st.sampled_from(["flush", "refresh", "again", "remove"]), st.just(0)),
    ),
    max_size=20,
)


@given(STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_happened_a_row_is_right_or_absent(tmp_path_factory, steps):
    place = tmp_path_factory.mktemp("any") / "store"
    store, flushed, pending = Store(place, dtype=np.float32), set(), set()
    for what, number in steps:
        if what == "add":
            store.add(key(number), row(number))
            pending.add(number)
        elif what == "flush":
            store.flush()
            flushed |= pending
            pending.clear()
        elif what == "refresh":
            store.refresh()
        elif what == "again":  # what was not flushed is lost with its process
            store, pending = Store(place, dtype=np.float32), set()
        elif flushed:
            shards(place)[0].unlink()
            store, pending = Store(place, dtype=np.float32), set()
            flushed = {number for number in flushed if key(number) in store}
        for number in range(6):
            got = store.get(key(number))
            assert (got is not None) == (number in flushed)
            assert got is None or np.array_equal(got, row(number))
            assert (key(number) in store) == (number in flushed)


@pytest.mark.parametrize("kind", ["u1", "<i2", "<f4", "<f8", "?", "<c8"])
def test_every_type_of_number(folder, kind):
    given = np.arange(12).reshape(3, 4).astype(kind)
    store = Store(folder, dtype=kind)
    store.add(key(0), given)
    store.flush()
    got = Store(folder, dtype=kind).get(key(0))
    assert got.dtype == np.dtype(kind)
    assert np.array_equal(got, given)


def test_two_types_do_not_share_a_folder(folder):
    fill(folder, range(2))
    other = Store(folder, dtype=np.float64)
    assert other.get(key(0)) is None
    assert key(1) not in other


def test_of_two_rows_under_one_key_one_is_given(folder):
    store = fill(folder, range(1))
    store.add(key(0), row(7))
    store.flush()
    for each in (store, Store(folder, dtype=np.float32)):
        got = each.get(key(0))
        assert any(np.array_equal(got, row(number)) for number in (0, 7))
