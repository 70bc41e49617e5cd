"""Flies along the channel: every frame is the same mountain, drawn column by column from near to far.

Usage: film.py frames OUT.webm | film.py poster OUT.jpg. Encoding is ffmpeg's; two passes, VP9, with the index in front,
so that a browser can seek with one range request.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from landscape import SIDE, bilinear, landscape, soften

WIDTH, HEIGHT, RATE, SECONDS = 1280, 720, 24, 30
FOCAL = 1.05 * WIDTH
NEAR, FAR, DEPTHS = 3.0, 1150.0, 1100
HORIZON_SKY = np.array([0.93, 0.86, 0.76], np.float32)
HIGH_SKY = np.array([0.42, 0.60, 0.74], np.float32)
SEA = np.array([0.10, 0.25, 0.33], np.float32)


class Flight:
    """The camera's way: outside the channel and a little above it, looking along it."""

    def __init__(self, land):
        self.land = land
        self.path = soften(land.path, 90)
        self.level = soften(land.level[:, None], 120)

    def pose(self, part):
        """Where the camera is and what it looks at, `part` of the way from 0 to 1."""
        index = 150 + part * 1500
        here = self.sample(self.path, index)
        ahead = self.sample(self.path, index + 120)
        along = ahead - here
        along /= np.hypot(*along)
        outside = np.array([along[1], -along[0]])
        eye = here + outside * 62 - along * 30
        eye_height = self.sample(self.level, index)[0] + 46
        return eye, eye_height, self.sample(self.path, index + 95), self.sample(self.level, index + 95)[0]

    @staticmethod
    def sample(points, index):
        low = int(np.clip(index, 0, len(points) - 2))
        return points[low] + (points[low + 1] - points[low]) * (index - low)


def sky(rows):
    up = np.clip(-rows / (HEIGHT * 0.75), 0, 1)[:, None] ** 0.7
    return HORIZON_SKY + (HIGH_SKY - HORIZON_SKY) * up


def frame(flight, part, seconds):
    land = flight.land
    eye, eye_height, target, target_height = flight.pose(part)
    forward = target - eye
    range_to_target = np.hypot(*forward)
    forward /= range_to_target
    right = np.array([-forward[1], forward[0]])
    pitch = (eye_height - target_height) / range_to_target * FOCAL
    horizon = HEIGHT * 0.5 - pitch * 0.92

    lateral = (np.arange(WIDTH) - WIDTH / 2 + 0.5) / FOCAL
    depth = NEAR * (FAR / NEAR) ** np.linspace(0, 1, DEPTHS)
    x = eye[0] + depth[:, None] * (forward[0] + lateral * right[0])
    y = eye[1] + depth[:, None] * (forward[1] + lateral * right[1])
    inside = (x > 0) & (x < SIDE - 1) & (y > 0) & (y < SIDE - 1)
    ground = np.where(inside, bilinear(land.height, x, y), 0)
    row = horizon + (eye_height - ground) / depth[:, None] * FOCAL
    top = np.minimum.accumulate(row, 0)

    # How many depths lie wholly below each pixel row: the first one that is not is what the pixel shows.
    bucket = np.clip(np.ceil(top - 0.5), 0, HEIGHT).astype(int)
    counts = np.bincount((bucket * WIDTH + np.arange(WIDTH)).ravel(), minlength=(HEIGHT + 1) * WIDTH)
    counts = counts.reshape(HEIGHT + 1, WIDTH)
    first = DEPTHS - np.cumsum(counts, 0)[:HEIGHT]
    shown = first < DEPTHS
    index = np.minimum(first, DEPTHS - 1)

    # Between two depths the hit is placed by where the row falls: without this, steps show on near slopes.
    columns = np.arange(WIDTH)[None, :]
    before = np.maximum(index - 1, 0)
    row_here, row_before = row[index, columns], row[before, columns]
    share = np.clip((np.arange(HEIGHT)[:, None] + 0.5 - row_before) / np.minimum(row_here - row_before, -1e-3), 0, 1)
    far = depth[before] + (depth[index] - depth[before]) * share
    px = eye[0] + far * (forward[0] + lateral * right[0])
    py = eye[1] + far * (forward[1] + lateral * right[1])
    hit_inside = (px > 0) & (px < SIDE - 1) & (py > 0) & (py < SIDE - 1)

    colour = np.stack([bilinear(land.ground[..., i], px, py) for i in range(3)], -1)
    colour = np.where(hit_inside[..., None], colour, SEA)
    away = bilinear(land.distance, px, py)
    along = bilinear(land.along, px, py)
    soft = np.clip(far / FOCAL * 1.4, 0.25, 3.0)
    bank = np.clip((2.5 - away) / soft + 0.5, 0, 1)[..., None] * hit_inside[..., None]
    water = np.clip((1.5 - away) / soft + 0.5, 0, 1)[..., None] * hit_inside[..., None]
    phase = (along - seconds * 34) / 46
    piece = np.exp(-(((phase % 1) - 0.5) / 0.17) ** 2)[..., None]
    colour += (np.array([0.52, 0.50, 0.45]) - colour) * bank * 0.9
    colour += (np.array([0.13, 0.42, 0.52]) + np.array([0.62, 0.55, 0.45]) * piece - colour) * water

    mist = 1 - np.exp(-((far / 620) ** 1.6))[..., None]
    colour += (HORIZON_SKY * 0.86 - colour) * mist
    rows = np.arange(HEIGHT) - horizon
    picture = np.where(shown[..., None], colour, sky(rows)[:, None, :] * 0.9)
    fade = min(1.0, seconds / 1.0, (SECONDS - seconds) / 1.2)
    return (np.clip(picture * fade, 0, 1) ** (1 / 1.5) * 255).astype(np.uint8)


def film(out):
    flight = Flight(landscape())
    count = RATE * SECONDS
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "frames.mkv"
        source = f"-f rawvideo -pix_fmt rgb24 -s {WIDTH}x{HEIGHT} -r {RATE} -i -".split()
        keep = subprocess.Popen(
            ["ffmpeg", "-v", "error", "-y", *source, *"-c:v libx264 -qp 4 -preset veryfast".split(), raw],
            stdin=subprocess.PIPE,
        )
        for number in range(count):
            keep.stdin.write(frame(flight, number / count, number / RATE).tobytes())
        keep.stdin.close()
        assert keep.wait() == 0
        # A key frame every two seconds is what a seek costs at most.
        vp9 = (
            "-c:v libvpx-vp9 -b:v 620k -g 48 -pix_fmt yuv420p -row-mt 1 -cpu-used 1 -an "
            "-map_metadata -1 -fflags +bitexact -flags:v +bitexact"
        )
        for number in ("1", "2"):
            target = ["-f", "null", "-"] if number == "1" else ["-cues_to_front", "1", out]
            passes = ["-pass", number, "-passlogfile", f"{folder}/log"]
            subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", raw, *vp9.split(), *passes, *target], check=True)


if __name__ == "__main__":
    what, out = sys.argv[1:]
    if what == "poster":
        picture = frame(Flight(landscape()), 0.42, 12.6)
        Image.fromarray(picture).save(out, quality=80, optimize=True, progressive=True)
    else:
        film(out)
