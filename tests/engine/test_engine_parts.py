"""The small parts of the engines: facts, times, messages, GPUs, interpreters."""

from __future__ import annotations

import os
import sys
import venv
from pathlib import Path
from typing import Any

import pytest
import requests

from atlas_scheduler.engine.daemon import Daemon
from atlas_scheduler.engine.data_dirs import data_dirs_here
from atlas_scheduler.engine.facts import EngineFacts
from atlas_scheduler.engine.gpus import Gpu, discover_gpus, visible
from atlas_scheduler.engine.image_names import names_registry, with_tag
from atlas_scheduler.engine.interpreter import choose_python, surroundings
from atlas_scheduler.engine.port import StartRefusedError
from atlas_scheduler.engine.progress import PullProgress, build_line, fault
from atlas_scheduler.engine.silence import explain
from atlas_scheduler.engine.state import parse_time_ms

GPUS = (Gpu(uuid="GPU-aaaa-1", index=0), Gpu(uuid="GPU-bbbb-2", index=1))


# -- Docker's answers


def test_times_of_docker_become_milliseconds() -> None:
    assert parse_time_ms("2026-11-25T19:16:51.567380577Z") == 1795634211567
    assert parse_time_ms("2026-11-25T20:16:51.567+01:00") == 1795634211567
    assert parse_time_ms("2026-11-25T19:16:51Z") == 1795634211000
    assert parse_time_ms("0001-01-01T00:00:00Z") is None
    assert parse_time_ms("") is None


def test_facts_are_read_from_info() -> None:
    facts = EngineFacts.from_info(
        {
            "ServerVersion": "27.1",
            "Plugins": {"Log": ["local", "journald"]},
            "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"],
            "LiveRestoreEnabled": False,
            "Runtimes": {"runc": {}, "nvidia": {}},
            "DefaultRuntime": "nvidia",
            "MemoryLimit": True,
            "PidsLimit": True,
            "DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=GPU-aaaa-1"}],
        }
    )
    assert facts.is_rootless
    assert facts.nvidia_is_default
    assert not facts.remaps_users
    notes = facts.notes(gpus_here=0, gpus_usable=0)
    assert "live-restore" in notes[0]
    assert notes[1].startswith("Limits on processors are not enforced here")
    assert len(notes) == 2


def test_where_an_engine_keeps_its_data_is_known_only_if_it_is_on_this_machine(
    tmp_path: Path,
) -> None:
    here = os.uname()
    info = {"DockerRootDir": str(tmp_path), "Name": here.nodename, "KernelVersion": here.release}

    def found(socket_path: str | None = "/run/docker.sock", **other: Any) -> tuple[Path, ...]:
        return data_dirs_here(EngineFacts.from_info(info | other), socket_path=socket_path)

    assert found() == (tmp_path,)
    assert found(socket_path=None) == (), "it is asked over a network"
    assert found(Name="another") == (), "the socket leads to another machine"
    assert found(KernelVersion="6.1-linuxkit") == (), "it is in a virtual machine"
    assert found(DockerRootDir=str(tmp_path / "missing")) == ()
    assert found(DockerRootDir="") == ()


def test_an_engine_whose_images_containerd_keeps_has_two_places_for_data() -> None:
    containerd = [["driver-type", "io.containerd.snapshotter.v1"]]
    info = {"DockerRootDir": "/var/lib/docker", "DriverStatus": containerd}
    assert EngineFacts.from_info(info).data_dirs == ("/var/lib/docker", "/var/lib/containerd")
    own = info | {"DriverStatus": [["Backing Filesystem", "extfs"], ["driver-type"]]}
    assert EngineFacts.from_info(own).data_dirs == ("/var/lib/docker",)


def test_an_engine_that_says_little_is_taken_at_its_word() -> None:
    facts = EngineFacts.from_info({})
    assert facts.log_drivers == frozenset()
    (_, limits) = facts.notes(gpus_here=0, gpus_usable=0)
    assert limits.startswith("Limits on memory, processors and processes are not enforced here")
    assert "Enable the controllers" in limits


