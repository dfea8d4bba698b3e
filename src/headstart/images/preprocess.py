"""`Preprocess`: the one eval-time transform, shared by training, prediction and export.

It is numpy and Pillow only, so that what is deployed needs nothing that trained it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, get_args

import numpy as np
from PIL import Image

from headstart.choices import Geometry
from headstart.fingerprint import fingerprint_json
from headstart.images.deep import EIGHT_BITS, Levels
from headstart.images.detect import Face
from headstart.images.faces import Faces
from headstart.images.stats import STATS_SIDE
from headstart.images.tiles import TILE_STEP
from headstart.images.views import Look, every_view, views_of
from headstart.records import is_number

__all__ = ["Preprocess"]

_RESAMPLING = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "nearest": Image.Resampling.NEAREST,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
}

# No network sees larger squares, and a damaged number must not ask for the memory of one.
_MOST_SIDE = 4096
# Of squares that are seen tile by tile.
_MOST_TILED = 8192

_MOST_LOOKS = 12

# Photos are not shrunk below this before faces are looked for.
_DETECT_SIDE = 640


@dataclass(frozen=True)
class Preprocess:
    """From a decoded image of any size to the square that a network was trained on.

    Attributes:
        size: Side of the square in pixels.
        geometry: ``"square"``: the largest square of the image; ``"crop"``: as timm evaluates,
            the share `crop_pct` of that square;
            ``"squash"``: both sides to `size`; ``"pad"``: long side to `size`, rest in mean grey.
        crop_pct: Share of the short side that a crop keeps.
        interpolation: ``"bicubic"``, ``"bilinear"``, ``"lanczos"``, ``"nearest"``, ``"box"`` or
            ``"hamming"``; all are antialiased by Pillow when they shrink.
        mean: Per channel, on the scale 0-1.
        std: Per channel, on the scale 0-1.
        faces: How the face is found and cut out that takes the place of the photo; None for whole
            photos. `geometry`, `crop_pct` and `interpolation` then play no part.
        levels: Of images deeper than 8 bits, the level that becomes black and the one that becomes
            white: settled once for the training images, so that brightness means the same in all.
        beside: Further looks at the same image. The vectors of each lie beside those of the first,
            so that a classifier sees all of them.
        tile: Side in pixels of what the network sees at once, where the square is larger: it is
            answered in tiles that overlap (`images.tiles`). None for all of it.
    """

    size: int = 224
    geometry: Geometry = "squash"
    crop_pct: float = 0.875
    interpolation: str = "bicubic"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    faces: Faces | None = None
    levels: Levels = EIGHT_BITS
    beside: tuple[Look, ...] = ()
    tile: int | None = None

    @property
    def seen(self) -> Preprocess:
        """What the network sees at once: itself, or a tile of its square."""
        return self if self.tile is None else replace(self, size=self.tile, tile=None)

    @property
    def looks(self) -> tuple[Preprocess, ...]:
        """Each look by itself, the first one first."""
        first = replace(self, beside=()) if self.beside else self
        return (first, *(replace(first, **asdict(look)) for look in self.beside))

    def count(self, tta: int) -> int:
        """Returns how many squares a network sees of one image, those of all looks together."""
        return tta * (1 + len(self.beside))

    @property
    def short_side(self) -> int:
        """The short side below which decoding must not shrink an image, in pixels."""
        if self.faces is not None:
            return max(_DETECT_SIDE, self.size)
        return math.ceil(self.size / self._share)

    @property
    def decoding_side(self) -> int:
        """The short side at which files are decoded once, for the square and for statistics."""
        return max(STATS_SIDE, self.short_side)

    @property
    def pixel_key(self) -> str:
        """Fingerprint of what decides the uint8 pixels (not the normalisation)."""
        fields = {
            key: value for key, value in self.fields.items() if key not in ("mean", "std", "tile")
        }
        if self.faces is not None:
            return fingerprint_json([fields["size"], fields["faces"], fields["levels"]])
        if self.geometry != "crop":
            del fields["crop_pct"]
        if self.geometry == "pad":
            fields["fill"] = self._fill
        return fingerprint_json(fields)

    @property
    def fields(self) -> dict[str, Any]:
        """What decides the result: all fields, but not where the detector's file lies."""
        fields = asdict(self)
        faces = fields.pop("faces")
        if not self.beside:
            del fields["beside"]
        if self.tile is None:
            del fields["tile"]
        if faces is not None:
            fields["faces"] = {key: faces[key] for key in faces if key != "detector"}
        return fields

    @property
    def _share(self) -> float:
        """Share of the short side that is kept."""
        if self.geometry != "crop":
            return 1.0
        # timm resizes to whole pixels first, so what it keeps is not quite `crop_pct`.
        return min(1.0, self.size / math.floor(self.size / self.crop_pct))

    @property
    def _fill(self) -> tuple[int, int, int]:
        red, green, blue = (round(255 * value) for value in self.mean)
        return red, green, blue

    def fit(self, pixels: np.ndarray, *, position: float = 0.5) -> np.ndarray:
        """Brings one image to the square.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            position: See `View.position`.

        Returns:
            (size, size, 3) uint8 RGB.

        Raises:
            ImageError: If a face is wanted and there is none.
        """
        if self.faces is not None:
            return self.faces.crop(pixels, self.faces.chosen(pixels), self.size)
        height, width = pixels.shape[:2]
        resampling = _RESAMPLING[self.interpolation]
        target = (self.size, self.size)
        if self.geometry == "squash":
            if (width, height) == target:
                return pixels
            return np.asarray(Image.fromarray(pixels).resize(target, resampling))
        if self.geometry == "pad":
            inner, corner = self._padded(width, height)
            canvas = Image.new("RGB", target, self._fill)
            canvas.paste(Image.fromarray(pixels).resize(inner, resampling), corner)
            return np.asarray(canvas)
        # Resizing only the box that the crop keeps equals resize-then-crop, without the waste.
        left, top, side = self._cropped(width, height, position)
        box = (left, top, left + side, top + side)
        return np.asarray(Image.fromarray(pixels).resize(target, resampling, box=box))

    def matrix(
        self, width: int, height: int, *, position: float = 0.5, face: Face | None = None
    ) -> np.ndarray:
        """Returns where `fit` puts the places of an image.

        Args:
            width: Of the decoded image, in pixels.
            height: Of the decoded image, in pixels.
            position: As `fit` takes it.
            face: What is cut out, where faces are.

        Returns:
            (2, 3) float64: from x, y on the decoded image to x, y on the network's input; see
            `images.geometry` for what uses it.

        Raises:
            ValueError: If faces are cut out and none is given.
        """
        if self.faces is not None:
            if face is None:
                raise ValueError("where faces are cut out, the map depends on the face: give it")
            return self.faces.matrix(face, self.size)
        if self.geometry == "squash":
            return np.array([[self.size / width, 0.0, 0.0], [0.0, self.size / height, 0.0]])
        if self.geometry == "pad":
            inner, corner = self._padded(width, height)
            x, y = inner[0] / width, inner[1] / height
            return np.array([[x, 0.0, corner[0]], [0.0, y, corner[1]]])
        left, top, side = self._cropped(width, height, position)
        scale = self.size / side
        return np.array([[scale, 0.0, -left * scale], [0.0, scale, -top * scale]])

    def _padded(self, width: int, height: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Returns width and height of an image on the padded square, and its left top corner."""
        scale = self.size / max(width, height)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        return inner, ((self.size - inner[0]) // 2, (self.size - inner[1]) // 2)

    def _cropped(self, width: int, height: int, position: float) -> tuple[float, float, float]:
        """Returns left, top and side of the square that a crop keeps."""
        share = self._share
        side = min(width, height) * share
        margin = min(width, height) * (1 - share) / 2
        left = margin + (width - side - 2 * margin) * position
        top = margin + (height - side - 2 * margin) * position
        return left, top, side

    def inputs(self, pixels: np.ndarray, tta: int) -> np.ndarray:
        """Returns what a network sees of one image, (V, size, size, 3) uint8 RGB.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            tta: See `views_of`; of a face there are but two, itself and its mirror image. V is
                `count` of it, look by look.

        Raises:
            ImageError: If a face is wanted and there is none.
        """
        if self.faces is not None:
            return _mirrored(self.fit(pixels), tta)
        if self.tile is not None:  # the views of a tile are made as it is cut (`cut_tiles`)
            return every_view(self.fit(pixels), tta)
        inputs = []
        for look in self.looks:
            for view in views_of(tta):
                square = look.fit(pixels, position=view.position)
                inputs.append(view.shown(square))
        return np.stack(inputs)

    def pooled(self, vectors: np.ndarray, tta: int) -> np.ndarray:
        """Returns (N, L * D): the mean over the views of each of L looks, look beside look.

        Args:
            vectors: (N * V, D) of what `inputs` gave.
            tta: As there.
        """
        width = vectors.shape[-1]
        looks = 1 + len(self.beside)
        return vectors.reshape(-1, looks, tta, width).mean(axis=2).reshape(-1, looks * width)

    def every_face(self, pixels: np.ndarray, tta: int) -> list[tuple[Face, np.ndarray]]:
        """Returns all faces of a photo with what a network sees of each, as `inputs` gives it.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            tta: See `inputs`.
        """
        assert self.faces is not None
        return [
            (face, _mirrored(self.faces.crop(pixels, face, self.size), tta))
            for face in self.faces.find(pixels)
        ]

    def normalise(self, batch: np.ndarray) -> np.ndarray:
        """Scales pixels as the weights expect them.

        Args:
            batch: (N, size, size, 3) uint8 RGB.

        Returns:
            (N, 3, size, size) float32.
        """
        scale = np.float32(255) * np.asarray(self.std, np.float32)
        shift = np.float32(255) * np.asarray(self.mean, np.float32)
        return ((batch.astype(np.float32) - shift) / scale).transpose(0, 3, 1, 2)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Preprocess:
        """Rebuilds a `Preprocess` from `dataclasses.asdict`'s output, as read from JSON.

        Raises:
            ValueError: If a number is out of bounds, or a name unknown.
        """
        faces = Faces.from_json(value["faces"]) if value.get("faces") else None
        colours = {"mean": tuple(value["mean"]), "std": tuple(value["std"])}
        low, high = value["levels"]
        levels = float(low), float(high)
        if not -math.inf < levels[0] < levels[1] < math.inf:
            raise ValueError(f"levels of {low} to {high} are no range")
        beside = tuple(Look(**each) for each in value.get("beside") or ())
        read = cls(**{**value, **colours, "faces": faces, "levels": levels, "beside": beside})
        if fault := read.fault():
            raise ValueError(fault)
        return read

    def fault(self) -> str | None:
        """Says which of its values cannot be; None where all can."""
        size, pct = self.size, self.crop_pct
        most = _MOST_SIDE if self.tile is None else _MOST_TILED
        if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= most:
            return f"size must be a whole number from 1 to {most}, got {size!r}"
        if fault := self._tile_fault():
            return fault
        if self.geometry not in get_args(Geometry):
            return f"there is no geometry {self.geometry!r}; known: {', '.join(get_args(Geometry))}"
        if self.interpolation not in _RESAMPLING:
            known = ", ".join(_RESAMPLING)
            return f"there is no interpolation {self.interpolation!r}; known: {known}"
        if not is_number(pct) or not 0 < pct <= 2:
            return f"crop_pct must be above 0 and at most 2, got {pct!r}"
        for name, colours in (("mean", self.mean), ("std", self.std)):
            if len(colours) != 3 or not all(is_number(each) for each in colours):
                return f"{name} must be three finite numbers, got {colours!r}"
        if min(self.std) <= 0:
            return f"std must be above 0, got {self.std!r}"
        if len(self.beside) >= _MOST_LOOKS or (self.beside and self.faces is not None):
            return f"there are {len(self.beside)} looks beside the first"
        return next((fault for look in self.looks[1:] if (fault := look.fault())), None)

    def _tile_fault(self) -> str | None:
        """Says why its square cannot be cut into its tiles; None where it can."""
        tile = self.tile
        if tile is None:
            return None
        if not isinstance(tile, int) or isinstance(tile, bool) or not 32 <= tile < self.size:
            return f"tile must be a whole number from 32 to below its size, got {tile!r}"
        if tile % TILE_STEP or self.size % TILE_STEP:
            return f"size {self.size} and tile {tile} must be multiples of {TILE_STEP}"
        return None


def _mirrored(square: np.ndarray, tta: int) -> np.ndarray:
    """Returns the views of one face, (tta, size, size, 3) uint8."""
    return np.stack([view.shown(square) for view in views_of(tta)])
