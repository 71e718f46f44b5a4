"""Say on which machine and as which process a local run goes, so that its death can be told."""

from __future__ import annotations

import os
import socket
import time

from foundations.recorder import clean

TYPE_CHECKING = False  # as in recorder.py
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

HEARTBEAT_SECONDS = 20
_LOCAL_FILE_SYSTEMS = frozenset(
    {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "jfs", "reiserfs"}
    | {"tmpfs", "ramfs", "overlay", "aufs"}
)


def describe_machine(directory: str) -> Dict[str, Any]:
    """Return what identifies this process, its machine and the machine's boot.

    `beats` says that the directory may be on a file system that several machines share; then a
    scheduler elsewhere can tell that the process lives only by a file that it touches.
    """
    return {
        "user": user_name(),
        "host": clean(socket.gethostname()),
        "machine_id": _text_of("/etc/machine-id"),
        "boot_id": _text_of("/proc/sys/kernel/random/boot_id"),
        "pid": os.getpid(),
        "process_start": process_start(os.getpid()),
        "beats": _file_system(directory) not in _LOCAL_FILE_SYSTEMS,
    }


def user_name() -> str:
    """Name the user, as far as the machine knows."""
    given = os.environ.get("FOUNDATIONS_USER")
    if given:
        return clean(given)[:200]
    try:
        import pwd

        return clean(pwd.getpwuid(os.getuid()).pw_name) or "unknown"
    except (ImportError, KeyError):
        return "unknown"


def process_start(pid: int) -> Optional[int]:
    """Return when a process started, in the kernel's ticks; None when that cannot be known.

    None too for one that has ended and that its parent has not collected.
    """
    text = _text_of("/proc/{}/stat".format(pid))
    if text is None:
        return None
    # The name, in brackets, may hold anything.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def start_heartbeat(path: str) -> None:
    """Touch a file again and again, until the process ends or the file is gone."""
    import threading

    beat = threading.Thread(target=_beat, args=(path,), name="foundations-heartbeat", daemon=True)
    beat.start()


def _beat(path: str) -> None:
    while True:
        try:
            os.utime(path)
        except FileNotFoundError:
            return
        except OSError:
            pass  # the next one may succeed
        time.sleep(HEARTBEAT_SECONDS)


def _file_system(path: str) -> Optional[str]:
    """Name the kind of file system that a path is on; None when that cannot be known."""
    found, longest = None, -1
    for line in (_text_of("/proc/self/mountinfo") or "").splitlines():
        fields, _, kind = line.partition(" - ")
        place = fields.split()[4].encode().decode("unicode_escape")
        if len(place) >= longest and (path + "/").startswith(place.rstrip("/") + "/"):
            found, longest = kind.split()[0], len(place)
    return found


def _text_of(path: str) -> Optional[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip() or None
    except OSError:
        return None
