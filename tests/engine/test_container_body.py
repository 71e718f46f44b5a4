"""The body of Docker's create call: closed whatever a job asks for."""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas_scheduler.core.offered_volumes import OfferedVolume
from atlas_scheduler.engine.container import DockerSettings, Image, Owner, container_body
from atlas_scheduler.engine.facts import EngineFacts
from atlas_scheduler.engine.port import AttemptId, Launch, StartRefusedError
from atlas_scheduler.engine.volumes import Bind, check_volumes
from foundations.models import Volume

JOB_ID = "5f0c1d2e-0000-4000-8000-000000000000"
IMAGE = Image(name="python:3.11", has_entrypoint=False)
FACTS = EngineFacts(version="20.10", log_drivers=frozenset({"local", "json-file"}))
OWNER = Owner(uid=1234, gid=567)
ALLOWED = {
    *("Image", "Cmd", "User", "WorkingDir", "Hostname", "Env", "Labels", "StopSignal"),
    *("HostConfig", "Entrypoint"),
}
ALLOWED_ON_HOST = {
    *("Privileged", "CapDrop", "SecurityOpt", "Init", "NetworkMode", "IpcMode", "RestartPolicy"),
    *("AutoRemove", "PidsLimit", "ShmSize", "Mounts", "Memory", "MemorySwap", "NanoCpus"),
    *("DeviceRequests", "LogConfig"),
}


def launch(**fields: Any) -> Launch:
    fields = {"command": ("main.py",), **fields}
    return Launch(
        attempt=AttemptId("abcd1234", JOB_ID, 2),
        job_dir=Path("/"),
        library_dir=Path("/lib-dir"),
        log_path=Path("/log"),
        **fields,
    )


@pytest.fixture(autouse=True, scope="module")
def job_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("job")
    (directory / "job_source").mkdir()
    return directory


def body(job_dir: Path, *, facts: EngineFacts = FACTS, **fields: Any) -> dict[str, Any]:
    given = {name: fields.pop(name) for name in ("image", "binds", "settings") if name in fields}
    made = launch(**fields)
    object.__setattr__(made, "job_dir", job_dir)
    return container_body(
        made,
        **{"settings": DockerSettings(), "image": IMAGE, **given},
        facts=facts,
        owner=OWNER,
    )


def environment(made: dict[str, Any]) -> dict[str, str]:
    return dict(entry.partition("=")[::2] for entry in made["Env"])


text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
names = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,12}\Z")


@settings(max_examples=150, deadline=None)
@given(
    fields=st.fixed_dictionaries(
        {},
        optional={
            "command": st.lists(text, max_size=4).map(tuple),
            "entrypoint": st.lists(text, min_size=1, max_size=3).map(tuple),
            "environment": st.dictionaries(names, text, max_size=5),
            "cpus": st.floats(0, 64, exclude_min=True),
            "ram_bytes": st.integers(1, 2**45),
            "shm_bytes": st.integers(1, 2**45),
            "gpus": st.lists(st.uuids().map(lambda one: f"GPU-{one}"), max_size=3).map(tuple),
        },
    )
)
def test_no_job_widens_its_container(job_dir: Path, fields: dict[str, Any]) -> None:
    made = body(job_dir, **fields)
    host = made["HostConfig"]
    assert set(made) <= ALLOWED
    assert set(host) <= ALLOWED_ON_HOST
    assert made["User"] == "1234:567"
    assert host["Privileged"] is False
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["NetworkMode"] == "bridge"
    assert host["RestartPolicy"] == {"Name": "no"}
    assert host["Memory"] == host["MemorySwap"] if "ram_bytes" in fields else "Memory" not in host
    # For Docker 0 is no limit, and with less than a hundredth of a processor it sets none either.
    assert host["NanoCpus"] >= 10_000_000 if "cpus" in fields else "NanoCpus" not in host
    assert host["ShmSize"] == fields.get("shm_bytes", 2**30)
    assert [mount["Target"] for mount in host["Mounts"]] == ["/job", "/atlas/lib"]
    assert made["Labels"] == {
        "atlas.instance": "abcd1234",
        "atlas.job": JOB_ID,
        "atlas.attempt": "2",
    }
    found = environment(made)
    assert found["ATLAS_EVENTS"] == "/job/records/events.jsonl"
    assert found["PYTHONPATH"].split(":")[0] == "/atlas/lib"


