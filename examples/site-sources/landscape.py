"""A mountain and the channel along it, computed once for the map and the film.

The mountain is ridged noise under a radial fall to the sea; the channel is traced from a spring by walking
across the slope with a steady small fall, as a levada is built. Same seed, same mountain.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

SIDE = 1536  # texels a side
SEED = 1425  # about when Madeira's first settlers began to dig
HEIGHT_MAX = 235.0  # in texels: the map is as high as it is wide times this
SUN = np.array([-0.62, -0.48, 0.62])


@dataclass(frozen=True)
class Landscape:
    """Heights in texels, the colour of the ground, and how far each texel lies from the channel."""

    height: np.ndarray
    ground: np.ndarray  # SIDE x SIDE x 3, linear 0..1
    path: np.ndarray  # N x 2, (x, y) of the channel, evenly spaced
    level: np.ndarray  # N, how high the water stands along the path
    distance: np.ndarray  # to the channel, in texels, capped
    along: np.ndarray  # arc length at the channel's nearest point


def smooth(field, radius, rounds=3):
    """Blurs by repeated box filters, which come close to a Gaussian."""
    for _ in range(rounds):
        for axis in (0, 1):
            padded = np.concatenate(
                [
                    np.repeat(np.take(field, [0], axis), radius + 1, axis),
                    field,
                    np.repeat(np.take(field, [-1], axis), radius, axis),
                ],
                axis,
            )
            total = np.cumsum(padded, axis, dtype=np.float64)
            span = 2 * radius + 1
            field = np.take(total, range(span, total.shape[axis]), axis) - np.take(
                total, range(total.shape[axis] - span), axis
            )
            field = (field / span).astype(np.float32)
    return field


def soften(points, radius):
    """Smooths a line of points along its length."""
    kernel = np.hanning(2 * radius + 1)
    kernel /= kernel.sum()
    ends = np.pad(points, ((radius, radius), (0, 0)), mode="edge")
    return np.stack([np.convolve(ends[:, i], kernel, "valid") for i in range(points.shape[1])], 1)


def noise(random, roughness, coarsest, finest=None):
    """Noise without a grid: a spectrum that falls with frequency, between the coarsest and finest wave."""
    waves = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None, :]) * SIDE
    strength = np.where(waves >= coarsest, np.maximum(waves, 1.0) ** -roughness, 0)
    if finest is not None:
        strength = np.where(waves <= finest, strength, 0)
    phase = np.exp(2j * np.pi * random.random(waves.shape))
    field = np.fft.irfft2(strength * phase, (SIDE, SIDE))
    return (field / field.std()).astype(np.float32)


def bilinear(field, x, y):
    x = np.clip(x, 0, field.shape[1] - 1.001)
    y = np.clip(y, 0, field.shape[0] - 1.001)
    left, top = x.astype(int), y.astype(int)
    px, py = x - left, y - top
    upper = field[top, left] * (1 - px) + field[top, left + 1] * px
    lower = field[top + 1, left] * (1 - px) + field[top + 1, left + 1] * px
    return upper * (1 - py) + lower * py


def rain(height, random, drops, rounds, steps=70):
    """Lets drops run down and carry ground with them, so that valleys branch as water makes them."""
    side = height.shape[0]
    for _ in range(rounds):
        x, y = random.random((2, drops)) * (side - 2)
        dx, dy = np.zeros((2, drops))
        load, speed = np.zeros(drops), np.ones(drops)
        gy, gx = np.gradient(height)
        change = np.zeros_like(height, dtype=np.float64)
        for _ in range(steps):
            fx, fy = bilinear(gx, x, y), bilinear(gy, x, y)
            dx, dy = dx * 0.25 - fx * 0.75, dy * 0.25 - fy * 0.75
            length = np.hypot(dx, dy) + 1e-9
            dx, dy = dx / length, dy / length
            here = bilinear(height, x, y)
            wet = here > 0.2
            next_x, next_y = np.clip(x + dx, 0, side - 2), np.clip(y + dy, 0, side - 2)
            drop = here - bilinear(height, next_x, next_y)
            room = np.maximum(drop, 0.01) * speed * 3.0
            # Uphill it fills the hollow, overloaded it lets some go, otherwise it digs.
            filled = -np.minimum(load, -drop)
            let_go = (room - load) * 0.25
            dug = np.minimum((room - load) * 0.30, drop)
            moved = np.where(drop < 0, filled, np.where(load > room, let_go, dug))
            moved = np.where(wet, moved, 0)
            left, top = x.astype(int), y.astype(int)
            px, py = x - left, y - top
            for row, column, share in (
                (top, left, (1 - px) * (1 - py)),
                (top, left + 1, px * (1 - py)),
                (top + 1, left, (1 - px) * py),
                (top + 1, left + 1, px * py),
            ):
                change += np.bincount(row * side + column, -moved * share, side * side).reshape(side, side)
            load += moved
            speed = np.sqrt(np.clip(speed * speed * 0.9 + drop, 0.05, 12))
            x, y = next_x, next_y
        change = smooth(change.astype(np.float32), 1, 2)
        height = np.maximum(height + np.clip(change, -2.0, 1.2), 0)
    return height


def make_height(random):
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j].astype(np.float32)
    away = np.hypot(x * 0.86, y * 1.22) + 0.075 * noise(random, 2.0, 2, 60)
    island = np.clip(1 - away / 0.90, 0, 1)
    broad = 1 - np.abs(noise(random, 2.3, 3, 20)) / 1.9
    narrow = 1 - np.abs(noise(random, 2.1, 9, 60)) / 1.9
    fine = noise(random, 2.1, 24, 240)
    shape = 0.40 + 0.40 * broad + 0.20 * narrow * np.clip(broad, 0, 1)
    height = island**0.8 * shape + 0.007 * fine * np.sqrt(island)
    height = np.where(island > 0, np.maximum(height, 0), 0) * HEIGHT_MAX * 1.25
    # Valleys are worn at half the size, where a drop crosses a slope in fewer steps.
    half = height[::2, ::2] / 2
    worn = rain(half, random, 60_000, 16)
    at = np.arange(SIDE) / 2
    xs, ys = np.meshgrid(at, at)
    height = bilinear(smooth(worn, 1, 1), xs, ys).astype(np.float32) * 2
    return np.where(island > 0, height, 0).astype(np.float32)


def trace(height):
    """Walks across the slope from a spring, falling a little with every step."""
    level = smooth(height, 8)
    fall_y, fall_x = np.gradient(level)
    column = int(SIDE * 0.30)
    start_height = 0.42 * HEIGHT_MAX
    row = np.nonzero(level[:, column] > start_height)[0].max()
    at = np.array([column, row], np.float64)
    path = [at]
    for step in range(9000):
        gx, gy = (float(bilinear(field, at[:1], at[1:])[0]) for field in (fall_x, fall_y))
        steep = np.hypot(gx, gy) + 1e-6
        wanted = start_height - 0.006 * step
        error = (wanted - float(bilinear(level, at[:1], at[1:])[0])) / steep
        error = np.clip(error, -0.7, 0.7)
        ahead = np.array([gy + error * gx, -gx + error * gy])
        at = at + 0.5 * ahead / (np.hypot(*ahead) + 1e-9)
        if not (20 < at.min() and at.max() < SIDE - 20):
            break
        if step > 800 and np.hypot(*(at - path[0])) < 40:
            break
        path.append(at)
    path = np.array(path[::2], np.float32)
    return soften(path, 7)


def near_channel(path, level, reach=14):
    """For each texel near the channel: how far it is, how far along, and how high the water stands there."""
    distance = np.full((SIDE, SIDE), float(reach), np.float32)
    along = np.zeros((SIDE, SIDE), np.float32)
    bed = np.zeros((SIDE, SIDE), np.float32)
    steps = np.hypot(*np.diff(path, axis=0).T)
    length = np.concatenate([[0], np.cumsum(steps)])
    for (x, y), s, height in zip(path, length, level):
        left, top = int(x) - reach, int(y) - reach
        window = np.s_[top : top + 2 * reach + 1, left : left + 2 * reach + 1]
        ys, xs = np.mgrid[top : top + 2 * reach + 1, left : left + 2 * reach + 1]
        here = np.hypot(xs - x, ys - y)
        closer = here < distance[window]
        distance[window][closer] = here[closer]
        along[window][closer] = s
        bed[window][closer] = height
    return distance, along, bed


def mix(a, b, share):
    return a + (b - a) * share[..., None]


def paint(height, random):
    """Colours by height and slope, lit from the north-west."""
    gy, gx = np.gradient(height)
    normal = np.stack([-gx, -gy, np.full_like(height, 0.9)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    light = np.clip(normal @ (SUN / np.linalg.norm(SUN)), 0, 1)
    open_sky = np.clip(0.5 + (height - smooth(height, 24)) / 60, 0, 1)
    tint = np.clip(0.5 + 0.22 * noise(random, 0.6, 40), 0, 1)

    def step(low, high, field):
        t = np.clip((field - low) / (high - low), 0, 1)
        return t * t * (3 - 2 * t)

    part = height / HEIGHT_MAX
    colour = lambda r, g, b: np.array([r, g, b], np.float32)
    ground = np.broadcast_to(colour(0.34, 0.43, 0.24), height.shape + (3,))
    ground = mix(ground, colour(0.16, 0.29, 0.20), step(0.10, 0.28, part + 0.10 * (tint - 0.5)))
    ground = mix(ground, colour(0.42, 0.40, 0.30), step(0.52, 0.70, part + 0.10 * (tint - 0.5)))
    ground = mix(ground, colour(0.42, 0.33, 0.27), step(0.50, 0.28, normal[..., 2]) * 0.85)
    ground = mix(ground, colour(0.78, 0.70, 0.55), step(2.2, 0.4, height) * 0.8)
    ground = ground * (0.86 + 0.28 * tint[..., None])
    warm = np.array([1.16, 1.04, 0.86], np.float32) * light[..., None]
    cool = np.array([0.26, 0.33, 0.42], np.float32) * (0.55 + 0.75 * open_sky[..., None])
    ground = ground * (warm * 1.05 + cool)
    shore = smooth(height, 10)
    sea = mix(
        np.broadcast_to(colour(0.065, 0.19, 0.27), height.shape + (3,)),
        colour(0.16, 0.40, 0.44),
        np.clip(shore / 5, 0, 1),
    )
    return np.where((height > 0.25)[..., None], ground, sea).astype(np.float32)


@lru_cache(maxsize=1)
def landscape():
    random = np.random.default_rng(SEED)
    height = make_height(random)
    path = trace(height)
    # The channel is cut into the slope and built out from it: its water falls evenly whatever the ground does.
    level = soften(bilinear(smooth(height, 8), path[:, 0], path[:, 1])[:, None], 120)[:, 0]
    distance, along, bed = near_channel(path, level)
    share = np.clip((13 - distance) / 9.5, 0, 1)
    share = share * share * (3 - 2 * share)
    height = np.where(distance < 13.9, height + (bed - height) * share, height).astype(np.float32)
    return Landscape(height, paint(height, random), path, level, distance, along)
