"""Images that are built of a project's Dockerfile, by a real Docker engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from atlas_scheduler.engine.built_images import BUILT_LABEL
from atlas_scheduler.engine.daemon import Daemon
from atlas_scheduler.engine.docker import DockerEngine
from atlas_scheduler.engine.kept_images import KeptImages
from atlas_scheduler.engine.port import Launch, StartRefusedError
from foundations.models import ImageBuild
from tests.engine.proxy import Proxy, server_error
from tests.engine.rig import BASE_IMAGE, DockerRig, until

pytestmark = [pytest.mark.anyio, pytest.mark.docker]

DOCKERFILE = f"""\
ARG BASE={BASE_IMAGE}
FROM $BASE AS small
ENV RIG=@RIG@
ARG KIND=small
ENV KIND=$KIND
RUN echo "making $KIND" && mkdir /made
COPY words.txt /made/
FROM small
ENV KIND=large
"""
CODE = "import os; print(os.environ['KIND'], open('/made/words.txt').read())"


class BuildRig(DockerRig):
    """Makes projects with a Dockerfile, and removes all images that were built."""

    def project(self, text: str = DOCKERFILE, *, words: str = "hello", **build: Any) -> Launch:
        launch = self.python(CODE, image=None, build=ImageBuild.model_validate(build))
        # Podman removes images by force with those that other tests build on the same layers.
        own = text.replace("@RIG@", self.instance)
        (self.source(launch) / "Dockerfile").write_text(own)
        (self.source(launch) / "words.txt").write_text(words)
        return launch

    async def prepared(self, launch: Launch) -> str:
        """Prepare a launch; return what the log says then."""
        async with asyncio.timeout(60):
            await self.prepare(launch)
        return self.log(launch).said()

    async def refused(self, launch: Launch) -> str:
        with pytest.raises(StartRefusedError) as refusal:
            await self.prepared(launch)
        return str(refusal.value)

    @property
    def is_podman(self) -> bool:
        return "BuildahVersion" in self.client.info()

    @property
    def keeper(self) -> KeptImages:
        assert isinstance(self.engine, DockerEngine)
        return self.engine.kept_images

    async def jobs_of_images(self) -> list[tuple[str, ...]]:
        return [one.job_ids for one in await self.keeper.built()]

    def image_of(self, launch: Launch) -> str:
        name: str = self.inspect(launch)["Config"]["Image"]
        return name

    async def close(self) -> None:
        filters = {"label": f"{BUILT_LABEL}={self.instance}"}
        for launch in self._launches:
            await self.engine.remove(launch.attempt)
        for one in self.client.api.images(filters=filters):
            self.client.api.remove_image(one["Id"], force=True)
        await super().close()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[BuildRig]:
    rig = BuildRig(tmp_path)
    yield rig
    await rig.close()


@pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy"])
async def test_nobody_chooses_through_what_an_image_that_others_share_is_downloaded(
    rig: BuildRig, name: str
) -> None:
    """Docker would take a step from its cache whatever the proxy was."""
    refusal = await rig.refused(rig.project(args={name: "http://127.0.0.1:1"}))
    assert refusal == (
        f"The image cannot be built: {name} is no argument of a Dockerfile here. Proxies of builds "
        f"are set by whoever runs the scheduler, in `docker: environment` of config/server.yaml."
    )


async def test_an_image_is_built_once_for_all_that_ask_for_the_same(rig: BuildRig) -> None:
    first, second = rig.project(), rig.project()
    (rig.source(second) / "foundations_job_parameters.json").write_text('{"lr": 0.1}')
    for said in await asyncio.gather(rig.prepared(first), rig.prepared(second)):
        assert said.startswith("Building the image atlas-build/")
        assert said.count("[1/2] STEP 1/" if rig.is_podman else "Step 1/") == 1
        assert "\nmaking small\n" in said
        assert "--->" not in said
        assert "\nBuilt image atlas-build/" in said
    assert (await rig.run(first)).exit_code == 0
    assert rig.log(first).output() == b"large hello\n"

    later = rig.project()
    assert (await rig.prepared(later)).startswith("The image is built already: atlas-build/")
    await rig.restart()
    assert (await rig.prepared(rig.project())).startswith("The image is built already")


async def test_another_file_argument_or_stage_makes_another_image(rig: BuildRig) -> None:
    launches = {
        b"large hello\n": rig.project(),
        b"large goodbye\n": rig.project(words="goodbye"),
        b"tiny hello\n": rig.project(args={"KIND": "tiny"}, target="small"),
        b"small hello\n": rig.project(target="small"),
    }
    for output, launch in launches.items():
        await rig.run(launch)
        assert rig.log(launch).output() == output
    assert len({rig.image_of(launch) for launch in launches.values()}) == 4
    found = await rig.keeper.built()
    assert {one.job_ids for one in found} == {
        (launch.attempt.job_id,) for launch in launches.values()
    }
    assert {(one.dockerfile, one.base) for one in found} == {("Dockerfile", BASE_IMAGE)}
    assert all(one.size_bytes < 10_000_000 for one in found)


async def test_a_failed_build_is_refused_in_dockers_words_and_tried_again(rig: BuildRig) -> None:
    broken = f"FROM {BASE_IMAGE}\nRUN echo no such luck >&2; exit 7\n"
    for _ in range(2):
        launch = rig.project(broken)
        reason = await rig.refused(launch)
        assert reason.startswith("The image cannot be built from Dockerfile: ")
        ends = (
            "exit status 7" if rig.is_podman else "returned a non-zero code: 7"
        ) + ". The log has"
        assert ends in reason.replace("\n", "")
        assert "\nno such luck\n" in rig.log(launch).said()
    reason = await rig.refused(rig.project(f"FROM {BASE_IMAGE}\nNONSENSE y"))
    assert "unknown instruction: nonsense" in reason.lower().replace('"', "")
    assert await rig.keeper.built() == []
    assert "Built image" in await rig.prepared(rig.project())


async def test_a_base_that_cannot_be_had_is_named_with_where_it_stands(rig: BuildRig) -> None:
    reason = await rig.refused(rig.project(args={"BASE": "localhost:1/no-such-base:1"}))
    assert "'localhost:1/no-such-base:1' is not on this machine" in reason
    assert "Check FROM in Dockerfile" in reason


async def test_a_build_is_seen_as_it_goes_and_ends_with_the_last_who_waits(rig: BuildRig) -> None:
    step = f"echo begun {rig.instance}; sleep 100"
    launch = rig.project(f"FROM {BASE_IMAGE}\nRUN {step}\n")
    prepare = asyncio.create_task(rig.prepare(launch))
    await until(lambda: f"\nbegun {rig.instance}\n" in rig.log(launch).said())
    prepare.cancel()
    await asyncio.gather(prepare, return_exceptions=True)
    if rig.is_podman:  # it lets a step end that has begun
        _end_step(step)
    await until(lambda: not _sleepers(rig, step))
    assert await rig.keeper.built() == []


def _sleepers(rig: BuildRig, step: str) -> list[str]:
    containers = rig.client.api.containers(all=True)
    return [one["Id"] for one in containers if step in one["Command"]]


def _end_step(step: str) -> None:
    shells = [
        one for one in psutil.process_iter(["cmdline"]) if step in (one.info["cmdline"] or ())
    ]
    assert shells
    for shell in shells:
        for one in [shell, *shell.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):  # it ends with the one before
                one.kill()


async def test_an_image_in_use_stays_and_goes_when_nothing_uses_it(rig: BuildRig) -> None:
    running = rig.project()
    await rig.begin(running)
    assert await rig.prepared(rig.project(words="unused"))
    pruned = await rig.keeper.prune(unused_ms=0)
    assert (pruned.images, pruned.in_use) == (0, 2), "one runs, and one is about to"
    await rig.engine.remove(rig._launches[1].attempt)
    assert (await rig.keeper.prune(unused_ms=3_600_000)).images == 0
    assert (await rig.keeper.prune(unused_ms=0)).images == 1
    assert await rig.jobs_of_images() == [(running.attempt.job_id,)]
    await rig.finish(running)
    await rig.engine.remove(running.attempt)
    assert (await rig.keeper.prune(unused_ms=0)).images == 1
    assert "Built image" in await rig.prepared(rig.project())


async def test_above_the_limit_what_was_not_used_for_longest_goes(tmp_path: Path) -> None:
    rig = BuildRig(tmp_path, max_images_bytes=0)
    try:
        old, new = rig.project(), rig.project(words="new")
        await rig.run(old)
        await rig.engine.remove(old.attempt)
        assert await rig.keeper.built() == []
        await rig.begin(new)
        assert await rig.jobs_of_images() == [(new.attempt.job_id,)]
    finally:
        await rig.close()


VANISHED = server_error('checking if image "7e" is dangling: image not known')


@pytest.mark.parametrize("times", [2, 50])
async def test_images_that_go_while_they_are_listed_fail_no_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    rig = BuildRig(tmp_path, max_images_bytes=0)
    upstream = Daemon().socket_path
    assert upstream is not None, "these tests need Docker on a Unix socket"
    proxy = Proxy(tmp_path / "proxy.sock", upstream=upstream)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{proxy.path}")
    rig.engine = rig.open()
    try:
        proxy.replies = [(b"/images/json", VANISHED)] * times
        launch = rig.project()
        assert (await rig.run(launch)).exit_code == 0
        await rig.engine.remove(launch.attempt)
        proxy.replies.clear()
        assert len(await rig.keeper.built()) == (0 if times == 2 else 1)
        assert "Built image" in await rig.prepared(rig.project(words="next"))
        assert len(await rig.keeper.built()) == 1, "the first goes, the next is about to be used"
    finally:
        proxy.replies.clear()
        await rig.close()
        proxy.down()


async def test_an_image_of_nothing_but_a_program_runs_it(rig: BuildRig) -> None:
    text = f"""\
FROM {BASE_IMAGE} AS tools
RUN mkdir /out && cp -L --parents $(ldd /bin/dash | grep -o '/[^ ]*') /bin/dash /out
FROM scratch
COPY --from=tools /out /
ENTRYPOINT ["/bin/dash"]
"""
    launch = rig.launch("-c", "echo $0 $*; exit 4", "of", "dash", entrypoint=None, image=None)
    object.__setattr__(launch, "build", ImageBuild())
    (rig.source(launch) / "Dockerfile").write_text(text)
    assert (await rig.run(launch)).exit_code == 4
    assert rig.log(launch).output() == b"of dash\n"
