"""A gallery of 100,000 photos: search, adding a person, loading, memory; and kill -9.

1. Vectors made at random (people are directions, photos scatter around them) are committed to an
   index, a person a transaction, and read back: seconds and memory.
2. A search with one photo against all of them, exact: milliseconds (`--one-thread`: with one).
   Some answers are compared with going through everybody.
3. Adding a person with five photos: the commit on the disk (`synchronous=FULL`), and the index of a
   reader in another process brought up to date.
4. Two processes enrol side by side and are killed with SIGKILL at random moments; then all that
   they had said to be committed must be there, whole, and with the very vectors.

    python benchmarks/gallery_scale.py --photos 100000 --kills 50
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

if "--one-thread" in sys.argv:  # numpy reads it when it is imported
    os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from common import ROOT, commit, machine, parser, resident_mb, versions

sys.path.insert(0, str(ROOT / "src"))

from headstart.gallery.database import create
from headstart.gallery.index import IndexStore
from headstart.gallery.rows import Photo
from headstart.gallery.search import Index, unit

SETTINGS = {"method": "knn", "k": 2, "far": 0.001}


def photos_of(person: str, count: int, dimension: int) -> list[Photo]:
    """The same photos in every process."""
    rng = np.random.default_rng(zlib.crc32(person.encode()))
    centre = unit(rng.standard_normal((1, dimension)))
    vectors = unit(centre + rng.standard_normal((count, dimension)) / dimension**0.5)
    return [
        Photo(f"{person}/{at}.jpg", f"{person:>12.12}{at:04}".encode(), vector)
        for at, vector in enumerate(vectors)
    ]


class Clock:
    """Wall and processor time of many short things; the latter does not wait for others."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.busy: list[float] = []

    def __enter__(self) -> None:
        self._begun = time.perf_counter(), time.thread_time()

    def __exit__(self, *_: object) -> None:
        self.wall.append(time.perf_counter() - self._begun[0])
        self.busy.append(time.thread_time() - self._begun[1])

    def __str__(self) -> str:
        p50, p95, p99 = np.percentile(np.array(self.wall) * 1000, (50, 95, 99))
        busy = np.percentile(np.array(self.busy) * 1000, 95)
        return f"{p50:.2f} | {p95:.2f} | {p99:.2f} | {1000 * max(self.wall):.2f} | {busy:.2f}"


def fill(file: Path, args: object) -> None:
    """Commits all people but for the last few."""
    begun, last = time.perf_counter(), 0.0
    people = args.photos // args.each
    with IndexStore(file, write=True) as store:
        for number in range(people):
            store.enroll(f"p{number}", photos_of(f"p{number}", args.each, args.dimension))
        last = time.perf_counter() - begun
    print(
        f"filled: {people:,} people with {args.each} photos in {last:.0f} s, "
        f"{file.stat().st_size / 2**20:.0f} MB on the disk"
    )


def brute(vectors: np.ndarray, owners: np.ndarray, probe: np.ndarray, k: int) -> tuple[int, float]:
    """The best person by going through everybody; people's photos lie side by side."""
    cosines = vectors @ probe
    _, starts, counts = np.unique(owners, return_index=True, return_counts=True)
    scores = [np.sort(cosines[a : a + n])[-k:].mean() for a, n in zip(starts, counts, strict=True)]
    return int(np.argmax(scores)), float(np.max(scores))


def search(file: Path, args: object) -> None:
    """Loads the index and searches it."""
    before = resident_mb(os.getpid())
    begun = time.perf_counter()
    with IndexStore(file) as store:
        changes = store.changes()
        index = Index(args.dimension, method="knn", k=2)
        index.apply(changes)
        seconds = time.perf_counter() - begun
        memory = resident_mb(os.getpid()) - before
        raw = changes.vectors.nbytes / 2**20
        del changes
        print(
            f"loaded in {seconds:.2f} s, {memory:.0f} MB at its peak (the vectors alone are "
            f"{raw:.0f} MB), {resident_mb(os.getpid()) - before:.0f} MB kept"
        )
        rng = np.random.default_rng(args.seed)
        known, unknown = Clock(), Clock()
        people, everything = len(index), None
        for number in range(args.searches):
            if number % 2:
                person = f"p{rng.integers(people)}"
                probe = photos_of(person, args.each + 1, args.dimension)[-1].vector
            else:
                probe = unit(rng.standard_normal((1, args.dimension)))[0]
            with known if number % 2 else unknown:
                [[(name, score)]] = index.search(probe[None], top=1)
            if number % 100 < 2:
                everything = everything or store.changes()
                place, best = brute(everything.vectors, everything.owners, probe, 2)
                assert name == f"p{place}", (name, place, score, best)
                assert abs(score - best) < 1e-5
    print("\n| | p50 ms | p95 ms | p99 ms | most ms | p95 of processor time, ms |")
    print("|---|---|---|---|---|---|")
    print(f"| search, a person that is enrolled | {known} |")
    print(f"| search, a stranger | {unknown} |")


