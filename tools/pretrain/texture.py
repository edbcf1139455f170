"""Textures by formula: sixteen families, twelve parameter settings each, evaluated for many pictures at once.

Every function takes coordinates (pictures, height, width) and answers a field in 0..1 of the same shape.
A class fixes the family, the frequency level and the variant; phase, rotation, exact frequency are drawn.
"""

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Rng = np.random.Generator

FAMILIES = (
    "plain", "stripes", "bands", "checker", "lattice", "scatter", "cells", "cracks",
    "cloud", "blotch", "veins", "rings", "star", "bricks", "ridges", "weave",
)  # fmt: skip
SETTINGS = 12  # 3 frequency levels x 4 variants
_FREQUENCY = np.array([1.3, 2.6, 5.2], np.float32)
_TAU = np.float32(2 * np.pi)


def _column(values: NDArray[np.float64] | NDArray[np.float32]) -> Field:
    return np.asarray(values, np.float32).reshape(-1, 1, 1)


def noise(rng: Rng, u: Field, v: Field, frequency: Field, waves: int = 6) -> Field:
    """A smooth random field of about unit variance: a sum of cosines of random direction and phase."""
    total = np.zeros(np.broadcast(u, v).shape, np.float32)
    count = len(total)
    for _ in range(waves):
        angle, phase = rng.uniform(0, 2 * np.pi, (2, count))
        k = frequency[:, 0, 0] * rng.uniform(0.4, 1.2, count)
        total += np.cos(
            _TAU * (_column(k * np.cos(angle)) * u + _column(k * np.sin(angle)) * v) + _column(phase)
        )
    return total * np.float32(np.sqrt(2 / waves))


def _squash(x: Field) -> Field:
    return (0.5 + 0.5 * np.tanh(0.8 * x)).astype(np.float32)


def _hash(i: Field, j: Field, salt: Field) -> Field:
    x = np.sin(i * 127.1 + j * 311.7 + salt) * 43758.547
    return (x - np.floor(x)).astype(np.float32)


def _colour(h: Field, colours: Field) -> Field:
    """A cell's place among colours 1..n-1; colour 0 is the ground."""
    return (1 + np.floor(h * (colours - 1) * 0.999) + 0.5) / colours


def _worley(u: Field, v: Field, salt: Field, jitter: Field) -> tuple[Field, Field, Field]:
    """Distance to the nearest and second nearest scattered point, and the nearest one's random number."""
    i, j = np.floor(u), np.floor(v)
    first = np.full(u.shape, 9, np.float32)
    second, owner = first.copy(), np.zeros(u.shape, np.float32)
    for di in (-1, 0, 1):
        for dj in (-1, 0, 1):
            a, b = i + di, j + dj
            h = _hash(a, b, salt)
            x = a + 0.5 + jitter * (h - 0.5) - u
            y = b + 0.5 + jitter * ((h * 57.31) % 1 - 0.5) - v
            d = x * x + y * y
            near = d < first
            second = np.where(near, first, np.minimum(second, d))
            owner = np.where(near, (h * 91.7) % 1, owner)
            first = np.where(near, d, first)
    return np.sqrt(first), np.sqrt(second), owner


def field(family: int, setting: NDArray[np.int64], colours: Field, u: Field, v: Field, rng: Rng) -> Field:
    """Evaluate one family for all pictures, each with its own setting and number of colours."""
    count = len(u)
    f = _column(_FREQUENCY[setting % 3] * rng.uniform(0.85, 1.18, count))
    w = _column((setting // 3 + rng.uniform(-0.2, 0.2, count)) / 3)  # the variant, 0..1
    angle = _column(rng.uniform(0, 2 * np.pi, count))
    u, v = u * np.cos(angle) - v * np.sin(angle), u * np.sin(angle) + v * np.cos(angle)
    u, v = u + _column(rng.uniform(-1, 1, count)), v + _column(rng.uniform(-1, 1, count))
    salt = _column(rng.uniform(0, 50, count))
    wrapped = lambda x: (x - np.floor(x)).astype(np.float32)  # noqa: E731
    match FAMILIES[family]:
        case "plain":
            return _squash((w * 1.5) * (u * (setting % 3 != 1).reshape(-1, 1, 1) + u * v))
        case "stripes":
            return wrapped(u * f * 0.5 + 0.35 * w * noise(rng, u, v, f * 0.5, 4))
        case "bands":
            return np.where(
                wrapped(u * f) < 0.2 + 0.6 * w, 0.0, _colour(_hash(np.floor(u * f), u * 0, salt), colours)
            )
        case "checker":
            i, j = np.floor(u * f), np.floor(v * f * (1 + 2 * w))
            return np.where((i + j) % 2 == 0, 0.0, _colour(_hash(i, j, salt), colours))
        case "lattice":
            x, y = u * f, v * f
            x = x + 0.5 * (np.floor(y) % 2)
            near = (wrapped(x) - 0.5) ** 2 + (wrapped(y) - 0.5) ** 2 < (0.13 + 0.32 * w) ** 2
            return np.where(near, _colour(_hash(np.floor(x), np.floor(y), salt), colours), 0.0)
        case "scatter":
            d, _, owner = _worley(u * f, v * f, salt, _column(np.ones(count)))
            return np.where(d < 0.12 + 0.3 * w, _colour(owner, colours), 0.0)
        case "cells":
            _, _, owner = _worley(u * f, v * f * (1 + w), salt, 0.3 + 0.7 * w)
            return owner
        case "cracks":
            d, e, owner = _worley(u * f, v * f, salt, _column(np.ones(count)))
            return np.where(e - d < 0.05 + 0.25 * w, 0.0, _colour(owner, colours))
        case "cloud":
            return _squash(noise(rng, u, v, f * 0.6) + w * noise(rng, u, v, f * 2.5))
        case "blotch":
            n = noise(rng, u, v, f * 0.8)
            return np.where(n > 0.9 - 1.4 * w, _colour(_squash(noise(rng, u, v, f * 0.4)), colours), 0.0)
        case "veins":
            return _squash(2 * np.sin(_TAU * u * f * 0.4 + 4 * w * noise(rng, u, v, f * 0.4)))
        case "rings":
            r = np.sqrt(u * u + (v * (1 + w)) ** 2)
            return wrapped(r * f * 0.7 + 0.1 * w * noise(rng, u, v, f))
        case "star":
            turn = np.arctan2(v, u) / _TAU + 0.6 * w * np.sqrt(u * u + v * v)
            return wrapped(turn * np.round(f * 2))
        case "bricks":
            y = v * f
            x = u * f * 0.5 + 0.5 * (np.floor(y) % 2)
            line = 0.06 + 0.2 * w
            mortar = (wrapped(x) < line) | (wrapped(y) < line)
            return np.where(mortar, 0.0, _colour(_hash(np.floor(x), np.floor(y), salt), colours))
        case "ridges":
            return np.clip(
                1.2 - np.abs(noise(rng, u, v, f * 0.7)) - w * np.abs(noise(rng, u, v, f * 2)), 0, 0.999
            )
        case _:  # weave
            x, y = np.sin(_TAU * u * f * 0.5), np.sin(_TAU * v * f * 0.5 * (1 + w))
            return _squash(2 * (x * y + 0.5 * x))
