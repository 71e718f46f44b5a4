"""Images from a registry that asks who one is: a real registry, pulled from by a real engine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from atlas_scheduler.engine.port import StartRefusedError
from tests.engine.registry import (
    Registry,
    StallingProxy,
    auths,
    registry,
    write_credentials,
    write_helper,
)
from tests.engine.rig import DockerRig

pytestmark = [pytest.mark.anyio, pytest.mark.docker]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def account(lab: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user's Docker credentials are: logged in at the registry."""
    account = tmp_path / "account"
    account.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(account))
    monkeypatch.setenv("PATH", str(account), prepend=":")
    write_credentials(account, auths=auths(lab.host))
    return account


class PullRig(DockerRig):
    """Prepares jobs in images of the registry; the tests' images have no program to run."""

    async def prepared(self, image: str, **fields: Any) -> str:
        """Prepare a job; return what its log says."""
        launch = self.launch("true", image=image, **fields)
        async with asyncio.timeout(60):
            await self.prepare(launch)
        return self.log(launch).said()

    async def refused(self, image: str, **fields: Any) -> str:
        with pytest.raises(StartRefusedError) as refusal:
            await self.prepared(image, **fields)
        return str(refusal.value)

    def digests(self, image: str) -> list[str]:
        found: list[str] = self.client.api.inspect_image(image)["RepoDigests"]  # type: ignore[no-untyped-call]  # in its stubs
        return found


@pytest.fixture
async def rig(tmp_path: Path, account: Path) -> AsyncIterator[PullRig]:
    rig = PullRig(tmp_path, pull_idle_seconds=60)
    yield rig
    await rig.close()


async def test_a_private_image_is_pulled_with_the_users_credentials(
    rig: PullRig, lab: Registry, account: Path
) -> None:
    name = f"{lab.host}/team/private:1"
    digest = lab.push("team/private:1", seed=1)
    try:
        write_credentials(account)
        reason = await rig.refused(name)
        assert "no basic auth credentials" in reason
        assert f"`docker login {lab.host}` on its machine" in reason
        write_credentials(account, auths=auths(lab.host, "wrong"))
        reason = await rig.refused(name)
        assert "unauthorized" in reason
        assert f"docker login {lab.host}" in reason

        write_credentials(account, auths=auths(lab.host))
        said = await rig.prepared(name)
        assert said == f"Image {name} is not on this machine; pulling it.\nPulled image {name}.\n"
        assert rig.digests(name) == [f"{lab.host}/team/private@{digest}"]
        assert await rig.prepared(name) == ""

        lab.forget(name)
        assert "Pulled image" in await rig.prepared(f"{lab.host}/team/private@{digest}")
    finally:
        lab.forget(name, f"{lab.host}/team/private@{digest}")


@pytest.mark.filterwarnings("ignore:docker-credential-lab not installed")
async def test_credential_helpers_are_asked_and_their_trouble_is_the_jobs(
    rig: PullRig, lab: Registry, account: Path
) -> None:
    name = f"{lab.host}/team/helped:1"
    lab.push("team/helped:1", seed=2)
    answer = f'{{"ServerURL": "{lab.host}", "Username": "ada", "Secret": "secret"}}'
    try:
        write_credentials(account, credHelpers={lab.host: "lab"})
        reason = await rig.refused(name)
        assert "the credentials of its registry cannot be read" in reason
        assert "cannot be read: docker-credential-lab not installed" in reason
        assert "install it, or remove its line" in reason
        write_helper(account, "lab", "echo the keyring is locked; exit 1")
        assert "the keyring is locked" in await rig.refused(name)
        write_helper(account, "lab", f"echo '{answer}'")
        assert "Pulled image" in await rig.prepared(name)
        lab.forget(name)
        (account / "config.json").write_text("{")
        assert f"because {account / 'config.json'} of the user" in await rig.refused(name)
        write_credentials(account, credsStore="lab")
        assert "Pulled image" in await rig.prepared(name)
    finally:
        lab.forget(name)


