"""What is known of the engine, and how clients are told."""

from __future__ import annotations

from dataclasses import dataclass

from atlas_scheduler.engine.port import Capabilities
from atlas_scheduler.store.disk_guard import Place
from foundations.models import EngineView

_PURPOSE = "where the engine keeps images and containers"


@dataclass(slots=True)
class EngineState:
    """What is known of the engine at this moment."""

    name: str
    capabilities: Capabilities | None = None
    problem: str | None = "the scheduler has just started and has not asked its engine yet"

    @property
    def gpus(self) -> tuple[str, ...]:
        """GPUs as last seen; kept while the engine is away."""
        return self.capabilities.gpus if self.capabilities else ()

    @property
    def places(self) -> tuple[Place, ...]:
        """Where it writes on this machine, as last heard."""
        known = self.capabilities.data_dirs if self.capabilities else ()
        return tuple(Place("engine", path, _PURPOSE) for path in known)

    def view(self) -> EngineView:
        """The state for clients."""
        known = self.capabilities
        return EngineView(
            name=self.name,
            version=known.version if known else None,
            isolated=known.isolated if known else self.name != "process",
            available=self.problem is None,
            problem=self.problem,
            description=known.description if known else None,
            notes=list(known.notes) if known else [],
        )