hosts = st.sampled_from(
    [
        *("data", "data/../data", "link", "up/data", "{home}", "{home}/bundles", "out", "none"),
        *("/", "/etc", "/etc/ssl", "/proc/1/root", "/dev", "/var/run/docker.sock", "/run", "/var"),
        *("sets", "scratch", "unknown"),
    ]
)
targets = st.sampled_from(
    [
        *(
            "/data",
            "/data/",
            "/etc/x",
            "/",
            "/job",
            "/job/job_source",
            "/job/job_source/d",
            "/atlas",
        ),
        *("/atlas/lib/../lib", "/job/home/../records", "/x/../job", "//job", "/proc/self"),
    ]
)


@settings(max_examples=200, deadline=None)
@given(
    asked=st.lists(
        st.tuples(hosts, targets, st.sampled_from(["ro", "rw"])),
        max_size=4,
        unique_by=lambda one: one[1],
    )
)
def test_whatever_volumes_are_accepted_the_host_stays_closed(
    places: Path, job_dir: Path, asked: list[tuple[str, str, Any]]
) -> None:
    """Names, paths and links to all kinds of places, mounted at all kinds of others."""
    offered = {
        "sets": OfferedVolume("sets", str(places / "data")),
        "scratch": OfferedVolume("scratch", str(places / "scratch"), mode="rw"),
    }
    volumes = [Volume(host=_host(host, places), bind=bind, mode=mode) for host, bind, mode in asked]
    try:
        binds = check_volumes(volumes, home=places / "home", offered=offered)
    except StartRefusedError:
        return
    mounts = body(job_dir, binds=binds)["HostConfig"]["Mounts"][2:]
    assert len(mounts) == len(volumes)
    for mount, volume in zip(mounts, volumes, strict=True):
        assert mount["Type"] == "bind"
        assert mount["BindOptions"] == {"Propagation": "rprivate"}
        assert mount["Source"] in {str(places / "data"), str(places / "scratch")}
        assert mount["ReadOnly"] == (volume.mode == "ro")
        assert volume.host != "sets" or mount["ReadOnly"]
        target = mount["Target"]
        assert target == posixpath.normpath(target) != "/"
        assert not (target + "/").startswith(("/atlas/", "//"))
        assert not (target + "/").startswith("/job/") or target == "/job/job_source/d"


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    places = tmp_path_factory.mktemp("places")
    for name in ("data", "scratch", "home/bundles"):
        (places / name).mkdir(parents=True)
    (places / "link").symlink_to("data")
    (places / "up").symlink_to(places)
    (places / "out").symlink_to("/etc")
    return places


def _host(host: str, places: Path) -> str:
    if host.startswith("/") or host in ("sets", "scratch", "unknown"):
        return host
    return str(places / host.format(home="home"))


def test_a_job_runs_where_its_source_is_under_its_own_name(job_dir: Path) -> None:
    made = body(job_dir)
    assert made["WorkingDir"] == "/job/job_source"
    assert made["Hostname"] == JOB_ID[:8]


def test_the_entry_point_of_the_job_wins_then_the_images_then_the_worker(job_dir: Path) -> None:
    with_own = Image(name="own", has_entrypoint=True)
    assert body(job_dir, entrypoint=("bash",), image=with_own)["Entrypoint"] == ["bash"]
    assert "Entrypoint" not in body(job_dir, image=with_own)
    assert body(job_dir)["Entrypoint"][3] == "atlas_worker"


def test_the_server_sets_defaults_and_the_job_overrides_them(job_dir: Path) -> None:
    found = environment(
        body(
            job_dir,
            settings=DockerSettings(environment={"A": "server", "B": "server"}),
            environment={"B": "job", "HOME": "/elsewhere", "ATLAS_EVENTS": "/etc/passwd"},
        )
    )
    assert (found["A"], found["B"], found["HOME"]) == ("server", "job", "/elsewhere")
    assert found["ATLAS_EVENTS"] == "/job/records/events.jsonl"


