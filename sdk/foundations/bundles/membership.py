"""Whether a path goes into the bundle of a directory, without walking all of it."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from foundations.bundles.exclusions import GIT_RULES, OWN_RULES, Exclusions
from foundations.retrieval import holds_archive


class Membership:
    """The rules of one directory, read as paths ask for them."""

    def __init__(self, directory: Path) -> None:
        self._top = directory
        self._rules: dict[str, Exclusions | None] = {}

    def has(self, path: str) -> bool:
        """Whether a path would be packed if it is there; that of a directory ends with `/`."""
        rules = self._at("", None)
        base = ""
        for name in path.rstrip("/").split("/")[:-1]:
            base += f"{name}/"
            rules = self._at(base, rules)
        if path.endswith("/"):
            return self._at(path, rules) is not None
        if rules is None or rules.exclude(path):
            return False
        return not (rules.exclude_archive(path) and holds_archive(self._top / path))

    def _at(self, base: str, above: Exclusions | None) -> Exclusions | None:
        """Give the rules in a directory; None when it is left out as a whole."""
        if base not in self._rules:
            self._rules[base] = self._read(base, Exclusions() if not base else above)
        return self._rules[base]

    def _read(self, base: str, rules: Exclusions | None) -> Exclusions | None:
        if rules is None:
            return None
        names = self._names(base)
        if base and (rules.exclude(base) or rules.exclude_contents(base, names)):
            return None
        own, git = (
            self._content(base + name) if name in names else None for name in (OWN_RULES, GIT_RULES)
        )
        return rules.extended(base, own=own, git=git)

    def _names(self, base: str) -> frozenset[str]:
        with suppress(OSError):
            return frozenset(os.listdir(self._top / base))  # noqa: PTH208 - names are all it needs
        return frozenset()  # it was deleted

    def _content(self, path: str) -> bytes | None:
        with suppress(OSError):
            if stat.S_ISREG((self._top / path).stat().st_mode):
                return (self._top / path).read_bytes()
        return None
