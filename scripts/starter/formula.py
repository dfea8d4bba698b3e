"""Classes by formula: what a world of images holds, and its objects as opacity masks.

No photograph is involved at any point. The idea is FractalDB's (Kataoka et al. 2020, arXiv
2101.08515): a formula with its parameters is a class, small changes of the parameters are its
instances. Each scene carries several labels at once (object, texture and colour of figure and
ground) and the pose of the object, so that one image teaches shape, texture, colour and geometry
together.

A `World` first renders two banks (plates: opacity masks of objects; tiles: grey textures), then a
scene is nothing but warps and blends of the banks, batched in torch, which makes it cheap on a CPU
and trivial on a GPU.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

VERSION = "1"
IGNORE = -100  # torch's own ignore_index: this scene says nothing about that label
# Colours that the network has to name: hue x (vivid, pale, dark), and four greys.
HUES, TONES, GREYS = 12, 3, 4
COLOURS = HUES * TONES + GREYS
CANON = 16  # side of an object's code: its mask in canonical pose
RINGS, WEDGES = 6, 6  # bins of a texture's code: its power spectrum
CODES = {
    "object": CANON * CANON,
    "texture": RINGS * WEDGES + 2,
    "ground": RINGS * WEDGES + 2,
    "colour": 3,
    "ground_colour": 3,
}


@dataclass(frozen=True)
class Recipe:
    """How many classes of each kind a world holds, and how finely its banks are rendered.

    Attributes:
        glyphs: Classes of pen strokes.
        fractals: Classes of iterated function systems.
        shapes: Classes of closed outlines.
        textures: Classes of grey textures.
        instances: Renderings of each object class, with jittered parameters.
        plate: Side of an object's mask, pixels.
        tile: Side of a texture, pixels.
    """

    glyphs: int = 288
    fractals: int = 96
    shapes: int = 96
    textures: int = 128
    instances: int = 8
    plate: int = 64
    tile: int = 128

    @property
    def objects(self) -> int:
        """Number of object classes."""
        return self.glyphs + self.fractals + self.shapes

    @property
    def classes(self) -> dict[str, int]:
        """Number of classes of every label, by its name in `Scenes.labels`."""
        return {
            "object": self.objects,
            "texture": self.textures,
            "ground": self.textures,
            "colour": COLOURS,
            "ground_colour": COLOURS,
        }


@dataclass(frozen=True)
class Scenes:
    """One batch of generated images with what is known about them.

    Attributes:
        images: (N, 3, S, S) float32 in 0..1, RGB.
        labels: int64 (N,) for each name in `Recipe.classes`; `IGNORE` where the scene does not show
            it.
        codes: float32 (N, D) for each name in `CODES`: the same fact as a vector, to be regressed
            where the label is
            known. Codes make a few images go far, as classes share them: the object in its
            canonical pose, the spectrum of the texture, the colour itself.
        pose: (N, 5) float32: centre x, centre y, log scale, cos and sin of the object's angle.
        posed: (N,) bool, whether there is an object whose pose can be asked for.
    """

    images: Tensor
    labels: dict[str, Tensor]
    codes: dict[str, Tensor]
    pose: Tensor
    posed: Tensor


def seeded(seed: int, device: torch.device | str = "cpu") -> Generator:
    """Returns a torch generator on `device`, started from `seed`."""
    return Generator(device=device).manual_seed(seed)


def uniform(shape: tuple[int, ...], low: float, high: float, rng: Generator) -> Tensor:
    return torch.rand(shape, generator=rng, device=rng.device) * (high - low) + low


def grid(side: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Returns x and y of every pixel centre, (side, side) each, in -1..1."""
    line = (torch.arange(side, device=device, dtype=torch.float32) * 2 + 1) / side - 1
    y, x = torch.meshgrid(line, line, indexing="ij")
    return x, y


# --------------------------------------------------------------------------------------------------
# - objects: plates


