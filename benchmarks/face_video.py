"""Faces through a video: two minutes of pasted faces on moving backgrounds, named track by track.

The video is made here: photos of three people of `lfw10` glide over a photo of `flowers12` that
moves itself, come and go. The model is trained on the other photos of those people. Told are the
frames a second of `headstart predict`, memory in quarters of its time, and whether each track is
classified correctly; then what becomes of the same video cut off in the middle.

    python benchmarks/face_video.py [--seconds 120] [--fps 5]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import DATA, ROOT, commit, headstart, machine, need, parser, resident_mb, versions
from faces import DETECTOR, face_embedder
from PIL import Image

PEOPLE = ("Ariel_Sharon", "Colin_Powell", "Hugo_Chavez")
SIZE = (640, 480)
RATE = 25
SIDE = 180


def make_video(path: Path, seconds: int, seed: int) -> list[tuple[str, int, int]]:
    """Writes the video; returns (who, first frame, last frame) of every appearance."""
    sys.path.insert(0, str(ROOT / "src"))
    from headstart.images.video import Writer

    rng = np.random.default_rng(seed)
    flowers = sorted((DATA / "flowers12").rglob("*.jpg"))
    scene = Image.open(flowers[seed]).convert("RGB").resize((1400, 1050))
    appearances, total, start = [], seconds * RATE, 0
    while start < total - 2 * RATE:
        length = int(rng.integers(4 * RATE, 10 * RATE))
        who = PEOPLE[len(appearances) % len(PEOPLE)]
        appearances.append((who, start, min(start + length, total)))
        start += int(rng.integers(2 * RATE, 6 * RATE))
    faces, ways = [], []
    for number, (who, _, _) in enumerate(appearances):
        photos = sorted((DATA / "lfw10" / who).glob("*.jpg"))[:3]  # the model never sees these
        photo = Image.open(photos[number % 3]).convert("RGB")
        faces.append(photo.crop((50, 40, 200, 200)).resize((SIDE, round(SIDE * 160 / 150))))
        lane = number % 3
        ways.append((rng.uniform(0, 60) + 200 * lane, rng.uniform(20, 250), rng.normal(0, 0.4, 2)))
    writer = Writer(path, rate=RATE)
    for frame in range(total):
        angle = 2 * np.pi * frame / (20 * RATE)
        left, top = round(300 + 280 * np.cos(angle)), round(250 + 240 * np.sin(angle))
        picture = scene.crop((left, top, left + SIZE[0], top + SIZE[1]))
        for (_, first, last), face, (x, y, speed) in zip(appearances, faces, ways, strict=True):
            if first <= frame < last:
                place = np.array([x, y]) + speed * (frame - first)
                picture.paste(face, (int(np.clip(place[0], 0, SIZE[0] - SIDE)), int(
                    np.clip(place[1], 0, SIZE[1] - SIDE))))  # fmt: skip
        writer.add(np.asarray(picture))
    writer.close()
    return appearances


def watched(command: list[str], environment: dict[str, str]) -> tuple[float, list[float], str]:
    """Runs a process; returns its seconds, memory in MB in quarters of them, and its output."""
    begun = time.monotonic()
    with tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
        sizes = []
        while child.poll() is None:
            sizes.append(resident_mb(child.pid))
            time.sleep(0.2)
        out.seek(0)
        text = out.read()
    quarters = np.array_split(np.array(sizes[: -2 or None]), 4)
    return time.monotonic() - begun, [float(np.max(each)) for each in quarters], text


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--seconds", type=int, default=120)
    options.add_argument("--fps", type=float, default=5.0)
    args = options.parse_args()
    need(DETECTOR, DATA / "lfw10", DATA / "flowers12")
    print(f"Machine: {machine()}. Headstart {commit()}: {versions(args.python)}.\n")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for who in PEOPLE:
            (place / "photos" / who).mkdir(parents=True)
            for photo in sorted((DATA / "lfw10" / who).glob("*.jpg"))[3:]:
                (place / "photos" / who / photo.name).symlink_to(photo.resolve())
        headstart(
            "train", place / "photos", "-o", place / "run", "--backbone", face_embedder(place),
            "--strategy", "probe", "--faces", "--detector", DETECTOR, "--baselines", "none",
            "--quiet", cache=place / "cache", python=args.python,
        ).check()  # fmt: skip
        headstart(
            "export", place / "run", "-o", place / "onnx", cache=place / "cache",
            python=args.python,
        ).check()  # fmt: skip
        movie = place / "film.avi"
        appearances = make_video(movie, args.seconds, args.seed)
        environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"}
        print("| what | frames looked at | seconds | frames/s | memory in quarters, MB |")
        print("|---|---|---|---|---|")
        for out in ("lines.jsonl", "shown.mp4"):
            command = [
                args.python, "-m", "headstart", "predict", str(place / "onnx" / "model.onnx"),
                str(movie), "--fps", str(args.fps), "-o", str(place / out), "--json", "--quiet",
            ]  # fmt: skip
            seconds, quarters, _ = watched(command, environment)
            looked = round(args.seconds * args.fps)
            frames = looked if out.endswith("jsonl") else args.seconds * RATE
            memory = ", ".join(f"{each:.0f}" for each in quarters)
            summary = (
                "a line a face" if out.endswith("jsonl") else f"every frame drawn ({frames:,})"
            )
            print(f"| {summary} | {looked:,} | {seconds:.1f} | {frames / seconds:.1f} | {memory} |")
        lines = [json.loads(line) for line in (place / "lines.jsonl").read_text().splitlines()]
        tracks: dict[int, list[dict]] = {}
        for line in lines:
            tracks.setdefault(line["face"], []).append(line)
        right = 0
        for each in tracks.values():
            middle = each[len(each) // 2]["seconds"] * RATE
            there = {who for who, first, last in appearances if first <= middle < last}
            right += each[-1]["class"] in there
        print(
            f"\n{len(appearances)} appearances, {len(tracks)} tracks, {right} of them named after "
            f"somebody who was there; {len(lines):,} faces on the frames looked at."
        )
        broken = place / "broken.avi"
        broken.write_bytes(movie.read_bytes()[: movie.stat().st_size // 2])
        done = headstart(
            "predict", place / "onnx" / "model.onnx", broken, "--fps", args.fps, "--format", "csv",
            cache=place / "cache", python=args.python,
        )  # fmt: skip
        print(f"\nCut off in the middle: exit status {done.status}; the last lines:\n")
        print("\n".join(f"    {line}" for line in done.stdout.splitlines()[-2:]))


if __name__ == "__main__":
    main()
