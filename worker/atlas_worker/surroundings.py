"""Tell the scheduler which Python and which packages the job's program finds.

It is read off the names of directories: importing nothing of the packages, it takes about a
millisecond, whatever is installed.
"""

from __future__ import annotations

import glob
import json
import os
import sys
import time

# Loading the real typing module would take a tenth of a start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, List, Mapping, Optional

MOST_PACKAGES = 5000
_LONGEST = 200
_SUFFIXES = (".dist-info", ".egg-info")


def record(python: str, environment: Mapping[str, str]) -> None:
    """Append what `python` finds to the job's records; trouble with that is no trouble for the job.

    Args:
        python: this interpreter, or one of an environment on top of it.
        environment: of the job's program.
    """
    events = environment.get("ATLAS_EVENTS")
    if not events:
        return
    found = packages(search_path(python, environment.get("ATLAS_ENVIRONMENT")))
    names = sorted(found)[:MOST_PACKAGES]
    version = sys.version_info
    line = {
        "event": "environment",
        "python": "{}.{}.{}".format(version.major, version.minor, version.micro),
        "implementation": sys.implementation.name,
        "executable": python[:_LONGEST],
        "packages": {name: found[name] for name in names},
        "packages_left_out": len(found) - len(names),
        "at": round(time.time(), 3),
    }
    try:
        with open(events, "ab", buffering=0) as file:
            file.write(json.dumps(line).encode("ascii") + b"\n")
    except (OSError, ValueError):
        return


def search_path(python: str, ready: Optional[str] = None) -> List[str]:
    """List where an interpreter looks for packages, in its order.

    Args:
        python: this interpreter, or one of an environment on top of it.
        ready: an environment between the two.
    """
    if python == sys.executable:
        return sys.path
    tops = [os.path.dirname(os.path.dirname(python)), *filter(None, [ready])]
    patterns = [os.path.join(glob.escape(top), "lib", "*", "site-packages") for top in tops]
    own = [directory for pattern in patterns for directory in glob.glob(pattern)]
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return [*given, *own, *sys.path]


def packages(directories: Iterable[str]) -> Dict[str, str]:
    """Read name and version of each package; of one that is there twice, the first counts."""
    found = {}  # type: Dict[str, str]
    for directory in dict.fromkeys(directories):
        try:
            names = os.listdir(directory)
        except OSError:
            continue  # no directory: a zip file, or nothing
        here = {}  # type: Dict[str, str]
        for name in names:
            if name.endswith(_SUFFIXES):
                _add(here, name)
        found.update({name: here[name] for name in here if name not in found})
    return found


def _add(found: Dict[str, str], name: str) -> None:
    parts = _parts(name)
    if parts is not None and all(0 < len(one) <= _LONGEST and one.isprintable() for one in parts):
        found[parts[0]] = parts[1]


def _parts(name: str) -> Optional[List[str]]:
    stem, _, kind = name.rpartition(".")
    if kind == "egg-info":  # name-1.0-py3.8: made by setuptools of old
        pieces = stem.split("-")
        return pieces[:2] if len(pieces) > 1 else None
    project, dash, version = stem.rpartition("-")
    return [project, version] if dash else None
