"""Who acts, from where: what the history says of it beside the name.

A request says so once, when it is let in; `Database.write` carries it to the writer's thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType

_NOBODY: Mapping[str, str] = MappingProxyType({})
_ORIGIN: ContextVar[Mapping[str, str]] = ContextVar("origin", default=_NOBODY)


def act_from(source: str, token: str | None) -> None:
    """From here on, in this task and those it starts, history says where an action came from.

    Args:
        source: `unix socket`, or an address.
        token: the id of the token that was shown.
    """
    _ORIGIN.set({"source": source, **({} if token is None else {"token": token})})


def origin() -> Mapping[str, str]:
    """Where the action comes from that is written now; empty where the scheduler itself acts."""
    return _ORIGIN.get()
