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


class _Layer:
    """How far one layer of an image is."""

    __slots__ = ("downloaded", "has_known_size", "is_asked_again", "is_done", "size", "unpacked")

    def __init__(self) -> None:
        self.size = self.downloaded = self.unpacked = 0
        self.has_known_size = self.is_asked_again = self.is_done = False

    def take(self, status: str, detail: Mapping[str, Any]) -> None:
        """Learn from an event."""
        self.is_asked_again = status.startswith("Retrying")
        if status == "Downloading" and detail.get("total"):
            self.downloaded, self.size = detail.get("current", 0), detail["total"]
            self.has_known_size = True
        elif status == "Download complete":
            self.downloaded, self.has_known_size = self.size, True
        elif status == "Extracting":
            self.unpacked = detail.get("current", 0)
        elif status in ("Pull complete", "Already exists"):
            self.downloaded = self.unpacked = self.size
            self.is_done = self.has_known_size = True


class PullProgress:
    """Sums up a pull's layers, and speaks now and then when there is something new."""

    def __init__(self, *, clock_seconds: Callable[[], float] = time.monotonic) -> None:
        self._clock_seconds = clock_seconds
        self._spoke_at = clock_seconds()
        self._said = ""
        self._layers: dict[str, _Layer] = {}

    def line(self, event: Mapping[str, Any]) -> str | None:
        """Take the next event; return a line when it is time for one."""
        layer, status = event.get("id"), event.get("status", "")
        if layer is None or status.startswith("Pulling from"):
            return None
        self._layers.setdefault(layer, _Layer()).take(status, event.get("progressDetail") or {})
        now = self._clock_seconds()
        if now - self._spoke_at < _SAY_SECONDS:
            return None
        summary = self._summary()
        if summary == self._said:
            return None
        self._spoke_at, self._said = now, summary
        return summary

    def _summary(self) -> str:
        layers = self._layers.values()
        done = sum(layer.is_done for layer in layers)
        said = f"Pulling: {self._amount()}, {done} of {len(layers)} layers done"
        if any(layer.is_asked_again for layer in layers):
            said += "; the connection broke off, and Docker tries again"
        return f"{said}."

    def _amount(self) -> str:
        layers = self._layers.values()
        downloaded = sum(layer.downloaded for layer in layers)
        total = sum(layer.size for layer in layers)
        if not total:
            return "nothing downloaded yet"
        # Docker tells the size of a layer when its download begins, and loads three at a time.
        if not all(layer.has_known_size for layer in layers):
            return f"{downloaded // _MB} of more than {total // _MB} MB downloaded"
        if downloaded < total:
            return f"{downloaded // _MB} of {total // _MB} MB downloaded"
        unpacked = sum(layer.unpacked for layer in layers)
        return f"{total // _MB} MB downloaded, {unpacked // _MB} MB of them unpacked"


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
