"""A scheduler on another machine: everything works there as it does at home, by HTTP and by TLS.

Both machines are this one, with two homes; the server is asked by TCP only.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.driver import Done, Scheduler
from tests.e2e.ports import assert_carries, forwarded, serve
from tests.e2e.projects import until, write_project
from tests.tui.terminal import atlas

MAIN = """\
import foundations

print("hello from afar", flush=True)
foundations.log_metric("loss", 0.5)
open("model.txt", "w").write("weights")
foundations.save_artifact("model.txt")
"""
STEPS = """\
import time
from pathlib import Path

for step in range(1000):
    print("step", step, flush=True)
    if step == 500:
        while not Path("go").exists():
            time.sleep(0.02)
"""
SEED = """\
cache_config:
  end_point: /cache_end_point
container_config_root: /home/x/.foundations/config/local_docker_scheduler/worker_config
job_deployment_env: local_docker_scheduler_plugin
job_results_root: /home/x/.foundations/job_data
scheduler_url: {url}
working_dir_root: /home/x/.foundations/local_docker_scheduler/work_dir
"""
CONFIGS = ("aws", "lab")
"""By plain HTTP with the original's file, and by TLS with a pin."""
each = pytest.mark.parametrize("name", CONFIGS)


@dataclass
class Away:
    """A user's machine, and the scheduler on the other one."""

    scheduler: Scheduler
    home: Path
    urls: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        return {"FOUNDATIONS_HOME": str(self.home)}

    def cli(self, *words: str, code: int = 0, cwd: Path | None = None, **environment: str) -> Done:
        return self.scheduler.cli(
            *words, code=code, cwd=cwd, environment={**self.environment, **environment}
        )

    def config(self, name: str) -> Path:
        return self.home / "config" / "submission" / f"{name}.config.yaml"

    def token(self, name: str, *options: str) -> str:
        return self.scheduler.server("token", "create", name, *options).out.strip()

    def login(self, scheduler: str, token: str, code: int = 0) -> Done:
        done = subprocess.run(
            ["foundations", "login", scheduler],
            env={**self.scheduler.environment, **self.environment},
            input=token.encode() + b"\n",
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Away]:
    root = tmp_path_factory.mktemp("remote")
    scheduler = Scheduler(
        root, "process", max_running_jobs=4, listen=["http://127.0.0.1:0", "https://127.0.0.1:0"]
    )
    try:
        made = json.loads(scheduler.server("tls-init", "--json").out)
        scheduler.start()
        found = json.loads(scheduler.server("status", "--json").out)["listening"]
        away = Away(scheduler, root / "away", dict(zip(CONFIGS, found, strict=True)))
        away.config("aws").parent.mkdir(parents=True)
        away.config("aws").write_text(SEED.format(url=away.urls["aws"]))
        away.cli("config", "add", "lab", away.urls["lab"], "--fingerprint", made["fingerprint"])
        token = away.token("laptop", "--user", "ada")
        for name in CONFIGS:
            away.login(name, token)
        yield away
    finally:
        scheduler.close()


@each
def test_a_job_is_submitted_followed_and_retrieved_as_at_home(
    away: Away, tmp_path: Path, name: str
) -> None:
    project = write_project(tmp_path / "digits", {"main.py": MAIN})

    lines = away.cli("submit", name, ".", cwd=project).lines

    submitted = next(line for line in lines if "Job submitted with ID" in line)
    job_id = re.findall(r"[0-9a-f-]{36}", submitted)[0]
    assert "hello from afar" in lines
    assert lines[-1] == f"Foundations INFO: Job '{job_id}' has completed."
    assert "hello from afar" in away.cli("get", "logs", name, job_id).lines
    away.cli("get", "job", name, job_id, "--save-dir", str(tmp_path))
    assert (tmp_path / job_id / "artifacts" / "model.txt").read_text() == "weights"
    assert away.cli("get", "artifact", name, job_id, "model.txt", "-o", "-").out == "weights"
    job = json.loads(away.cli("show", "job", name, job_id, "--json").out)
    assert job["user"] == "ada"
    away.cli("config", "default", name)
    try:
        assert "hello from afar" in away.cli("get", "logs", job_id).lines
        assert away.cli("submit", ".", "--detach", cwd=project).out.strip() != job_id
        assert job_id in away.cli("list", "jobs", "--json").out
    finally:
        away.cli("config", "default", "--unset")


@each
def test_a_command_runs_beside_a_job_and_the_job_is_stopped(
    away: Away, tmp_path: Path, name: str
) -> None:
    project = write_project(tmp_path / "waits", {"main.py": "import time\ntime.sleep(600)\n"})
    job_id = away.cli("submit", name, str(project), "--detach").out.strip()
    away.scheduler.wait_for(job_id, "running")

    done = away.cli(
        "exec", "job", name, job_id, "--", "sh", "-c", "echo $FOUNDATIONS_JOB_ID; exit 3", code=3
    )

    assert done.out.strip() == job_id
    away.cli("stop", "job", name, job_id)
    assert away.scheduler.job(job_id).state == "stopped"


@each
def test_a_port_of_a_job_is_reached_with_every_byte_both_ways(away: Away, name: str) -> None:
    job_id, port = serve(away.scheduler, f"serving-{name}", by=name, **away.environment)
    with forwarded(away.scheduler, job_id, port, by=name, **away.environment) as (process, local):
        assert_carries(local)
        away.scheduler.cli("stop", "job", "scheduler", job_id)
        assert process.wait(60) == 3


