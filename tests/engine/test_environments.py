"""Requirements are installed once, and every job that asks for the same starts with that."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from atlas_scheduler.engine.port import Ended, Launch, StartRefusedError
from atlas_scheduler.store.environments import Environments
from tests.e2e.images import build_image, remove_image
from tests.engine.rig import DockerRig, Rig, until
from tests.worker.wheels import (
    make_endless_sdist,
    make_late_sdist,
    make_telling_sdist,
    make_wheel,
)

pytestmark = pytest.mark.anyio

TELL = "import atlasdemo, sys; print(atlasdemo.version, atlasdemo.__file__, sys.executable)"
DEMO = "--no-index\n--find-links ./wheels\natlasdemo{}\n"


def job(
    rig: Rig, requirements: str, *, versions: tuple[str, ...] = ("1.5",), **fields: Any
) -> Launch:
    """Make a job that asks for something, with the wheels of `atlasdemo` in its project."""
    launch = rig.launch("-c", fields.pop("code", TELL), entrypoint=None, **fields)
    source = rig.source(launch)
    (source / "wheels").mkdir()
    for version in versions:
        make_wheel(source / "wheels", "atlasdemo", version)
    (source / "requirements.txt").write_text(requirements)
    return launch


async def completed(rig: Rig, launch: Launch) -> list[str]:
    """Take a job to its good end; return what it said, line by line."""
    ended: Ended = await rig.run(launch)
    output = rig.log(launch).output().decode()
    assert ended.exit_code == 0, rig.log(launch).said() + output
    return output.splitlines()


async def test_a_second_job_with_the_same_requirements_installs_nothing(rig: Rig) -> None:
    first, second = (job(rig, DEMO.format("==1.5")) for _ in range(2))
    (said,) = await completed(rig, first)
    assert said.startswith("1.5 ")
    log = rig.log(first).said()
    assert "Installing requirements.txt into environment " in log
    assert "Resolved 1 package" in log
    assert "Successfully installed atlasdemo-1.5\n" in log

    (said,) = await completed(rig, second)
    version, place, python = said.split()
    (ready,) = rig.environments.ready()
    top = "/atlas/environment" if rig.is_docker else str(rig.home.environments / ready.key)
    assert (version, place.startswith(f"{top}/lib/")) == ("1.5", True)
    assert python.endswith("/environment/bin/python")
    assert rig.log(second).said() == (
        f"The requirements are installed already, in environment {ready.key[:8]}.\n"
    )
    assert ready.packages == ("atlasdemo==1.5",)
    assert ready.job_ids == tuple(sorted((first.attempt.job_id, second.attempt.job_id)))
    await rig.engine.remove(first.attempt)
    (ready,) = rig.environments.ready()
    assert ready.job_ids == (second.attempt.job_id,)


@pytest.mark.parametrize("are_shared", [False, True])
async def test_nobody_starts_with_what_another_installed_unless_the_admin_wants_it(
    rig: Rig, are_shared: bool
) -> None:
    """A build runs code of whoever asked for it, and their settings."""
    rig.environments.are_shared = are_shared
    first, theirs, again = (
        job(rig, DEMO.format("==1.5"), environment={"FOUNDATIONS_USER": user})
        for user in ("ada", "ben", "ada")
    )
    places = [(await completed(rig, launch))[0].split()[1] for launch in (first, theirs, again)]
    told = [rig.log(launch).said().startswith("Installing") for launch in (first, theirs, again)]

    assert told == [True, not are_shared, False]
    ready = {one.job_ids: one.user for one in rig.environments.ready()}
    hers = tuple(sorted((first.attempt.job_id, again.attempt.job_id)))
    all_of_them = tuple(sorted((*hers, theirs.attempt.job_id)))
    assert ready == (
        {all_of_them: None} if are_shared else {hers: "ada", (theirs.attempt.job_id,): "ben"}
    )
    assert rig.is_docker or (places[0] == places[1]) == are_shared
    downloads = [path for path in rig.environments.wheels.iterdir() if path.is_dir()]
    assert len(downloads) == (1 if are_shared else 2)


async def test_no_index_is_asked_where_pip_is_told_to_ask_none(rig: Rig) -> None:
    environment = {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": "./wheels",
        "PIP_INDEX_URL": "http://127.0.0.1:9/nobody/answers/here",
    }
    launch = job(rig, "atlasdemo\n", environment=environment)
    assert (await completed(rig, launch))[-1].startswith("1.5 ")


BUILT = "import atlasbuilt; print(atlasbuilt.told)"


async def test_a_build_sees_only_what_tells_environments_apart(rig: Rig) -> None:
    """What a job is given for itself neither reaches a build nor makes another one."""
    told = []
    for arguments, seed in (("-DA=1", "1"), ("-DA=1", "2"), ("-DA=2", "2")):
        environment = {"CMAKE_ARGS": arguments, "SEED": seed}
        launch = job(
            rig, "--no-index\n./atlasbuilt-1.0.tar.gz\n", code=BUILT, environment=environment
        )
        make_telling_sdist(
            rig.source(launch), "[os.environ.get(n) for n in ('CMAKE_ARGS', 'SEED')]"
        )
        told.append((await completed(rig, launch))[-1])
    assert told == ["['-DA=1', None]", "['-DA=1', None]", "['-DA=2', None]"]
    assert len(rig.environments.ready()) == 2


@pytest.mark.docker
async def test_a_build_sees_of_the_project_only_what_tells_environments_apart(
    docker_rig: DockerRig,
) -> None:
    launch = job(docker_rig, "--no-index\n./atlasbuilt-1.0.tar.gz\n", code=BUILT)
    (docker_rig.source(launch) / "other.txt").write_text("")
    make_telling_sdist(docker_rig.source(launch), "sorted(os.listdir('/job/job_source'))")
    said = (await completed(docker_rig, launch))[-1]
    assert said == "['atlasbuilt-1.0.tar.gz', 'requirements.txt']"


async def test_a_build_goes_on_for_the_others_when_the_job_that_began_it_is_gone(rig: Rig) -> None:
    """With its work dir: what is needed of that is asked for late in the build."""
    first, second = (job(rig, DEMO.format("") + "./atlaslate-1.0.tar.gz\n") for _ in range(2))
    for launch in (first, second):
        make_late_sdist(rig.source(launch), "atlasdemo")
    beginning = asyncio.create_task(rig.engine.prepare(first, rig.log(first)))
    building = rig.home.environments / "building"
    await until(lambda: any(building.glob("*/tmp/late-begun")))
    waiting = asyncio.create_task(rig.engine.prepare(second, rig.log(second)))
    await until(lambda: "Installing" in rig.log(second).said())
    beginning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await beginning
    shutil.rmtree(first.job_dir)
    (place,) = building.glob("*/tmp")
    (place / "late-go-on").write_text("")
    await waiting
    assert "Successfully installed atlasdemo-1.5 atlaslate-1.0" in rig.log(second).said()


@pytest.mark.docker
async def test_what_was_built_in_an_image_is_not_installed_in_another(
    docker_rig: DockerRig,
) -> None:
    told = []
    for variant in ("one", "two"):
        name = f"atlas-test-variant:{variant}-{docker_rig.instance}"
        build_image(name, f"FROM atlas-base:bookworm\nENV VARIANT={variant}\n", {})
        try:
            launch = job(
                docker_rig, "--no-index\n./atlasbuilt-1.0.tar.gz\n", code=BUILT, image=name
            )
            make_telling_sdist(docker_rig.source(launch), "os.environ['VARIANT']")
            told.append((await completed(docker_rig, launch))[-1])
            await docker_rig.engine.remove(launch.attempt)
        finally:
            remove_image(name)
    assert told == ["one", "two"]


@pytest.mark.docker
async def test_an_image_whose_python_builds_nothing_refuses_the_start(
    docker_rig: DockerRig,
) -> None:
    name = f"atlas-test-idle:{docker_rig.instance}"
    build_image(name, "FROM atlas-base:bookworm\nRUN ln -sf /bin/true /usr/local/bin/python3\n", {})
    try:
        launch = job(docker_rig, DEMO.format(""), image=name)
        with pytest.raises(StartRefusedError) as refused:
            await docker_rig.engine.prepare(launch, docker_rig.log(launch))
    finally:
        remove_image(name)
    assert str(refused.value).startswith("requirements.txt cannot be installed: ")
    assert "atlas-environment.json" in str(refused.value)
    assert docker_rig.environments.ready() == []


async def test_without_requirements_nothing_is_made(rig: Rig) -> None:
    launch = job(rig, "# nothing yet\n", code="print('ran')")
    assert await completed(rig, launch) == ["No user requirements found.", "ran"]
    assert rig.environments.ready() == []
    assert rig.log(launch).said() == ""


async def test_jobs_that_come_together_wait_for_one_build_and_all_see_its_log(rig: Rig) -> None:
    launches = [job(rig, DEMO.format("")) for _ in range(3)]
    await asyncio.gather(*(rig.prepare(one) for one in launches))
    logs = {rig.log(one).said() for one in launches}
    assert len(logs) == 1, logs
    (log,) = logs
    assert log.count("Resolved 1 package") == 1
    assert len(rig.environments.ready()) == 1
    for launch in launches:
        await rig.engine.start(launch)
        assert (await rig.finish(launch)).exit_code == 0


async def test_requirements_that_cannot_be_met_refuse_the_start_in_the_words_of_uv(
    rig: Rig,
) -> None:
    launch = job(rig, DEMO.format(">=3"))
    with pytest.raises(StartRefusedError) as refused:
        await rig.prepare(launch)
    assert str(refused.value).startswith("requirements.txt cannot be installed: ")
    assert "only atlasdemo==1.5 is available and you require atlasdemo>=3" in str(refused.value)
    assert "No solution found" in rig.log(launch).said()
    assert list((rig.home.environments / "building").iterdir()) == []

    # No failure is remembered: the same file may be met the next time, and another one is.
    again = job(rig, DEMO.format(">=3"), versions=("1.5", "3.0"))
    (said,) = await completed(rig, again)
    assert said.startswith("3.0 ")
    changed = job(rig, DEMO.format(">=1"))
    (said,) = await completed(rig, changed)
    assert said.startswith("1.5 ")


async def test_what_a_file_includes_and_the_wheels_it_names_tell_environments_apart(
    rig: Rig,
) -> None:
    versions = []
    for number, bound in enumerate(("<2", ">=2")):
        launch = job(rig, "-r more.txt\n-c bounds.txt\n", versions=("1.5", "2.5"))
        (rig.source(launch) / "more.txt").write_text(DEMO.format(""))
        (rig.source(launch) / "bounds.txt").write_text(f"atlasdemo{bound}\n")
        (said,) = await completed(rig, launch)
        versions.append(said.split()[0])
        assert len(rig.environments.ready()) == number + 1
    assert versions == ["1.5", "2.5"]


async def test_what_the_interpreter_has_already_is_not_installed_again(rig: Rig) -> None:
    launch = job(rig, DEMO.format("") + "pip\n", code="import pip, atlasdemo; print(pip.__file__)")
    if not rig.is_docker and "No module named pip" in await _import_pip(rig):
        pytest.skip("this interpreter has no pip")
    (place,) = await completed(rig, launch)
    assert "environment" not in place
    (ready,) = rig.environments.ready()
    assert ready.packages == ("atlasdemo==1.5",)


async def _import_pip(rig: Rig) -> str:
    launch = rig.launch("-c", "import pip", entrypoint=None)
    await rig.run(launch)
    return rig.log(launch).output().decode()


async def test_editable_packages_of_the_project_are_installed_for_the_job_alone(rig: Rig) -> None:
    launch = job(rig, "--no-index\n--find-links ./wheels\natlasdemo\n-e ./mine\n")
    await rig.prepare(launch)
    assert rig.log(launch).said() == (
        "requirements.txt is installed for this job alone, because ./mine is installed as "
        "editable.\n"
    )
    assert rig.environments.ready() == []


async def test_another_entry_point_gets_nothing_installed(rig: Rig) -> None:
    launch = rig.launch("echo", "ran")
    (rig.source(launch) / "requirements.txt").write_text("no-such-package-anywhere\n")
    assert await completed(rig, launch) == ["ran"]
    assert rig.log(launch).said() == ""


async def test_a_job_may_install_more_for_itself(rig: Rig) -> None:
    code = (
        "import subprocess, sys\n"
        "run = [sys.executable, '-m', 'pip', 'install', '-q', '--no-index', '--no-deps']\n"
        "subprocess.run([*run, '-f', 'other', 'atlasother'], check=True)\n"
        "import atlasdemo, atlasother; print(atlasdemo.version, atlasother.version)\n"
    )
    launch = job(rig, DEMO.format(""), code=code)
    (rig.source(launch) / "other").mkdir()
    make_wheel(rig.source(launch) / "other", "atlasother", "7.0")
    if not rig.is_docker and "No module named pip" in await _import_pip(rig):
        pytest.skip("this interpreter has no pip")
    assert (await completed(rig, launch))[-1] == "1.5 7.0"


async def test_the_packages_are_recorded(rig: Rig) -> None:
    launch = job(rig, DEMO.format(""))
    await completed(rig, launch)
    events = (launch.job_dir / "records" / "events.jsonl").read_text().splitlines()
    (environment,) = [one for one in map(json.loads, events) if one["event"] == "environment"]
    assert environment["packages"]["atlasdemo"] == "1.5"


async def test_a_build_that_nobody_waits_for_any_more_ends(rig: Rig) -> None:
    """As when its job is stopped; the package would take for ever to be built."""
    launch = job(rig, "--no-index\n./endless-1.0.tar.gz\n")
    make_endless_sdist(rig.source(launch))
    preparing = asyncio.create_task(rig.prepare(launch))
    building = rig.home.environments / "building"
    await until(lambda: any(building.glob("*/environment/pyvenv.cfg")))
    preparing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await preparing
    assert list(building.iterdir()) == []
    assert rig.environments.ready() == []


async def test_what_a_crash_left_of_a_build_is_swept(rig: Rig) -> None:
    left = rig.environments.begin("0" * 32)
    (left / "environment" / "half").write_text("")
    launch = job(rig, DEMO.format(""))
    rig.environments.lease("0" * 32, job_id="a-job-of-old", attempt=1)
    rig.environments.lease("1" * 32, job_id=launch.attempt.job_id, attempt=1)
    Environments(rig.home).sweep()
    assert not left.exists()
    leases = [path.name for path in (rig.home.environments / "in_use").iterdir()]
    assert leases == [f"{launch.attempt.job_id}-1"]


async def test_variables_that_lead_uv_elsewhere_do_no_harm(rig: Rig) -> None:
    environment = {"UV_SYSTEM_PYTHON": "1", "UV_PYTHON": "3.99", "VIRTUAL_ENV": "/nowhere"}
    launch = job(rig, DEMO.format(""), environment=environment)
    (said,) = await completed(rig, launch)
    assert said.startswith("1.5 ")
    (ready,) = rig.environments.ready()
    assert ready.packages == ("atlasdemo==1.5",)


@pytest.mark.docker
async def test_the_container_of_a_build_that_a_crash_left_is_removed(docker_rig: DockerRig) -> None:
    rig = docker_rig
    name = f"atlas-{rig.instance}-environment-000000000000"
    rig.client.containers.run(
        "atlas-base:bookworm",
        ["sleep", "100"],
        name=name,
        labels={"atlas.environment": rig.instance},
        network_mode="none",
        detach=True,
        init=True,
    )
    await rig.restart()
    assert await rig.engine.observe() == []
    assert rig.client.containers.list(all=True, filters={"name": name}) == []


@pytest.mark.docker
async def test_a_hit_needs_no_network_and_the_environment_cannot_be_written(
    docker_rig: DockerRig,
) -> None:
    """The rig's containers have no network at all."""
    code = (
        "import atlasdemo, pathlib\n"
        "try: pathlib.Path(atlasdemo.__file__).write_text('')\n"
        "except OSError as error: print(error.strerror)\n"
    )
    for _ in range(2):
        launch = job(docker_rig, DEMO.format(""), code=code)
        assert await completed(docker_rig, launch) == ["Read-only file system"]