def test_podman_without_root_on_old_cgroups_is_not_believed_that_it_limits() -> None:
    answer = {
        "ServerVersion": "4.3.1",
        "BuildahVersion": "1.28.2",
        "Rootless": True,
        "CgroupVersion": "1",
        "MemoryLimit": True,
        "CpuCfsQuota": True,
        "PidsLimit": True,
    }
    facts = EngineFacts.from_info(answer)
    assert (facts.is_podman, facts.is_rootless) == (True, True)
    assert facts.description() == (
        "Podman runs without root (cgroup version 1): who breaks out of a container has the rights "
        "of your user and no more"
    )
    limits, measures = facts.notes(gpus_here=0, gpus_usable=0)
    assert "is not known here" in measures
    assert "memory, processors and processes are not enforced" in limits
    assert "need cgroup version 2" in limits
    newer = EngineFacts.from_info(answer | {"CgroupVersion": "2"})
    assert newer.notes(gpus_here=0, gpus_usable=0) == ()


def test_podman_is_told_to_give_no_gpus() -> None:
    facts = EngineFacts.from_info({"BuildahVersion": "1", "LiveRestoreEnabled": False})
    notes = facts.notes(gpus_here=2, gpus_usable=0)
    assert "Podman gives no GPUs to jobs" in notes[-1]


def test_gpus_need_a_runtime_or_a_cdi_entry() -> None:
    uuids = tuple(gpu.uuid for gpu in GPUS)
    assert EngineFacts(version="1").usable_gpus(uuids) == ()
    assert EngineFacts(version="1", nvidia_runtime=True).usable_gpus(uuids) == uuids
    cdi = EngineFacts(version="1", cdi_devices=frozenset({"nvidia.com/gpu=GPU-bbbb-2"}))
    assert cdi.usable_gpus(uuids) == ("GPU-bbbb-2",)
    (note,) = EngineFacts(version="1").notes(gpus_here=2, gpus_usable=0)
    assert note.startswith("2 of 2 GPUs")


# -- messages


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (PermissionError(13, "Permission denied"), "rootless podman"),
        (FileNotFoundError(2, "No such file"), "no such socket"),
        (ConnectionRefusedError(111, "refused"), "not running"),
        (TimeoutError("timed out"), "in time"),
        (ConnectionResetError(104, "reset by peer"), "reset by peer"),
    ],
)
def test_every_lack_of_an_answer_says_what_to_do(cause: OSError, words: str) -> None:
    wrapped = requests.exceptions.ConnectionError(("Connection aborted.", cause))
    wrapped.__context__ = cause
    text = explain(wrapped, "unix:///x.sock")
    assert words in text
    assert text.startswith("No Docker engine answers at unix:///x.sock")


def test_the_engines_address_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///tmp/d.sock")
    assert Daemon().socket_path == "/tmp/d.sock"
    monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.1:2375")
    assert Daemon().socket_path is None
    assert Daemon().address == "tcp://10.0.0.1:2375"


def test_the_engines_address_is_that_of_the_current_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from docker.context.config import get_context_id

    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text('{"currentContext": "lab"}')
    meta = tmp_path / "contexts" / "meta" / get_context_id("lab")
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(
        '{"Name": "lab", "Metadata": {}, "Endpoints": {"docker": {"Host": "unix:///lab.sock"}}}'
    )
    assert Daemon().socket_path == "/lab.sock"


# -- progress


def test_a_pull_is_summed_up_now_and_then() -> None:
    now = 0.0
    progress = PullProgress(clock_seconds=lambda: now)
    events: list[dict[str, Any]] = [
        {"status": "Pulling from torch", "id": "2"},
        {"status": "Pulling fs layer", "progressDetail": {}, "id": "a"},
        {"status": "Pulling fs layer", "progressDetail": {}, "id": "b"},
        {"status": "Pull complete", "progressDetail": {}, "id": "b"},
    ]
    assert [progress.line(event) for event in events] == [None] * 4
    now = 5.0
    downloading = {"current": 20_000_000, "total": 100_000_000}
    line = progress.line({"status": "Downloading", "progressDetail": downloading, "id": "a"})
    assert line == "Pulling: 20 of 100 MB downloaded, 1 of 2 layers done."
    assert (
        progress.line({"status": "Downloading", "progressDetail": downloading, "id": "a"}) is None
    )


