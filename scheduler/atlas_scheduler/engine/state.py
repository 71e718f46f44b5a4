"""A container's state, read from Docker's inspect answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_NEVER = "0001-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class ContainerState:
    """How a container stands."""

    status: str
    """Docker's word: created, running, paused, restarting, removing, exited or dead. Podman has
    configured, initialized, stopping and stopped as well."""
    labels: Mapping[str, str]
    image: str
    """As it was asked for."""
    image_id: str
    started_at_ms: int | None
    finished_at_ms: int | None
    exit_code: int
    oom_killed: bool

    @classmethod
    def from_inspect(cls, answer: Mapping[str, Any]) -> ContainerState:
        """Read the answer of `GET /containers/{name}/json`."""
        state = answer["State"]
        image_id = str(answer["Image"])
        return cls(
            status=state["Status"],
            labels=answer["Config"].get("Labels") or {},
            image=answer["Config"]["Image"],
            image_id=image_id if ":" in image_id else f"sha256:{image_id}",
            started_at_ms=parse_time_ms(state.get("StartedAt")),
            finished_at_ms=parse_time_ms(state.get("FinishedAt")),
            exit_code=state.get("ExitCode", 0),
            oom_killed=bool(state.get("OOMKilled")),
        )

    @property
    def never_started(self) -> bool:
        """Whether it was made and not started yet."""
        return (
            self.status in ("created", "configured", "initialized") and self.started_at_ms is None
        )

    @property
    def has_ended(self) -> bool:
        """Whether it ran and runs no more."""
        return self.status in ("exited", "dead", "stopped")

    @property
    def is_going(self) -> bool:
        """Whether someone removes it just now."""
        return self.status == "removing"


def parse_time_ms(text: str | None) -> int | None:
    """Turn Docker's time into milliseconds since 1970; its zero time is None."""
    if not text or text == _NEVER:
        return None
    # Docker writes nanoseconds; Python reads what fits in microseconds.
    at_ms = int(datetime.fromisoformat(text).timestamp() * 1000)
    return at_ms if at_ms > 0 else None
