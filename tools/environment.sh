#!/bin/sh
# Makes .venv, or brings it up to date: the locked packages and the project, editable.
#
# usage: tools/environment.sh        (in the repository's root; "./dev" calls it)

set -eu

root=$(pwd -P)
oldest='3, 11'
unfinished=.cache/environment.unfinished

say() { printf 'environment: %s\n' "$*" >&2; }
fail() {
    say "$@"
    exit 1
}

# Prints the real path of a fitting interpreter. Each candidate is run, because a name on the
# path may be a shim that only says the version is not selected, and because Debian's
# interpreter can lack the modules that make an environment.
find_python() {
    modules='sys, venv, ensurepip'
    ! command -v uv >/dev/null 2>&1 || modules=sys
    for candidate in "${ATLAS_PYTHON:-python3}" python3 python3.13 python3.12 python3.11 \
        /usr/bin/python3 "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/*/bin/python3; do
        "$candidate" -c "import $modules
if sys.version_info < ($oldest): sys.exit(1)
print(sys.executable)" 2>/dev/null && return 0
    done
    return 1
}

install_python() {
    if [ "$(id -u)" != 0 ] || [ ! -e /etc/debian_version ]; then
        return 1
    fi
    say 'no Python 3.11 or newer that can make an environment; installing python3-venv with apt-get'
    { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        install --no-install-recommends python3 python3-venv; } </dev/null >/dev/null
}

# Runs this script again while it holds the lock. The kernel drops such a lock with its
# holder, so a killed call leaves nothing behind that would block the next one.
with_lock() { # PYTHON
    mkdir -p .cache
    exec "$1" -c '
import fcntl, os, sys
lock = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o644)
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    sys.stderr.write("environment: another call is at it; waiting\n")
    fcntl.flock(lock, fcntl.LOCK_EX)
os.set_inheritable(lock, True)
os.execvp(sys.argv[2], sys.argv[2:])
' .cache/environment.lock sh "$0" --locked "$1"
}

stamp() {
    printf '%s\n' "$root"
    cat requirements.lock pyproject.toml
}

is_usable() {
    [ ! -e "$unfinished" ] || return 1
    .venv/bin/python -c "import sys; sys.exit(sys.version_info < ($oldest))" 2>/dev/null || return 1
    # Scripts in an environment name its path: after a move they run nothing.
    [ ! -e .venv/atlas-stamp ] || [ "$(head -n 1 .venv/atlas-stamp)" = "$root" ]
}

make_environment() { # PYTHON
    say "making .venv with $("$1" -V 2>&1)"
    rm -rf .venv
    rm -f "$unfinished"
    if command -v uv >/dev/null 2>&1; then
        uv venv --quiet --python "$1" .venv
    else
        "$1" -m venv .venv
    fi
}

# Prints the path of uv: the machine's own, else the locked one, else nothing.
find_uv() {
    command -v uv && return 0
    if [ ! -x .venv/bin/uv ]; then
        awk '/^[^ ]/ { wanted = /^uv==/ } wanted' requirements.lock >.cache/uv.txt
        .venv/bin/python -m pip --quiet --disable-pip-version-check install \
            --no-deps --require-hashes -r .cache/uv.txt >&2 || return 0
    fi
    echo .venv/bin/uv
}

install_packages_and_project() {
    give_up='could not be installed; the lines above say why'
    uv=$(find_uv)
    : >"$unfinished"
    if [ -n "$uv" ]; then
        say 'installing the locked packages'
        uv="$uv pip install --quiet --compile-bytecode --python .venv/bin/python"
        if $uv --require-hashes -r requirements.lock; then
            rm -f "$unfinished"
            $uv --no-deps --editable . || fail "the project $give_up"
            return 0
        fi
        # pip may be set up for a package index that uv knows nothing of.
        say 'uv could not; trying pip'
    fi
    say 'installing the locked packages with pip'
    .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >&2
    pip='.venv/bin/python -m pip --quiet --disable-pip-version-check install'
    $pip --require-hashes -r requirements.lock || fail "the packages $give_up"
    rm -f "$unfinished"
    $pip --no-deps --editable . || fail "the project $give_up"
}

if [ "${1:-}" != --locked ]; then
    if ! python=$(find_python); then
        install_python || :
        python=$(find_python) ||
            fail 'needs Python 3.11 or newer with venv and pip (or ATLAS_PYTHON=/path/to/python)'
    fi
    with_lock "$python"
fi

# Another call may have finished the same work while this one waited.
if is_usable && stamp | cmp -s - .venv/atlas-stamp; then exit 0; fi
stamp >.cache/atlas-stamp
is_usable || make_environment "$2"
install_packages_and_project
mv .cache/atlas-stamp .venv/atlas-stamp
say 'ready'