async def test_what_the_registry_does_not_have_is_told_in_its_words(
    rig: PullRig, lab: Registry
) -> None:
    lab.push("team/some:1", seed=3)
    for name in (f"{lab.host}/team/some:2", f"{lab.host}/team/none:1"):
        reason = await rig.refused(name)
        assert reason.startswith(
            f"The image {name!r} is not on this machine and cannot be pulled: "
        )
        assert reason.count("manifest unknown") == 1
        assert reason.endswith(
            "The registry does not have it. Check `worker: image:` in job.config.yaml."
        )


async def test_where_no_registry_answers_it_is_told_how_to_do_without(
    rig: PullRig, lab: Registry
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        host = f"127.0.0.1:{closed.getsockname()[1]}"
    lab.push("team/local:1", seed=7)
    name, missing = f"{lab.host}/team/local:1", f"{host}/team/local:1"
    try:
        reason = await rig.refused(missing)
        assert f"does not reach {host}. Check `worker: image:`" in reason
        assert reason.endswith("an image that is loaded or built there needs no registry.")
        await rig.prepared(name)
        rig.client.images.get(name).tag(f"{host}/team/local", "1")
        reason = await rig.refused(missing, pull="always")
        assert "is to be pulled for each job and cannot be pulled" in reason
        assert reason.endswith("`pull: missing` takes the image that it has.")
    finally:
        lab.forget(name, missing)


async def test_only_the_registries_that_the_admin_names_are_asked(
    lab: Registry, account: Path, tmp_path: Path
) -> None:
    rig = PullRig(tmp_path, registries=("docker.io", lab.host))
    try:
        assert "manifest unknown" in await rig.refused(f"{lab.host}/team/none:1")
        reason = await rig.refused("169.254.169.254/latest/meta-data:1")
        assert "pulls from docker.io, 127.0.0.1:" in reason
        assert "only, not from 169.254.169.254." in reason
    finally:
        await rig.close()


async def test_a_tag_that_was_moved_is_noticed_by_those_who_always_pull(
    rig: PullRig, lab: Registry
) -> None:
    name = f"{lab.host}/team/moving:1"
    before = lab.push("team/moving:1", seed=4)
    try:
        reason = await rig.refused(name, pull="never")
        assert "`pull: never` keeps it from being pulled" in reason
        await rig.prepared(name)
        kept = f"{name}-kept"
        rig.client.images.get(name).tag(f"{lab.host}/team/moving", "1-kept")
        old = rig.digests(name)
        lab.forget(name)
        after = lab.push("team/moving:1", seed=5)
        rig.client.images.get(kept).tag(f"{lab.host}/team/moving", "1")

        assert await rig.prepared(name) == ""
        assert rig.digests(name) == old == [f"{lab.host}/team/moving@{before}"]
        said = await rig.prepared(name, pull="always")
        assert said.startswith(f"Pulling image {name}, as for each job.\n")
        assert rig.digests(name) == [f"{lab.host}/team/moving@{after}"]
    finally:
        lab.forget(name, f"{name}-kept")


async def test_a_pull_in_which_nothing_comes_is_given_up_and_goes_on_later(
    lab: Registry, account: Path, tmp_path: Path
) -> None:
    lab.push("team/slow:1", seed=6)
    with closing(StallingProxy(lab.port)) as proxy:
        host = f"127.0.0.1:{proxy.port}"
        name = f"{host}/team/slow:1"
        write_credentials(account, auths=auths(host))
        idle, long = (
            PullRig(tmp_path / "idle", pull_idle_seconds=2),
            PullRig(tmp_path / "long", pull_seconds=2),
        )
        try:
            proxy.stalls = True
            reason = await idle.refused(name)
            assert "cannot be pulled: nothing more came for too long. Submit again" in reason
            assert "`docker: pull_idle_seconds`" in reason
            reason = await long.refused(name)
            assert "was not there after 2 seconds. `docker: pull_seconds`" in reason

            proxy.stalls = False
            proxy.requests.clear()
            said = await asyncio.gather(*(long.prepared(name) for _ in range(3)))
            assert all("Pulled image" in one for one in said)
            assert proxy.pulls_of_layers <= 2, "one of the layer, one of its configuration"
        finally:
            lab.forget(name)
            await idle.close()
            await long.close()
