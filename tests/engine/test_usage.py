"""What running attempts use: one suite for every engine, and Docker's answers in all shapes."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from atlas_scheduler.core.usage import Usage
from atlas_scheduler.engine.container_usage import Limits, usage_from
from atlas_scheduler.engine.port import AttemptId
from tests.engine.answering import needs_limits, needs_measures
from tests.engine.rig import DEADLINE_SECONDS, DockerRig, ProcessRig, Rig

pytestmark = pytest.mark.anyio

BURNS = "import threading\nwhile True: pass"
HOLDS_50_MB = "import time; held = bytearray(b'x' * 50_000_000); time.sleep(120)"


async def use_of(rig: Rig, attempt: AttemptId, **at_least: float) -> Usage:
    """Ask until an attempt uses at least so much of everything named."""
    if rig.is_docker:
        needs_measures()
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        found = (await rig.engine.usage([attempt])).get(attempt)
        if found is not None and all(
            (getattr(found, name) or 0) >= amount for name, amount in at_least.items()
        ):
            return found
        assert time.monotonic() < deadline, f"it does not use that much: {found}"
        await asyncio.sleep(0.05)


async def test_a_job_that_computes_uses_the_processor(rig: Rig) -> None:
    launch = rig.python(BURNS)
    await rig.begin(launch)
    first = await use_of(rig, launch.attempt, cpu_seconds=0.2)
    second = await use_of(rig, launch.attempt, cpu_seconds=first.cpu_seconds + 0.2)
    assert second.at_ms > first.at_ms
    assert (second.threads or 0) >= 1


async def test_what_its_children_used_counts_when_they_have_ended(rig: Rig) -> None:
    burn = "import time; end = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
    code = f"import subprocess, sys, time; subprocess.run([sys.executable, '-c', {burn!r}])"
    launch = rig.python(f"{code}; time.sleep(120)")
    await rig.begin(launch)
    found = await use_of(rig, launch.attempt, cpu_seconds=0.5)
    assert found.cpu_seconds < 10


async def test_a_job_that_holds_memory_shows_it(rig: Rig) -> None:
    launch = rig.python(HOLDS_50_MB)
    await rig.begin(launch)
    found = await use_of(rig, launch.attempt, memory_bytes=50_000_000)
    assert found.memory_bytes is not None
    assert found.memory_bytes < 150_000_000


async def test_many_jobs_are_asked_about_in_one_go_and_those_that_do_not_run_are_left_out(
    rig: Rig,
) -> None:
    running = [rig.python("import time; time.sleep(120)") for _ in range(3)]
    ended = rig.python("pass")
    for launch in running:
        await rig.begin(launch)
    await rig.run(ended)
    never = AttemptId(rig.instance, "45540b52-ffe2-44ab-9838-db467d3499c0", 1)
    for launch in running:
        await use_of(rig, launch.attempt)
    asked = [*(launch.attempt for launch in running), ended.attempt, never]
    found = await rig.engine.usage(asked)
    assert set(found) == {launch.attempt for launch in running}
    assert await rig.engine.usage([]) == {}


async def test_a_later_process_of_the_server_can_ask_too(rig: Rig) -> None:
    launch = rig.python(HOLDS_50_MB)
    await rig.begin(launch)
    await rig.restart()
    await use_of(rig, launch.attempt, memory_bytes=50_000_000)


@pytest.mark.docker
async def test_docker_tells_the_limits_of_a_job(docker_rig: DockerRig) -> None:
    needs_limits("memory", "cpus")
    launch = docker_rig.python(HOLDS_50_MB, cpus=0.5, ram_bytes=200_000_000)
    await docker_rig.begin(launch)
    found = await use_of(docker_rig, launch.attempt, memory_bytes=50_000_000)
    assert found.cpu_limit == 0.5
    assert found.memory_limit_bytes == pytest.approx(200_000_000, abs=8_192)  # whole pages
    assert found.network_receive_bytes is None  # these jobs have no network


async def test_the_process_engine_counts_what_a_job_left_running_out_of_its_group(
    process_rig: ProcessRig,
) -> None:
    stray = f"import os; os.setsid(); {HOLDS_50_MB}"
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {stray!r}])"
    parent = f"import subprocess, sys, time; subprocess.run([sys.executable, '-c', {code!r}])"
    launch = process_rig.python(f"{parent}; time.sleep(120)")
    await process_rig.begin(launch)
    found = await use_of(process_rig, launch.attempt, memory_bytes=50_000_000)
    assert found.threads == 2
    assert found.disk_write_bytes is not None
    assert (found.cpu_limit, found.memory_limit_bytes) == (None, None)


# -- Docker's answers


def statistics(**changed: Any) -> dict[str, Any]:
    return {
        "read": "2026-01-31T12:00:00.5Z",
        "cpu_stats": {"cpu_usage": {"total_usage": 1_500_000_000}},
        "memory_stats": {"usage": 1_000, "stats": {"inactive_file": 300}},
        "pids_stats": {"current": 4},
        "blkio_stats": {"io_service_bytes_recursive": None},
        **changed,
    }


def test_statistics_of_cgroup_2_are_read() -> None:
    rows = [
        {"major": 8, "minor": 0, "op": "read", "value": 10},
        {"major": 8, "minor": 0, "op": "write", "value": 20},
        {"major": 8, "minor": 16, "op": "read", "value": 1},
    ]
    networks = {
        "eth0": {"rx_bytes": 5, "tx_bytes": 6},
        "eth1": {"rx_bytes": 50, "tx_bytes": 60},
    }
    blkio = {"io_service_bytes_recursive": rows}
    found = usage_from(
        statistics(blkio_stats=blkio, networks=networks), Limits(cpus=2.0, memory_bytes=5_000)
    )
    assert found == Usage(
        at_ms=1_769_860_800_500,
        cpu_seconds=1.5,
        memory_bytes=700,
        threads=4,
        disk_read_bytes=11,
        disk_write_bytes=20,
        network_receive_bytes=55,
        network_send_bytes=66,
        cpu_limit=2.0,
        memory_limit_bytes=5_000,
    )


def test_statistics_of_cgroup_1_are_read() -> None:
    rows = [{"op": "Read", "value": 10}, {"op": "Write", "value": 20}, {"op": "Total", "value": 30}]
    details = {"inactive_file": 1, "total_inactive_file": 400}
    found = usage_from(
        statistics(
            blkio_stats={"io_service_bytes_recursive": rows},
            memory_stats={"usage": 1_000, "stats": details},
        ),
        Limits(),
    )
    assert found is not None
    assert (found.memory_bytes, found.disk_read_bytes, found.disk_write_bytes) == (600, 10, 20)


def test_what_docker_does_not_count_is_not_known() -> None:
    found = usage_from(
        statistics(blkio_stats={}, pids_stats={}, memory_stats={"stats": {}}), Limits()
    )
    assert found is not None
    assert found.memory_bytes is found.threads is found.disk_read_bytes is None
    assert found.network_send_bytes is None


def test_a_container_that_does_not_run_uses_nothing() -> None:
    stopped = statistics(read="0001-01-01T00:00:00Z", memory_stats={}, pids_stats={})
    assert usage_from(stopped, Limits()) is None


@pytest.mark.parametrize(
    ("config", "limits"),
    [
        ({"NanoCpus": 0, "Memory": 0}, Limits()),
        ({}, Limits()),
        ({"NanoCpus": 1_500_000_000, "Memory": 10}, Limits(cpus=1.5, memory_bytes=10)),
    ],
)
def test_limits_are_read(config: dict[str, int], limits: Limits) -> None:
    assert Limits.from_inspect({"HostConfig": config}) == limits
