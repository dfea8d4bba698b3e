"""What further looks at each image bring: the same training with one look and with what it keeps.

    python benchmarks/views.py [--sets magnetic_tile brain_tumor] [--cv]

Each set is trained twice with `--strategy probe`, with `--views 1` and with the default flags, in
processes of their own and with a cold cache each; the test images are the same, so that the two
are compared in pairs (magnetic_tile, without a split, is tested on the same held-out fifth).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from common import (
    DATA,
    commit,
    headstart,
    machine,
    need,
    paired_difference,
    parser,
    read_json,
    read_predictions,
    show,
    show_estimate,
    versions,
)

SETS: dict[str, tuple[str, tuple[object, ...]]] = {
    "magnetic_tile": ("magnetic_tile/classes", ()),
    "brain_tumor": ("brain_tumor", ()),
    "hymenoptera": ("hymenoptera", ()),
    "flowers12": ("flowers12", ()),
    "utkface_a gender": ("utkface_a/attributes.csv", ("--label", "gender")),
    "cifar10_small": ("cifar10_small", ()),
    "omniglot": ("omniglot", ()),
}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--sets", nargs="*", choices=list(SETS), default=list(SETS))
    options.add_argument("--cv", action="store_true", help="by nested cross-validation")
    options.add_argument("--views", default="auto", help="of the second training")
    args = options.parse_args()
    need(DATA, Path(args.backbone))
    print(f"{machine()}; {versions(args.python)}; {commit()}; backbone {args.backbone}\n")
    print("| set | one look | log-loss | looks kept | accuracy | log-loss | gain | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    for name in args.sets:
        folder, own = SETS[name]
        found = []
        for views in ("1", args.views):
            with tempfile.TemporaryDirectory() as place:
                out = Path(place) / "run"
                done = headstart(
                    *("train", DATA / folder, "-o", out, "--backbone", args.backbone),
                    *("--strategy", "probe", "--views", views, "--quiet", "--seed", args.seed),
                    *(("--evaluation", "cv") if args.cv else ()),
                    *own,
                    cache=Path(place) / "cache",
                    python=args.python,
                )
                done.check()
                metrics, answers = read_json(out / "metrics.json"), read_predictions(out)
            right = [truth == answer for _, (truth, answer) in sorted(answers.items())]
            found.append((metrics, right, done.seconds))
        (before, was, old), (after, now, new) = found
        tried = (after.get("views") or {}).get("tried") or []
        kept = "; ".join(each["view"] for each in tried if each["kept"]) or "the first"
        print(
            f"| {name} | {show_estimate(before['test']['accuracy'])} "
            f"| {before['test']['log_loss']['value']:.3f} | {kept} "
            f"| {show_estimate(after['test']['accuracy'])} "
            f"| {after['test']['log_loss']['value']:.3f} "
            f"| {show(*paired_difference(now, was), signed=True)} | {old:.1f}, {new:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