def fractal_plates(count: int, instances: int, side: int, rng: Generator) -> Tensor:
    """Renders iterated function systems by the chaos game.

    Maps are drawn by their singular values, which keeps every system contractive and well filled
    (Anderson and Farrell 2022, arXiv 2110.03091).

    Args:
        count: Classes.
        instances: Systems per class, with jittered singular values, angles and shifts.
        side: Pixels.
        rng: Source of randomness; also decides the device.

    Returns:
        (count, instances, side, side) float32 in 0..1.
    """
    maps, points, steps, burn = 4, 768, 36, 8
    plates = []
    for _ in range(count):
        used = int(torch.randint(2, maps + 1, (1,), generator=rng, device=rng.device))
        stretch = uniform((used, 2), 0.25, 0.9, rng)
        stretch[:, 1] *= uniform((used,), 0.35, 1.0, rng)
        # Total area near one: thinner systems are dust, fuller ones are blots.
        stretch = (stretch * (uniform((1,), 0.75, 1.05, rng) / stretch.prod(1).sum()).sqrt()).clamp(
            0.08, 0.93
        )
        turn, shift = uniform((used, 2), -math.pi, math.pi, rng), uniform((used, 2), -1, 1, rng)
        flip = (torch.rand((used,), generator=rng, device=rng.device) < 0.5).float() * 2 - 1

        def jitter(value: Tensor, by: float) -> Tensor:
            return (
                value
                + torch.randn((instances, *value.shape), generator=rng, device=rng.device) * by
            )

        s, t, b = jitter(stretch, 0.015).clamp(0.05, 0.95), jitter(turn, 0.04), jitter(shift, 0.03)
        left, right = _rotation(t[..., 0]), _rotation(t[..., 1])
        right = torch.stack([right[..., 0, :], right[..., 1, :] * flip[:, None]], -2)
        linear = left @ (s[..., None] * right)  # (instances, used, 2, 2)
        odds = s.prod(-1) + 0.02
        picks = torch.multinomial(odds, points * steps, replacement=True, generator=rng).view(
            instances, steps, points
        )
        at = torch.zeros(instances, points, 2, device=rng.device)
        seen = []
        index = torch.arange(instances, device=rng.device)[:, None]
        for step in range(steps):
            pick = picks[:, step]
            at = (linear[index, pick] @ at[..., None])[..., 0] + b[index, pick]
            if step >= burn:
                seen.append(at)
        cloud = torch.cat(seen, 1)
        low, high = (
            cloud.quantile(0.005, dim=1, keepdim=True),
            cloud.quantile(0.995, dim=1, keepdim=True),
        )
        size = (high - low).amax(-1, keepdim=True).clamp_min(1e-3)
        cloud = (cloud - (low + high) / 2) / size * 1.8  # the aspect ratio is part of the class
        pixel = ((cloud + 1) / 2 * side).long()
        inside = ((pixel >= 0) & (pixel < side)).all(-1)
        flat = pixel[..., 1].clamp(0, side - 1) * side + pixel[..., 0].clamp(0, side - 1)
        hits = torch.zeros(instances, side * side, device=rng.device).scatter_add_(
            1, flat, inside.float()
        )
        hits = hits.view(instances, 1, side, side)
        hits = F.avg_pool2d(hits, 3, 1, 1) * 0.5 + hits * 0.5
        plates.append(
            (hits / hits.flatten(1).quantile(0.93, dim=1).clamp_min(1).view(-1, 1, 1, 1)).clamp(
                0, 1
            )[:, 0]
        )
    return torch.stack(plates)


def _rotation(angle: Tensor) -> Tensor:
    """Returns (..., 2, 2) rotations for (...) angles in radians."""
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)


