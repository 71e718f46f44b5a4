"""What must hold of every container that Atlas makes, read from Docker's own inspect answer."""

from __future__ import annotations

import os
from typing import Any

from atlas_scheduler.engine.port import Launch

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


def assert_policy(container: dict[str, Any], launch: Launch) -> None:
    """Compare a container of a job without GPUs and volumes with the policy."""
    assert_closed(container)
    host, config = container["HostConfig"], container["Config"]
    assert host["Init"] is True
    assert host["RestartPolicy"]["Name"] == "no"
    assert host["PidsLimit"] == 4096
    assert host["NetworkMode"] in ("none", "bridge")
    assert host["Memory"] == (launch.ram_bytes or 0)
    assert host["MemorySwap"] == (launch.ram_bytes or 0)
    assert config["User"] == f"{os.getuid()}:{os.getgid()}"
    assert config["Tty"] is False
    assert config["OpenStdin"] is False
    assert config["StopSignal"] == "SIGTERM"
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
    host, config = container["HostConfig"], container["Config"]
    for name, allowed in _CLOSED.items():
        assert host.get(name) in (*allowed, None), f"{name} is {host.get(name)!r}"
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["PidsLimit"] == 4096
    assert config["User"] == f"{os.getuid()}:{os.getgid()}"
    for mount in container["Mounts"]:
        assert mount["Type"] == "bind"
        assert mount["Propagation"] == "rprivate"
        assert not mount["Source"].endswith("docker.sock")