def test_gpus_are_requested_by_id(job_dir: Path) -> None:
    nvidia = EngineFacts(version="27", nvidia_runtime=True)
    made = body(job_dir, facts=nvidia, gpus=("GPU-1", "GPU-2"))
    assert made["HostConfig"]["DeviceRequests"] == [
        {"DeviceIDs": ["GPU-1", "GPU-2"], "Capabilities": [["gpu"]]}
    ]
    assert environment(made)["CUDA_VISIBLE_DEVICES"] == "GPU-1,GPU-2"
    assert environment(made)["NVIDIA_VISIBLE_DEVICES"] == "GPU-1,GPU-2"


def test_gpus_are_requested_by_cdi_name_where_that_is_how_docker_knows_them(job_dir: Path) -> None:
    cdi = EngineFacts(version="28", cdi_devices=frozenset({"nvidia.com/gpu=GPU-1"}))
    made = body(job_dir, facts=cdi, gpus=("GPU-1",))
    assert made["HostConfig"]["DeviceRequests"] == [
        {"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=GPU-1"]}
    ]


def test_a_job_without_gpus_sees_none_where_nvidia_is_the_default_runtime(job_dir: Path) -> None:
    nvidia = EngineFacts(version="27", nvidia_runtime=True, nvidia_is_default=True)
    assert environment(body(job_dir, facts=nvidia))["NVIDIA_VISIBLE_DEVICES"] == "void"
    assert "NVIDIA_VISIBLE_DEVICES" not in environment(body(job_dir))


def test_rootless_docker_maps_its_root_to_the_owner(job_dir: Path) -> None:
    rootless = EngineFacts(version="27", is_rootless=True)
    assert body(job_dir, facts=rootless)["User"] == "0:0"


def test_remapped_users_are_not_remapped_for_jobs(job_dir: Path) -> None:
    made = body(job_dir, facts=EngineFacts(version="27", remaps_users=True))
    assert made["HostConfig"]["UsernsMode"] == "host"
    assert made["User"] == "1234:567"


def test_the_log_driver_that_keeps_bytes_is_used_where_there_is_one(job_dir: Path) -> None:
    assert body(job_dir)["HostConfig"]["LogConfig"]["Type"] == "local"
    podman = EngineFacts(version="4", log_drivers=frozenset({"k8s-file", "journald"}))
    assert body(job_dir, facts=podman)["HostConfig"]["LogConfig"]["Type"] == "k8s-file"
    other = EngineFacts(version="4", log_drivers=frozenset({"journald"}))
    assert "LogConfig" not in body(job_dir, facts=other)["HostConfig"]


@pytest.mark.parametrize(
    ("facts", "network"),
    [
        (EngineFacts(version="4.3.1", is_podman=True, is_rootless=True), "slirp4netns"),
        (EngineFacts(version="5.4.0", is_podman=True, is_rootless=True), "pasta"),
        (EngineFacts(version="5.4.0", is_podman=True), "bridge"),
        (EngineFacts(version="27", is_rootless=True), "bridge"),
    ],
)
def test_podman_without_root_has_a_network_of_its_own_in_place_of_the_bridge(
    job_dir: Path, facts: EngineFacts, network: str
) -> None:
    assert body(job_dir, facts=facts)["HostConfig"]["NetworkMode"] == network


def test_podman_is_not_asked_for_gpus_that_it_would_leave_out_unsaid(job_dir: Path) -> None:
    podman = EngineFacts(version="4", is_podman=True)
    with pytest.raises(StartRefusedError, match="podman answers in its place"):
        body(job_dir, facts=podman, gpus=("GPU-1",))
    assert podman.usable_gpus(("GPU-1",)) == ()


def test_binds_keep_their_mode(job_dir: Path) -> None:
    made = body(job_dir, binds=(Bind(source="/srv/data", target="/data", read_only=True),))
    mount = made["HostConfig"]["Mounts"][-1]
    assert (mount["Source"], mount["Target"], mount["ReadOnly"]) == ("/srv/data", "/data", True)
