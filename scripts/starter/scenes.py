"""Scenes: an object in a colour and texture of its own, on a ground, under a light."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from formula import (
    COLOURS,
    GREYS,
    HUES,
    IGNORE,
    TONES,
    Recipe,
    Scenes,
    fractal_plates,
    glyph_plates,
    plate_codes,
    seeded,
    shape_plates,
    uniform,
)
from textures import texture_tiles, tile_codes
from torch import Generator, Tensor


def colour_of(label: Tensor, rng: Generator) -> Tensor:
    """Returns an RGB colour, (N, 3) in 0..1, somewhere inside each named colour, (N,)."""
    count = len(label)
    grey = label >= HUES * TONES
    tone = label % TONES
    hue = torch.remainder((label // TONES) / HUES + uniform((count,), -0.03, 0.03, rng), 1)
    low = torch.tensor([[0.75, 0.75], [0.2, 0.7], [0.5, 0.2]], device=rng.device)[
        tone
    ]  # saturation and value: vivid,
    high = torch.tensor([[1.0, 1.0], [0.5, 1.0], [1.0, 0.5]], device=rng.device)[tone]  # pale, dark
    saturation, value = (low + (high - low) * uniform((count, 2), 0, 1, rng)).unbind(1)
    level = (label - HUES * TONES).clamp_min(0) / (GREYS - 1) + uniform((count,), -0.1, 0.1, rng)
    saturation, value = (
        torch.where(grey, 0.03, saturation),
        torch.where(grey, level.clamp(0, 1), value),
    )
    sector = (hue[:, None] * 6 + torch.tensor([5.0, 3.0, 1.0], device=rng.device)) % 6
    return value[:, None] * (
        1 - saturation[:, None] * torch.minimum(sector, 4 - sector).clamp(0, 1)
    )


def _warp(linear: Tensor, shift: Tensor, size: int) -> Tensor:
    """Returns sampling grids (N, S, S, 2) of affine maps."""
    # A sum of outer products, as `affine_grid` is slow on a CPU.
    line = (torch.arange(size, device=linear.device, dtype=torch.float32) * 2 + 1) / size - 1
    return linear[:, None, None, :, 0] * line[:, None] + (
        linear[:, None, None, :, 1] * line[:, None, None] + shift[:, None, None]
    )


class World:
    """The banks of one recipe and seed, and the composition of scenes from them.

    Attributes:
        recipe: How many classes of each kind.
        plates: (objects, instances, plate, plate) uint8 opacity masks.
        tiles: (textures, tile, tile) uint8 grey textures.
    """

    def __init__(self, recipe: Recipe, *, seed: int, device: torch.device | str = "cpu") -> None:
        """Renders the banks; the same recipe, seed and kind of device give the same bytes."""
        rng = seeded(seed, device)
        self.recipe = recipe
        objects = [
            render(count, recipe.instances, recipe.plate, rng)
            for render, count in (
                (glyph_plates, recipe.glyphs),
                (fractal_plates, recipe.fractals),
                (shape_plates, recipe.shapes),
            )
            if count
        ]
        self.plates = (torch.cat(objects) * 255).round().byte()
        self.tiles = (texture_tiles(recipe.textures, recipe.tile, rng) * 255).round().byte()
        self.plate_codes, self.tile_codes = plate_codes(self.plates), tile_codes(self.tiles)

    def sample(self, count: int, size: int, rng: Generator) -> Scenes:
        """Composes `count` scenes of `size` pixels; `rng` must live where the banks do."""

        def chance(share: float) -> Tensor:
            return torch.rand((count,), generator=rng, device=rng.device) < share

        def choose(classes: int) -> Tensor:
            return torch.randint(classes, (count,), generator=rng, device=rng.device)

        alpha, thing, code, pose = self._object(count, size, rng)
        bare = chance(0.12)  # ground alone
        ink = chance(0.25) & ~bare  # black on white or white on black, without texture
        alpha = alpha * ~bare[:, None, None, None]

        ground_tile, flat_ground = choose(self.recipe.textures), chance(0.3) & ~bare | ink
        tile, flat = choose(self.recipe.textures), chance(0.4) | ink
        colour, ground_colour, spare = choose(COLOURS), choose(COLOURS), choose(COLOURS)
        dark, pale = HUES * TONES, COLOURS - 1
        swap = chance(0.5)
        colour = torch.where(ink, torch.where(swap, pale, dark), colour)
        ground_colour = torch.where(ink, torch.where(swap, dark, pale), ground_colour)

        ground_paint, spare_paint, paint = (
            colour_of(c, rng) for c in (ground_colour, spare, colour)
        )
        # Of two colours for the ground, the one further from the object's: what cannot be seen
        # cannot be learnt.
        better = ((spare_paint - paint).abs().sum(1) > (ground_paint - paint).abs().sum(1)) & ~ink
        ground_colour = torch.where(better, spare, ground_colour)
        ground_paint = torch.where(better[:, None], spare_paint, ground_paint)
        ground = self._paint(ground_tile, ground_paint, flat_ground, size, rng)
        ground = ground * self._light(count, size, 0.35, rng)
        behind, *_ = self._object(count, size, rng)  # a distractor, which the object may cover
        behind = behind * (chance(0.3) & ~bare & ~ink)[:, None, None, None]
        ground = torch.lerp(ground, colour_of(choose(COLOURS), rng)[:, :, None, None], behind)
        figure = self._paint(tile, paint, flat, size, rng) * self._shade(
            alpha, chance(0.5) & ~ink, rng
        )
        images = torch.lerp(ground, figure, alpha)
        grey = chance(0.15)
        images = torch.where(grey[:, None, None, None], images.mean(1, keepdim=True), images)

        def known(label: Tensor, hidden: Tensor) -> Tensor:
            return torch.where(hidden, IGNORE, label)

        labels = {
            "object": known(thing, bare),
            "texture": known(tile, bare | flat),
            "ground": known(ground_tile, flat_ground),
            "colour": known(colour, bare | grey),
            "ground_colour": known(ground_colour, grey),
        }
        codes = {
            "object": code,
            "texture": self.tile_codes[tile],
            "ground": self.tile_codes[ground_tile],
            "colour": paint * 4 - 2,
            "ground_colour": ground_paint * 4 - 2,
        }
        return Scenes(self._camera(images, rng), labels, codes, pose, ~bare)

    def _object(
        self, count: int, size: int, rng: Generator
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Returns masks (N, 1, S, S), classes (N,), codes (N, D) and poses (N, 5)."""
        thing = torch.randint(self.recipe.objects, (count,), generator=rng, device=rng.device)
        which = torch.randint(self.recipe.instances, (count,), generator=rng, device=rng.device)
        plate = self.plates[thing, which].float()[:, None] / 255
        scale = torch.exp(uniform((count,), math.log(0.6), math.log(1.15), rng))
        angle = torch.randn((count,), generator=rng, device=rng.device).clamp(-2.5, 2.5) * 0.25
        room = (1.15 - scale).clamp_min(0.08)[:, None] * 0.7
        centre = uniform((count, 2), -1, 1, rng) * room
        aspect = uniform((count,), -0.2, 0.2, rng)
        cos, sin = angle.cos() / scale, angle.sin() / scale
        rows = torch.stack(
            [cos * aspect.exp(), sin * aspect.exp(), -sin * (-aspect).exp(), cos * (-aspect).exp()],
            1,
        )
        linear = rows.view(count, 2, 2)
        grid = _warp(linear, -(linear @ centre[..., None])[..., 0], size)
        sway = torch.randn((count, 2, 4, 4), generator=rng, device=rng.device) * uniform(
            (count, 1, 1, 1), 0, 0.07, rng
        )
        grid = grid + F.interpolate(
            sway, size=(size, size), mode="bilinear", align_corners=False
        ).permute(0, 2, 3, 1)
        mask = F.grid_sample(
            plate, grid, mode="bilinear", padding_mode="zeros", align_corners=False
        )
        pose = torch.cat(
            [centre, scale.log()[:, None], angle.cos()[:, None], angle.sin()[:, None]], 1
        )
        return mask, thing, self.plate_codes[thing, which], pose

    def _paint(
        self, tile: Tensor, colour: Tensor, flat: Tensor, size: int, rng: Generator
    ) -> Tensor:
        """Returns (N, 3, S, S): a piece of each texture in two shades of each colour."""
        count = len(tile)
        zoom = torch.exp(uniform((count,), math.log(0.25), math.log(0.55), rng))
        angle = uniform((count,), -0.35, 0.35, rng)
        cos, sin = angle.cos() * zoom, angle.sin() * zoom
        corner = uniform((count, 2), -1, 1, rng) * (1 - zoom)[:, None]
        grid = _warp(torch.stack([cos, -sin, sin, cos], 1).view(count, 2, 2), corner, size)
        grain = self.tiles[tile].float()[:, None] / 255
        grain = F.grid_sample(
            grain, grid, mode="bilinear", padding_mode="reflection", align_corners=False
        )
        other = torch.rand((count, 3), generator=rng, device=rng.device)
        second = torch.lerp(colour, other, uniform((count, 1), 0, 0.6, rng)) * uniform(
            (count, 1), 0.15, 0.8, rng
        )
        strength = uniform((count,), 0.4, 1, rng) * ~flat
        return torch.lerp(
            colour[:, :, None, None],
            second[:, :, None, None],
            grain * strength[:, None, None, None],
        )

    def _light(self, count: int, size: int, strength: float, rng: Generator) -> Tensor:
        """Returns (N, 1, S, S) factors around one that fall from one side to the other."""
        line = torch.linspace(-1, 1, size, device=rng.device)
        slope = torch.randn((count, 2, 1, 1, 1), generator=rng, device=rng.device) * strength / 2
        return (1 + slope[:, 0] * line + slope[:, 1] * line[:, None]).clamp(0.3, 1.6)

    def _shade(self, alpha: Tensor, lit: Tensor, rng: Generator) -> Tensor:
        """Returns (N, 1, S, S) factors that make lit objects look raised."""
        count, size = len(alpha), alpha.shape[-1]
        low = F.avg_pool2d(F.avg_pool2d(alpha, 4), 3, 1, 1)
        slope_y, slope_x = torch.gradient(low, dim=(2, 3))
        angle = uniform((count, 1, 1, 1), -math.pi, math.pi, rng)
        light = (slope_x * angle.cos() + slope_y * angle.sin()) * uniform(
            (count, 1, 1, 1), 0.5, 3.0, rng
        )
        light = F.interpolate(light, size=(size, size), mode="bilinear", align_corners=False)
        return 1 + light.clamp(-0.7, 0.7) * lit[:, None, None, None]

    def _camera(self, images: Tensor, rng: Generator) -> Tensor:
        """Returns the images as a poor camera gives them: coarse, blurred, noisy in part."""
        count, size = len(images), images.shape[-1]
        coarse, soft = (
            count // 4,
            count // 8,
        )  # scenes are independent, so a slice is a random choice
        parts = list(images.split([coarse, soft, count - coarse - soft]))
        if coarse:
            small = max(
                7,
                int(
                    size / math.exp(float(torch.rand((1,), generator=rng, device=rng.device)) * 1.2)
                ),
            )
            low = F.interpolate(parts[0], size=(small, small), mode="area")
            parts[0] = F.interpolate(low, size=(size, size), mode="bicubic", align_corners=False)
        if soft:
            parts[1] = F.avg_pool2d(parts[1], 3, 1, 1, count_include_pad=False)
        images = torch.cat(parts)
        gain, lift = (
            uniform((count, 1, 1, 1), 0.75, 1.2, rng),
            uniform((count, 1, 1, 1), -0.1, 0.1, rng),
        )
        images = images * gain + lift
        noisy = slice(None, None, 2)
        noise = torch.randn(images[noisy].shape, generator=rng, device=rng.device)
        images[noisy] += noise * uniform((len(noise), 1, 1, 1), 0, 0.06, rng)
        return images.clamp(0, 1)
