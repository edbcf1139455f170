"""Silhouettes by formula: superformula curves (Gielis 2003) and iterated function systems (Barnsley 1988)."""

import numpy as np
from numpy.typing import NDArray
from tools.pretrain.texture import Field, Rng

CURVES = 48
FRACTALS = 100
_TABLE = np.random.default_rng(20031)


def _curve_table() -> NDArray[np.float64]:
    """(CURVES, 4) of m, n1, n2, n3, for curves that are neither dots nor needles."""
    rows = [np.array([0.0, 1, 1, 1])]  # the circle
    turn = np.linspace(0, 2 * np.pi, 360)
    while len(rows) < CURVES:
        row = np.array([_TABLE.integers(1, 10), *np.exp(_TABLE.uniform(-1.2, 2.2, 3))])
        radius = _radius(row[None], turn[None, :])[0]
        fresh = all(np.abs(row - other).sum() > 0.5 for other in rows)
        if fresh and radius.min() > 0.25 and np.isfinite(radius).all():
            rows.append(row)
    return np.array(rows)


def _radius(row: NDArray[np.float64], turn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gielis' eq. 1, scaled to a largest radius of one."""
    shape = (-1,) + (1,) * (turn.ndim - 1)
    m, n1, n2, n3 = (row[:, k].reshape(shape) for k in range(4))
    inner = np.abs(np.cos(m * turn / 4)) ** n2 + np.abs(np.sin(m * turn / 4)) ** n3
    radius = np.maximum(inner, 1e-6) ** (-1 / n1)
    return radius / radius.max(axis=tuple(range(1, turn.ndim)), keepdims=True)


def _fractal_table() -> NDArray[np.float64]:
    """(FRACTALS, 4, 6): four affine maps each (some repeated), contracting, whose attractor fills a fair area."""
    rows = list[NDArray[np.float64]]()
    while len(rows) < FRACTALS:
        maps = _TABLE.uniform(-1, 1, (4, 6))
        maps[:, :4] *= 0.9
        if _TABLE.random() < 0.5:
            maps[3] = maps[0]
        a, b, c, d = maps[:, 0], maps[:, 1], maps[:, 2], maps[:, 3]
        norm = (a * a + b * b + c * c + d * d) / 2 + np.sqrt(
            ((a * a + b * b - c * c - d * d) / 2) ** 2 + (a * c + b * d) ** 2
        )
        if norm.max() > 0.95:
            continue
        picture = fractal(maps[None], 40, np.random.default_rng(1), size_px=32)
        if 0.18 < (picture > 0.05).mean() < 0.75:
            rows.append(maps)
    return np.array(rows)


def fractal(maps: NDArray[np.float64], steps: int, rng: Rng, *, size_px: int, particles: int = 96) -> Field:
    """Draw attractors by the chaos game: (pictures, 4, 6) maps to (pictures, size, size) densities 0..1."""
    count = len(maps)
    weight = np.abs(maps[:, :, 0] * maps[:, :, 3] - maps[:, :, 1] * maps[:, :, 2]) + 0.02
    edge = np.cumsum(weight / weight.sum(1, keepdims=True), 1)
    x, y = np.zeros((2, count, particles))
    xs, ys = list[NDArray[np.float64]](), list[NDArray[np.float64]]()
    row = np.arange(count)[:, None]
    for step in range(steps + 10):
        pick = (rng.random((count, particles, 1)) > edge[:, None, :]).sum(2).clip(0, 3)
        a, b, c, d, e, f = np.moveaxis(maps[row, pick], 2, 0)
        x, y = a * x + b * y + e, c * x + d * y + f
        if step >= 10:
            xs.append(x)
            ys.append(y)
    return _density(np.concatenate(xs, 1), np.concatenate(ys, 1), size_px)


def _density(x: NDArray[np.float64], y: NDArray[np.float64], size_px: int) -> Field:
    low = np.stack([x.min(1), y.min(1)], 1)[:, :, None]
    span = np.maximum(np.stack([x.max(1), y.max(1)], 1)[:, :, None] - low, 1e-6)
    place = (np.stack([x, y], 1) - low) / span.max(1, keepdims=True)
    i = (place * (size_px - 1)).astype(np.int64).clip(0, size_px - 1)
    flat = (np.arange(len(x))[:, None] * size_px + i[:, 1]) * size_px + i[:, 0]
    hits = np.bincount(flat.ravel(), minlength=len(x) * size_px**2).reshape(len(x), size_px, size_px)
    return np.clip(np.log1p(hits) / 1.8, 0, 1).astype(np.float32)


CURVE_TABLE = _curve_table()
FRACTAL_TABLE = _fractal_table()


def curve(kind: NDArray[np.int64], u: Field, v: Field, rng: Rng) -> Field:
    """How far out each pixel is: 0 at the centre of the curve, 1 on it, more outside."""
    row = CURVE_TABLE[kind].copy()
    row[:, 1:] *= np.exp(rng.normal(0, 0.04, (len(kind), 3)))
    turn = np.arctan2(v, u).astype(np.float64) % (2 * np.pi)
    return (np.hypot(u, v) / np.maximum(_radius(row, turn), 0.05)).astype(np.float32)