@each
def test_a_log_that_is_followed_goes_on_where_it_was_when_the_server_was_started_again(
    away: Away, tmp_path: Path, name: str
) -> None:
    port = int(away.urls[name].rpartition(":")[2])
    project = write_project(tmp_path / "steps", {"main.py": STEPS})
    job_id = away.cli("submit", name, str(project), "--detach").out.strip()
    follow = ["foundations", "get", "logs", name, job_id, "--follow"]
    out = tmp_path / "followed"
    with (
        out.open("wb") as file,
        subprocess.Popen(
            follow,
            env={**away.scheduler.environment, **away.environment},
            stdout=file,
            stderr=subprocess.PIPE,
        ) as following,
    ):
        try:
            until(lambda: b"step 400\n" in out.read_bytes(), "the log is followed")
            away.scheduler.server("stop")
            scheme = away.urls[name].partition("://")[0]
            others = [url for other, url in away.urls.items() if other != name]
            words = [f"--listen={one}" for one in (f"{scheme}://127.0.0.1:{port}", *others)]
            away.scheduler.server("start", "--detach", *words)
            (away.scheduler.home.job_dir(job_id) / "job_source" / "go").touch()
            assert following.wait(60) == 0
        finally:
            if following.poll() is None:
                following.kill()
    assert out.read_text() == away.scheduler.log(job_id)
    assert out.read_text().count("step ") == 1000


def test_the_control_center_shows_another_machines_jobs_and_all_schedulers(
    away: Away, tmp_path: Path
) -> None:
    project = write_project(tmp_path / "seen-from-afar", {"main.py": "print('seen')\n"})
    away.cli("submit", "lab", str(project))
    with atlas(away.home, "lab") as terminal:
        terminal.until_seen("seen-from-afar")
        terminal.type("@")
        terminal.until_seen("aws")
        terminal.until_seen("process, ")


def test_all_schedulers_are_listed_with_their_versions(away: Away) -> None:
    rows = json.loads(away.cli("info", "--env", "--json").out)
    found = {row["env_name"]: row for row in rows}
    assert found.keys() == {"aws", "lab", "scheduler"}
    for name in CONFIGS:
        assert (found[name]["reachable"], found[name]["problem"]) == (True, None)
        assert (
            found[name]["version"]
            == json.loads(away.scheduler.server("status", "--json").out)["version"]
        )
        assert found[name]["env_path"] == str(away.config(name))
    assert not found["scheduler"]["reachable"]
    assert "cache_config" in found["aws"]["note"]
    tested = away.cli("config", "test", "lab").out
    assert "It knows you as ada, role submit." in tested


# -- signing in


def test_a_token_is_tried_before_it_is_kept_and_nobody_else_can_read_it(away: Away) -> None:
    for name in CONFIGS:
        assert away.config(name).stat().st_mode & 0o777 == 0o600
    away.cli("config", "add", "other", away.urls["aws"])
    before = away.config("other").read_text()

    told = away.login("other", "atlas_00000000_" + "x" * 43, code=1)

    assert "does not know this token" in told.err
    assert away.config("other").read_text() == before
    secret = away.token("short-lived", "--user", "eve", "--role", "read")
    signed = away.login("other", secret)
    assert signed.out == (
        f"Signed in at {away.urls['aws']} as eve, role read. The token is in "
        f"{away.config('other')}.\n"
    )
    assert secret not in signed.out + signed.err
    assert away.config("other").read_text() == f'{before}token: "{secret}"\n'
    away.cli("list", "jobs", "other")
    refused = away.cli("clear-queue", "other", code=1).err
    assert "This takes a token with the role `submit`; yours has the role `read`." in refused
    away.cli("logout", "other")
    assert away.config("other").read_text() == before
    assert "foundations login" in away.cli("list", "jobs", "other", code=1).err
    tested = json.loads(away.cli("config", "test", "other", "--json", code=1).out)
    assert (tested["reachable"], tested["user"]) == (True, None)
    away.cli("list", "jobs", "other", FOUNDATIONS_TOKEN=secret)
    away.scheduler.server("token", "revoke", "short-lived")
    ended = away.cli("list", "jobs", "other", code=1, FOUNDATIONS_TOKEN=secret).err
    assert "was revoked" in ended
    away.cli("config", "remove", "other")


def test_a_scheduler_that_knows_one_by_ones_account_takes_no_token(away: Away) -> None:
    told = away.login("scheduler", "atlas_x", code=1)
    assert told.err == (
        "Error: `scheduler` needs no token: its scheduler knows you by your account there.\n"
    )


def test_a_pin_of_another_scheduler_is_refused_before_the_token_goes_anywhere(
    away: Away,
) -> None:
    text = away.config("lab").read_text()
    pinned = re.findall(r'tls_fingerprint: "([0-9A-F:]+)"', text)[0]
    other = away.config("wrong")
    other.touch(0o600)
    other.write_text(text.replace(pinned, ":".join(["00"] * 32)))
    told = away.cli("list", "jobs", "wrong", code=1).err
    assert "is not the one that `tls_fingerprint` pins, so nothing was sent" in told
    assert pinned in told
    other.unlink()
