"""What only the Docker engine does, against a real one."""

from __future__ import annotations

import asyncio
import io
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import NotFound

from atlas_scheduler.core.reconcile import SeenStatus
from atlas_scheduler.engine.port import Launch, StartRefusedError
from foundations.models import Volume
from tests.engine.answering import image_names, needs_limits
from tests.engine.rig import BASE_IMAGE, DockerRig

pytestmark = [pytest.mark.anyio, pytest.mark.docker, pytest.mark.root]

MEGABYTE = 1_000_000


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    client = docker.from_env(timeout=60)
    yield client
    client.close()


@pytest.fixture
def image_name(client: docker.DockerClient) -> Iterator[str]:
    """A name for an image, which is removed afterwards if the test made it."""
    name = f"atlas-test-{uuid.uuid4().hex[:8]}:latest"
    yield name
    try:
        client.images.remove(name, force=True)
    except NotFound:
        return


def build(client: docker.DockerClient, name: str, *lines: str) -> None:
    # Of the same lines another test would get the same image.
    text = "\n".join((f"FROM {BASE_IMAGE}", f"LABEL test={name}", *lines, "")).encode()
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
    context.seek(0)
    client.images.build(fileobj=context, custom_context=True, tag=name, rm=True, forcerm=True)


def write_script(rig: DockerRig, launch: Launch, code: str) -> None:
    (rig.source(launch) / "main.py").write_text(code)


# -- the container


async def test_the_engine_says_where_its_data_lies_on_this_machine(docker_rig: DockerRig) -> None:
    root = Path(docker_rig.client.info()["DockerRootDir"])
    assert (await docker_rig.engine.capabilities()).data_dirs[:1] == (root,)


async def test_a_job_has_no_capabilities_and_cannot_gain_any(docker_rig: DockerRig) -> None:
    launch = docker_rig.launch("cat", "/proc/self/status")
    await docker_rig.run(launch)
    status = dict(
        line.split(":\t", 1) for line in docker_rig.log(launch).output().decode().splitlines()
    )
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapInh")} == {0}
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2"


async def test_the_library_cannot_be_written(docker_rig: DockerRig) -> None:
    launch = docker_rig.python("open('/atlas/lib/foundations/__init__.py', 'a')")
    assert (await docker_rig.run(launch)).exit_code == 1
    assert b"Read-only file system" in docker_rig.log(launch).output()


async def test_limits_reach_the_container(docker_rig: DockerRig) -> None:
    needs_limits("memory", "cpus", "processes")
    launch = docker_rig.python("pass", cpus=0.5, ram_bytes=200 * MEGABYTE)
    await docker_rig.begin(launch)
    host = docker_rig.inspect(launch)["HostConfig"]
    assert host["NanoCpus"] == 500_000_000
    assert host["Memory"] == host["MemorySwap"] == 200 * MEGABYTE
    await docker_rig.finish(launch)


async def test_shared_memory_has_the_size_that_was_asked_for(docker_rig: DockerRig) -> None:
    default = docker_rig.python("pass")
    await docker_rig.begin(default)
    assert docker_rig.inspect(default)["HostConfig"]["ShmSize"] == 2**30
    await docker_rig.finish(default)
    large = docker_rig.python("pass", shm_bytes=64 * MEGABYTE)
    await docker_rig.begin(large)
    assert docker_rig.inspect(large)["HostConfig"]["ShmSize"] == 64 * MEGABYTE
    await docker_rig.finish(large)


async def test_running_out_of_memory_is_told_apart_from_a_kill(docker_rig: DockerRig) -> None:
    needs_limits("memory")
    launch = docker_rig.python("x = b'1' * 600_000_000", ram_bytes=64 * MEGABYTE)
    ended = await docker_rig.run(launch)
    assert ended.exit_code == 137
    assert ended.oom_killed


async def test_a_limit_that_docker_refuses_is_explained_in_its_words(docker_rig: DockerRig) -> None:
    needs_limits("memory")
    launch = docker_rig.python("pass", ram_bytes=1000)
    with pytest.raises(StartRefusedError, match="memory limit"):
        await docker_rig.begin(launch)
    assert await docker_rig.engine.observe() == []


