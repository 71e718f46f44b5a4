"""The server as a service of its user's systemd: the unit, and who is asked for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from foundations.errors import AtlasError
from foundations.home import Home

UNIT = "atlas.service"
_ANSWER_SECONDS = 60.0

_TEXT = """\
[Unit]
Description=Atlas, a scheduler for machine-learning jobs

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
# Only the server itself is ended: jobs that run as plain processes go on, and the next start
# takes them over. A job that runs out of memory must not end the server either.
KillMode=process
OOMPolicy=continue
TasksMax=infinity
Restart=on-failure
RestartSec=2
TimeoutStartSec=300
TimeoutStopSec=60
StandardOutput=append:{log}
StandardError=append:{log}

[Install]
WantedBy=default.target
"""


def unit_text(home: Home, *, python: str = sys.executable, options: Sequence[str] = ()) -> str:
    """Write the unit that serves a home."""
    words = (python, "-m", "atlas_scheduler", "start", "--home", str(home.root), *options)
    command = " ".join(quoted(word) for word in words)
    return _TEXT.format(command=command, log=str(home.server_log).replace("%", "%%"))


def quoted(word: str) -> str:
    """Quote a word of a command as systemd reads it: `%` and `$` have a meaning there too.

    Raises:
        ValueError: it has a control character, which no unit can hold.
    """
    if any(ord(character) < 0x20 for character in word):
        raise ValueError(f"not possible in a unit: {word!r}")
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def unit_path() -> Path:
    """Where the user's own units lie."""
    config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(config).expanduser() / "systemd" / "user" / UNIT


def is_there() -> bool:
    """Say whether this user has a systemd that answers."""
    if shutil.which("systemctl") is None:
        return False
    return _ask("show-environment").returncode == 0


def systemctl(*words: str) -> None:
    """Tell the user's systemd to do something.

    Raises:
        AtlasError: it did not; the text has its own words.
    """
    done = _ask(*words)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise AtlasError(f"`systemctl --user {' '.join(words)}` failed: {said}")


def lingers() -> bool:
    """Say whether the user's services run on after the last logout; True where nobody knows."""
    if shutil.which("loginctl") is None:
        return True
    words = ("loginctl", "show-user", str(os.getuid()), "--property=Linger", "--value")
    return _run(words).stdout.strip() != "no"


def _ask(*words: str) -> subprocess.CompletedProcess[str]:
    return _run(("systemctl", "--user", *words))


def _run(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ANSWER_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, 1, "", "no answer")
