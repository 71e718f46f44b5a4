"""Many clients at once: submissions, readers of a log, and a quiet client beside a noisy one."""

from __future__ import annotations

import asyncio
import hashlib
import math
import multiprocessing
import socket
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

from bench import measure, rig
from bench.measure import Figure, Peer, Plan, Result, milliseconds_since, timed
from foundations import AsyncClient, Client
from foundations.models import JobSpec, NewToken, Role, Submission, TokenLimits

SUBMITS, SUBMIT_P95_MS = 500, 5000.0
FOLLOWERS, STALLED = 200, 20
NOISE_CONNECTIONS = 8
NOISE_RATIO = 2.0
_WRITER = """
import sys, time
for block in range(int(sys.argv[1])):
    for line in range(1000):
        print(f"{block} {line} " + "x" * 88)
    sys.stdout.flush()
    time.sleep(0.1)
"""


def run(plan: Plan) -> Result:
    """Measure on one server, whose only slot is taken for the submissions."""
    address = f"127.0.0.1:{_free_port()}"
    settings = {"engine": "process", "listen": [address]}
    with rig.workspace() as root, rig.server(settings) as server:
        (root / "writer").mkdir()
        (root / "writer" / "main.py").write_text(_WRITER, encoding="utf-8")
        digest = rig.upload(server.client, root / "writer", root / "packed")
        readers = _readers(server, digest, plan.count(50, 20))
        rig.hold_the_slot(server, digest)
        submits = _submits(server, digest)
        quiet, computing, beside = _quiet(server, f"http://{address}", plan.count(1000, 300))
    alone = Peer("alone", quiet)
    return Result(
        [
            Figure(
                f"crowd: {SUBMITS} submissions at once, until each has its 201",
                submits,
                target=SUBMIT_P95_MS,
                by_p95=True,
            ),
            *readers,
            Figure(
                "crowd: a job shown, beside a process that only computes", computing, peer=alone
            ),
            Figure(
                f"crowd: a job shown, beside {NOISE_CONNECTIONS} connections that list jobs",
                beside,
                peer=alone,
            ),
            Figure(
                "crowd: the slowest of 100, beside computing, by the slowest alone",
                [_slowest(computing) / _slowest(quiet)],
                unit="x",
            ),
            Figure(
                "crowd: the slowest of 100, beside these connections, by the slowest alone",
                [_slowest(beside) / _slowest(quiet)],
                unit="x",
                target=NOISE_RATIO,
            ),
        ]
    )


# -- submissions


def _submits(server: rig.Server, digest: str) -> list[float]:
    measure.say(f"crowd: {SUBMITS} submissions …")
    wanted = Submission(spec=JobSpec(project="crowd"), bundle=digest, hold=True)
    taken: list[float] = []

    async def one(client: AsyncClient) -> None:
        began = time.perf_counter()
        await client.submit(wanted, idempotency_key=str(uuid.uuid4()))
        taken.append(milliseconds_since(began))

    async def all_of_them() -> None:
        async with AsyncExitStack() as stack:
            # One client has at most a hundred connections, and spends its time on who waits.
            url = f"unix://{server.home.socket}"
            clients = [await stack.enter_async_context(AsyncClient(url)) for _ in range(10)]
            await asyncio.gather(*(one(clients[n % len(clients)]) for n in range(SUBMITS)))

    asyncio.run(all_of_them())
    return taken


# -- readers


def _readers(server: rig.Server, digest: str, blocks: int) -> list[Figure]:
    measure.say(f"crowd: {FOLLOWERS} readers …")
    client = server.client
    spec = JobSpec(
        project="bench", entrypoint=(sys.executable, "-S", "main.py"), command=(str(blocks),)
    )
    before = _memory_mib(server.pid)
    job_id = client.submit(Submission(spec=spec, bundle=digest)).job_id
    digests, behind, most = asyncio.run(_follow(server, job_id))
    whole = b"".join(client.logs(job_id))
    right = hashlib.sha256(whole).hexdigest()
    wrong = sum(one != right for one in digests)
    what = f"crowd: {FOLLOWERS} readers of {len(whole) / 1e6:.0f} MB, {STALLED} of them stalled"
    return [
        Figure(f"{what}, not whole", [wrong], unit="1", target=0.0),
        Figure(f"{what}, end of the job to the last live one's end", [behind], target=1000.0),
        Figure(f"{what}, server memory grows by", [most - before], unit="MiB", target=100.0),
    ]


