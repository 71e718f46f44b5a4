"""Which Python a job of the process engine runs on, and what it finds around itself."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from atlas_scheduler.engine.port import StartRefusedError

_PASSED_ON = frozenset(
    {
        *("HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR"),
        *("LD_LIBRARY_PATH", "CUDA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
        *("http_proxy", "https_proxy", "no_proxy", "all_proxy"),
    }
)
"""What a job needs of the server's environment to work on this machine and to install packages."""
_PASSED_ON_PREFIXES = ("LC_", "PIP_", "UV_")
_USUAL_PATH = "/usr/local/bin:/usr/bin:/bin"


def choose_python(wanted: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """Find the interpreter: the one that is asked for, else `python3` on the path.

    Args:
        wanted: an absolute path of an interpreter or of a virtual environment, or a name that is
            on the path.
        environment: the server's.

    Raises:
        StartRefusedError: there is no such interpreter.
    """
    path = environment.get("PATH", _USUAL_PATH)
    if wanted is None:
        return shutil.which("python3", path=path) or sys.executable
    place = Path(wanted).expanduser()
    if place.is_absolute() and place.is_dir():
        place = place / "bin" / "python"
    is_usable = place.is_absolute() or len(place.parts) == 1
    found = shutil.which(str(place), path=path) if is_usable else None
    if found is None:
        raise StartRefusedError(
            f"There is no Python interpreter {wanted!r} on this machine. Correct `worker: python:` "
            f"in job.config.yaml, or leave it out to use the active one."
        )
    return str(Path(found).absolute())


def surroundings(python: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Build the environment of a job on `python`, out of the server's: as little as works."""
    kept = {
        name: value
        for name, value in environment.items()
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
    bin_dir = Path(python).parent
    kept["PATH"] = f"{bin_dir}:{environment.get('PATH', _USUAL_PATH)}"
    if (bin_dir.parent / "pyvenv.cfg").is_file():
        kept["VIRTUAL_ENV"] = str(bin_dir.parent)
    return kept
