"""The server as a service of systemd: the unit is one, and jobs outlive what it does."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from atlas_scheduler.__main__ import cli
from atlas_scheduler.operations.systemd import quoted, unit_text
from foundations.home import Home
from tests.e2e.driver import Scheduler
from tests.e2e.processes import kill_jobs
from tests.e2e.projects import until, write_waiting_project

ODD = 'a home/with "quotes" 100% $HOME \\ é'
ANSWERS = """\
#!/bin/sh
echo "$@" >> "{asked}"
case "$*" in
*Linger*) echo no ;;
*{fails}*) echo "Failed to connect to bus" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("FOUNDATIONS_HOME", str(tmp_path / "home"))
    return tmp_path


def let_systemd_answer(
    user: Path, monkeypatch: pytest.MonkeyPatch, *, fails: str = "nothing"
) -> Path:
    """Let a stand-in for systemd write down what it is asked for."""
    asked = user / "asked"
    (user / "bin").mkdir()
    for name in ("systemctl", "loginctl"):
        program = user / "bin" / name
        program.write_text(ANSWERS.format(asked=asked, fails=fails))
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{user / 'bin'}:{os.environ['PATH']}")
    return asked


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_words_of_the_command_are_quoted_for_systemd() -> None:
    assert quoted('a "b" 5% $x \\') == '"a \\"b\\" 5%% $$x \\\\"'
    with pytest.raises(ValueError, match="not possible in a unit"):
        quoted("a\nExecStartPre=/bin/evil")


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None and os.environ.get("ATLAS_REQUIRE_DOCKER") != "1",
    reason="there is no systemd-analyze",
)
@pytest.mark.parametrize("place", ["home", ODD])
def test_systemd_finds_no_fault_with_the_unit(tmp_path: Path, place: str) -> None:
    home = Home(tmp_path / place)
    home.logs.mkdir(parents=True)
    (tmp_path / "atlas.service").write_text(unit_text(home))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", str(tmp_path / "atlas.service")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )

    about = [line for line in (done.stdout + done.stderr).splitlines() if "atlas" in line]
    assert about == []


def test_only_the_server_itself_is_ended_with_the_service(tmp_path: Path) -> None:
    text = unit_text(Home(tmp_path))

    assert "\nKillMode=process\n" in text
    assert "\nOOMPolicy=continue\n" in text
    assert "\nType=notify\n" in text
    assert f'--home" "{tmp_path}"' in text


def test_the_unit_is_printed_and_nothing_installed(user: Path) -> None:
    done = run("install", "--print")

    assert done.output == unit_text(Home(user / "home"))
    assert not (user / "config").exists()


def test_installing_enables_and_starts_the_service(
    user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = let_systemd_answer(user, monkeypatch)
    done = run("install")

    unit = user / "config" / "systemd" / "user" / "atlas.service"
    assert unit.read_text() == unit_text(Home(user / "home"))
    assert "The Atlas server is running as atlas.service" in done.output
    assert "loginctl enable-linger" in done.output
    assert asked.read_text().splitlines()[:4] == [
        "--user show-environment",
        "--user daemon-reload",
        "--user enable atlas.service",
        "--user restart atlas.service",
    ]

    assert run("uninstall").output == f"Removed {unit}. Running jobs go on.\n"
    assert not unit.exists()
    assert "--user disable --now atlas.service" in asked.read_text()
    assert run("uninstall").output == f"There is no {unit}: nothing to do.\n"


def test_without_a_systemd_that_answers_the_unit_is_written_and_the_rest_is_said(
    user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_systemd_answer(user, monkeypatch, fails="show-environment")
    done = run("install")

    assert done.exit_code == 0
    assert "systemctl --user enable --now atlas.service" in done.output
    assert (user / "config" / "systemd" / "user" / "atlas.service").exists()


def test_what_systemd_says_of_a_failure_is_passed_on(
    user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_systemd_answer(user, monkeypatch, fails="restart")
    done = run("install")

    assert str(done.exception) == (
        "`systemctl --user restart atlas.service` failed: Failed to connect to bus"
    )


def test_a_service_tells_systemd_that_it_is_ready_and_a_restart_leaves_its_jobs_alone(
    tmp_path: Path,
) -> None:
    (tmp_path / "s").mkdir()
    scheduler = Scheduler(tmp_path / "s", "process")
    project = write_waiting_project(tmp_path / "waits", tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind(str(tmp_path / "notify"))
        notices.settimeout(60)
        scheduler.environment["NOTIFY_SOCKET"] = str(tmp_path / "notify")
        try:
            with scheduler.begin("atlas-server", "start") as server:
                assert notices.recv(100).startswith(b"READY=1")
                job_id = scheduler.submit(project)
                until((tmp_path / "started").exists, "the job runs")
                server.terminate()  # what KillMode=process does at a stop
                assert server.wait(timeout=20) == 0
            with scheduler.begin("atlas-server", "start"):
                assert notices.recv(100).startswith(b"READY=1")
                assert scheduler.job(job_id).state == "running"
                (tmp_path / "enough").touch()
                assert scheduler.wait(job_id).state == "completed"
        finally:
            kill_jobs(scheduler.home)
            scheduler.close()
