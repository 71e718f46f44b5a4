"""A job whose requirements are installed already, against one without any and one that uses pip."""

from __future__ import annotations

import time
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import rig
from bench.measure import Figure, Peer, Plan, Result, differences
from foundations.models import JobSpec, Submission

TARGET_MS = 100.0
"""What a ready environment may add to a start."""
PACKAGES = 20
MODULES = 50
"""Of each package."""
_MAIN = "import pathlib\n"
_REQUIRING = "import package00.module00, package19.module49\n"
_WANTED = "".join(f"package{number:02}==1.0\n" for number in range(PACKAGES))
_SHARED = f"--no-index\n--find-links ./wheels\n{_WANTED}"
_ALONE = f"--index-url file:///nowhere\n{_SHARED}"
"""The same, in a way that cannot be shared, so that pip installs it in the job."""


@dataclass
class _Lane:
    """One engine: its server, the bundles, and what was measured."""

    engine: str
    image: str | None
    server: rig.Server
    feed: rig.Feed
    digests: dict[str, str]
    samples: dict[str, list[float]] = field(default_factory=dict)

    def run(self, kind: str, *, digest: str | None = None) -> None:
        """Run one job, from the call to the news of its end."""
        spec = JobSpec(project="bench", command=("main.py",), image=self.image)
        submission = Submission(spec=spec, bundle=self.digests[digest or kind])
        began = time.perf_counter()
        job = self.server.client.submit(submission, idempotency_key=str(uuid.uuid4()))
        end = self.feed.wait_final(job.job_id)
        self.samples.setdefault(kind, []).append((end.at - began) * 1000)
        if end.change.state != "completed":
            raise RuntimeError(f"the job is {end.change.state}: {self.log(job.job_id)}")
        self.server.wait_archived(job.job_id)

    def log(self, job_id: str) -> str:
        """What a job printed."""
        return b"".join(self.server.client.logs(job_id)).decode()


def run(plan: Plan) -> Result:
    """Run all kinds of jobs in turns, so that they meet the same noise."""
    figures: list[Figure] = []
    notes = [
        f"environments: {PACKAGES} packages of {MODULES} modules each, as wheels in the project."
    ]
    for engine in ("docker", "process"):
        image = _image() if engine == "docker" else None
        if engine == "docker" and image is None:
            notes.append("environments, docker: not measured, no engine or no image is here.")
            continue
        with rig.workspace() as root, _lane(engine, image, root) as lane:
            _measure(lane, plan)
            figures += _figures(lane)
    return Result(figures, notes)


def _measure(lane: _Lane, plan: Plan) -> None:
    for kind in lane.digests:
        lane.run(kind)  # a warm-up
    lane.samples.clear()
    for _ in range(plan.count(20, 5)):
        lane.run("none")
        lane.run("shared")
    for _ in range(plan.count(5, 2)):
        lane.run("alone")
        rig.until(lambda: not _in_use(lane))
        lane.server.client.prune_environments()
        lane.run("built", digest="shared")


def _in_use(lane: _Lane) -> bool:
    return any(one.job_ids for one in lane.server.client.environments().environments)


def _figures(lane: _Lane) -> Iterator[Figure]:
    name = f"environments, {lane.engine}"
    samples = lane.samples
    pip = Peer("pip in the job", samples["alone"])
    added = differences(samples["shared"], samples["none"])
    yield Figure(f"{name}: a job without requirements", samples["none"])
    yield Figure(f"{name}: a job with a ready environment", samples["shared"], peer=pip)
    yield Figure(f"{name}: added by the ready environment", added, target=TARGET_MS)
    yield Figure(f"{name}: the first job, with nothing kept", samples["built"], peer=pip)


def _image() -> str | None:
    api = rig.docker_client()
    if api is None:
        return None
    try:
        return rig.find_image(api)
    finally:
        api.close()


@contextmanager
def _lane(engine: str, image: str | None, root: Path) -> Iterator[_Lane]:
    with rig.server({"engine": engine, "docker": {"network": "none"}}) as server:
        requirements = {"none": None, "shared": _SHARED, "alone": _ALONE}
        digests = {
            kind: rig.upload(server.client, _project(root / kind, text), root / f"{kind}.packed")
            for kind, text in requirements.items()
        }
        yield _Lane(engine, image, server, rig.Feed(server), digests)


def _project(directory: Path, requirements: str | None) -> Path:
    wheels = directory / "wheels"
    wheels.mkdir(parents=True)
    for number in range(PACKAGES):
        _write_wheel(wheels, f"package{number:02}")
    main = _MAIN if requirements is None else _MAIN + _REQUIRING
    (directory / "main.py").write_text(main, encoding="utf-8")
    if requirements is not None:
        (directory / "requirements.txt").write_text(requirements, encoding="utf-8")
    return directory


def _write_wheel(folder: Path, name: str) -> None:
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", "")
        for number in range(MODULES):
            code = f"def f(x):\n    return x + {number}\n" * 20
            wheel.writestr(f"{name}/module{number:02}.py", code)
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        wheel.writestr(f"{info}/METADATA", metadata)
        tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        wheel.writestr(f"{info}/WHEEL", tags)
        wheel.writestr(f"{info}/RECORD", "")