async def _follow(server: rig.Server, job_id: str) -> tuple[list[str], float, float]:
    """Digests of what each got, how late the last live one was, and the server's memory."""
    go_on = asyncio.Event()

    async def follow(client: AsyncClient, *, stalls: bool) -> str:
        found = hashlib.sha256()
        async for piece in client.logs(job_id, follow=True):
            found.update(piece)
            if stalls:
                await go_on.wait()
        return found.hexdigest()

    async with AsyncExitStack() as stack:
        url = f"unix://{server.home.socket}"
        clients = [await stack.enter_async_context(AsyncClient(url)) for _ in range(FOLLOWERS)]
        tasks = [
            asyncio.create_task(follow(client, stalls=number < STALLED))
            for number, client in enumerate(clients)
        ]
        await clients[0].wait(job_id)
        ended = time.perf_counter()
        live = await asyncio.gather(*tasks[STALLED:])
        behind, most = milliseconds_since(ended), _memory_mib(server.pid)
        go_on.set()
        return [*live, *(await asyncio.gather(*tasks[:STALLED]))], behind, most


def _memory_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the server is gone")


# -- a quiet client


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def _slowest(samples: list[float]) -> float:
    """What 99 of 100 samples keep to."""
    return sorted(samples)[math.ceil(0.99 * len(samples)) - 1]


def _secret(server: rig.Server, user: str) -> str:
    """A token of a user without limits, so that nothing else keeps its noise down."""
    limits = TokenLimits(requests_per_minute=1_000_000)
    wanted = NewToken(name=user, user=user, role=Role.READ, limits=limits)
    return server.client.create_token(wanted).secret


def _quiet(
    server: rig.Server, url: str, count: int
) -> tuple[list[float], list[float], list[float]]:
    """How long a quiet client waits: alone, beside a process that computes, and a noisy client."""
    measure.say("crowd: a quiet client …")
    job_id = server.client.jobs(limit=1).jobs[0].job_id
    with Client(url, token=_secret(server, "quiet")) as client:
        alone = _asked(client, job_id, count)
        with _beside(compute):
            computing = _asked(client, job_id, count)
        with _beside(make_noise, url, _secret(server, "noisy")):
            beside = _asked(client, job_id, count)
    return alone, computing, beside


@contextmanager
def _beside(work: Callable[..., None], *arguments: str) -> Iterator[None]:
    """Let another process do something meanwhile; it says when it has begun, and is told to end."""
    spawn = multiprocessing.get_context("spawn")
    ready, enough = spawn.Event(), spawn.Event()
    other = spawn.Process(target=work, args=(*arguments, ready, enough))
    other.start()
    try:
        ready.wait()
        yield
    finally:
        enough.set()
        other.join()


def compute(ready: Event, enough: Event) -> None:
    """Keep a processor busy until it is enough, and ask the server for nothing."""
    ready.set()
    while not enough.is_set():
        sum(range(10_000))


def _asked(client: Client, job_id: str, count: int) -> list[float]:
    taken: list[float] = []
    for _ in range(count):
        with timed(taken):
            client.job(job_id)
        time.sleep(0.01)
    return taken


def make_noise(url: str, token: str, ready: Event, enough: Event) -> None:
    """List jobs over and over, on several connections, until it is enough."""

    async def ask(client: AsyncClient) -> None:
        while not enough.is_set():
            await client.jobs(limit=100)
            ready.set()

    async def all_of_them() -> None:
        async with AsyncClient(url, token=token) as client:
            await asyncio.gather(*(ask(client) for _ in range(NOISE_CONNECTIONS)))

    asyncio.run(all_of_them())
