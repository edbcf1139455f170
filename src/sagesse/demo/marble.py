"""Draw photos of marbles on a conveyor as an inspection camera would take them.

An *ok* marble has one plain colour; a *ko* slot holds a marble of several colours, one with dots, one of
clear glass, or nothing. Lamp, exposure, focus, position, belt and sensor differ from photo to photo, so
that neither the brightness nor one colour gives the class away. Everything follows from a seed.
"""

import io
from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Label = Literal["ok", "ko"]
Kind = Literal["plain", "several colours", "dots", "glass", "empty"]
Array = NDArray[np.float32]
Rng = np.random.Generator

WIDTH_PX, HEIGHT_PX = 160, 120
KO_KINDS: tuple[Kind, ...] = ("several colours", "dots", "glass", "empty")
_KO_SHARES = (0.35, 0.3, 0.2, 0.15)
_LINE_X, _LINE_Y = np.meshgrid(np.arange(WIDTH_PX, dtype=np.float32), np.arange(HEIGHT_PX, dtype=np.float32))


class Photo(NamedTuple):
    """One photo and what is on it."""

    number: int
    label: Label
    kind: Kind
    jpeg: bytes


def dataset(count: int, seed: int = 0, ok_share: float = 0.5) -> Iterator[Photo]:
    """Photos 0..count-1 of a seed; each is the same whatever `count` is."""
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        kind: Kind = "plain" if rng.random() < ok_share else KO_KINDS[rng.choice(4, p=_KO_SHARES)]
        yield Photo(number, "ok" if kind == "plain" else "ko", kind, encode(draw(rng, kind), rng))


def encode(image: Image.Image, rng: Rng) -> bytes:
    """The photo as JPEG, at a quality that such cameras use."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=int(rng.integers(72, 93)))
    return out.getvalue()


class _Scene(NamedTuple):
    x: float  # centre and radius of the slot's marble, pixels
    y: float
    radius: float
    light: Array  # unit vector to the lamp
    ambient: float
    softness: float  # how large the lamp is, 0..1


def draw(rng: Rng, kind: Kind) -> Image.Image:
    """Draw one photo of a slot that holds `kind`."""
    scene = _draw_scene(rng)
    picture = _belt(rng, scene)
    if kind != "empty":
        picture = _place(rng, picture, scene, kind)
    elif rng.random() < 0.5:
        picture = _litter(rng, picture)
    return _photograph(rng, picture)


def _draw_scene(rng: Rng) -> _Scene:
    turn, up = rng.uniform(0, 2 * np.pi), rng.uniform(0.45, 0.9)
    flat = np.sqrt(1 - up * up)
    light = np.array([flat * np.cos(turn), flat * np.sin(turn), up], np.float32)
    x = WIDTH_PX / 2 + rng.normal(0, 9)
    y = HEIGHT_PX / 2 + rng.normal(0, 6)
    return _Scene(x, y, rng.uniform(27, 41), light, rng.uniform(0.25, 0.5), rng.uniform(0, 1))


def _waves(rng: Rng, scale_px: float, count: int = 7, x: Array = _LINE_X, y: Array = _LINE_Y) -> Array:
    """A smooth random field of about unit variance with features of `scale_px`."""
    total = np.zeros_like(x)
    for turn, phase, k in zip(
        *rng.uniform(0, 2 * np.pi, (2, count)), rng.uniform(0.5, 1.3, count), strict=True
    ):
        total += np.cos((np.cos(turn) * x + np.sin(turn) * y) * np.float32(2 * np.pi * k / scale_px) + phase)
    return total * np.float32(np.sqrt(2 / count))


def _hsv(hue: float, saturation: float, value: float) -> Array:
    k = (hue * 6 + np.array([5, 3, 1])) % 6
    return (value * (1 - saturation * np.clip(np.minimum(k, 4 - k), 0, 1))).astype(np.float32)


def _belt(rng: Rng, scene: _Scene) -> Array:
    """The conveyor: rubber or painted metal, ribs across it, scratches, dust, and the slot's ring."""
    base = _hsv(rng.random(), rng.uniform(0, 0.22), rng.uniform(0.12, 0.6))
    grey = 1 + 0.05 * _waves(rng, 60) + 0.03 * _waves(rng, 9)
    rib_px, rib_x = rng.uniform(18, 48), rng.uniform(0, 48)
    rib = np.cos((_LINE_X - rib_x) * np.float32(2 * np.pi / rib_px))
    grey += rng.uniform(0, 0.22) * np.sign(rib) * np.abs(rib) ** np.float32(rng.uniform(0.3, 3))
    grey *= 1 - 0.25 * (rng.random((HEIGHT_PX, WIDTH_PX), np.float32) < rng.uniform(0, 0.012))
    picture = base * grey[..., None].astype(np.float32)
    for _ in range(rng.integers(0, 5)):
        picture += _scratch(rng)[..., None]
    out = np.hypot(_LINE_X - scene.x, _LINE_Y - scene.y) / (scene.radius * rng.uniform(1.05, 1.25))
    depth, side = rng.uniform(0, 0.6), np.arctan2(_LINE_Y - scene.y, _LINE_X - scene.x)
    toward = np.cos(side - np.arctan2(scene.light[1], scene.light[0]))
    cup = np.clip((1 - out) * 12, 0, 1) * (0.55 + 0.45 * np.clip(out, 0, 1) ** 3 * -toward)
    picture *= (1 - depth * cup)[..., None]
    edge = np.exp(-(((out - 1) * scene.radius / 2.2) ** 2))
    return np.clip(picture + (depth * 0.35 * edge * toward)[..., None], 0.01, 1).astype(np.float32)


