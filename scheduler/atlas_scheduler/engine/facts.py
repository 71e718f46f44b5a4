"""What the Docker engine says of itself, reduced to what a start depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CDI_KIND = "nvidia.com/gpu="


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """One Docker engine, as it is set up."""

    version: str
    log_drivers: frozenset[str] = frozenset()
    is_rootless: bool = False
    """Its root is the user who runs it, so files of its root are that user's."""
    remaps_users: bool = False
    """Containers get other user ids than the host's, unless they ask not to."""
    live_restore: bool = True
    """Containers outlive a restart of the engine."""
    nvidia_runtime: bool = False
    nvidia_is_default: bool = False
    """Every container gets all GPUs unless told otherwise."""
    cdi_devices: frozenset[str] = frozenset()
    limits_memory: bool = True
    limits_processes: bool = True

    @classmethod
    def from_info(cls, info: Mapping[str, Any]) -> EngineFacts:
        """Read the answer of `GET /info`."""
        options = info.get("SecurityOptions") or []
        devices = info.get("DiscoveredDevices") or []
        return cls(
            version=info.get("ServerVersion") or "unknown",
            log_drivers=frozenset((info.get("Plugins") or {}).get("Log") or ()),
            is_rootless=any("name=rootless" in option for option in options),
            remaps_users=any("name=userns" in option for option in options),
            live_restore=bool(info.get("LiveRestoreEnabled")),
            nvidia_runtime="nvidia" in (info.get("Runtimes") or {}),
            nvidia_is_default=info.get("DefaultRuntime") == "nvidia",
            cdi_devices=frozenset(
                device["ID"] for device in devices if device.get("ID", "").startswith(CDI_KIND)
            ),
            limits_memory=bool(info.get("MemoryLimit")),
            limits_processes=bool(info.get("PidsLimit")),
        )

    def usable_gpus(self, uuids: tuple[str, ...]) -> tuple[str, ...]:
        """Keep the GPUs of this machine that its containers can have."""
        if self.nvidia_runtime:
            return uuids
        return tuple(uuid for uuid in uuids if CDI_KIND + uuid in self.cdi_devices)

    def notes(self, *, gpus_here: int, gpus_usable: int) -> tuple[str, ...]:
        """Say what a user should know about it, a sentence each."""
        rules = {
            "A restart of the Docker engine ends the jobs that run: set `live-restore` to true in "
            "its daemon.json to keep them.": not self.live_restore,
            "Docker runs without root: limits on memory and processors hold only where the system "
            "delegates them to your user.": self.is_rootless,
            "This machine cannot limit the memory of containers.": not self.limits_memory,
            "This machine cannot limit the processes of containers.": not self.limits_processes,
            f"{gpus_here - gpus_usable} of {gpus_here} GPUs cannot be given to jobs: install the "
            f"NVIDIA Container Toolkit and restart Docker.": gpus_usable < gpus_here,
        }
        return tuple(note for note, holds in rules.items() if holds)
