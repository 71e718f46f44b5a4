# shellcheck shell=sh disable=SC2154,SC2034  # what is set before and read after
# Shared by the scripts that run tests as a user made for it: sourced, with $user, $home, $as set.

cache=/var/cache/atlas-ci
system_python=/usr/bin/python3

say() { printf '%s: %s\n' "$as" "$*"; }
fail() {
    printf '%s: %s\n' "$as" "$*" >&2
    exit 1
}

# Installs Debian packages, given by name.
need_packages() {
    say "apt-get install $*"
    apt-get -q update >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends "$@" >/dev/null
}

# An interpreter below root's home, such as pyenv's, is one that the user cannot start.
need_system_python() {
    probe='import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))'
    "$system_python" -c "$probe" 2>/dev/null && return 0
    need_packages python3 python3-venv
    "$system_python" -c "$probe" || fail "$system_python is not Python 3.11 or newer with venv"
}

need_account() {
    id "$user" >/dev/null 2>&1 ||
        useradd --system --user-group --home-dir "$home" --shell /bin/sh "$user"
}

# Prints the ids of the user's processes.
processes() {
    find /proc -maxdepth 1 -name '[0-9]*' -user "$user" -printf '%f\n' 2>/dev/null || :
}

need_clean_home() {
    [ -z "$(processes)" ] || fail "processes of an earlier run are still there: $(processes | xargs)"
    rm -rf "$home"
    # Only the user may look in, as in a real home.
    mkdir -m 700 "$home"
    mkdir "$home/source" "$home/tmp" "$home/.config"
    # pip's settings for root are settings of this machine; the user needs them too.
    for settings in "${PIP_CONFIG_FILE:-}" "$HOME/.config/pip/pip.conf" "$HOME/.pip/pip.conf"; do
        if [ -f "$settings" ]; then
            mkdir -p "$home/.config/pip"
            cp "$settings" "$home/.config/pip/pip.conf"
            break
        fi
    done
    git archive HEAD | tar -x -C "$home/source"
    chown -R "$user:$user" "$home"
}

# Leaves the path of an environment with the locked packages, made once for each lock, in $venv.
need_environment() {
    key=$({ "$system_python" -V && cat requirements.lock; } | sha256sum | cut -c 1-16)
    venv=$cache/$key
    if [ ! -e "$venv/complete" ]; then
        say "making an environment of $("$system_python" -V)"
        rm -rf "$cache"
        mkdir -p "$cache"
        "$system_python" -m venv "$venv"
        # The user cannot write here, so nothing would ever keep what is compiled on first use.
        install --require-hashes -r requirements.lock
        touch "$venv/complete"
    fi
    # As a user gets it: built and copied, unlike the editable install of ./dev.
    install --no-deps --reinstall-package foundations-atlas "$home/source"
}

install() {
    .venv/bin/uv pip install --quiet --compile-bytecode --python "$venv/bin/python" "$@"
}

# Runs a command as the user, in the source directory; words with a = before it are variables.
as_user() {
    (
        cd "$home/source" || exit
        exec env -u XDG_CONFIG_HOME -u XDG_DATA_HOME -u XDG_STATE_HOME -u XDG_CACHE_HOME \
            -u XDG_RUNTIME_DIR -u PIP_CONFIG_FILE -u PYTHONPATH -u VIRTUAL_ENV \
            HOME="$home" USER="$user" LOGNAME="$user" TMPDIR="$home/tmp" \
            PATH="$venv/bin:/usr/local/bin:/usr/bin:/bin" \
            setpriv --reuid "$user" --regid "$user" --init-groups env "$@" </dev/null
    )
}

leftover_processes() {
    deadline=$(($(date +%s) + 10))
    while [ -n "$(processes)" ]; do
        if [ "$(date +%s)" -ge "$deadline" ]; then
            for pid in $(processes); do
                printf '%s %s\n' "$pid" "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null || :)"
            done
            return 0
        fi
        sleep 0.2
    done
}

# Sets $result to 1 where tests left a file of another user or a process behind.
check_what_is_left() {
    foreign=$(find "$home" ! -user "$user" -printf '%u %m %p\n')
    if [ -n "$foreign" ]; then
        result=1
        say 'these files belong to another user:' >&2
        printf '%s\n' "$foreign" | head -n 20 >&2
    fi
    running=$(leftover_processes)
    if [ -n "$running" ]; then
        result=1
        say 'the tests left these processes running:' >&2
        printf '%s\n' "$running" >&2
    fi
}
