"""The two senders of calls, `Client` and `AsyncClient`: the only package that knows httpx.

`Client` blocks and may be shared by threads; `AsyncClient` is its twin for asyncio. They have the
same methods with the same arguments. Both raise `foundations.errors`: `Unreachable` when nothing
answers, a `SchedulerError` when the scheduler refuses.
"""

from __future__ import annotations

import sys
from typing import Any

# httpx loads its own command line, with click, rich and pygments, wherever they are installed.
# That takes longer than all the rest of it; a module that is None cannot be imported.
_modules: dict[str, Any] = sys.modules
_hidden = _modules.setdefault("httpx._main", None)
import httpx  # noqa: E402, F401 - after the line above, and before the modules of this package

if _hidden is None:
    del _modules["httpx._main"]

from foundations.client.asynchronous import AsyncClient  # noqa: E402 - after httpx
from foundations.client.blocking import Client  # noqa: E402 - after httpx

__all__ = ["AsyncClient", "Client"]
