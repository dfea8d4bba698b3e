"""Images per second: the bare engine against embedding from cached pixels.

The bare engine gets ready input images from memory, over and over. Embedding reads the
same images' pixels from the cache and writes the vectors to it, as `train` does. What lies
between the two is what Headstart's own plumbing costs.

    python benchmarks/engine_rate.py [DATA] [--backbone FOLDER]
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from common import BACKBONE, DATA, ROOT, commit, machine, need, parser, versions


def main() -> None:
    options = parser(__doc__)
    options.add_argument("data", nargs="?", type=Path, default=DATA / "cifar10_small")
    options.add_argument("--repeats", type=int, default=3, help="the median is reported")
    options.add_argument("--limit", type=int, help="this many images only (smoke test)")
    args = options.parse_args()
    need(args.data, *([BACKBONE] if args.backbone == str(BACKBONE) else []))
    print(f"Machine: {machine()}. Headstart {commit()}: {versions(sys.executable)}.\n")
    with tempfile.TemporaryDirectory() as cache:
        os.environ["HEADSTART_CACHE"] = cache
        sys.path.insert(0, str(ROOT / "src"))
        measure(args, Path(cache))


def measure(args, cache: Path) -> None:
    import numpy as np

    from headstart.data.open import open_dataset
    from headstart.features.extract import extract
    from headstart.images.pixels import read_pixels
    from headstart.images.stats import ImageStats
    from headstart.nets.engines.engine import stream
    from headstart.nets.pretrained.backbone import open_backbone

    dataset = open_dataset(args.data)
    if args.limit:
        dataset = dataset.take(np.linspace(0, len(dataset) - 1, args.limit).astype(int))
    count = len(dataset)
    backbone = open_backbone(args.backbone)
    first = extract(dataset, backbone)  # decodes into the pixel cache, converts the network

    embed = []
    for _ in range(args.repeats):
        shutil.rmtree(cache / "features")
        again = extract(dataset, backbone)
        assert again.computed == first.computed, "the vectors were not computed again"
        embed.append(again.computed / again.seconds["read and embed"])
    shutil.rmtree(cache / "features")

    reader = read_pixels(dataset, ImageStats.empty(count), preprocess=backbone.preprocess)
    inputs = np.concatenate([pixels for _, _, pixels in reader])
    engine = backbone.engine(backbone.preprocess, images=count, proof=inputs[:1])
    starts = range(0, len(inputs), engine.batch)
    bare = []
    for _ in range(args.repeats):
        begun = time.perf_counter()
        for _ in stream(engine, ((i, inputs[i : i + engine.batch]) for i in starts)):
            pass
        bare.append(len(inputs) / (time.perf_counter() - begun))

    bare_rate, embed_rate = statistics.median(bare), statistics.median(embed)
    spread = [f"{min(each):.0f} to {max(each):.0f}" for each in (bare, embed)]
    print(f"Engine: {engine.summary}; batch {engine.batch}; {count} images of {args.data.name}.\n")
    print("| what | images/s, median | range of repeats | share |\n|---|---|---|---|")
    print(f"| bare engine | {bare_rate:.0f} | {spread[0]} | 1 |")
    share = embed_rate / bare_rate
    print(f"| embedding from cached pixels | {embed_rate:.0f} | {spread[1]} | {share:.2f} |")


if __name__ == "__main__":
    main()
