"""`atlas-server hook test`, and a server that tells its hooks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from atlas_scheduler.__main__ import cli
from foundations.errors import ConfigError
from foundations.home import Home
from tests.e2e.driver import Scheduler
from tests.e2e.processes import kill_jobs
from tests.e2e.projects import until, write_project


def test_every_hook_is_told_of_a_made_up_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    monkeypatch.setenv("FOUNDATIONS_HOME", str(home.root))
    none = CliRunner().invoke(cli, ["hook", "test"])
    assert isinstance(none.exception, ConfigError)
    assert str(none.exception) == f"There are no hooks in {home.server_config}."

    home.server_config.parent.mkdir()
    commands = [{"run": ["sh", "-c", f"cat > {tmp_path}/told"]}, {"run": ["false"]}]
    home.server_config.write_text(yaml.safe_dump({"hooks": {"commands": commands}}))
    done = CliRunner().invoke(cli, ["hook", "test"])
    assert done.exit_code == 1
    assert done.output == "command sh: told\ncommand false: not told: exit code 1\n"
    told = json.loads((tmp_path / "told").read_text())
    assert (told["sample"], told["job"]["project"]) == (True, "sample")


def test_a_job_that_ends_is_told_by_the_server_that_runs(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    told = tmp_path / "told"
    run = ["sh", "-c", f"echo $ATLAS_JOB_ID $ATLAS_STATE >> {told}"]
    scheduler = Scheduler(tmp_path / "s", "process", hooks={"commands": [{"run": run}]})
    project = write_project(tmp_path / "fails", {"main.py": "raise SystemExit(3)\n"})
    try:
        scheduler.start()
        job_id = scheduler.submit(project)
        until(told.exists, "the hook was told")
        until(lambda: told.read_text() == f"{job_id} failed\n", "it was told of the job")
        assert 'kind="command",outcome="told"} 1.0' in scheduler.cli("info", "--metrics").out
        assert scheduler.cli("info", "--ready").lines[0] == "Ready:    yes"
    finally:
        kill_jobs(scheduler.home)
        scheduler.close()
