"""What a running job uses is sampled, also across a restart of the server."""

from __future__ import annotations

import json

from foundations.models import MetricSummary
from tests.e2e.driver import Scheduler
from tests.e2e.engines import Make
from tests.e2e.projects import until, write_project

MAIN = """
import time

import foundations

foundations.log_metric("loss", 0.5)
held = bytearray(b"x" * 50_000_000)
while not foundations.should_stop():
    time.sleep(0.001)
"""


def measured(scheduler: Scheduler, job_id: str) -> dict[str, MetricSummary]:
    return {one.name: one for one in scheduler.job(job_id).system_series}


def samples(scheduler: Scheduler, job_id: str) -> int:
    found = measured(scheduler, job_id).get("system/cpu_seconds")
    return 0 if found is None else found.count


def test_samples_go_on_after_the_server_was_killed(make: Make) -> None:
    scheduler = make(system_metrics_seconds=0.2)
    scheduler.start()
    project = write_project(scheduler.root / "busy", {"main.py": MAIN})
    job_id = scheduler.submit(project)
    until(lambda: samples(scheduler, job_id) >= 3, "the job was sampled three times")
    scheduler.kill()
    scheduler.start()
    before = samples(scheduler, job_id)
    until(lambda: samples(scheduler, job_id) >= before + 2, "samples go on")

    series = measured(scheduler, job_id)
    peak = series["system/memory_peak_bytes"]
    assert peak.max is not None
    assert 50_000_000 <= peak.max < 300_000_000
    assert (series["system/cpu_percent"].max or 0) > 0
    assert (series["system/threads"].min or 0) >= 1
    command = ("metrics", "job", "scheduler", job_id, "--system", "cpu_seconds", "--json")
    (course,) = json.loads(scheduler.cli(*command).out)
    steps = [point["step"] for point in course["points"]]
    assert steps == sorted(steps)
    listed = next(one for one in scheduler.listed() if one["job_id"] == job_id)
    assert listed["metrics"] == {"loss": 0.5}
    found = scheduler.cli("list", "jobs", "-f", "metric.system/memory_peak_bytes > 5e7", "--json")
    assert [one["job_id"] for one in json.loads(found.out)] == [job_id]
    scheduler.cli("stop", "job", "scheduler", job_id)
    assert scheduler.wait(job_id).state == "stopped"
