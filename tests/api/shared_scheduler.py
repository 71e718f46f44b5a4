"""A real service behind a door, with things of Ada's that Bob asks about."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from atlas_scheduler.api import create_app
from atlas_scheduler.core.access import RULES, Thing
from atlas_scheduler.execs import Running
from atlas_scheduler.service import Service
from atlas_scheduler.store.db import Database
from foundations.home import Home
from foundations.models import Role
from tests.api.echo_session import EchoSession
from tests.api.guarded import Clock, Guarded, bearer, guarded
from tests.service.conftest import service_on
from tests.store.projects import FILES, stored
from tests.store.samples import lay_database

NOBODYS = "00000000-0000-4000-8000-000000000000"


@dataclass(slots=True)
class Shared:
    """A scheduler that several use."""

    service: Service
    app: FastAPI
    door: Guarded
    bundle: str
    ada: dict[str, str]
    """The header of Ada's token, whose role is `submit`; so is Bob's."""
    bob: dict[str, str]
    reader: dict[str, str]
    admin: dict[str, str]

    def submission(self, project: str = "cats", **spec: Any) -> dict[str, Any]:
        return {"spec": {"project": project, **spec}, "bundle": self.bundle}

    async def submit(self, who: dict[str, str], project: str = "cats", **spec: Any) -> str:
        """Submit a job, and return its id."""
        body = self.submission(project, **spec)
        answer = await self.door.http.post("/jobs", json=body, headers=who)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["job_id"])

    async def another_bundle(self) -> str:
        """Have another bundle here, about as large as the first."""
        return await stored(self.service.bundles, {**FILES, "main.py": "print(2)\n"})

    async def ask(
        self, who: dict[str, str], method: str, path: str, json: Any = None
    ) -> httpx.Response:
        """Ask once, and do not follow."""
        headers = {**who, "Sec-Fetch-Site": "none"}
        return await self.door.http.request(method, path, json=json, headers=headers)


@asynccontextmanager
async def shared_scheduler(directory: Path) -> AsyncIterator[Shared]:
    """Open a scheduler with four tokens."""
    async with (
        await Database.open(lay_database(directory / "scheduler.db")) as database,
        service_on(Home(directory), database, clock_ms=Clock()) as service,
    ):
        service.bundles.sweep()
        app = create_app(service)
        async with guarded(app, database, telemetry=service.telemetry) as door:
            service.tokens = door.tokens
            yield Shared(
                service=service,
                app=app,
                door=door,
                bundle=await stored(service.bundles),
                ada=bearer(await door.secret(Role.SUBMIT, user="ada")),
                bob=bearer(await door.secret(Role.SUBMIT, user="bob")),
                reader=bearer(await door.secret(Role.READ, user="eve")),
                admin=bearer(await door.secret(Role.ADMIN, user="root")),
            )


async def things_of_ada(shared: Shared) -> dict[Thing, str]:
    """Make one of each thing, and name it."""
    job_id = await shared.submit(shared.ada)
    deleted = await shared.submit(shared.ada)
    for project in ("cats", "gone"):
        one = deleted if project == "cats" else await shared.submit(shared.ada, "gone")
        await shared.ask(shared.ada, "POST", f"/jobs/{one}/stop")
    assert (await shared.ask(shared.ada, "DELETE", f"/jobs/{deleted}")).status_code == 204
    assert (await shared.ask(shared.ada, "DELETE", "/projects/gone")).status_code == 200
    array = await shared.ask(
        shared.ada, "POST", "/arrays", {"submission": shared.submission(), "indices": "0-1"}
    )
    schedule = await shared.ask(
        shared.ada, "POST", "/schedules", {"submission": shared.submission(), "cron": "0 3 * * *"}
    )
    running = Running(job_id, EchoSession(), by="ada")
    shared.service.execs.add(running)
    tunnel = Running(job_id, EchoSession(), by="ada")
    shared.service.tunnels.add(tunnel)
    return {
        Thing.JOB: job_id,
        Thing.DELETED_JOB: deleted,
        Thing.ARRAY: array.json()["array_id"],
        Thing.SCHEDULE: schedule.json()["schedule_id"],
        Thing.PROJECT: "cats",
        Thing.DELETED_PROJECT: "gone",
        Thing.EXEC: running.exec_id,
        Thing.TUNNEL: tunnel.exec_id,
    }


def path_to(path: str, operation: str, things: dict[Thing, str]) -> str:
    """Fill in the names in a path of OpenAPI with those of an operation's thing."""
    thing = RULES[operation].thing
    name = NOBODYS if thing is None else things[thing]
    for parameter in ("ref", "other", "exec_id", "tunnel_id", "name"):
        path = path.replace(f"{{{parameter}}}", name, 1) if path.count("{") else path
    path = path.replace("{port}", "80")
    for parameter in ("key", "path", "digest"):
        path = path.replace(f"{{{parameter}}}", f"sha256:{'0' * 64}")
    return path
