"""Pictures with known causes: an object of some shape, texture and material before a textured ground.

Nothing here imitates a particular product or camera; in particular it shares no code and no settings with
the marbles of the demo. A network that names the causes has learnt edges, colours, textures, shading.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tools.pretrain import shape, texture
from tools.pretrain.texture import Field, Rng

MATERIALS = ("flat", "matte", "glossy", "metal", "veil", "lens")
WHOLE = 0  # shape class of a texture that fills the picture
SHAPES = 1 + shape.CURVES + shape.FRACTALS
HEADS = {
    "texture": len(texture.FAMILIES) * texture.SETTINGS,
    "shape": SHAPES,
    "colours": 5,
    "material": len(MATERIALS),
    "ground": len(texture.FAMILIES),
}


class Batch(NamedTuple):
    pictures: NDArray[np.uint8]  # (count, size, size, 3)
    labels: NDArray[np.uint8]  # (count, heads)


def _column(values: NDArray[np.float64] | NDArray[np.float32]) -> Field:
    return np.asarray(values, np.float32).reshape(-1, 1, 1)


def render(rng: Rng, count: int, size_px: int) -> Batch:
    """Draw `count` pictures; all of one batch share the texture families, callers shuffle."""
    family, ground = (int(k) for k in rng.integers(0, len(texture.FAMILIES), 2))
    setting = rng.integers(0, texture.SETTINGS, count)
    colours = rng.integers(1, 6, count) if family == 0 else rng.integers(2, 6, count)
    kind = _draw_kinds(rng, count)
    material = rng.integers(0, len(MATERIALS), count)
    material[(kind == WHOLE) | (kind > shape.CURVES)] = 0
    u, v = _grid(count, size_px)
    inside, height, a, b = _object(rng, kind, u, v)
    light = _light(rng, height, material)
    fill = texture.field(family, setting, _column(colours), a, b, rng)
    paint = _paint(rng, fill, colours, smooth=rng.random(count) < 0.15)
    back = _ground(rng, ground, u, v, height * (material == 5).reshape(-1, 1, 1))
    picture = _mix(rng, paint, back, inside, light, material)
    picture = _camera(rng, picture)
    labels = np.stack(
        [family * texture.SETTINGS + setting, kind, colours - 1, material, np.full(count, ground)], 1
    )
    return Batch(picture, labels.astype(np.uint8))


def _draw_kinds(rng: Rng, count: int) -> NDArray[np.int64]:
    curves = 1 + rng.integers(0, shape.CURVES, count)
    fractals = 1 + shape.CURVES + rng.integers(0, shape.FRACTALS, count)
    return np.select(
        [rng.random(count) < 0.12, rng.random(count) < 0.28], [np.zeros(count, np.int64), fractals], curves
    )


def _grid(count: int, size_px: int) -> tuple[Field, Field]:
    line = np.linspace(-1, 1, size_px, dtype=np.float32)
    u, v = np.meshgrid(line, line)
    return np.repeat(u[None], count, 0), np.repeat(v[None], count, 0)


def _object(rng: Rng, kind: NDArray[np.int64], u: Field, v: Field) -> tuple[Field, Field, Field, Field]:
    """Coverage 0..1, height 0..1, and the texture coordinates on the object."""
    count, size_px = len(kind), u.shape[1]
    scale, stretch = _column(rng.uniform(0.4, 0.85, count)), _column(rng.uniform(0.8, 1.25, count))
    x, y = _column(rng.uniform(-0.3, 0.3, count)), _column(rng.uniform(-0.3, 0.3, count))
    angle = _column(rng.uniform(0, 2 * np.pi, count))
    a, b = (u - x) / scale, (v - y) / (scale * stretch)
    a, b = a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)
    inside, height = np.ones_like(u), np.zeros_like(u)
    is_curve = (kind > WHOLE) & (kind <= shape.CURVES)
    if is_curve.any():
        out = shape.curve(kind[is_curve] - 1, a[is_curve], b[is_curve], rng)
        inside[is_curve] = np.clip((1 - out) * size_px * 0.3, 0, 1)
        height[is_curve] = np.sqrt(np.clip(1 - out**2, 0, 1))
    is_fractal = kind > shape.CURVES
    if is_fractal.any():
        maps = shape.FRACTAL_TABLE[kind[is_fractal] - 1 - shape.CURVES]
        maps = maps * (1 + rng.normal(0, 0.03, maps.shape))
        inside[is_fractal] = shape.fractal(maps, 40, rng, size_px=size_px)
    bulge = 1 + 0.35 * (1 - height) * (is_curve & (rng.random(count) < 0.5)).reshape(-1, 1, 1)
    return inside, height, a * bulge, b * bulge


class Light(NamedTuple):
    shade: Field  # factor on the colour
    shine: Field  # white to add
    facing: Field  # 1 where the surface looks at the camera


def _light(rng: Rng, height: Field, material: NDArray[np.int64]) -> Light:
    count = len(height)
    gy, gx = np.gradient(height * 0.5 * height.shape[1], axis=(1, 2))
    nz = 1 / np.sqrt(1 + gx * gx + gy * gy)
    nx, ny = -gx * nz, -gy * nz
    turn, up = rng.uniform(0, 2 * np.pi, count), rng.uniform(0.3, 0.9, count)
    flat = np.sqrt(1 - up**2)
    lx, ly, lz = _column(flat * np.cos(turn)), _column(flat * np.sin(turn)), _column(up)
    lambert = np.clip(nx * lx + ny * ly + nz * lz, 0, 1)
    half = np.clip((nx * lx + ny * ly + nz * (lz + 1)) / np.sqrt(2 + 2 * lz), 0, 1)
    ambient = _column(rng.uniform(0.25, 0.6, count))
    is_flat = (material == 0).reshape(-1, 1, 1)
    shade = np.where(is_flat, 1, ambient + (1.15 - ambient) * lambert)
    metal = 0.5 + 0.5 * np.sin(_column(rng.uniform(4, 9, count)) * (ny + 0.4 * nx) + lx * 3)
    shade = np.where((material == 3).reshape(-1, 1, 1), 0.35 + 0.9 * metal, shade)
    power = _column(rng.uniform(15, 90, count))
    shiny = _column(np.isin(material, (2, 3, 5)) * rng.uniform(0.5, 1.0, count))
    return Light(shade.astype(np.float32), (shiny * half**power).astype(np.float32), nz.astype(np.float32))


def _palette(rng: Rng, count: int) -> NDArray[np.float32]:
    """(count, 5, 3): hues well apart, or shades of few hues; never two the same."""
    hue = (
        rng.random((count, 1))
        + np.arange(5) * rng.choice([0.382, 0.21, 0.5], (count, 1))
        + rng.normal(0, 0.03, (count, 5))
    )
    strength = np.clip(rng.beta(2, 1.2, (count, 1)) + rng.normal(0, 0.15, (count, 5)), 0, 1)
    value = 0.15 + 0.85 * (
        (rng.random((count, 1)) + np.arange(5) * 0.618 + rng.normal(0, 0.05, (count, 5))) % 1
    )
    k = (hue[..., None] * 6 + np.array([5, 3, 1])) % 6
    rgb = value[..., None] * (1 - strength[..., None] * np.clip(np.minimum(k, 4 - k), 0, 1))
    return rgb.astype(np.float32)


def _paint(
    rng: Rng, fill: Field, colours: NDArray[np.int64], smooth: NDArray[np.bool_]
) -> NDArray[np.float32]:
    palette, row = _palette(rng, len(fill)), np.arange(len(fill)).reshape(-1, 1, 1)
    place = np.clip(fill, 0, 0.999) * _column(colours)
    hard = palette[row, place.astype(np.int64).clip(0, 4)]
    place = np.clip(fill, 0, 1) * _column(colours - 1)
    low = place.astype(np.int64).clip(0, 4)
    part = (place - low)[..., None]
    soft = palette[row, low] * (1 - part) + palette[row, (low + 1).clip(0, 4)] * part
    return np.where(smooth.reshape(-1, 1, 1, 1), soft, hard).astype(np.float32)


def _ground(rng: Rng, family: int, u: Field, v: Field, lens: Field) -> NDArray[np.float32]:
    """The scenery behind, seen upside down through a lens where `lens` is positive."""
    count = len(u)
    power = _column(rng.uniform(0.8, 2.2, count)) * (lens > 0) * (1.2 - 0.5 * lens)
    x, y = u * (1 - power), v * (1 - power)
    colours = rng.integers(2, 5, count)
    fill = texture.field(family, rng.integers(0, texture.SETTINGS, count), _column(colours), x, y, rng)
    paint = _paint(rng, fill, colours, smooth=rng.random(count) < 0.4)
    mean = paint.mean((1, 2), keepdims=True)
    return mean + rng.uniform(0.1, 1.0, (count, 1, 1, 1)).astype(np.float32) * (paint - mean)


def _mix(
    rng: Rng,
    paint: NDArray[np.float32],
    back: NDArray[np.float32],
    inside: Field,
    light: Light,
    material: NDArray[np.int64],
) -> NDArray[np.float32]:
    count = len(paint)
    clear = np.select(
        [material == 4, material == 5], [rng.uniform(0.35, 0.65, count), rng.uniform(0.7, 0.95, count)], 0
    )
    alpha = 1 - _column(clear) * light.facing**0.5
    alpha = alpha[..., None]
    surface = (alpha * paint + (1 - alpha) * back) * light.shade[..., None] + light.shine[..., None]
    dx, dy = (int(k) for k in rng.integers(-5, 6, 2))
    shadow = np.roll(inside, (dy, dx), (1, 2))
    dark = _column((material > 0) * rng.uniform(0, 0.6, count))
    back = back * (1 - dark * shadow)[..., None]
    cover = inside[..., None]
    return cover * surface + (1 - cover) * back


def _camera(rng: Rng, picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Uneven light, colour cast, contrast, blur and grain."""
    count, size_px = picture.shape[:2]
    u, v = _grid(1, size_px)
    tilt = 1 + _column(rng.normal(0, 0.12, count)) * u + _column(rng.normal(0, 0.12, count)) * v
    cast = rng.normal(1, 0.07, (count, 1, 1, 3)) * rng.uniform(0.7, 1.15, (count, 1, 1, 1))
    picture = picture * tilt[..., None] * cast.astype(np.float32)
    for _ in range(2):
        weight = (rng.random((count, 1, 1, 1)) ** 2).astype(np.float32)
        for axis in (1, 2):
            soft = 0.25 * np.roll(picture, 1, axis) + 0.25 * np.roll(picture, -1, axis) + 0.5 * picture
            picture = picture + weight * (soft - picture)
    grain = (0.06 * rng.random((count, 1, 1, 1)) ** 1.5).astype(np.float32)
    picture = picture + grain * rng.standard_normal(picture.shape, np.float32)
    return (np.clip(picture, 0, 1) * 255).astype(np.uint8)
