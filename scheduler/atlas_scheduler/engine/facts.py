"""What the container engine says of itself, reduced to what a start depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CDI_KIND = "nvidia.com/gpu="
_CONTAINERD = "/var/lib/containerd"
"""Where containerd keeps the images that it keeps for Docker, unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """One engine that speaks Docker's API, as it is set up."""

    version: str
    is_podman: bool = False
    """Podman answers, and not Docker itself."""
    cgroup_version: str | None = None
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
    limits_cpus: bool = True
    measures: bool = True
    """It knows what containers use."""
    limits_processes: bool = True
    hostname: str | None = None
    """Of the machine that it runs on."""
    kernel: str | None = None
    """Release of that machine's kernel."""
    data_dirs: tuple[str, ...] = ()
    """Where it keeps images and containers, there."""

    @classmethod
    def from_info(cls, info: Mapping[str, Any]) -> EngineFacts:
        """Read the answer of `GET /info`."""
        options = info.get("SecurityOptions") or []
        devices = info.get("DiscoveredDevices") or []
        is_rootless = bool(info.get("Rootless")) or any("name=rootless" in one for one in options)
        cgroup_version = info.get("CgroupVersion")
        # Such an engine says that it can, and then leaves the limits out.
        can_limit = not (is_rootless and cgroup_version == "1")
        return cls(
            version=info.get("ServerVersion") or "unknown",
            is_podman="BuildahVersion" in info,
            cgroup_version=cgroup_version,
            log_drivers=frozenset((info.get("Plugins") or {}).get("Log") or ()),
            is_rootless=is_rootless,
            remaps_users=any("name=userns" in option for option in options),
            live_restore=bool(info.get("LiveRestoreEnabled")) or "BuildahVersion" in info,
            nvidia_runtime="nvidia" in (info.get("Runtimes") or {}),
            nvidia_is_default=info.get("DefaultRuntime") == "nvidia",
            cdi_devices=frozenset(
                device["ID"] for device in devices if device.get("ID", "").startswith(CDI_KIND)
            ),
            measures=can_limit,
            limits_memory=can_limit and bool(info.get("MemoryLimit")),
            limits_cpus=can_limit and bool(info.get("CpuCfsQuota")),
            limits_processes=can_limit and bool(info.get("PidsLimit")),
            hostname=info.get("Name"),
            kernel=info.get("KernelVersion"),
            data_dirs=_data_dirs(info),
        )

    def usable_gpus(self, uuids: tuple[str, ...]) -> tuple[str, ...]:
        """Keep the GPUs of this machine that its containers can have."""
        if self.is_podman:
            return ()
        if self.nvidia_runtime:
            return uuids
        return tuple(uuid for uuid in uuids if CDI_KIND + uuid in self.cdi_devices)

    def description(self) -> str:
        """Say in a sentence what it is, and as whom it runs."""
        product = "Podman" if self.is_podman else "Docker"
        cgroups = f" (cgroup version {self.cgroup_version})" if self.cgroup_version else ""
        if self.is_rootless:
            return (
                f"{product} runs without root{cgroups}: who breaks out of a container has the "
                f"rights of your user and no more"
            )
        return f"{product} runs as root{cgroups}: who may use it can become root of this machine"

    def _unlimited(self) -> str:
        """Name what it cannot limit."""
        can = {
            "memory": self.limits_memory,
            "processors": self.limits_cpus,
            "processes": self.limits_processes,
        }
        *most, last = [name for name, limits in can.items() if not limits] or [""]
        return f"{', '.join(most)} and {last}" if most else last

    def _way_to_limits(self) -> str:
        if not self.is_rootless:
            return "Enable the controllers of the kernel (`docker info` names them)."
        return (
            "Without root they need cgroup version 2, and systemd has to delegate the controllers "
            "to your user."
        )

    def notes(self, *, gpus_here: int, gpus_usable: int) -> tuple[str, ...]:
        """Say what a user should know about it, a sentence each."""
        rules = {
            "A restart of the Docker engine ends the jobs that run: set `live-restore` to true in "
            "its daemon.json to keep them.": not self.live_restore,
            f"Limits on {self._unlimited()} are not enforced here, so a job can take all that the "
            f"machine has. {self._way_to_limits()}": bool(self._unlimited()),
            "What jobs use of processors and memory is not known here, for the same reason.": (
                not self.measures
            ),
            "Podman gives no GPUs to jobs: use Docker, also a rootless one, or plain processes for "
            "jobs that need them.": self.is_podman and gpus_here > 0,
            f"{gpus_here - gpus_usable} of {gpus_here} GPUs cannot be given to jobs: install the "
            f"NVIDIA Container Toolkit and restart Docker.": not self.is_podman
            and gpus_usable < gpus_here,
        }
        return tuple(note for note, holds in rules.items() if holds)


def _data_dirs(info: Mapping[str, Any]) -> tuple[str, ...]:
    root = info.get("DockerRootDir")
    status = {pair[0]: pair[1] for pair in info.get("DriverStatus") or () if len(pair) > 1}
    is_containerds = str(status.get("driver-type", "")).startswith("io.containerd.")
    return (*((root,) if root else ()), *((_CONTAINERD,) if is_containerds else ()))
