"""What a requirements file refers to, read as pip reads it. Pure: nothing is looked up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from urllib.parse import unquote, urlsplit

_CONTINUATION = re.compile(r"\\\r?\n")
_COMMENT = re.compile(r"(^|\s+)#.*$")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_OPTION = re.compile(
    r"(?:(?P<short>-[rcefi])\s*=?"
    r"|(?P<long>--(?:requirement|constraint|editable|find-links|index-url|extra-index-url))[\s=])"
    r"\s*(?P<value>.+)"
)
_AFTER_TARGET = re.compile(r"\s+;|;\s|\s--")
_NAMED = re.compile(r"[A-Za-z0-9][\w.-]*\s*(\[[^\]]*\])?\s*@\s*(?P<target>.+)")
_JOINT = "\0"
"""Stands where a line was continued."""
_OWN_OPTION = re.compile(r"--hash\b")
"""What a requirement can be followed by in a further line, for uv as well."""
_OTHER_OPTION = re.compile(r"\s--(?!hash\b)[a-z]")
_TRUSTED = re.compile(r"--trusted-host[\s=]\s*(\S+)")
_EXTRAS = re.compile(r"\[[^\]]*\]$")
_ARCHIVES = (".whl", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz")


class Kind(Enum):
    """What a file is named for."""

    INCLUDE = "another file of requirements or constraints"
    PACKAGE = "a package"
    EDITABLE = "a package that stays where it is"
    FIND_LINKS = "a place to look for packages"
    INDEX = "an index of packages"


_KINDS = {
    **dict.fromkeys(("-r", "--requirement", "-c", "--constraint"), Kind.INCLUDE),
    **dict.fromkeys(("-e", "--editable"), Kind.EDITABLE),
    **dict.fromkeys(("-f", "--find-links"), Kind.FIND_LINKS),
    **dict.fromkeys(("-i", "--index-url", "--extra-index-url"), Kind.INDEX),
}
_MAY_CHANGE = (Kind.INCLUDE, Kind.EDITABLE)
"""What the URL alone does not describe."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A place that a requirements file names, other than an index or a package on one."""

    kind: Kind
    target: str
    """A path as it is written, or the URL of something that may change behind it."""
    is_url: bool = False
    is_conditional: bool = False
    """Whether it counts only where its marker holds, such as `; python_version < "3.9"`."""


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """Replace each `${NAME}` of which the value is known."""
    return _VARIABLE.sub(lambda found: variables.get(found[1]) or found[0], text)


def is_found_by_links(name: str) -> bool:
    """Tell whether a file counts among those of a directory of packages."""
    return name.lower().endswith((*_ARCHIVES, ".html", ".htm"))


def variables_in(text: str) -> set[str]:
    """Name the variables that a file refers to."""
    return set(_VARIABLE.findall(text))


def only_pip_reads(text: str, variables: Mapping[str, str]) -> str | None:
    """Give the first line that pip understands and uv does not; None when there is none.

    Args:
        text: the file, as it is written.
        variables: what `${NAME}` stands for; pip replaces it everywhere, uv only in places.
    """
    for line in _CONTINUATION.sub(f" {_JOINT} ", text.removeprefix("\ufeff")).splitlines():
        content = _COMMENT.sub("", line).strip()
        shown = " ".join(content.replace(_JOINT, "\\").split())
        is_requirement = not content.startswith("-")
        joined = content.split(_JOINT)[1:]
        if not all(_OWN_OPTION.match(after.strip()) for after in joined if after.strip()):
            return shown
        if is_requirement and _OTHER_OPTION.search(content):
            return shown
        is_url = "://" in content or "/" in content
        if is_requirement and not is_url and expanded(content, variables) != content:
            return shown
    return None


def uv_settings(text: str) -> dict[str, str]:
    """Say in variables of uv what options of a file mean that it reads only from there."""
    hosts = [found[1] for line in _lines(text) if (found := _TRUSTED.fullmatch(line))]
    settings = {"UV_INSECURE_HOST": " ".join(hosts)} if hosts else {}
    return settings | ({"UV_PRERELEASE": "allow"} if "--pre" in _lines(text) else {})


def asks_for_something(text: str) -> bool:
    """Tell whether there is more in it than blank lines and comments."""
    return any(True for _ in _lines(text))


def references(text: str) -> list[Reference]:
    """List the places that a requirements file names, in its order."""
    found = [_reference(line) for line in _lines(text)]
    return [one for one in found if one is not None]


def _lines(text: str) -> Iterator[str]:
    for line in _CONTINUATION.sub(" ", text.removeprefix("\ufeff")).splitlines():
        if content := _COMMENT.sub("", line).strip():
            yield content


def _reference(line: str) -> Reference | None:
    option = _OPTION.fullmatch(line)
    if option is not None:
        return _place(_KINDS[option["short"] or option["long"]], _unquoted(option["value"]))
    if line.startswith("-"):
        return None
    requirement = _AFTER_TARGET.split(line, maxsplit=1)[0].strip()
    named = _NAMED.fullmatch(requirement)
    target = named["target"] if named is not None else _EXTRAS.sub("", requirement)
    is_path = "/" in target or target.startswith(".") or target.lower().endswith(_ARCHIVES)
    found = _place(Kind.PACKAGE, target) if named is not None or is_path else None
    if found is not None and ";" in line:
        return replace(found, is_conditional=True)
    return found


def _place(kind: Kind, target: str) -> Reference | None:
    """Name a place; None for one on the network that its URL alone describes."""
    target = _EXTRAS.sub("", target.strip())
    scheme = urlsplit(target).scheme.lower() if ":" in target else ""
    if scheme == "file":
        return Reference(kind, unquote(urlsplit(target).path))
    if not scheme:
        return Reference(kind, target.partition("#")[0] if kind is Kind.PACKAGE else target)
    return Reference(kind, target, is_url=True) if kind in _MAY_CHANGE else None


def _unquoted(value: str) -> str:
    value = _AFTER_TARGET.split(value, maxsplit=1)[0].strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value