def _scratch(rng: Rng) -> Array:
    turn, offset = rng.uniform(0, np.pi), rng.uniform(-60, 60)
    across = np.cos(turn) * (_LINE_X - 80) + np.sin(turn) * (_LINE_Y - 60) - offset
    along = -np.sin(turn) * (_LINE_X - 80) + np.cos(turn) * (_LINE_Y - 60)
    here = (np.abs(along - rng.uniform(-60, 60)) < rng.uniform(5, 60)).astype(np.float32)
    return (rng.uniform(-0.08, 0.12) * here * np.exp(-((across / rng.uniform(0.6, 1.4)) ** 2))).astype(
        np.float32
    )


def _litter(rng: Rng, picture: Array) -> Array:
    """What may lie in an empty slot: an oil stain, a crumb."""
    x, y = WIDTH_PX / 2 + rng.normal(0, 14), HEIGHT_PX / 2 + rng.normal(0, 12)
    out = np.hypot(_LINE_X - x, (_LINE_Y - y) * rng.uniform(0.7, 1.4)) / rng.uniform(3, 18)
    stain = np.clip((1.0 + 0.25 * _waves(rng, 14) - out) * 3, 0, 1)[..., None]
    return (picture * (1 - stain * rng.uniform(0.15, 0.6))).astype(np.float32)


class _Ball(NamedTuple):
    cover: Array  # 0..1 coverage with a soft edge
    nx: Array  # outward normal, x right, y down, z to the camera
    ny: Array
    nz: Array


def _ball(scene: _Scene) -> _Ball:
    nx, ny = (_LINE_X - scene.x) / scene.radius, (_LINE_Y - scene.y) / scene.radius
    out = np.hypot(nx, ny)
    nz = np.sqrt(np.clip(1 - out**2, 0, 1))
    cover = np.clip((1 - out) * scene.radius + 0.5, 0, 1)
    return _Ball(*(part.astype(np.float32) for part in (cover, nx, ny, nz)))


def _place(rng: Rng, picture: Array, scene: _Scene, kind: Kind) -> Array:
    ball = _ball(scene)
    picture = _cast_shadow(rng, picture, scene, clear=kind == "glass")
    surface = (
        _glass(rng, picture, scene, ball) if kind == "glass" else _opaque(rng, picture, scene, ball, kind)
    )
    surface += _highlights(rng, scene, ball)[..., None]
    cover = ball.cover[..., None]
    return (picture * (1 - cover) + surface * cover).astype(np.float32)


def _cast_shadow(rng: Rng, picture: Array, scene: _Scene, *, clear: bool) -> Array:
    reach = scene.radius * 0.55 * np.hypot(scene.light[0], scene.light[1]) / scene.light[2]
    x = scene.x - scene.light[0] * reach
    y = scene.y - scene.light[1] * reach
    out = np.hypot(_LINE_X - x, _LINE_Y - y) / scene.radius
    width = 0.1 + 0.35 * scene.softness
    shade = 1 / (1 + np.exp(np.clip((out - 1.02) / width * 3, -30, 30)))
    contact = np.exp(-((np.hypot(_LINE_X - scene.x, _LINE_Y - scene.y) / scene.radius / 1.12) ** 8))
    strength = rng.uniform(0.3, 0.6) * (0.6 if clear else 1)
    return (picture * (1 - np.clip(strength * shade + 0.3 * contact, 0, 0.85))[..., None]).astype(np.float32)


