"""Grey textures by formula, and the code of a texture: its power spectrum."""

from __future__ import annotations

import math

import torch
from formula import RINGS, WEDGES, grid, uniform
from torch import Generator, Tensor


def texture_tiles(count: int, side: int, rng: Generator) -> Tensor:
    """Renders grey textures of eight families.

    Noises, Gabor noise, labyrinths, stripes, cells, plaids, scales, and sums of two take turns.

    Returns:
        (count, side, side) float32 in 0..1, spread over the range by its own quantiles.
    """
    tiles = []
    for index in range(count):
        tile = _texture(index % 8, side, rng)
        if index % 8 == 7:
            other = _texture(
                int(torch.randint(0, 7, (1,), generator=rng, device=rng.device)), side, rng
            )
            tile = tile + other if index % 16 == 7 else torch.maximum(tile, other)
        low, high = tile.flatten().quantile(0.01), tile.flatten().quantile(0.99)
        tiles.append(((tile - low) / (high - low).clamp_min(1e-6)).clamp(0, 1))
    return torch.stack(tiles)


def _texture(family: int, side: int, rng: Generator) -> Tensor:
    """Returns one (side, side) texture of a family 0..7, roughly in -2..2."""
    x, y = grid(side, rng.device)
    u = uniform((8,), 0, 1, rng).tolist()
    turn = math.pi * u[0]
    along, across = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)

    def noise(
        exponent: float, centre: float = 0.0, width: float = 0.0, angle: float | None = None
    ) -> Tensor:
        white = torch.randn((side, side), generator=rng, device=rng.device)
        fy, fx = torch.meshgrid(torch.fft.fftfreq(side), torch.fft.rfftfreq(side), indexing="ij")
        fy, fx = fy.to(rng.device) * side, fx.to(rng.device) * side
        reach = (fx.square() + fy.square()).sqrt()
        gain = (
            reach.clamp_min(1) ** -exponent
            if not centre
            else (-((reach - centre) / width).square() / 2).exp()
        )
        if angle is not None:
            gain = gain * (8 * (2 * (torch.atan2(fy, fx) - angle)).cos() - 8).exp()
        gain[0, 0] = 0
        field = torch.fft.irfft2(torch.fft.rfft2(white) * gain, s=(side, side))
        return field / field.std().clamp_min(1e-6)

    bend = noise(2.2) * u[1] ** 2
    if family == 0:
        return noise(0.3 + 2.2 * u[2])
    if family == 1:
        return noise(0, 6 + 34 * u[2] ** 1.5, 1 + 4 * u[3], turn - math.pi / 2)
    if (
        family == 2
    ):  # band-passed and squashed noise looks like reaction-diffusion: spots or labyrinths
        return torch.tanh(4 * (noise(0, 5 + 25 * u[2] ** 1.5, 1.5 + 2 * u[3]) + 2 * u[4] - 1))
    if family in (3, 7):
        wave = torch.sin((4 + 26 * u[2] ** 1.5) * math.pi * (along + 0.15 * bend))
        return torch.tanh(wave * (0.3 + 6 * u[3]) + u[4] - 0.5)
    if (
        family == 4
    ):  # Voronoi cells: distance to the nearest seed, or the wall between the two nearest
        seeds = uniform((int(10 + 110 * u[2] ** 1.5), 2), -1.1, 1.1, rng)
        squash = torch.tensor([1.0, 1 + u[3]], device=rng.device)
        places, seeds = torch.stack([x, y], -1).view(-1, 2) * squash, seeds * squash
        near = torch.cdist(places, seeds).topk(2, largest=False).values.view(side, side, 2)
        return (
            near[..., 0]
            if u[4] < 0.4
            else (near[..., 1] - near[..., 0]).clamp_max(0.02 + 0.2 * u[5])
        )
    if family == 5:
        first = torch.tanh(
            torch.sin((4 + 20 * u[2]) * math.pi * (along + 0.05 * bend)) * (0.5 + 5 * u[3])
        )
        second = torch.tanh(
            torch.sin((4 + 20 * u[4]) * math.pi * (across + 0.05 * bend)) * (0.5 + 5 * u[3])
        )
        return first * second if u[5] < 0.5 else first + (2 * u[6] - 0.5) * second
    cells = 4 + 14 * u[2]  # bricks, scales and dots: one motif on a lattice whose rows are shifted
    v = (across + 0.08 * bend) * cells
    w = (along + 0.08 * bend) * cells * (0.4 + 0.8 * u[3]) + torch.floor(v) * (
        0.5 if u[4] < 0.6 else 0.0
    )
    v, w = torch.remainder(v, 1) - 0.5, torch.remainder(w, 1) - 0.5
    if u[5] < 0.4:
        return torch.tanh((torch.maximum(v.abs(), w.abs()) - 0.42) * 20)
    return ((v + 0.5 * (u[6] < 0.4)).square() + w.square()).sqrt().clamp_max(0.3 + 0.4 * u[7])


def tile_codes(tiles: Tensor) -> Tensor:
    """Returns log power by ring and direction, mean and spread, standardised: (textures, D)."""
    grey, side = tiles.float() / 255, tiles.shape[-1]
    fy = torch.fft.fftfreq(side, device=tiles.device)[:, None] * side
    fx = torch.fft.rfftfreq(side, device=tiles.device)[None] * side
    power = torch.fft.rfft2(grey - grey.mean((1, 2), keepdim=True)).abs().square()
    ring = (
        (fx.square() + fy.square()).sqrt().clamp_min(1).log() / math.log(side / 2) * RINGS
    ).long()
    wedge = (
        (torch.remainder(torch.atan2(fy, fx), math.pi) / math.pi * WEDGES)
        .long()
        .clamp_max(WEDGES - 1)
    )
    cell = (ring.clamp_max(RINGS - 1) * WEDGES + wedge).flatten()
    spectrum = torch.zeros(len(tiles), RINGS * WEDGES, device=tiles.device).index_add_(
        1, cell, power.flatten(1)
    )
    moments = torch.stack([grey.mean((1, 2)), grey.std((1, 2))], 1)
    code = torch.cat([(spectrum / spectrum.sum(1, keepdim=True) + 1e-3).log(), moments], 1)
    return (code - code.mean(0)) / code.std(0).clamp_min(1e-3)
