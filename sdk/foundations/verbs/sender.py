"""What every verb needs: something that sends a call and reads its answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from typing import Any, TypeVar, cast

from foundations import calls
from foundations.calls import Call
from foundations.errors import AtlasError

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

    def follow(self, steps: Generator[Call[Any], Any, T]) -> T:
        """Send the calls that each depend on the answer before, and return what they come to."""
        try:
            call = next(steps)
            while True:
                try:
                    answer = self.send(call)
                except AtlasError as error:
                    call = steps.throw(error)
                else:
                    call = steps.send(answer)
        except StopIteration as end:
            return cast("T", end.value)


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

    async def follow(self, steps: Generator[Call[Any], Any, T]) -> T:
        """Send the calls that each depend on the answer before, and return what they come to."""
        try:
            call = next(steps)
            while True:
                try:
                    answer = await self.send(call)
                except AtlasError as error:
                    call = steps.throw(error)
                else:
                    call = steps.send(answer)
        except StopIteration as end:
            return cast("T", end.value)