async def test_a_gpu_without_its_runtime_is_refused_and_leaves_nothing(
    docker_rig: DockerRig,
) -> None:
    launch = docker_rig.python("pass", gpus=("GPU-00000000-0000-0000-0000-000000000000",))
    with pytest.raises(StartRefusedError, match=r"Docker cannot start the job: .+"):
        await docker_rig.begin(launch)
    assert await docker_rig.engine.observe() == []


async def test_a_container_that_was_only_made_is_started(docker_rig: DockerRig) -> None:
    launch = docker_rig.python("print('late')")
    await docker_rig.prepare(launch)
    first, second = docker_rig.python("pass"), launch
    await docker_rig.run(first)
    labels = docker_rig.inspect(first)["Config"]["Labels"]
    docker_rig.client.api.create_container(
        BASE_IMAGE,
        ["echo", "made before the crash"],
        name=second.attempt.name,
        host_config=docker_rig.client.api.create_host_config(network_mode="none"),
        labels={**labels, "atlas.job": second.attempt.job_id},
    )
    seen = {one.job_id: one.status for one in await docker_rig.engine.observe()}
    assert seen[second.attempt.job_id] is SeenStatus.CREATED
    await docker_rig.engine.start(second)
    assert (await docker_rig.finish(second)).exit_code == 0
    assert docker_rig.log(second).output() == b"made before the crash\n"


async def test_a_strangers_container_with_the_jobs_name_is_not_adopted(
    docker_rig: DockerRig,
) -> None:
    launch = docker_rig.python("pass")
    docker_rig.client.api.create_container(BASE_IMAGE, ["true"], name=launch.attempt.name)
    with pytest.raises(StartRefusedError, match="not Atlas'"):
        await docker_rig.engine.start(launch)
    assert docker_rig.inspect(launch)["State"]["Status"] == "created"


async def test_a_strangers_container_with_our_label_is_not_observed(
    docker_rig: DockerRig,
) -> None:
    name = f"stranger-{docker_rig.instance}"
    docker_rig.client.api.create_container(
        BASE_IMAGE, ["true"], name=name, labels={"atlas.instance": docker_rig.instance}
    )
    try:
        assert await docker_rig.engine.observe() == []
    finally:
        docker_rig.client.api.remove_container(name, force=True)


async def test_a_job_that_is_killed_from_outside_failed_and_is_not_lost(
    docker_rig: DockerRig,
) -> None:
    launch = docker_rig.python("import time; time.sleep(120)")
    await docker_rig.begin(launch)
    watch = asyncio.create_task(docker_rig.finish(launch))
    docker_rig.client.api.kill(launch.attempt.name)
    ended = await watch
    assert ended.exit_code == 137
    assert ended.lost_reason is None


async def test_a_job_that_ends_in_the_middle_of_much_output_keeps_its_last_line(
    docker_rig: DockerRig,
) -> None:
    launch = docker_rig.python("for n in range(20_000): print(n)\nprint('end', end='')")
    await docker_rig.run(launch)
    assert docker_rig.log(launch).output().endswith(b"19999\nend")


async def test_the_search_for_hanging_streams_leaves_slow_ones_alone(tmp_path: Path) -> None:
    rig = DockerRig(tmp_path, check_seconds=0.01)
    try:
        launch = rig.python("import sys; sys.stdout.buffer.write(b'x' * 40_000_000)")
        assert (await rig.run(launch)).exit_code == 0
        assert rig.log(launch).output() == b"x" * 40_000_000
    finally:
        await rig.close()


# -- volumes


