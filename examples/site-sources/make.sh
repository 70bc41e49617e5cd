#!/usr/bin/env bash
# Makes everything in ../site that is made. Needs Debian's ffmpeg, zstd and fonts-vollkorn, and requirements.txt in python3.
# Without a word it makes all; `make.sh neighbours` only packs the text again, `make.sh check` says what is stale.
set -euo pipefail
cd "$(dirname "$0")"
site=../site
fonts=${LEVADA_FONTS:-/usr/share/fonts/truetype/vollkorn}

case "${1:-all}" in
check)
    python3 compress.py --check "$site"
    ;;
neighbours)
    python3 compress.py "$site"
    ;;
all)
    mkdir -p "$site/media" "$site/fonts"
    python3 fonts.py "$fonts" "$site/fonts"
    python3 favicon.py "$site/favicon.ico"
    python3 sheet.py "$fonts" "$site/media/levada.pdf"
    python3 relief.py "$site/media/island.jpg"
    python3 film.py poster "$site/media/levada.jpg"
    python3 film.py frames "$site/media/levada.webm"
    python3 compress.py "$site"
    ;;
*)
    echo "make.sh [all|neighbours|check]" >&2
    exit 2
    ;;
esac
