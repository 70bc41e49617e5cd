"""Cuts Vollkorn down to the characters that western European text needs and packs it as woff2.

Usage: fonts.py FOLDER_OF_TTF OUT_FOLDER. The family's licence (OFL 1.1, no reserved font name) allows it; it stands beside
the fonts as OFL.txt.
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

CHARACTERS = "U+0020-007E,U+00A0-00FF,U+2013,U+2014,U+2018-201D,U+2022,U+2026,U+2190-2193,U+2212"

if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.mkdir(parents=True, exist_ok=True)
    for style in ("Regular", "Italic", "SemiBold"):
        options = subset.Options()
        options.layout_features = ["kern", "liga", "mark", "ccmp", "locl", "calt", "onum", "lnum", "tnum", "pnum"]
        options.name_IDs = [0, 1, 2, 4, 5, 6, 13, 14]
        options.hinting = False
        options.flavor = "woff2"
        font = TTFont(source / f"Vollkorn-{style}.ttf", recalcTimestamp=False)
        cut = subset.Subsetter(options)
        cut.populate(unicodes=subset.parse_unicodes(CHARACTERS))
        cut.subset(font)
        font.flavor = "woff2"
        font.save(target / f"vollkorn-{style.lower()}.woff2")
