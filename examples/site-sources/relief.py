"""Draws the map: the mountain from above, contour lines, and the channel across its slope."""

import sys

import numpy as np
from PIL import Image

from landscape import HEIGHT_MAX, landscape, smooth


def draw():
    land = landscape()
    colour = land.ground.copy()
    gap = HEIGHT_MAX / 14
    level = smooth(land.height, 6)
    gy, gx = np.gradient(level)
    steep = np.hypot(gx, gy) + 1e-3
    to_line = np.abs((level / gap + 0.5) % 1 - 0.5) * gap / steep
    line = np.clip(1.2 - to_line, 0, 1) * (land.height > 1.5) * 0.42
    colour *= 1 - line[..., None]
    bank = np.clip((6.5 - land.distance) / 2, 0, 1)[..., None]
    water = np.clip((4.2 - land.distance) / 1.4, 0, 1)[..., None]
    colour += (np.array([0.05, 0.11, 0.15]) - colour) * bank * 0.75
    colour += (np.array([0.60, 0.93, 1.0]) - colour) * water
    pixels = np.clip(colour, 0, 1) ** (1 / 1.6)
    return Image.fromarray((pixels * 255).astype(np.uint8))


if __name__ == "__main__":
    image = draw().crop((60, 230, 1476, 1306)).resize((1200, 912), Image.LANCZOS)
    image.save(sys.argv[1], quality=82, optimize=True, progressive=True)
