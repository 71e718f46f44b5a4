"""The container that Atlas would make for a job of `true`, through the bare Docker SDK."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import docker

from atlas_scheduler.engine.container import DockerSettings, Image, Owner, container_body
from atlas_scheduler.engine.facts import EngineFacts
from atlas_scheduler.engine.port import AttemptId, Launch
from bench import rig
from bench.measure import milliseconds_since

REMOVAL = "bare SDK: remove"
STEPS = ("bare SDK: create", "bare SDK: start", "bare SDK: wait", REMOVAL)


def run_true(
    api: docker.APIClient, server: rig.Server, *, network: str, image: str, root: Path
) -> dict[str, float]:
    """Create, start, wait for and remove it; returns how long each took (ms)."""
    attempt = AttemptId("bench", str(uuid.uuid4()), 1)
    job_dir = root / attempt.job_id
    for name in ("job_source", "records", "artifacts", "home"):
        (job_dir / name).mkdir(parents=True)
    launch = Launch(
        attempt=attempt,
        job_dir=job_dir,
        library_dir=next(server.home.libraries.iterdir()),
        log_path=job_dir / "job.log",
        command=("main.py",),
        entrypoint=("true",),
        image=image,
    )
    body = container_body(
        launch,
        settings=DockerSettings(network=network),
        facts=EngineFacts.from_info(api.info()),
        image=Image(image, has_entrypoint=False),
        owner=Owner(os.getuid(), os.getgid()),
    )
    name = attempt.name

    def create() -> object:
        return api.create_container_from_config(body, name)  # type: ignore[no-untyped-call]  # in its stubs

    calls: tuple[Callable[[], object], ...] = (
        create,
        lambda: api.start(name),
        lambda: api.wait(name),
        lambda: api.remove_container(name, v=True, force=True),
    )
    steps: dict[str, float] = {}
    try:
        for step, call in zip(STEPS, calls, strict=True):
            began = time.perf_counter()
            call()
            steps[step] = milliseconds_since(began)
    except BaseException:
        api.remove_container(name, v=True, force=True)
        raise
    return steps
