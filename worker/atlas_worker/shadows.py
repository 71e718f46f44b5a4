"""Let uv know in a new environment which packages the interpreter brings along.

uv looks at one directory only and would install again what is there already, as pip does not. So
each package of the interpreter gets a shadow in the new environment: its description without its
files. What uv replaces it removes; the other shadows go when it is done.
"""

import os
import re
import shutil
from typing import Dict, Iterable, Optional, Set

_INSTALLER = "atlas-shadow"
_DESCRIPTIONS = ("METADATA", "PKG-INFO")


def cast(directory: str, originals: Iterable[str]) -> None:
    """Make the shadows of all packages in `originals`; of one that is there twice, the first's."""
    seen = set()  # type: Set[str]
    for original in originals:
        for name in _listed(original):
            if name.endswith((".dist-info", ".egg-info")):
                _cast_one(directory, os.path.join(original, name), seen)


def lift(directory: str) -> None:
    """Remove the shadows that are left."""
    for name in _listed(directory):
        try:
            with open(os.path.join(directory, name, "INSTALLER"), encoding="utf-8") as file:
                is_shadow = file.read() == _INSTALLER
        except OSError:
            continue
        if is_shadow:
            shutil.rmtree(os.path.join(directory, name))


def _listed(directory: str) -> Iterable[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


def _cast_one(directory: str, original: str, seen: Set[str]) -> None:
    described = [original, *(os.path.join(original, name) for name in _DESCRIPTIONS)]
    text = next((text for text in map(_content, described) if text), None)
    if text is None:
        return
    fields = _fields(text)
    project = re.sub("[-_.]+", "-", fields.get("name", "")).lower()
    if not project or not fields.get("version") or project in seen:
        return
    seen.add(project)
    stem = "{}-{}".format(fields["name"].replace("-", "_"), fields["version"])
    place = "{}.dist-info".format(stem)
    files = {"METADATA": text, "INSTALLER": _INSTALLER.encode("ascii")}
    for name in ("WHEEL", "direct_url.json"):
        content = _content(os.path.join(original, name))
        if content is not None:
            files[name] = content
    record = ["{}/{},,\n".format(place, name) for name in [*files, "RECORD"]]
    files["RECORD"] = "".join(record).encode("utf-8")
    os.mkdir(os.path.join(directory, place))
    for name, content in files.items():
        with open(os.path.join(directory, place, name), "wb") as file:
            file.write(content)


def _fields(text: bytes) -> Dict[str, str]:
    found = {}  # type: Dict[str, str]
    for line in text.partition(b"\n\n")[0].decode("utf-8", "replace").splitlines():
        name, _, value = line.partition(": ")
        found.setdefault(name.lower(), value.strip())
    return found


def _content(path: str) -> Optional[bytes]:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None
