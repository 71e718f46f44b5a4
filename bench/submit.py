"""Figure 1: from the call to the 201, for a small project on a warm server."""

from __future__ import annotations

import sqlite3
import time
import uuid
from pathlib import Path

import foundations
from bench import rig
from bench.measure import Figure, Peer, Plan, Result, timed
from foundations.bundles import bundle

TARGET_MS = 25.0
PAUSE_SECONDS = 0.3
"""Between an edit and the next submission there is time for the server to get ready again."""


def run(plan: Plan) -> Result:
    """Submit behind a job that holds the only slot, so that nothing else runs."""
    count = plan.count(40, 15)
    known: list[float] = []
    fresh: list[float] = []
    edited: list[float] = []
    posts: list[float] = []
    commits: list[float] = []
    parts: dict[str, list[float]] = {}
    with rig.workspace() as root, rig.server({"engine": "process"}) as server:
        project = rig.make_project(root / "project")
        digest = rig.upload(server.client, project, root / "packed")
        rig.hold_the_slot(server, digest)
        database = _bare_database(root / "bare.db")
        with rig.as_user_of(server.home):
            _submit(project)
            for number in range(count):
                with timed(known):
                    _submit(project)
                rig.make_project(root / "fresh", marker=f"fresh {number}")
                with timed(fresh):
                    _submit(root / "fresh")
                if number % 2:
                    rig.make_project(root / "edited", marker=f"edited {number}")
                    time.sleep(PAUSE_SECONDS)
                    with timed(edited):
                        _submit(root / "edited")
                with timed(posts):
                    server.client.submit(rig.true_job(digest), idempotency_key=str(uuid.uuid4()))
                if plan.verbose:
                    _take_apart(server, root, parts)
                with timed(commits), database:
                    database.execute("insert into job values (?)", ("x" * 500,))
        database.close()
        new = len(fresh) + len(edited) + len(parts.get("pack", ()))
        _require_bundles(server, 1 + new)
    peer = Peer("one bare SQLite commit (WAL, FULL)", commits)
    return Result(
        [
            Figure("submit: SDK call, bundle known", known, target=TARGET_MS, peer=peer),
            Figure(
                "submit: SDK call, bundle new after a pause", edited, target=TARGET_MS, peer=peer
            ),
            Figure("submit: SDK call, bundle new each time", fresh, target=TARGET_MS, peer=peer),
            Figure("submit: POST /jobs alone", posts, peer=peer),
            *(Figure(f"  {name}", samples) for name, samples in parts.items()),
        ]
    )


def _submit(project: Path) -> None:
    foundations.submit(job_directory=project, project_name="bench", entrypoint=["true"])


def _take_apart(server: rig.Server, root: Path, parts: dict[str, list[float]]) -> None:
    """Time what an SDK call with a new bundle is made of."""
    project = rig.make_project(root / "apart", marker=str(uuid.uuid4()))
    client = server.client
    with rig.workspace() as folder:
        packed = folder / "packed"
        with timed(parts.setdefault("pack", [])):
            digest = bundle.pack(project, packed).digest
        with timed(parts.setdefault("HEAD /bundles", [])):
            client.has_bundle(digest)
        with timed(parts.setdefault("PUT /bundles", [])):
            client.upload_bundle(digest, packed)
        with timed(parts.setdefault("GET /health, the least a call takes", [])):
            client.health()


def _require_bundles(server: rig.Server, count: int) -> None:
    """Make sure that what was to be new was new: equal content is sent only once."""
    found = len(list(server.home.bundles.glob("*.tar.gz")))
    if found != count:
        raise RuntimeError(f"the server has {found} bundles instead of {count}")


def _bare_database(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path)
    database.execute("pragma journal_mode = wal")
    database.execute("pragma synchronous = full")
    database.execute("create table job (spec text)")
    return database
