"""Which remote a branch comes from, and its address without secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_PORT_OR_NOTHING = re.compile(r"[^:]*(?::\d*)?")


def chosen_remote(remotes: Mapping[str, str], upstream: str | None) -> str | None:
    """Give the URL of the branch's own remote, else of `origin`, else of the only one."""
    for name in (upstream, "origin"):
        if name is not None and name in remotes:
            return remotes[name]
    return next(iter(remotes.values())) if len(remotes) == 1 else None


def without_credentials(url: str) -> str:
    """Take user names, passwords and tokens out of a remote's URL.

    Only the user of SSH stays: it is `git` nearly everywhere, and no secret.
    """
    helper, double_colon, address = url.partition("::")
    if double_colon and helper.isalnum():
        return f"{helper}::{without_credentials(address)}"
    scheme = _SCHEME.match(url)
    if scheme is None:
        user, at, rest = url.rpartition("@")
        # `user:password@host:path` is no address of git's, but people write it.
        return f"{user.partition(':')[0]}{at}{rest}" if ":" in user and "/" not in user else url
    rest = re.split(r"[?#]", url[scheme.end() :], maxsplit=1)[0]
    authority, slash, path = rest.partition("/")
    if "@" not in authority and "@" in path and not _PORT_OR_NOTHING.fullmatch(authority):
        # A password with a slash in it.
        authority, slash, path = rest.rpartition("@")[2].partition("/")
    user, at, host = authority.rpartition("@")
    if at and scheme[1].lower() in ("ssh", "git+ssh", "ssh+git"):
        host = f"{user.partition(':')[0]}@{host}"
    return f"{scheme[0]}{host}{slash}{path}"