async def test_a_volume_inside_the_project_leaves_nothing_of_root_behind(
    docker_rig: DockerRig, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x").write_text("x")
    volume = Volume(host=str(tmp_path / "data"), bind="/job/job_source/sets/a", mode="ro")
    launch = docker_rig.launch(
        "sh", "-c", "cat sets/a/x; touch sets/a/y 2>/dev/null || echo ' kept'", volumes=(volume,)
    )
    await docker_rig.run(launch)
    assert docker_rig.log(launch).output() == b"x kept\n"
    assert (
        docker_rig.source(launch) / "sets" / "a"
    ).stat().st_uid == docker_rig.home.root.stat().st_uid


async def test_volumes_of_the_settings_are_in_every_container(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("authority\n")
    rig = DockerRig(
        tmp_path,
        volumes=(Volume(host=str(tmp_path / "ca.pem"), bind="/etc/ca.pem", mode="ro"),),
        environment={"SSL_CERT_FILE": "/etc/ca.pem", "OWN": "server"},
    )
    try:
        launch = rig.launch("sh", "-c", "cat $SSL_CERT_FILE; echo $OWN", environment={"OWN": "job"})
        await rig.prepare(launch)
        await rig.engine.start(launch)
        await rig.finish(launch)
        assert rig.log(launch).output() == b"authority\njob\n"
    finally:
        await rig.close()


# -- images


async def test_an_image_that_is_nowhere_is_refused_with_the_engines_words(
    docker_rig: DockerRig,
) -> None:
    launch = docker_rig.python("pass", image="localhost:1/no-such-image:1")
    with pytest.raises(StartRefusedError) as refusal:
        await docker_rig.begin(launch)
    reason = str(refusal.value)
    assert reason.startswith(
        "The image 'localhost:1/no-such-image:1' is not on this machine and cannot be pulled: "
    )
    assert "connection refused" in reason
    assert reason.endswith(
        ". The scheduler's machine does not reach localhost:1. Check `worker: image:` in "
        "job.config.yaml, and that machine's network; an image that is loaded or built there needs "
        "no registry."
    )
    assert "pulling it" in docker_rig.log(launch).said()


@pytest.mark.parametrize(
    "name",
    [
        "../../containers/{}",
        "x/../../containers/{}",
        "./{}",
        "a//b",
        "a\0b",
        "a\nb",
        " ",
        "-v",
        "é",
    ],
)
async def test_what_is_no_name_of_an_image_is_never_asked_for(
    docker_rig: DockerRig, name: str
) -> None:
    """In a path of Docker's API it would ask for something else, such as another's container."""
    running = docker_rig.python("pass")
    await docker_rig.run(running)
    launch = docker_rig.python("pass", image=name.format(running.attempt.name))
    with pytest.raises(StartRefusedError) as refusal:
        await docker_rig.begin(launch)
    said = f"The image name {launch.image!r} is not valid. Correct `worker: image:` in job."
    assert str(refusal.value).startswith(said)


async def test_an_image_name_in_upper_case_is_refused_with_the_reason(
    docker_rig: DockerRig,
) -> None:
    launch = docker_rig.python("pass", image="myCustomWorker:latest")
    with pytest.raises(StartRefusedError) as refusal:
        await docker_rig.begin(launch)
    assert str(refusal.value) == (
        "The image name 'myCustomWorker:latest' is not valid: repository name must be lowercase. "
        "Correct `worker: image:` in job.config.yaml; images are called [REGISTRY/]NAME[:TAG] or "
        "[REGISTRY/]NAME@sha256:DIGEST."
    )


async def test_an_image_that_goes_after_it_was_prepared_is_refused(
    docker_rig: DockerRig, client: docker.DockerClient, image_name: str
) -> None:
    build(client, image_name)
    launch = docker_rig.python("pass", image=image_name)
    await docker_rig.prepare(launch)
    client.images.remove(image_name, force=True)
    for words in ("(?i)no such image.* Submit the job again", "is not on this machine any more"):
        with pytest.raises(StartRefusedError, match=words):
            await docker_rig.engine.start(launch)


async def test_an_image_with_python_as_its_entry_point_runs_the_script(
    docker_rig: DockerRig, client: docker.DockerClient, image_name: str
) -> None:
    build(client, image_name, 'ENTRYPOINT ["python"]', "ENV PYTHONPATH=/of/the/image")
    launch = docker_rig.launch("main.py", "-v", entrypoint=None, image=image_name)
    write_script(docker_rig, launch, "import os, sys; print(sys.argv, os.environ['PYTHONPATH'])")
    assert (await docker_rig.run(launch)).exit_code == 0
    assert docker_rig.log(launch).output() == b"['main.py', '-v'] /atlas/lib:/of/the/image\n"


async def test_an_image_without_python_says_what_to_do(
    docker_rig: DockerRig, client: docker.DockerClient, image_name: str
) -> None:
    build(client, image_name, "ENV PATH=/nowhere")
    launch = docker_rig.launch("main.py", entrypoint=None, image=image_name)
    assert (await docker_rig.run(launch)).exit_code == 127
    assert b"worker: entrypoint" in docker_rig.log(launch).output()


async def test_the_standard_worker_is_built_once_for_all_who_wait(
    tmp_path: Path, client: docker.DockerClient, image_name: str
) -> None:
    rig = DockerRig(tmp_path, worker_image=image_name, worker_base=BASE_IMAGE)
    try:
        launches = [rig.launch("main.py", entrypoint=None, image=None) for _ in range(3)]
        for launch in launches:
            write_script(rig, launch, "print('ran')")
        async with asyncio.timeout(60):
            await asyncio.gather(*(rig.prepare(launch) for launch in launches))
        assert client.images.get(image_name).attrs["Config"]["Entrypoint"]
        for launch in launches:
            assert "building it from atlas-base:bookworm" in rig.log(launch).said()
            assert rig.log(launch).said().lower().count("step 1/") == 1
        await rig.run(launches[0])
        assert rig.log(launches[0]).output() == b"No user requirements found.\nran\n"
    finally:
        await rig.close()


async def test_a_worker_whose_base_is_missing_says_which_setting_to_change(
    tmp_path: Path, image_name: str
) -> None:
    rig = DockerRig(tmp_path, worker_image=image_name, worker_base="localhost:1/no-base:1")
    try:
        launch = rig.launch("main.py", entrypoint=None, image=None)
        with pytest.raises(StartRefusedError, match="worker_base") as refusal:
            await rig.prepare(launch)
        assert "localhost:1/no-base:1" in str(refusal.value)
    finally:
        await rig.close()


# -- the image that really runs


async def test_the_image_is_the_one_that_the_name_meant_at_the_start(
    docker_rig: DockerRig, client: docker.DockerClient, image_name: str
) -> None:
    build(client, image_name, "ENV KIND=old")
    old = client.images.get(image_name)
    launch = docker_rig.python("import time; time.sleep(100)", image=image_name)
    await docker_rig.begin(launch)
    build(client, image_name, "ENV KIND=new")

    found = await docker_rig.engine.execution(launch.attempt, gpus=())

    assert found is not None
    assert found.image in image_names(image_name)
    assert found.image_id == old.id != client.images.get(image_name).id
    assert found.image_digests == old.attrs["RepoDigests"], "as the name meant it then"


async def test_a_pinned_image_runs_although_its_tag_means_another_one(
    docker_rig: DockerRig, client: docker.DockerClient, image_name: str
) -> None:
    build(client, image_name, "ENV KIND=old")
    old = client.images.get(image_name).id
    assert old is not None
    build(client, image_name, "ENV KIND=new")
    code = "import os; print(os.environ['KIND'])"

    pinned = docker_rig.python(code, image=image_name, pinned_image=old)
    named = docker_rig.python(code, image=image_name)
    await docker_rig.run(pinned)
    await docker_rig.run(named)

    assert docker_rig.log(pinned).output() == b"old\n"
    assert docker_rig.log(named).output() == b"new\n"
    found = await docker_rig.engine.execution(pinned.attempt, gpus=())
    assert found is not None
    assert (found.image, found.image_id) == (None, old)
    client.images.remove(old, force=True)


async def test_a_pinned_image_that_is_gone_is_told_and_the_name_counts(
    docker_rig: DockerRig,
) -> None:
    gone = f"sha256:{'0' * 64}"
    launch = docker_rig.python("print('ran')", pinned_image=gone)

    await docker_rig.run(launch)

    assert (
        f"The image that was to be run again ({gone}) is not on this machine any more; "
        f"{BASE_IMAGE} is run as it is now.\n"
    ) in docker_rig.log(launch).said()
    assert docker_rig.inspect(launch)["Config"]["Image"] in image_names(BASE_IMAGE)
