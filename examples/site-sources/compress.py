"""Writes the compressed neighbours (.br, .gz, .zst) of the site's text, or says which of them are stale.

Usage: compress.py SITE | compress.py --check SITE. A neighbour is written only where it saves at least a tenth; what lies
under files/ stays as it is, so that its listing shows what a person put there. The same input gives the same bytes.
"""

import gzip
import subprocess
import sys
from pathlib import Path

import brotli

TEXT = {".html", ".css", ".js", ".svg", ".txt", ".vtt"}
BYTES_MIN = 600


def zstd(data):
    return subprocess.run(["zstd", "-19", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


def unzstd(data):
    return subprocess.run(["zstd", "-dqc"], input=data, stdout=subprocess.PIPE, check=True).stdout


WAYS = {
    ".br": (lambda data: brotli.compress(data, quality=11), brotli.decompress),
    ".gz": (lambda data: gzip.compress(data, 9, mtime=0), gzip.decompress),
    ".zst": (zstd, unzstd),
}


def originals(site):
    for path in sorted(site.rglob("*")):
        shown_as_is = path.relative_to(site).parts[0] == "files"
        if path.suffix in TEXT and path.is_file() and not shown_as_is and path.stat().st_size >= BYTES_MIN:
            yield path


def main(arguments):
    check = arguments[0] == "--check"
    site = Path(arguments[-1])
    wanted, stale = set(), []
    for path in originals(site):
        data = path.read_bytes()
        for suffix, (pack, unpack) in WAYS.items():
            neighbour = path.with_name(path.name + suffix)
            packed = pack(data)
            if len(packed) * 10 > len(data) * 9:
                continue
            wanted.add(neighbour)
            if not check:
                neighbour.write_bytes(packed)
            elif not neighbour.exists() or unpack(neighbour.read_bytes()) != data:
                stale.append(neighbour)
    for path in sorted(site.rglob("*")):
        if path.suffix in WAYS and path not in wanted:
            stale.append(path)
            if not check:
                path.unlink()
    if check and stale:
        sys.exit("stale, run compress.py: " + ", ".join(map(str, stale)))


if __name__ == "__main__":
    main(sys.argv[1:])
