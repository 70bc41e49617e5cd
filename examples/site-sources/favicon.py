"""Packs the small picture of favicon.svg as a 32-pixel .ico for browsers that ask for one. Usage: favicon.py OUT.ico"""

import sys

from PIL import Image, ImageDraw

SCALE = 16


def draw():
    image = Image.new("RGBA", (32 * SCALE, 32 * SCALE))
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((0, 0, 32 * SCALE - 1, 32 * SCALE - 1), 7 * SCALE, "#14607a")
    mask = image.getchannel("A")
    hill = [(0, 25), (10, 12), (15, 18), (21, 8), (32, 21), (32, 32), (0, 32)]
    pen.polygon([(x * SCALE, y * SCALE) for x, y in hill], "#0e4558")
    # The channel is the two cubic curves of the SVG, walked in small steps.
    for a, b, c, d in (((0, 19), (8, 17), (9, 23), (16, 22)), ((16, 22), (23, 21), (26, 17), (32, 19))):
        for step in range(401):
            t = step / 400
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            x, y = (sum(weight * point[axis] for weight, point in zip(weights, (a, b, c, d))) for axis in (0, 1))
            pen.ellipse([(x - 1.5) * SCALE, (y - 1.5) * SCALE, (x + 1.5) * SCALE, (y + 1.5) * SCALE], "#bfeaf5")
    image.putalpha(mask)
    return image.resize((32, 32), Image.LANCZOS)


if __name__ == "__main__":
    draw().save(sys.argv[1], sizes=[(32, 32)])