def add(file: Path, args: object) -> None:
    """Adds people to the full index, while a reader follows."""
    commits, follows, quiet = Clock(), Clock(), Clock()
    with IndexStore(file, write=True) as store, IndexStore(file) as reader:
        changes = reader.changes()
        index = Index(args.dimension, method="knn", k=2)
        index.apply(changes)
        mark = changes.mark
        del changes
        reader.changed()
        for number in range(args.adds):
            name = f"new{number}"
            photos = photos_of(name, 5, args.dimension)
            with commits:
                store.enroll(name, photos)
            with follows:
                assert reader.changed()
                changes = reader.changes(mark)
                index.apply(changes)
                mark = changes.mark
            assert index.search(photos[0].vector[None])[0][0][0] == name
        for _ in range(1000):
            with quiet:
                assert not reader.changed()
    print(f"| add a person with 5 photos, committed | {commits} |")
    print(f"| the same in the memory of a reader | {follows} |")
    print(f"| a reader finds that nothing is new | {quiet} |")


CHILD = """
import sys
from pathlib import Path
sys.path[:0] = {paths!r}
from gallery_scale import photos_of
from headstart.gallery.index import IndexStore
with IndexStore(Path(sys.argv[1]), write=True) as store:
    for number in range(10**9):
        name = f"{{sys.argv[2]}}-{{number}}"
        store.enroll(name, photos_of(name, 5, {dimension}))
        print(name, flush=True)
"""


def kill(args: object) -> None:
    """Kills enrolling processes and counts what is there afterwards."""
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "index.sqlite"
        create(file, dimension=args.dimension, settings=SETTINGS)
        paths = [str(ROOT / "src"), str(ROOT / "benchmarks")]
        code = CHILD.format(paths=paths, dimension=args.dimension)
        said: list[str] = []
        for number in range(args.kills):
            children = [
                subprocess.Popen(
                    [sys.executable, "-c", code, str(file), f"{who}{number}"],
                    stdout=subprocess.PIPE, text=True,
                )
                for who in "ab"
            ]  # fmt: skip
            said += [child.stdout.readline().strip() for child in children]
            time.sleep(rng.uniform(0.001, 0.4))
            for child in rng.sample(children, 2):
                child.send_signal(signal.SIGKILL)
            for child in children:
                said += child.stdout.read().splitlines()
                child.wait()
        with IndexStore(file) as store:
            counts, changes = store.counts(), store.changes()
            whole = store._db.execute("PRAGMA integrity_check").fetchone()[0]
        lost = [name for name in said if name not in counts]
        torn = [name for name, count in counts.items() if count != 5]
        wrong = 0
        order = np.argsort(changes.owners, kind="stable")
        for at, name in enumerate(changes.people.values()):
            wanted = np.stack([p.vector for p in photos_of(name, 5, args.dimension)])
            wrong += not np.array_equal(changes.vectors[order][5 * at : 5 * at + 5], wanted)
    print(
        f"\nkill -9: {args.kills} times two processes killed; {len(said):,} people said to be "
        f"committed, {len(counts):,} there; lost {len(lost)}, torn {len(torn)}, other vectors "
        f"{wrong}; integrity_check: {whole}"
    )


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--photos", type=int, default=100_000)
    options.add_argument("--each", type=int, default=5, help="photos a person")
    options.add_argument("--dimension", type=int, default=128)
    options.add_argument("--searches", type=int, default=1000)
    options.add_argument("--adds", type=int, default=300)
    options.add_argument("--kills", type=int, default=50)
    options.add_argument("--one-thread", action="store_true", help="of numpy's products")
    options.add_argument("--folder", type=Path, help="where the index is written")
    args = options.parse_args()
    print(f"{machine()}; {versions(args.python)}; {commit()}\n")
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        file = Path(folder) / "index.sqlite"
        create(file, dimension=args.dimension, settings=SETTINGS)
        fill(file, args)
        search(file, args)
        add(file, args)
    kill(args)


if __name__ == "__main__":
    main()
