"""A job is repeated, and what differs between the two is shown."""

from __future__ import annotations

import json

from tests.e2e.driver import Scheduler
from tests.e2e.projects import write_project

MAIN = """
import foundations

rate = foundations.load_parameters()["rate"]
foundations.log_metric("loss", rate * 2)
"""


def test_a_job_is_repeated_with_another_parameter_and_compared(shared: Scheduler) -> None:
    project = write_project(shared.root / "repeated", {"main.py": MAIN})
    first = shared.submit(project, options=["-p", "rate=1"])
    shared.wait(first)
    (project / "main.py").write_text(MAIN.replace("* 2", "* 3"))

    again = shared.cli("rerun", "job", "scheduler", first, "-p", "rate=5", "--detach").out.strip()
    here = shared.cli("rerun", "job", "scheduler", first, "--here", "--detach", cwd=project)

    repeated, changed = shared.wait(again), shared.wait(here.out.strip())
    assert (repeated.state, repeated.metrics) == ("completed", {"loss": 10})
    assert (changed.state, changed.metrics) == ("completed", {"loss": 3})
    assert repeated.spec.rerun_of == changed.spec.rerun_of == first
    assert repeated.bundle == shared.job(first).bundle
    assert changed.bundle != repeated.bundle
    command = ["diff", "jobs", "scheduler", first, here.out.strip(), "--source", "--json"]
    document = json.loads(shared.cli(*command).out)
    names = {row["name"]: row["delta"] for row in document["differences"]}
    assert names["metric.loss"] == 1
    assert "bundle" in names
    assert "param.rate" not in names
    (file,) = document["source"]["files"]
    assert '-foundations.log_metric("loss", rate * 2)\n+' in file["diff"]
    table = shared.cli("compare", "jobs", "scheduler", first, again, "--csv").lines
    assert "param.rate" in table[0]