def test_a_pull_tells_what_it_waits_for_and_nothing_twice() -> None:
    now = 0.0
    progress = PullProgress(clock_seconds=lambda: now)
    said: list[str] = []

    def hear(layer: str, status: str, current: int = 0, total: int = 0) -> None:
        nonlocal now
        now += 4
        detail = {"current": current * 10**6, "total": total * 10**6}
        line = progress.line({"id": layer, "status": status, "progressDetail": detail})
        said.extend([line] if line else [])

    hear("a", "Waiting")
    hear("b", "Downloading", 20, 50)
    hear("b", "Retrying in 2 seconds")
    hear("b", "Retrying in 1 second")
    hear("a", "Downloading", 1, 10)
    hear("b", "Downloading", 50, 50)
    hear("a", "Download complete")
    hear("b", "Download complete")
    hear("b", "Extracting", 25, 50)
    hear("b", "Pull complete")
    assert [line.removeprefix("Pulling: ") for line in said] == [
        "nothing downloaded yet, 0 of 1 layers done.",
        "20 of more than 50 MB downloaded, 0 of 2 layers done.",
        "20 of more than 50 MB downloaded, 0 of 2 layers done; "
        "the connection broke off, and Docker tries again.",
        "21 of 60 MB downloaded, 0 of 2 layers done; "
        "the connection broke off, and Docker tries again.",
        "51 of 60 MB downloaded, 0 of 2 layers done.",
        "60 MB downloaded, 0 MB of them unpacked, 0 of 2 layers done.",
        "60 MB downloaded, 25 MB of them unpacked, 0 of 2 layers done.",
        "60 MB downloaded, 50 MB of them unpacked, 1 of 2 layers done.",
    ]


def test_a_build_is_told_step_by_step() -> None:
    assert build_line({"stream": "Step 2/4 : ENV A=1\n"}) == "Step 2/4 : ENV A=1"
    assert build_line({"stream": "[2/2] STEP 2/4: ENV A=1\n"}) == "[2/2] STEP 2/4: ENV A=1"
    assert build_line({"stream": " ---> 0123\n"}) is None
    assert build_line({"aux": {"ID": "sha256:1"}}) is None
    assert fault({"error": "no space", "errorDetail": {}}) == "no space"


# -- names of images


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("python", "python:latest"),
        ("atlas-ce/worker", "atlas-ce/worker:latest"),
        ("localhost:5000/a", "localhost:5000/a:latest"),
        ("a:1", "a:1"),
        ("a@sha256:00", "a@sha256:00"),
    ],
)
def test_a_name_without_a_tag_means_the_latest(name: str, full: str) -> None:
    assert with_tag(name) == full


def test_a_registrys_host_is_told_from_a_user() -> None:
    assert [names_registry(name) for name in ("a", "u/a", "r.io/a", "h:1/a", "localhost/a")] == [
        *(False, False, True, True, True)
    ]


# -- GPUs


def test_the_servers_own_restriction_holds_for_jobs() -> None:
    assert visible(GPUS, None) == GPUS
    assert visible(GPUS, "") == ()
    assert visible(GPUS, "1") == GPUS[1:]
    assert visible(GPUS, "GPU-aaaa, 1") == GPUS
    assert visible(GPUS, "-1") == ()


def test_looking_for_gpus_never_fails() -> None:
    assert all(gpu.uuid.startswith("GPU-") for gpu in discover_gpus({}))


# -- interpreters


def test_a_virtual_environment_is_found_by_its_directory_and_shows_itself(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=False)
    python = choose_python(str(tmp_path / "env"))
    assert python == str(tmp_path / "env" / "bin" / "python")
    found = surroundings(python, {"PATH": "/usr/bin", "HOME": "/h", "SECRET": "s", "PIP_CERT": "c"})
    assert found == {
        "PATH": f"{tmp_path}/env/bin:/usr/bin",
        "VIRTUAL_ENV": str(tmp_path / "env"),
        "HOME": "/h",
        "PIP_CERT": "c",
    }


def test_without_a_wish_python3_of_the_path_is_taken(tmp_path: Path) -> None:
    (tmp_path / "python3").symlink_to(sys.executable)
    assert choose_python(None, {"PATH": str(tmp_path)}) == str(tmp_path / "python3")
    assert choose_python(None, {"PATH": str(tmp_path / "none")}) == sys.executable
    assert "VIRTUAL_ENV" not in surroundings(str(tmp_path / "python3"), {})


@pytest.mark.parametrize("wanted", ["/no/python", "no-such-python", "env/bin/python", "."])
def test_an_interpreter_that_is_not_there_is_refused(wanted: str) -> None:
    with pytest.raises(StartRefusedError, match="worker: python"):
        choose_python(wanted)
