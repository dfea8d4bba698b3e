"""What the benchmarks share: where data lies, running Headstart as a process, and the machine."""

from __future__ import annotations

import argparse
import atexit
import csv
import functools
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("HEADSTART_DATA", ROOT.parent / "shared" / "data"))
WEIGHTS = Path(os.environ.get("HEADSTART_WEIGHTS", ROOT.parent / "shared" / "weights"))
BACKBONE = WEIGHTS / "mobilenetv2_100"


@dataclass(frozen=True)
class Outcome:
    """One finished process.

    Attributes:
        seconds: Wall time of the whole process, monotonic clock.
        peak_mb: Largest resident set of the process and its children together, MB; sampled.
        status: Exit status.
        stdout: Standard output.
        stderr: Standard error.
    """

    seconds: float
    peak_mb: float
    status: int
    stdout: str
    stderr: str

    def check(self, *, accept: tuple[int, ...] = (0,)) -> Outcome:
        """Returns itself, or ends the benchmark with what the process said."""
        if self.status not in accept:
            sys.exit(f"exit status {self.status}\n{self.stdout[-2000:]}\n{self.stderr[-4000:]}")
        return self


def run(
    command: list[str], environment: dict[str, str] | None = None, *, memory: str = "VmRSS"
) -> Outcome:
    """Runs a process to its end, measuring wall time and peak memory.

    Args:
        command: What is run.
        environment: Further variables.
        memory: Line of /proc/PID/status: `VmRSS`, or `RssAnon` without files that are mapped.
    """
    begun = time.monotonic()
    child = subprocess.Popen(
        command,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    peak = 0.0
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, resident_mb(child.pid, memory))
            if done.wait(0.2):
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    stdout, stderr = child.communicate()
    seconds = time.monotonic() - begun
    done.set()
    watcher.join()
    return Outcome(seconds, peak, child.returncode, stdout, stderr)


def resident_mb(pid: int, memory: str = "VmRSS") -> float:
    """Resident memory of a process and its descendants in MB; 0 where /proc is absent.

    Shared pages count once per process, so that the sum is an upper bound.
    """
    total = 0.0
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(memory + ":"):
                total = int(line.split()[1]) / 1024
        for task in Path(f"/proc/{pid}/task").iterdir():
            for kid in (task / "children").read_text().split():
                total += resident_mb(int(kid), memory)
    except (OSError, ValueError):
        pass
    return total


def headstart(
    *args: object,
    cache: Path,
    python: str = sys.executable,
    environment: dict | None = None,
    memory: str = "VmRSS",
) -> Outcome:
    """Runs the command line of this checkout in a process of its own.

    Args:
        args: Command line arguments.
        cache: HEADSTART_CACHE of the process.
        python: The interpreter that has Headstart's dependencies.
        environment: Further variables.
        memory: See `run`.
    """
    places = [str(ROOT / "src"), os.environ.get("PYTHONPATH"), _about(python)]
    path = os.pathsep.join(filter(None, places))
    variables = {"PYTHONPATH": path, "HEADSTART_CACHE": str(cache), **(environment or {})}
    return run([python, "-m", "headstart", *map(str, args)], variables, memory=memory)


@functools.cache
def _about(python: str) -> str:
    """Returns a folder that says which version this checkout is, where it is not installed."""
    ask = "import importlib.metadata as m; m.version('headstart')"
    if subprocess.run([python, "-c", ask], capture_output=True).returncode == 0:
        return ""
    place = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    home = Path(place) / "headstart-0.0.dist-info"
    home.mkdir()
    (home / "METADATA").write_text("Metadata-Version: 2.1\nName: headstart\nVersion: 0.0\n")
    return place


def read_predictions(folder: Path) -> dict[str, tuple[str, str]]:
    """Reads predictions.csv of a run: name -> (truth, predicted)."""
    with (folder / "predictions.csv").open(newline="", encoding="utf-8") as stream:
        return {r["name"]: (r["truth"], r["class"]) for r in csv.DictReader(stream)}


def read_json(file: Path) -> Any:
    """Reads a JSON file."""
    return json.loads(file.read_text(encoding="utf-8"))


def wilson(right: int, n: int) -> tuple[float, float, float]:
    """Returns share and its 95 % interval (Wilson, 1927)."""
    z = 1.959964
    share = right / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return share, centre - half, centre + half


