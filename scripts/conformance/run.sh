#!/usr/bin/env bash
# Asks a memcached server what other people's test suites ask of memcached, and says what it gets wrong.
#
#   run.sh HOST:PORT                     a server that runs already, without anything dear in it: the suites empty it
#   run.sh --start 'COMMAND {port}'      starts the server anew for each suite, and ends it
#   run.sh --reference                   the same with memcached itself: shows what fails there too
#   ... --only SUITE                     one of: memccapable pymemcache python-memcached reference-tests record
#
# For Levada: run.sh --start 'target/release/levada serve --config scripts/conformance/levada.toml --memcache 127.0.0.1:{port}'
#
# The suites are fetched when they are run, through pip and apt, and kept in $CONFORMANCE_DIR (else a new folder that is
# removed). Needed on the machine: python3 with venv, perl, memccapable (libmemcached-tools), memcached.
# Ends with 0 if no test failed that does not stand in baseline.txt, with 1 if one did, with 2 if a suite could not be had.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
if [[ $# -eq 0 || $1 == --help ]]; then
    sed -n '2,14s/^# \{0,1\}//p' "$0"
    exit 2
fi
if [[ -n ${CONFORMANCE_DIR:-} ]]; then
    dir=$CONFORMANCE_DIR
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
else
    dir=$(mktemp -d)
    trap 'rm -rf "$dir"' EXIT
fi

lacking=0
for program in python3 perl memccapable memcached; do
    if ! command -v "$program" >/dev/null; then
        echo "needed and not here: $program" >&2
        lacking=1
    fi
done
if [[ $lacking == 1 ]]; then
    exit 2
fi

# The clients: the versions that baseline.txt was written with.
if [[ ! -e $dir/clients.done ]]; then
    echo "== fetching the clients and their suites"
    python3 -m venv "$dir/venv"
    "$dir/venv/bin/pip" -q install --disable-pip-version-check \
        pytest==8.3.4 faker==33.1.0 zstd==1.5.5.1 setuptools wheel pymemcache==4.0.0 python-memcached==1.62
    (
        cd "$dir"
        "$dir/venv/bin/pip" -q download --disable-pip-version-check --no-deps --no-binary :all: --no-build-isolation \
            pymemcache==4.0.0 python-memcached==1.62
        for sdist in pymemcache-4.0.0 python-memcached-1.62; do
            tar xzf "$sdist.tar.gz"
        done
    )
    touch "$dir/clients.done"
fi

# The reference's own tests stand in its source package. The machine's package sources are read with sources switched on,
# in a list of our own, so that nothing of the machine changes.
if [[ ! -e $dir/reference.done ]]; then
    echo "== fetching the reference's own tests"
    mkdir -p "$dir/apt/parts" "$dir/apt/lists/partial" "$dir/source"
    for file in /etc/apt/sources.list.d/*.sources; do
        sed 's/^Types: deb$/Types: deb-src/' "$file" >"$dir/apt/parts/${file##*/}"
    done
    apt_here=(apt-get -qq -o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$dir/apt/parts"
        -o "Dir::State::Lists=$dir/apt/lists")
    if "${apt_here[@]}" update &&
        (cd "$dir/source" && "${apt_here[@]}" source --download-only memcached=1.6.18-1 2>/dev/null); then
        tar xJf "$dir"/source/memcached_1.6.18.orig.tar.xz -C "$dir/source"
        touch "$dir/reference.done"
    else
        echo "the source package of memcached 1.6.18 cannot be had here: its own tests are left out" >&2
    fi
fi

"$dir/venv/bin/python" "$here/suites.py" --dir "$dir" --baseline "$here/baseline.txt" \
    --record "$here/../../crates/store/tests/recorded/record.py" "$@"
