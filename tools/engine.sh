#!/bin/sh
# Starts a Docker engine and its base image where there is none (Debian, as root).
#
# usage: tools/engine.sh [start|status|stop]
#
# The daemon keeps everything below its own directories, so it neither reads nor
# changes what another Docker installation on the machine has.

set -eu

base_image=atlas-base:bookworm
base_suite=bookworm
base_packages=python3,python3-pip,python3-venv,python-is-python3,ca-certificates
recipe_version=1 # raise it when the steps of build_base_image change

state_dir=/var/lib/atlas-engine
cache_dir=/var/cache/atlas-engine
run_dir=/run/atlas-engine
log_file=/var/log/atlas-engine.log
pid_file=$run_dir/dockerd.pid
socket=/var/run/docker.sock
start_seconds=60

say() { printf 'engine: %s\n' "$*"; }
complain() { printf 'engine: %s\n' "$*" >&2; }
fail() {
    complain "$@"
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# Bounded, because a daemon that is stopped or stuck accepts a call and never answers it.
bounded() {
    seconds=$1
    shift
    if has timeout; then
        timeout "$seconds" "$@"
    else
        "$@"
    fi
}

engine_version() {
    has docker || return 1
    bounded 20 docker version --format '{{.Server.Version}}' 2>/dev/null
}

# A pid file outlives a crash, and its number may since belong to another program.
pid_of() { # FILE PROGRAM
    [ -r "$1" ] || return 1
    read -r pid <"$1" || [ -n "$pid" ] || return 1
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$2" ] || return 1
    printf '%s\n' "$pid"
}

recipe() {
    printf '%s %s %s %s' "$recipe_version" "$base_suite" "$base_packages" "$(uname -m)" |
        sha256sum | cut -c 1-16
}

base_image_is_current() {
    label=$(docker image inspect --format '{{index .Config.Labels "atlas.base.recipe"}}' \
        "$base_image" 2>/dev/null) || return 1
    [ "$label" = "$(recipe)" ]
}

can_install() {
    [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && has apt-get
}

explain_how() {
    complain 'no Docker engine answers, and this script can set one up only on Debian as root.'
    complain 'Either run "./dev engine" there as root, or install Docker, start it, and let your'
    complain 'user reach it (group "docker", or DOCKER_HOST). Atlas also runs without Docker: the'
    complain 'process engine starts jobs as plain processes.'
}

# Command names, not package names, tell what is missing: a machine may have the
# programs from elsewhere, or only a client where the package would bring the daemon.
install_missing() {
    if has dockerd && has docker && has iptables; then return 0; fi
    apt update
    packages=
    has dockerd || packages=docker.io
    has iptables || packages="$packages iptables"
    # From Debian 13 on the client is a package of its own.
    if ! has docker; then
        if apt-cache show docker-cli >/dev/null 2>&1; then
            packages="$packages docker-cli"
        else
            packages="$packages docker.io"
        fi
    fi
    apt_install "$packages"
}

apt_install() { # PACKAGES, separated by spaces
    say "installing with apt-get: $1"
    # shellcheck disable=SC2086 # a list of words
    apt -y install --no-install-recommends $1
}

# The lock (descriptor 9) must not outlive this script in something that a package starts.
apt() {
    mkdir -p "$cache_dir"
    DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3 "$@" \
        >"$cache_dir/apt.log" 2>&1 </dev/null 9>&- && return 0
    tail -n 30 "$cache_dir/apt.log" >&2
    fail "apt-get $* failed"
}

start_daemon() {
    mkdir -p "$state_dir" "$run_dir" "$cache_dir"
    getent group docker >/dev/null || groupadd --system docker
    if pid_of "$pid_file" dockerd >/dev/null; then
        say 'the daemon is up but does not answer; waiting for it'
        wait_for_daemon "$(pid_of "$pid_file" dockerd)" && return 0
        fail_with_log
    fi
    # Kernels without netfilter refuse the default; jobs then still have the host network and none.
    launch && return 0
    if ! grep -q -i -E 'iptables|nat chain|netfilter' "$log_file"; then
        fail_with_log
    fi
    say 'the daemon cannot use iptables here; starting it without a bridge network'
    launch --iptables=false --ip-masq=false --bridge=none && return 0
    fail_with_log
}

launch() { # FURTHER FLAGS OF dockerd
    rm -f "$pid_file"
    containerd_pid=$run_dir/exec/containerd/containerd.pid
    pid_of "$containerd_pid" containerd >/dev/null || rm -f "$containerd_pid"
    say "starting dockerd (data $state_dir, log $log_file)"
    # The lock (descriptor 9) must not live as long as the daemon.
    setsid dockerd --host "unix://$socket" --group docker --data-root "$state_dir/data" \
        --exec-root "$run_dir/exec" --pidfile "$pid_file" --live-restore "$@" \
        >"$log_file" 2>&1 </dev/null 9>&- &
    wait_for_daemon $!
}

wait_for_daemon() { # PID
    deadline=$(($(date +%s) + start_seconds))
    while kill -0 "$1" 2>/dev/null; do
        engine_version >/dev/null && return 0
        [ "$(date +%s)" -lt "$deadline" ] || return 1
        sleep 0.1
    done
    return 1
}

fail_with_log() {
    tail -n 30 "$log_file" >&2
    fail "dockerd did not answer within $start_seconds seconds; the lines above are the end of $log_file"
}

# The machine's own apt source: it is the one known to be reachable.
debian_mirror() {
    # shellcheck disable=SC2016 # apt-get fills these in
    apt-get indextargets --format '$(REPO_URI)' \
        'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 'Component: main' 2>/dev/null |
        head -n 1
}

make_base_tarball() { # FILE
    if ! has debootstrap; then
        apt update
        apt_install debootstrap
    fi
    mirror=$(debian_mirror)
    root=$(mktemp -d "$cache_dir/root.XXXXXX")
    say "making the base image's files with debootstrap ($base_suite; about 40 s, once)"
    # shellcheck disable=SC2086 # without a mirror, debootstrap takes its own default
    if ! debootstrap --variant=minbase --include="$base_packages" "$base_suite" "$root" $mirror \
        >"$cache_dir/debootstrap.log" 2>&1 </dev/null 9>&-; then
        tail -n 30 "$cache_dir/debootstrap.log" "$root/debootstrap/debootstrap.log" >&2 || :
        rm -rf "$root"
        fail 'debootstrap failed'
    fi
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    # As in the public Python images, pip may install into the image's own interpreter.
    rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED
    tar -C "$root" --numeric-owner -c . | gzip -1 >"$1.part"
    rm -rf "$root"
    mv "$1.part" "$1"
}

build_base_image() {
    if base_image_is_current; then
        say "base image $base_image is there"
        return 0
    fi
    if ! can_install; then
        say "base image $base_image is missing (it can be made on Debian as root); jobs use public images"
        return 0
    fi
    mkdir -p "$cache_dir"
    tarball=$cache_dir/base-$(recipe).tar.gz
    [ -s "$tarball" ] || make_base_tarball "$tarball"
    say "importing $base_image"
    docker import --change "LABEL atlas.base.recipe=$(recipe)" \
        --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
        --change 'ENV LANG=C.UTF-8' --change 'CMD ["python3"]' \
        "$tarball" "$base_image" >/dev/null || fail 'docker import failed'
}

start() {
    if version=$(engine_version); then
        say "Docker $version answers already"
    elif [ -n "${DOCKER_HOST:-}" ] && [ "$DOCKER_HOST" != "unix://$socket" ]; then
        fail "DOCKER_HOST is $DOCKER_HOST and nothing answers there; start that engine or unset it"
    elif ! can_install; then
        explain_how
        exit 1
    fi
    if can_install; then
        mkdir -p "$run_dir"
        exec 9>"$run_dir/lock"
        flock -n 9 || { say 'another call is setting it up; waiting' && flock 9; }
    fi
    if ! engine_version >/dev/null; then
        install_missing
        # On a machine with an init system, installing the package starts the daemon.
        if version=$(engine_version); then
            say "Docker $version was started by its package"
        else
            start_daemon
            say "Docker $(engine_version) answers at $socket"
        fi
    fi
    build_base_image
}

status() {
    if version=$(engine_version); then
        owner='started elsewhere'
        if pid=$(pid_of "$pid_file" dockerd); then owner="started by ./dev engine, pid $pid"; fi
        say "Docker $version answers ($owner)"
        if base_image_is_current; then
            say "base image $base_image is there"
        else
            say "base image $base_image is missing; \"./dev engine\" makes it"
        fi
        return 0
    fi
    say 'no Docker engine answers'
    if ! can_install; then explain_how; fi
    return 1
}

stop() {
    if ! pid=$(pid_of "$pid_file" dockerd); then
        say 'no daemon that ./dev engine started is running'
        return 0
    fi
    say "stopping dockerd, pid $pid (containers that run go on: live restore)"
    kill -TERM "$pid"
    deadline=$(($(date +%s) + start_seconds))
    while pid_of "$pid_file" dockerd >/dev/null; do
        [ "$(date +%s)" -lt "$deadline" ] || fail "pid $pid has not ended; see $log_file"
        sleep 0.1
    done
    say 'stopped'
}

case ${1:-start} in
start) start ;;
status) status ;;
stop) stop ;;
*) fail "unknown word \"$1\"; one of start, status, stop" ;;
esac
