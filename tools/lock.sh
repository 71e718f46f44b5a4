#!/bin/sh
# Remakes requirements.lock from pyproject.toml, for every platform, with hashes.
#
# usage: tools/lock.sh [uv args]        (in the repository's root; "./dev lock" calls it)

set -eu

new=.cache/requirements.lock
mkdir -p .cache
# uv keeps the versions it finds in the output file unless told to upgrade.
cp requirements.lock "$new"
.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header \
    pyproject.toml --group dev --all-extras -o "$new" "$@" >/dev/null
# Which index answered is this machine's affair.
sed -i.bak '/:\/\//d' "$new"
if cmp -s "$new" requirements.lock; then
    echo 'requirements.lock is up to date'
else
    cp "$new" requirements.lock
    echo 'requirements.lock is remade; the next ./dev command installs it'
fi
