"""Figure 18: an array of 100 jobs of `true`, two at a time, beside bare loops and other queues."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import bare_docker, queue_peers, rig
from bench.measure import Figure, Peer, Plan, Result
from foundations.models import NewArray

SLOTS = 2
NETWORK = "bridge"
TARGET_SHARE = 90.0
"""Of the bare loop's throughput, in percent."""
_SLURM_JOBS = 20
"""Slurm starts what waits once a second: more jobs would say the same."""


def run(plan: Plan) -> Result:
    """Run one array after the other, with pieces of the bare loop between them."""
    count = plan.count(100, 20)
    with rig.workspace() as root:
        figures = [*_in_containers(count, root), *_as_processes(count, root)]
    return Result(figures, tuple(_left_out(figures)))


def _in_containers(count: int, root: Path) -> Iterator[Figure]:
    api = rig.docker_client()
    image = None if api is None else rig.find_image(api)
    if api is None or image is None:
        return
    kinds: dict[str, dict[str, Any]] = {"": {}, ", prepared": {"prepared": SLOTS}}
    found: dict[str, float] = {}
    bare: list[float] = []
    with _server({"engine": "docker", "docker": {"network": NETWORK}}) as idle:
        _array(idle, root / "warm", 2, image=image)
        bare.append(_bare_per_second(count // 2, idle, image, root))
        for kind, settings in kinds.items():
            docker_settings = {"network": NETWORK, **settings}
            with _server({"engine": "docker", "docker": docker_settings}) as server:
                found[kind] = _array(server, root / f"project{len(kind)}", count, image=image)
            bare.append(_bare_per_second(count // 2, idle, image, root))
    api.close()
    for number, (kind, per_second) in enumerate(found.items()):
        # What was measured just before and just after it.
        beside = (bare[number] + bare[number + 1]) / 2
        name = f"array in containers{kind}"
        peer = Peer("bare SDK, two at a time", [beside])
        yield Figure(f"{name}: jobs", [per_second], unit="1/s", at_least=True, peer=peer)
        share = 100 * per_second / beside
        target = TARGET_SHARE
        yield Figure(f"{name}: of the bare SDK's", [share], unit="%", at_least=True, target=target)


def _as_processes(count: int, root: Path) -> Iterator[Figure]:
    with _server({"engine": "process"}) as server:
        _array(server, root / "warm-processes", 2)
        ours = _array(server, root / "processes", count)
    others = {
        "task-spooler": (count, queue_peers.task_spooler_seconds),
        "Slurm": (_SLURM_JOBS, queue_peers.slurm_seconds),
    }
    name = "array of processes: jobs"
    alone = True
    for other, (jobs, measure) in others.items():
        seconds = measure(jobs, slots=SLOTS, root=root)
        if seconds is not None:
            alone = False
            peer = Peer(other, [jobs / seconds])
            yield Figure(name, [ours], unit="1/s", at_least=True, peer=peer)
    if alone:
        yield Figure(name, [ours], unit="1/s", at_least=True)


def _left_out(figures: list[Figure]) -> Iterator[str]:
    named = " ".join(figure.peer.what for figure in figures if figure.peer is not None)
    for peer, packages in (
        ("bare SDK", "a Docker engine with one of the images of the benchmarks"),
        ("task-spooler", "the Debian package task-spooler"),
        ("Slurm", "the Debian packages slurmctld, slurmd and slurm-client, and root"),
    ):
        if peer not in named:
            yield f"array: {peer} is left out; it needs {packages}."


@contextmanager
def _server(settings: Mapping[str, Any]) -> Iterator[rig.Server]:
    with rig.server({"max_running_jobs": SLOTS, **settings}) as server:
        yield server


def _array(server: rig.Server, project: Path, count: int, *, image: str | None = None) -> float:
    """Submit an array, and return how many of its jobs ended a second, to the last one's end."""
    digest = rig.upload(server.client, rig.make_project(project), project.with_suffix(".tar.gz"))
    feed = rig.Feed(server)
    wanted = NewArray(submission=rig.true_job(digest, image=image), indices=f"0-{count - 1}")
    began = time.perf_counter()
    array = server.client.submit_array(wanted)
    ended_at = feed.wait_all_final(count)
    per_second = count / (ended_at - began)
    states = server.client.array(array.array_id).states
    if {state for state, jobs in states.items() if jobs} != {"completed"}:
        raise RuntimeError(f"the jobs of the array ended otherwise: {states}")
    return per_second


def _bare_per_second(count: int, server: rig.Server, image: str, root: Path) -> float:
    """Run so many containers with the SDK, as many at a time as the scheduler."""
    apis = [rig.docker_client() for _ in range(SLOTS)]

    def loop(number: int) -> None:
        api = apis[number]
        assert api is not None
        for _ in range(count // SLOTS):
            bare_docker.run_true(api, server, network=NETWORK, image=image, root=root)

    began = time.perf_counter()
    with ThreadPoolExecutor(SLOTS) as pool:
        list(pool.map(loop, range(SLOTS)))
    per_second = count / (time.perf_counter() - began)
    for api in apis:
        assert api is not None
        api.close()
    return per_second
