"""What every verb needs: something that sends a call and reads its answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, TypeVar

from foundations import calls
from foundations.calls import Call

T = TypeVar("T")


class Sender(ABC):
    """Sends calls, blocking."""

    @property
    @abstractmethod
    def url(self) -> str:
        """Where the scheduler is."""

    @abstractmethod
    def send(self, call: Call[T]) -> T:
        """Send any call of `foundations.calls`, and read its answer."""

    def json(self, call: Call[Any]) -> Any:
        """Send a call, and return its answer as plain JSON: cheaper than making models of it."""
        return self.send(calls.as_json(call))


class AsyncSender(ABC):
    """Sends calls, for asyncio."""

    @property
    @abstractmethod
    def url(self) -> str:
        """Where the scheduler is."""

    @abstractmethod
    async def send(self, call: Call[T]) -> T:
        """Send any call of `foundations.calls`, and read its answer."""

    async def json(self, call: Call[Any]) -> Any:
        """Send a call, and return its answer as plain JSON."""
        return await self.send(calls.as_json(call))