@pytest.mark.docker
async def test_an_image_without_python_runs_as_ever(docker_rig: DockerRig) -> None:
    """The build finds no Python there; the job then says so itself."""
    environment = {"PATH": "/nowhere"}
    launch = job(docker_rig, DEMO.format(""), environment=environment)
    ended = await docker_rig.run(launch)
    assert ended.exit_code == 127
    assert "This image has no Python" in docker_rig.log(launch).output().decode()


@pytest.mark.docker
async def test_an_index_is_needed_once_and_only_while_an_environment_is_built(
    tmp_path: Path,
) -> None:
    """Jobs have no network here, builds have the host's; pip's variables name the index."""
    index = tmp_path / "index"
    (index / "simple" / "atlasdemo").mkdir(parents=True)
    make_wheel(index / "simple" / "atlasdemo", "atlasdemo", "1.5")
    rig = DockerRig(tmp_path / "rig", build_network="host")
    try:
        with served(index) as address:
            environment = {"PIP_INDEX_URL": f"{address}/simple", "PIP_TRUSTED_HOST": "127.0.0.1"}
            first = job(rig, "atlasdemo\n", versions=(), environment=environment)
            (said,) = await completed(rig, first)
        assert said.startswith("1.5 ")
        second = job(rig, "atlasdemo\n", versions=(), environment=environment)
        assert await completed(rig, second) == [said]
    finally:
        await rig.close()


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """Serve a directory on this machine; gives its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=directory)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