def glyph_plates(count: int, instances: int, side: int, rng: Generator) -> Tensor:
    """Renders characters of no alphabet: one to four pen strokes, Bezier curves or polylines.

    Instances differ by an unsteady hand (jittered control points) and by the width of the pen.

    Returns:
        (count, instances, side, side) float32 in 0..1.
    """
    x, y = grid(side, rng.device)
    pixels = torch.stack([x, y], -1).view(-1, 2)
    time = torch.linspace(0, 1, 13, device=rng.device)[:, None]
    bezier = torch.cat(
        [(1 - time) ** 3, 3 * time * (1 - time) ** 2, 3 * time**2 * (1 - time), time**3], 1
    )
    polyline = (1 - (time * 3 - torch.arange(4, device=rng.device)).abs()).clamp_min(0)
    plates = []
    for _ in range(count):
        strokes = int(torch.randint(1, 5, (1,), generator=rng, device=rng.device))
        knots = uniform((strokes, 4, 2), -0.85, 0.85, rng)
        coin = torch.rand((strokes, 3), generator=rng, device=rng.device)
        for i in range(strokes):
            if (
                i and coin[i, 0] < 0.5
            ):  # many letters go on where a stroke ended, or branch off its middle
                knots[i, 0] = knots[i - 1, 3 if coin[i, 0] < 0.3 else 1]
            if coin[i, 1] < 0.2:
                knots[i, 3] = knots[i, 0]  # a loop
        basis = torch.where((coin[:, 2] < 0.65)[:, None, None], bezier, polyline)
        shaky = (
            knots + torch.randn((instances, strokes, 4, 2), generator=rng, device=rng.device) * 0.06
        )
        path = basis @ shaky  # (instances, strokes, 13, 2)
        start, along = path[:, :, :-1].flatten(1, 2), path.diff(dim=2).flatten(1, 2)
        length = along.square().sum(-1)[:, None].clamp_min(1e-6)
        # |p - start - share along|^2, multiplied out: matrix products instead of a fifth dimension.
        ahead = pixels @ along.mT - (start * along).sum(-1)[:, None]
        share = (ahead / length).clamp(0, 1)
        off = (
            pixels.square().sum(-1)[:, None]
            - 2 * pixels @ start.mT
            + start.square().sum(-1)[:, None]
        )
        far = (off + share * (share * length - 2 * ahead)).amin(-1).clamp_min(0).sqrt()
        pen = uniform((instances, 1), 0.025, 0.11, rng)
        plates.append(((pen - far) * side / 3 + 0.5).clamp(0, 1).view(instances, side, side))
    return torch.stack(plates)


def shape_plates(count: int, instances: int, side: int, rng: Generator) -> Tensor:
    """Renders closed outlines r(angle), filled or drawn.

    Polygons, stars, Gielis' superformula (2003) and Fourier blobs take turns.

    Returns:
        (count, instances, side, side) float32 in 0..1.
    """
    x, y = grid(side, rng.device)
    angle, radius = torch.atan2(y, x), (x.square() + y.square()).sqrt()
    plates = []
    for index in range(count):

        def value(low: float, high: float, by: float = 0.02) -> Tensor:
            middle = uniform((1,), low, high, rng)
            spread = torch.randn((instances,), generator=rng, device=rng.device) * by * (high - low)
            return (middle + spread)[:, None, None]

        lobes = int(torch.randint(3, 9, (1,), generator=rng, device=rng.device))
        if index % 4 == 0:
            wedge = torch.remainder(angle, 2 * math.pi / lobes) - math.pi / lobes
            outline = (math.cos(math.pi / lobes) / wedge.cos()) ** value(0.3, 1.6)
        elif index % 4 == 1:
            wedge = (
                (torch.remainder(angle, 2 * math.pi / lobes) - math.pi / lobes).abs()
                * lobes
                / math.pi
            )
            outline = 1 - value(0.2, 0.75) * wedge ** value(0.5, 2.0)
        elif index % 4 == 2:
            swing = angle * lobes / 4
            outline = swing.cos().abs() ** value(0.4, 8) + (
                swing.sin().abs() / value(0.7, 1.4)
            ) ** value(0.4, 8)
            outline = outline.clamp_min(1e-3) ** (-1 / value(0.5, 8))
        else:
            outline = torch.ones_like(angle).expand(instances, -1, -1)
            for wave in range(1, 6):
                outline = outline + value(0, 0.45) * torch.cos(
                    wave * angle + value(-3.1, 3.1)
                ) / math.sqrt(wave)
        outline = outline / outline.flatten(1).amax(1).view(-1, 1, 1) * 0.92
        squash = value(0.55, 1.0)
        rho = (x.square() + (y / squash).square()).sqrt() if index % 2 else radius
        depth = outline - rho
        drawn = torch.rand((instances, 1, 1), generator=rng, device=rng.device) < 0.3
        depth = torch.where(drawn, uniform((instances, 1, 1), 0.03, 0.09, rng) - depth.abs(), depth)
        if torch.rand((1,), generator=rng, device=rng.device) < 0.3:  # a hole belongs to the class
            depth = torch.minimum(depth, rho - value(0.15, 0.4))
        plates.append((depth * side / 3 + 0.5).clamp(0, 1))
    return torch.stack(plates)


def plate_codes(plates: Tensor) -> Tensor:
    """Returns plates at `CANON` pixels, standardised: (objects, instances, CANON**2)."""
    small = F.interpolate(plates.float(), size=(CANON, CANON), mode="area").flatten(2) / 255
    return (small - small.mean((0, 1))) / small.std((0, 1)).clamp_min(0.05)
