"""What is run on the other machine: scripts for any `sh`, and how their answers are read."""

from __future__ import annotations

from foundations.home import HOME_VARIABLE, LONGEST_SOCKET_PATH_BYTES

_MARK = "atlas-socket:"
NOT_INSTALLED = 127
"""Exit code of `START` where there is no `atlas-server`."""

_HOME = f"""\
root=${{{HOME_VARIABLE}:-$HOME/.foundations}}
real=$(cd -- "$root" 2>/dev/null && pwd -P) || real=$root
"""
# `Home.socket` in the words of sh: a shell that ssh starts may know no `atlas-server`.
WHERE = f"""{_HOME}\
socket=$real/run/atlas.sock
if [ "$(printf %s "$socket" | wc -c)" -gt {LONGEST_SOCKET_PATH_BYTES} ]; then
    digest=$(printf %s "$real" | {{ sha256sum 2>/dev/null || shasum -a 256; }} | cut -c 1-16)
    socket=/tmp/atlas-$(id -u)/$digest.sock
fi
printf '\\n{_MARK}%s\\n' "$socket"
"""
"""Prints where the socket of the account's scheduler is."""
START = f"""{_HOME}\
login=$("${{SHELL:-sh}}" -lc 'command -v atlas-server' </dev/null 2>/dev/null | tail -n 1)
for program in "$(command -v atlas-server)" "$HOME/.local/bin/atlas-server" "$login"; do
    if [ -x "$program" ]; then
        exec "$program" start --detach --home "$real" </dev/null
    fi
done
exit {NOT_INSTALLED}
"""
"""Starts the account's scheduler, wherever its installation is."""


def socket_of(said: str) -> str | None:
    """Take the path out of what `WHERE` printed, or return None; start files may print as well."""
    for line in reversed(said.splitlines()):
        if line.startswith(_MARK):
            path = line.removeprefix(_MARK)
            return path if path.startswith("/") else None
    return None
