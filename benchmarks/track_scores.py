"""How a face in a video should be compared: ten damaged looks at a photo, combined in many ways.

Half of each person's photos are enrolled; of every other photo ten looks are made, turned a little,
shrunk, blurred, darkened and with noise, as a moving camera does. Each set of looks is searched
once as it is (a known person) and once with its person taken out of the gallery (a stranger). The
threshold is the one that lets 5 % of the enrolled photos pass as strangers, as `enroll` calibrates
it. `headstart identify` compares the five surest looks.

    python benchmarks/track_scores.py [--looks 10] [--seed 0]
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import DATA, ROOT, commit, machine, need, parser, versions
from faces import DETECTOR, face_embedder
from PIL import Image, ImageFilter

SETS = ("lfw10", "orl")
FAR = 0.05
K = 2


def damaged(photo: Image.Image, rng: np.random.Generator) -> np.ndarray:
    """Returns one look at a photo as a video would show it."""
    width, height = photo.size
    image = photo.rotate(rng.normal(0, 6), Image.Resampling.BILINEAR)
    share = rng.choice([1, 0.6, 0.4, 0.25])
    small = max(24, int(width * share)), max(24, int(height * share))
    image = image.resize(small, Image.Resampling.BILINEAR).resize(photo.size)
    image = image.filter(ImageFilter.GaussianBlur(float(rng.choice([0, 0.5, 1, 2, 3]))))
    pixels = np.asarray(image) * rng.uniform(0.6, 1.3)
    pixels = pixels + rng.normal(0, rng.choice([0, 3, 10]), (height, width, 1))
    return np.clip(pixels, 0, 255).astype(np.uint8)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--looks", type=int, default=10)
    args = options.parse_args()
    need(DETECTOR, *(DATA / name for name in SETS))
    sys.path.insert(0, str(ROOT / "src"))
    from headstart.gallery.embed import square_embedder
    from headstart.images.faces import blur
    from headstart.nets.pretrained.backbone import open_backbone
    from headstart.nets.pretrained.face_detector import faces_for
    from headstart.video.identify_video import SUREST, direction

    print(f"Machine: {machine()}. Headstart {commit()}: {versions(sys.executable)}.\n")
    with tempfile.TemporaryDirectory() as folder:
        backbone = open_backbone(str(face_embedder(Path(folder))))
        preprocess = replace(backbone.preprocess, faces=faces_for(backbone, str(DETECTOR)))
        embed = square_embedder(backbone, preprocess)

        def look(pixels: np.ndarray) -> tuple[np.ndarray, float, float] | None:
            faces = preprocess.every_face(pixels, 1)
            if not faces:
                return None
            face, square = faces[0]
            return square, face.score, blur(square[0])

        ways: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
            "mean of all, as it is": lambda v, s, b: v.mean(axis=0),
            "direction of the mean of all": lambda v, s, b: direction(v),
            "the sharpest look": lambda v, s, b: v[b.argmax()],
            "the surest look": lambda v, s, b: v[s.argmax()],
            f"direction of the {SUREST} surest": lambda v, s, b: direction(
                v[np.argsort(-s)[:SUREST]]
            ),
        }
        for name in SETS:
            rng = np.random.default_rng(args.seed)
            people = sorted(path for path in (DATA / name).iterdir() if path.is_dir())
            enrolled, owners, tracks = [], [], []
            for person, place in enumerate(people):
                photos = [
                    Image.open(path).convert("RGB")
                    for path in sorted(place.iterdir())
                    if path.suffix in (".jpg", ".pgm")
                ]
                half = len(photos) // 2
                for photo in photos[:half]:
                    if found := look(np.asarray(photo)):
                        enrolled.append(embed(found[0][None])[0])
                        owners.append(person)
                for photo in photos[half:]:
                    looks = [each for _ in range(args.looks) if (each := look(damaged(photo, rng)))]
                    if len(looks) >= 3:
                        inputs, sure, sharp = map(np.array, zip(*looks, strict=True))
                        tracks.append((person, embed(inputs), sure, sharp))
            gallery, owner = np.stack(enrolled), np.array(owners)

            def scores(
                vector: np.ndarray, gallery: np.ndarray = gallery, owner: np.ndarray = owner
            ) -> np.ndarray:
                cosines = gallery @ vector
                every = range(owner.max() + 1)
                return np.array([np.sort(cosines[owner == each])[-K:].mean() for each in every])

            strangers = sorted(
                np.delete(scores(vector), person).max()
                for vector, person in zip(gallery, owner, strict=True)
            )
            limit = strangers[-int(FAR * len(strangers)) - 1]
            print(
                f"\n{name}: {len(people)} people, {len(gallery)} photos enrolled, {len(tracks)} "
                f"tracks; threshold {limit:.3f}\n\n| compared | known people named | strangers "
                "named |\n|---|---|---|"
            )
            rows = {
                "every look on its own": [(who, scores(v)) for who, vs, _, _ in tracks for v in vs],
                "the best score of all looks": [
                    (who, np.max([scores(v) for v in vs], axis=0)) for who, vs, _, _ in tracks
                ],
                **{
                    way: [(who, scores(of(vs, sure, sharp))) for who, vs, sure, sharp in tracks]
                    for way, of in ways.items()
                },
            }
            for way, found in rows.items():
                known = [row.argmax() == who and row[who] > limit for who, row in found]
                wrong = [np.delete(row, who).max() > limit for who, row in found]
                print(f"| {way} | {np.mean(known):.3f} | {np.mean(wrong):.3f} |")


if __name__ == "__main__":
    main()