def _opaque(rng: Rng, picture: Array, scene: _Scene, ball: _Ball, kind: Kind) -> Array:
    colour = _paint(rng, ball, kind)
    lambert = np.clip(ball.nx * scene.light[0] + ball.ny * scene.light[1] + ball.nz * scene.light[2], 0, 1)
    wrap = 0.35 * scene.softness
    shade = scene.ambient * (0.6 + 0.4 * ball.nz) + (1.1 - scene.ambient) * (lambert + wrap) / (1 + wrap)
    bounce = picture.mean((0, 1)) * (0.35 * (1 - ball.nz) ** 2)[..., None]  # light from the belt
    return (colour * shade[..., None] + bounce * (0.3 + colour)).astype(np.float32)


def _paint(rng: Rng, ball: _Ball, kind: Kind) -> Array:
    """The marble's own colour at each pixel; glaze is never quite even, not on a plain one either."""
    first = _marble_colour(rng)
    turned = _turn(rng, ball)
    uneven = 1 + 0.05 * _waves(rng, 1.1, 5, turned[0], turned[1]) + 0.02 * _waves(rng, 0.25, 5, *turned[:2])
    colour = np.broadcast_to(first, (*ball.nx.shape, 3))
    if kind == "several colours":
        colour = _swirl(rng, first, turned)
    elif kind == "dots":
        colour = _dots(rng, first, turned)
    return (colour * uneven[..., None]).astype(np.float32)


def _marble_colour(rng: Rng) -> Array:
    if rng.random() < 0.15:  # white, grey, black
        return _hsv(0, rng.uniform(0, 0.08), rng.uniform(0.1, 0.95))
    return _hsv(rng.random(), rng.uniform(0.35, 0.85), rng.uniform(0.25, 0.85))


def _other_colour(rng: Rng, first: Array) -> Array:
    """A second colour that an inspector tells from the first at arm's length."""
    for _ in range(50):
        second = _marble_colour(rng)
        if np.abs(second - first).max() > 0.28:
            return second
    return 1 - first


def _turn(rng: Rng, ball: _Ball) -> tuple[Array, Array, Array]:
    """Coordinates fixed to the marble, which lies turned at random."""
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    x, y, z = (row[0] * ball.nx + row[1] * ball.ny + row[2] * ball.nz for row in turn)
    return x.astype(np.float32), y.astype(np.float32), z.astype(np.float32)


def _swirl(rng: Rng, first: Array, turned: tuple[Array, Array, Array]) -> Array:
    """Bands, ribbons or patches of two to four colours, with a border that glass has."""
    x, y, z = turned
    bend = rng.uniform(0.1, 0.5) * _waves(rng, rng.uniform(0.9, 2.2), 5, x, y)
    style = rng.integers(0, 3)
    if style == 0:
        level = z * rng.uniform(0.8, 2.2) + bend
    elif style == 1:
        level = np.arctan2(y, x) / np.pi * rng.integers(1, 3) + bend + z
    else:
        level = _waves(rng, rng.uniform(1.2, 2.4), 6, x + z, y) * 0.7 + bend
    level = level + rng.uniform(0, 1)
    count = int(rng.integers(2, 5))
    palette = [first, *(_other_colour(rng, first) for _ in range(count - 1))]
    out = np.broadcast_to(first, (*x.shape, 3)).copy()
    soft = rng.uniform(0.02, 0.1)
    share = rng.uniform(0.3, 0.6)  # of each band that the second colour takes
    place = level - np.floor(level)
    for index, colour in enumerate(palette[1:]):
        low = (1 - share) + share * index / (count - 1)
        here = np.clip((place - low) / soft + 0.5, 0, 1)
        here *= np.clip((1.0 - place) / soft + 0.5, 0, 1)
        out += here[..., None] * (colour - out)
    return out


def _dots(rng: Rng, first: Array, turned: tuple[Array, Array, Array]) -> Array:
    """Round spots scattered over the sphere (a Fibonacci lattice, shaken)."""
    count = int(rng.integers(9, 45))
    k = np.arange(count) + 0.5
    up, around = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    flat = np.sqrt(1 - up * up)
    centres = np.stack([flat * np.cos(around), flat * np.sin(around), up], 1) + rng.normal(
        0, 0.08, (count, 3)
    )
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    size = np.cos(rng.uniform(0.45, 0.75) * rng.uniform(0.75, 1.0, count) * np.sqrt(4 / count))
    points = np.stack(turned, 2) @ centres.T.astype(np.float32)
    edge = np.clip((points - size) * rng.uniform(15, 40), -0.5, 0.5).max(2) + 0.5
    return first + edge[..., None] * (_other_colour(rng, first) - first)


