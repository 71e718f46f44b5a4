"""Figure 2: a job of `true`, through Atlas and through the bare Docker SDK in turns."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench import bare_docker, rig
from bench.measure import Figure, Peer, Plan, Result, differences

NETWORKS = ("bridge", "none")
TARGET_MS = 20.0
"""What Atlas may add to the engine's own time; nothing with prepared containers."""
_PREPARED = "-prepared-"
"""In the names of containers that no job has yet."""


@dataclass
class _Lane:
    """One network: the server that uses it, and what was measured."""

    network: str
    prepared: bool
    """Whether the scheduler keeps a container ready."""
    server: rig.Server
    feed: rig.Feed
    digest: str
    atlas: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    phases: dict[str, list[float]] = field(default_factory=dict)

    def note(self, phases: Mapping[str, float]) -> None:
        for name, took_ms in phases.items():
            self.phases.setdefault(name, []).append(took_ms)


def run(plan: Plan) -> Result:
    """Run both in turns, so that both meet the same noise."""
    api = rig.docker_client()
    if api is None:
        return Result(notes=["true_end_to_end: not measured, no Docker engine answers."])
    image = rig.find_image(api)
    if image is None:
        return Result(notes=[f"true_end_to_end: not measured, none of {rig.IMAGES} is here."])
    with ExitStack() as stack:
        stack.callback(api.close)
        root = stack.enter_context(rig.workspace())
        kinds = [(network, prepared) for network in NETWORKS for prepared in (False, True)]
        lanes = [stack.enter_context(_lane(*kind, root)) for kind in kinds]
        for number in range(plan.count(80, 6) + 1):
            for lane in lanes:
                bare = partial(
                    bare_docker.run_true,
                    api,
                    lane.server,
                    network=lane.network,
                    image=image,
                    root=root,
                )
                # Whoever comes first finds the engine rested: now one does, and now the other.
                if number % 2:
                    steps, (took_ms, phases) = bare(), _through_atlas(lane, image)
                else:
                    (took_ms, phases), steps = _through_atlas(lane, image), bare()
                if number:  # the first of each is a warm-up
                    lane.atlas.append(took_ms)
                    lane.floor.append(sum(steps.values()))
                    lane.note({**phases, **steps})
        rows = [figure for lane in lanes for figure in _figures(lane, verbose=plan.verbose)]
    return Result(rows)


def _figures(lane: _Lane, *, verbose: bool) -> Iterator[Figure]:
    name = f"true, network {lane.network}{', prepared' if lane.prepared else ''}"
    target_ms = 0.0 if lane.prepared else TARGET_MS
    peer = Peer("bare SDK", lane.floor)
    yield Figure(f"{name}: through Atlas", lane.atlas, peer=peer)
    yield Figure(f"{name}: added by Atlas", differences(lane.atlas, lane.floor), target=target_ms)
    lasting = [
        whole - step
        for whole, step in zip(lane.floor, lane.phases[bare_docker.REMOVAL], strict=True)
    ]
    yield Figure(f"{name}: added, without the SDK's removal", differences(lane.atlas, lasting))
    if verbose:
        yield from (Figure(f"  {what}", samples) for what, samples in lane.phases.items())


@contextmanager
def _lane(network: str, prepared: bool, root: Path) -> Iterator[_Lane]:
    settings = {"engine": "docker", "docker": {"network": network, "prepared": int(prepared)}}
    with rig.server(settings) as server:
        own = root / server.instance
        project = rig.make_project(own / "project")
        digest = rig.upload(server.client, project, own / "packed")
        yield _Lane(network, prepared, server, rig.Feed(server), digest)


def _through_atlas(lane: _Lane, image: str) -> tuple[float, dict[str, float]]:
    """Run one job; returns the time to the news of its end, and its parts."""
    client = lane.server.client
    began, began_at = time.perf_counter(), time.time()
    job = client.submit(rig.true_job(lane.digest, image=image), idempotency_key=str(uuid.uuid4()))
    end = lane.feed.wait_final(job.job_id)
    took_ms = (end.at - began) * 1000
    if end.change.state != "completed":
        raise RuntimeError(f"the job is {end.change.state}: {client.job(job.job_id).reason}")
    lane.server.wait_archived(job.job_id)
    filters = {"label": f"{rig.INSTANCE_LABEL}={lane.server.instance}"}
    ready = [True] if lane.prepared else []
    rig.until(lambda: [_PREPARED in name for name in _containers(filters)] == ready)
    seen = lane.feed.of_job(job.job_id)
    claimed, started = rig.named(seen, "Claimed"), rig.named(seen, "Started")
    claimed_at = claimed.change.at.timestamp()
    exited_at = end.change.at.timestamp()
    return took_ms, {
        "Atlas: call to claim": (claimed_at - began_at) * 1000,
        "Atlas: claim to process": (started.change.at.timestamp() - claimed_at) * 1000,
        "Atlas: process to its end": (exited_at - started.change.at.timestamp()) * 1000,
        "Atlas: end to news of it": took_ms - (exited_at - began_at) * 1000,
    }


def _containers(filters: dict[str, str]) -> list[str]:
    """Name the containers there are."""
    api = rig.docker_client()
    if api is None:
        raise RuntimeError("the Docker engine went away")
    try:
        return [str(one["Names"][0]) for one in api.containers(all=True, filters=filters)]
    finally:
        api.close()
