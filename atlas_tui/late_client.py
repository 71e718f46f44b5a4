"""Stands for the scheduler's client, and makes it when it is first used.

The library that speaks HTTP takes longer to load than the first picture to paint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from foundations.configs import SchedulerConfig
from foundations.transport.address import Address, bearer

if TYPE_CHECKING:
    from foundations.client import AsyncClient


class _LateClient:
    def __init__(self, config: SchedulerConfig) -> None:
        self._config = config
        self._made: AsyncClient | None = None

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            from atlas_tui.schedulers import reach

            self._made = reach(self._config)
        return getattr(self._made, name)


def late_client(config: SchedulerConfig) -> AsyncClient:
    """A client for a config, of which nothing is loaded yet.

    Raises:
        ConfigError: the URL or the token cannot be one.
    """
    Address.parse(config.scheduler_url)
    if config.token is not None:
        bearer(config.token)
    return cast("AsyncClient", _LateClient(config))
