"""What must hold of every container that Atlas makes, read from Docker's own inspect answer."""

from __future__ import annotations

import os
from typing import Any

from atlas_scheduler.engine.container import Owner, user_of
from atlas_scheduler.engine.port import Launch
from tests.engine.answering import engine_facts

# The fields of a host configuration that open the host to a container, and their closed values.
_CLOSED = {
    "Privileged": (False,),
    "PublishAllPorts": (False,),
    "PidMode": ("",),
    "UTSMode": ("",),
    "IpcMode": ("private",),
    "UsernsMode": ("",),
    "CgroupParent": ("",),
    "VolumesFrom": (None, []),
    "Binds": (None, []),
    "CapAdd": (None, []),
    "Devices": (None, []),
    "DeviceCgroupRules": (None, []),
    "DeviceRequests": (None, []),
    "PortBindings": (None, {}),
    "Links": (None, []),
    "ExtraHosts": (None, []),
    "GroupAdd": (None, []),
    "Sysctls": (None, {}),
    "AutoRemove": (False,),
}
# Podman's words for the same: a namespace of the container's own.
_CLOSED_IN_PODMAN: dict[str, tuple[object, ...]] = {
    "PidMode": ("private",),
    "UTSMode": ("private",),
    "IpcMode": ("private", "shareable"),
    "CapAdd": ([],),
    "Devices": ([],),
    "ExtraHosts": ([],),
    "GroupAdd": ([],),
}
# What a container of podman's has unless it is dropped: it lists them all in place of ALL.
_CAPABILITIES = frozenset(
    {
        *("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE"),
        *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    }
)


def assert_policy(container: dict[str, Any], launch: Launch) -> None:
    """Compare a container of a job without GPUs and volumes with the policy."""
    assert_closed(container)
    host, config = container["HostConfig"], container["Config"]
    assert host["Init"] is True
    assert host["RestartPolicy"]["Name"] == "no"
    assert host["NetworkMode"] in ("none", "bridge", "slirp4netns", "pasta")
    memory = (launch.ram_bytes or 0) if engine_facts().limits_memory else 0
    assert host["Memory"] == memory
    assert host["MemorySwap"] == memory
    assert config["Tty"] is False
    assert config["OpenStdin"] is False
    assert config["StopSignal"] in ("SIGTERM", "15")
    slot = config["Labels"].get("atlas.prepared")
    if slot is None:
        assert config["Labels"]["atlas.job"] == launch.attempt.job_id
    mounts = {
        mount["Destination"]: (mount["Type"], mount["Source"], mount["RW"])
        for mount in container["Mounts"]
    }
    own = {
        "/job": ("bind", str(launch.job_dir), True),
        "/atlas/lib": ("bind", str(launch.library_dir), False),
    }
    if slot is not None:
        # It was made before the job: a link that is gone now led to the job's directory.
        kind, source, may_write = mounts["/job"]
        assert source.endswith(f"/run/prepared/{slot}")
        mounts["/job"] = (kind, str(launch.job_dir), may_write)
    asked_for = {
        volume.bind: ("bind", volume.host, volume.mode == "rw") for volume in launch.volumes
    }
    if any(variable.startswith("ATLAS_ENVIRONMENT=") for variable in config["Env"]):
        _, source, may_write = mounts.pop("/atlas/environment")
        assert "/environments/" in source
        assert not may_write
    assert mounts == own | asked_for


def assert_closed(container: dict[str, Any]) -> None:
    """Make sure that nothing opens the host to a container, whatever it is for."""
    host, config = dict(container["HostConfig"]), container["Config"]
    facts = engine_facts()
    if facts.is_podman:
        _assert_same_mounts(host.pop("Binds"), container["Mounts"])
    for name, words in _CLOSED.items():
        allowed = (*words, *(_CLOSED_IN_PODMAN.get(name, ()) if facts.is_podman else ()), None)
        assert host.get(name) in allowed, f"{name} is {host.get(name)!r}"
    assert host["CapDrop"] == ["ALL"] or (
        facts.is_podman and set(host["CapDrop"]) >= _CAPABILITIES
    ), host["CapDrop"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["PidsLimit"] == (4096 if facts.limits_processes else 0)
    assert config["User"] == user_of(facts, Owner(uid=os.getuid(), gid=os.getgid()))
    for mount in container["Mounts"]:
        assert mount["Type"] == "bind"
        assert mount["Propagation"] == "rprivate"
        assert not mount["Source"].endswith(("docker.sock", "podman.sock"))


def _assert_same_mounts(binds: list[str], mounts: list[dict[str, Any]]) -> None:
    """Podman tells every mount a second time, as a bind: there must be no others."""
    told = {tuple(bind.split(":")[:2]) for bind in binds}
    assert told == {(mount["Source"], mount["Destination"]) for mount in mounts}
