"""Whom a face embedder mistakes for whom: false accepts by gender and race, at one threshold.

Every photo of `utkface_a` is enrolled as a person of its own (the set has hardly any person
twice), the threshold is calibrated on all of them, and `headstart enroll` says what it does to each
subgroup: how many pairs of two different people of one subgroup count as one person. Needs
`mobilefacenet.onnx` and `face_yunet_n.onnx` among the weights.

    python benchmarks/subgroups.py
"""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path

from common import DATA, WEIGHTS, commit, headstart, machine, need, parser, show_estimate
from faces import DETECTOR, face_embedder


def stage(place: Path) -> Path:
    """Links every photo into a folder of its own, its attributes beside it."""
    source, people = DATA / "utkface_a", place / "people"
    people.mkdir()
    with (source / "attributes.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    with (people / "attributes.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["file", "gender", "race"])
        for number, row in enumerate(rows):
            name = f"person{number:04}/photo.jpg"
            (people / name).parent.mkdir()
            (people / name).symlink_to((source / row["file"]).resolve())
            table.writerow([name, row["gender"], row["race"]])
    return people


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--far", type=float, default=0.01)
    args = options.parse_args()
    need(DATA / "utkface_a", DETECTOR, WEIGHTS / "mobilefacenet.onnx")
    print(f"Machine: {machine()}. Headstart {commit()}.\n")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        told = headstart(
            "enroll", place / "gallery", stage(place), "--faces", "--detector", DETECTOR,
            "--backbone", face_embedder(place), "--far", args.far, "--seed", args.seed, "--json",
            cache=place / "cache", python=args.python,
        ).check()  # fmt: skip
        found = json.loads(told.stdout)["calibration"]
    print("| who | photos | pairs of two people taken for one (95 %) |\n|---|---|---|")
    print(f"| everybody | {found['photos']} | {show_estimate(found['verify']['far'])} |")
    for each in found["subgroups"]:
        rates = show_estimate(each["verify"]["far"])
        print(f"| {each['column']}: {each['value']} | {each['photos']} | {rates} |")


if __name__ == "__main__":
    main()