def _glass(rng: Rng, picture: Array, scene: _Scene, ball: _Ball) -> Array:
    """Clear glass: the belt upside down through a ball lens, a tint, a dark rim, a bright focus."""
    power = rng.uniform(1.6, 2.4)
    bend = 1 - power * (1 - 0.45 * (1 - ball.nz))
    x = np.clip(scene.x + ball.nx * scene.radius * bend, 0, WIDTH_PX - 1).astype(np.int64)
    y = np.clip(scene.y + ball.ny * scene.radius * bend, 0, HEIGHT_PX - 1).astype(np.int64)
    tint = 1 - rng.uniform(0.0, 0.35) * (1 - _hsv(rng.random(), rng.uniform(0.2, 1), 1.0))
    rim = 1 - rng.uniform(0.25, 0.6) * (1 - ball.nz) ** 2.5
    seen = picture[y, x] * tint * rim[..., None] * rng.uniform(1.1, 1.6)
    fx, fy = -scene.light[0] * 0.55, -scene.light[1] * 0.55
    focus = np.exp(-((ball.nx - fx) ** 2 + (ball.ny - fy) ** 2) / rng.uniform(0.02, 0.12))
    bubbles = rng.random((HEIGHT_PX, WIDTH_PX), np.float32) < rng.uniform(0, 0.004)
    return (seen + (rng.uniform(0.1, 0.5) * focus + 0.25 * bubbles)[..., None] * tint).astype(np.float32)


def _highlights(rng: Rng, scene: _Scene, ball: _Ball) -> Array:
    """The lamp's mirror image and sometimes a second one (a window, a tube)."""
    half = scene.light + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    facing = np.clip(ball.nx * half[0] + ball.ny * half[1] + ball.nz * half[2], 0, 1)
    power = 12 + 250 * (1 - scene.softness) ** 2
    shine = rng.uniform(0.15, 0.9) * facing**power
    if rng.random() < 0.45:
        cx, cy = rng.uniform(-0.5, 0.5, 2)
        turn = rng.uniform(0, np.pi)
        a = np.cos(turn) * (ball.nx - cx) + np.sin(turn) * (ball.ny - cy)
        b = -np.sin(turn) * (ball.nx - cx) + np.cos(turn) * (ball.ny - cy)
        tube = np.exp(-((a / rng.uniform(0.08, 0.3)) ** 4) - (b / rng.uniform(0.04, 0.1)) ** 4)
        shine = shine + rng.uniform(0.1, 0.5) * tube
    return (shine + 0.12 * (1 - ball.nz) ** 4).astype(np.float32)


def _photograph(rng: Rng, picture: Array) -> Image.Image:
    """Exposure, white balance, vignette, focus or motion blur, sensor noise, tone curve."""
    x, y = (_LINE_X - WIDTH_PX / 2) / WIDTH_PX, (_LINE_Y - HEIGHT_PX / 2) / WIDTH_PX
    fall = 1 + rng.normal(0, 0.25) * x + rng.normal(0, 0.25) * y - rng.uniform(0, 0.7) * (x * x + y * y)
    cast = rng.normal(1, 0.06, 3) * rng.uniform(0.7, 1.25)
    lit = np.clip(picture * fall[..., None] * cast, 0, 1.2)
    toned = 1 - np.exp(-1.6 * lit)  # highlights roll off as on a sensor
    image = _blur(
        rng, Image.fromarray((np.clip(toned / toned.max(initial=0.8), 0, 1) * 255).astype(np.uint8))
    )
    pixels = np.asarray(image, np.float32)
    grain = rng.normal(0, rng.uniform(1, 9), pixels.shape) * np.sqrt(0.3 + pixels / 255)
    return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))


def _blur(rng: Rng, image: Image.Image) -> Image.Image:
    image = image.filter(ImageFilter.GaussianBlur(float(rng.gamma(1.5, 0.6))))
    if rng.random() < 0.3:  # the belt moves
        length = int(rng.choice([3, 5]))
        kernel = np.zeros((length, length))
        kernel[length // 2] = 1
        image = image.filter(ImageFilter.Kernel((length, length), kernel.ravel().tolist()))
    return image