def paired_difference(ours: list[bool], theirs: list[bool]) -> tuple[float, float, float]:
    """Returns the difference of two paired shares and its 95 % interval.

    Adjusted Wald interval (Bonett and Price, 2012), sound for small sets too.
    """
    n = len(ours)
    won = sum(a and not b for a, b in zip(ours, theirs, strict=True))
    lost = sum(b and not a for a, b in zip(ours, theirs, strict=True))
    p, q = (won + 1) / (n + 2), (lost + 1) / (n + 2)
    half = 1.959964 * math.sqrt((p + q - (p - q) ** 2) / (n + 2))
    return (won - lost) / n, p - q - half, p - q + half


@dataclass(frozen=True)
class Baseline:
    """What the ten-line baseline answered to the images that a run was tested on.

    Attributes:
        right: Name -> whether it was classified correctly.
        seconds: Wall time of the whole process.
        peer: What it is.
    """

    right: dict[str, bool]
    seconds: float
    peer: str


def ten_lines(data: Path, trained: Path, backbone: str, place: Path, python: str) -> Baseline:
    """Runs last layer + logistic regression on the split, or the folds, of a run.

    Args:
        data: Folder that the names of the run's items are relative to.
        trained: The run.
        backbone: Folder in timm's layout.
        place: Where to write.
        python: The interpreter that has timm and scikit-learn.
    """
    out = place / "ten_lines.json"
    command = [python, ROOT / "benchmarks" / "peers" / "ten_lines.py", data]
    command += ["--weights", backbone, "--out", out, "--items", trained / "items.csv"]
    done = run([str(part) for part in command]).check()
    found = read_json(out)
    right = {p["name"]: p["truth"] == p["predicted"] for p in found["predictions"]}
    return Baseline(right, done.seconds, found["peer"])


def over_baseline(trained: Path, baseline: Baseline) -> str:
    """Returns a run's accuracy minus the baseline's on the same images, by Headstart's own test.

    Images of one cluster of the run (near duplicates, a group) vary together.
    """
    sys.path.insert(0, str(ROOT / "src"))
    import numpy as np

    from headstart.metrics.interval import paired_difference as paired

    with (trained / "items.csv").open(newline="", encoding="utf-8") as stream:
        clusters = {row["name"]: int(row["cluster"]) for row in csv.DictReader(stream)}
    ours = read_predictions(trained)
    if set(ours) != set(baseline.right):
        odd = sorted(set(ours) ^ set(baseline.right))
        sys.exit(f"{trained} and {baseline.peer} did not see the same images: {odd[:3]}")
    names = sorted(ours)
    pairs = [[ours[name][0] == ours[name][1] for name in names], [baseline.right[n] for n in names]]
    found = paired(*map(np.array, pairs), np.array([clusters[name] for name in names]))
    return show(found.value, found.low, found.high, signed=True)


def show(share: float, low: float, high: float, *, signed: bool = False) -> str:
    """Formats an estimate with its interval."""
    form = "+.3f" if signed else ".3f"
    return f"{share:{form}} ({low:{form}} to {high:{form}})"


def show_estimate(estimate: dict[str, Any]) -> str:
    """Formats an estimate as `metrics.json` keeps it."""
    return show(estimate["value"], estimate["low"], estimate["high"])


def machine() -> str:
    """Returns one line about this machine and how busy it is."""
    model = platform.processor() or platform.machine()
    memory = "?"
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
        kilobytes = int(Path("/proc/meminfo").read_text().split()[1])
        memory = f"{kilobytes / 2**20:.0f} GB"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return f"{model}, {cores} cores, {memory}, {platform.system()}; load before {load:.1f}"


def versions(python: str) -> str:
    """Returns the versions of what matters, as one interpreter has them."""
    code = (
        "import importlib.metadata as m, platform\n"
        "out = ['Python ' + platform.python_version()]\n"
        "for name in ('torch', 'timm', 'openvino', 'scikit-learn', 'fastai'):\n"
        "    try: out.append(name + ' ' + m.version(name))\n"
        "    except m.PackageNotFoundError: pass\n"
        "print(', '.join(out))"
    )
    return subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip()


def commit() -> str:
    """Returns the checkout's commit, with a plus sign if files differ from it."""
    done = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+"],
        capture_output=True,
        text=True,
    )
    return done.stdout.strip() or "unknown"


def need(*places: Path) -> None:
    """Ends the benchmark, saying so, where data or weights are absent."""
    for place in places:
        if not place.exists():
            sys.exit(f"{place} is absent: set HEADSTART_DATA and HEADSTART_WEIGHTS")


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Returns a parser with what every benchmark takes."""
    result = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument("--python", default=sys.executable, help="interpreter for Headstart")
    result.add_argument("--backbone", default=str(BACKBONE), help="default: %(default)s")
    result.add_argument("--seed", type=int, default=0)
    return result
