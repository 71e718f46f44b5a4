"""Docker's progress events as a few lines that a person wants to read."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_SAY_SECONDS = 3.0
_MB = 1_000_000
_RED = re.compile("\x1b\\[(?:91|0)m")
"""What Docker puts around the error output of a step."""
_OWN_WORDS = (
    " ---> ",
    "--> ",
    "Removing intermediate container ",
    "Successfully built ",
    "Successfully tagged ",
)
_STEP = re.compile(r"(\[\d+/\d+\] )?Step \d+/\d+ ?: ", re.IGNORECASE)
"""Podman shouts it, after the number of the stage if there are several."""


class PullProgress:
    """Sums up a pull's layers, and speaks now and then."""

    def __init__(self, image: str, *, clock_seconds: Callable[[], float] = time.monotonic) -> None:
        self._image = image
        self._clock_seconds = clock_seconds
        self._spoke_at = clock_seconds()
        self._layers: dict[str, tuple[int, int]] = {}
        self._done: set[str] = set()

    def line(self, event: Mapping[str, Any]) -> str | None:
        """Take the next event; return a line when it is time for one."""
        layer, status = event.get("id"), event.get("status", "")
        if layer is None or status.startswith("Pulling from"):
            return None
        detail = event.get("progressDetail") or {}
        if status == "Downloading" and detail.get("total"):
            self._layers[layer] = (detail.get("current", 0), detail["total"])
        elif status in ("Pull complete", "Already exists"):
            self._done.add(layer)
        self._layers.setdefault(layer, (0, 0))
        now = self._clock_seconds()
        if now - self._spoke_at < _SAY_SECONDS:
            return None
        self._spoke_at = now
        return self._summary()

    def _summary(self) -> str:
        current = sum(current for current, _ in self._layers.values())
        total = sum(total for _, total in self._layers.values())
        return (
            f"Pulling image {self._image}: {len(self._done)} of {len(self._layers)} layers done, "
            f"{current // _MB} of {total // _MB} MB downloaded."
        )


def build_line(event: Mapping[str, Any]) -> str | None:
    """Give the line that begins a step of a build, and None for all else."""
    text: str = event.get("stream") or ""
    return text.strip() if _STEP.match(text) else None


class BuildOutput:
    """All that the steps of a build say, line by line; how Docker goes about it is left out."""

    def __init__(self) -> None:
        self._rest = ""

    def lines(self, event: Mapping[str, Any]) -> Iterator[str]:
        """Take the next event; give the lines that are complete."""
        text: str = _RED.sub("", event.get("stream") or "")
        *whole, self._rest = (self._rest + text).split("\n")
        yield from (line.rstrip("\r") for line in whole if _is_said(line))

    def last(self) -> Iterator[str]:
        """Give the line that was not ended."""
        rest, self._rest = self._rest, ""
        if _is_said(rest):
            yield rest


def _is_said(line: str) -> bool:
    return bool(line.strip()) and not line.startswith(_OWN_WORDS)


def fault(event: Mapping[str, Any]) -> str | None:
    """Give the error that an event carries."""
    error: str | None = event.get("error")
    return error
