"""A real scheduler in a home of its own, driven as its users drive it: by command lines."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from foundations import Client
from foundations.home import Home
from foundations.models import FINAL_STATES, JobDetail
from tests.e2e import images
from tests.e2e.processes import is_held, kill_jobs
from tests.e2e.projects import DEADLINE_SECONDS, assert_owned, until

BIN = Path(sys.executable).parent
"""Where this installation's console scripts are."""
INSTANCES: set[str] = set()
"""The schedulers that this process has made."""
_KILL_SECONDS = 20.0
_NOT_INHERITED = ("FOUNDATIONS_", "ATLAS_", "VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTEST_")


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """What it printed."""
        return self.out.splitlines()


class Scheduler:
    """One home with its server and its jobs."""

    def __init__(
        self,
        root: Path,
        engine: str,
        *,
        environment: Mapping[str, str] | None = None,
        docker_section: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        """Prepare a home below `root`; nothing runs yet. `settings` go to `server.yaml`."""
        self.root = root
        self.engine = engine
        self.is_docker = engine == "docker"
        self.home = Home(root / "home")
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)
        }
        self.environment = {
            **inherited,
            "FOUNDATIONS_HOME": str(self.home.root),
            "XDG_CACHE_HOME": str(root / "cache"),
            "PATH": f"{BIN}:{os.environ.get('PATH', os.defpath)}",
            **(environment or {}),
        }
        self.settings: dict[str, Any] = {
            "engine": engine,
            "stop_grace_seconds": 2,
            "delete_grace_seconds": 0,
            "docker": {
                "worker_base": images.BASE_IMAGE,
                "build_network": "host",
                # The network's sandbox is most of a start's time, and no job here needs it.
                "network": "none",
                **(docker_section or {}),
            },
            **settings,
        }
        self.write_settings()
        self._instance: str | None = None

    def write_settings(self, **changed: Any) -> None:
        """Write `server.yaml`; the next start of the server reads it."""
        self.settings |= changed
        self.home.create()
        self.home.server_config.parent.mkdir(exist_ok=True)
        self.home.server_config.write_text(yaml.safe_dump(self.settings), encoding="utf-8")

    # -- the server

    @property
    def pid(self) -> int:
        """The process id of the server that runs."""
        assert is_held(self.home.lock_file), "no server runs"
        return int(self.home.lock_file.read_text(encoding="ascii"))

    @property
    def is_running(self) -> bool:
        """Whether a server runs."""
        return is_held(self.home.lock_file)

    def start(self) -> int:
        """Start the server as a user does; return its process id."""
        done = self.server("start", "--detach")
        found = re.search(r"process (\d+)", done.out)
        assert found is not None, done.out
        assert self.pid == int(found[1])
        return self.pid

    def server(self, *arguments: str, code: int = 0) -> Done:
        """Run `atlas-server`."""
        return self.run("atlas-server", *arguments, code=code)

    def signal_server(self, number: int) -> None:
        """Signal the server and wait until it is gone."""
        os.kill(self.pid, number)
        until(lambda: not self.is_running, "the server is gone", _KILL_SECONDS)

    def kill(self) -> None:
        """End the server as a crash would."""
        self.signal_server(signal.SIGKILL)

    # -- commands

    def run(
        self,
        *command: str,
        cwd: Path | None = None,
        code: int | None = 0,
        environment: Mapping[str, str] | None = None,
    ) -> Done:
        """Run a console script or `python` to its end; `code` is the exit code it must have."""
        program = sys.executable if command[0] == "python" else str(BIN / command[0])
        done = subprocess.run(
            [program, *command[1:]],
            cwd=cwd or self.root,
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=100,
            check=False,
        )
        result = Done(done.returncode, done.stdout.decode(), done.stderr.decode())
        if code is not None:
            assert result.code == code, f"{command} ended with {result.code}\n{result}"
        return result

    def cli(
        self,
        *arguments: str,
        cwd: Path | None = None,
        code: int | None = 0,
        environment: Mapping[str, str] | None = None,
    ) -> Done:
        """Run `foundations`."""
        return self.run("foundations", *arguments, cwd=cwd, code=code, environment=environment)

    @contextmanager
    def begin(
        self, *command: str, environment: Mapping[str, str] | None = None
    ) -> Iterator[subprocess.Popen[str]]:
        """Run a console script beside the test, its output in a pipe; it is ended afterwards."""
        process = subprocess.Popen(
            [str(BIN / command[0]), *command[1:]],
            cwd=self.root,
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    def python(self, code: str, *, cwd: Path | None = None, arguments: Sequence[str] = ()) -> Done:
        """Run a Python script of a user, in a process of its own."""
        return self.run("python", "-c", textwrap.dedent(code), *arguments, cwd=cwd)

    def submit(self, project: Path, *arguments: str, options: Sequence[str] = ()) -> str:
        """Submit a directory without waiting; return the job's id."""
        done = self.cli("submit", "--detach", *options, "scheduler", str(project), *arguments)
        assert re.fullmatch(r"[0-9a-f-]{36}\n", done.out), done
        return done.out.strip()

    # -- questions

    @contextmanager
    def client(self) -> Iterator[Client]:
        """Talk to the server by the SDK's own client."""
        with Client(f"unix://{self.home.socket}") as client:
            yield client

    def job(self, job_id: str) -> JobDetail:
        """Everything about a job."""
        with self.client() as client:
            return client.job(job_id)

    def wait(self, job_id: str) -> JobDetail:
        """Wait for the end of a job, and until its archive is complete."""
        with self.client() as client:
            client.wait(job_id, timeout_seconds=DEADLINE_SECONDS)
            until(lambda: client.job(job_id).archived, f"the archive of {job_id} is complete")
            return client.job(job_id)

    def wait_for(self, job_id: str, *states: str) -> JobDetail:
        """Wait, on the change feed, until a job is or was in one of these states."""
        with self.client() as client:
            for change in client.changes(0, job=job_id, follow=True):
                if change.state in states:
                    break
                assert change.state not in FINAL_STATES, client.job(job_id)
            return client.job(job_id)

    def wait_for_text(self, job_id: str, text: str) -> None:
        """Wait until a job has printed something."""
        seen = b""
        with self.client() as client:
            for piece in client.logs(job_id, follow=True):
                seen += piece
                if text.encode() in seen:
                    return
        raise AssertionError(f"the job ended without printing {text!r}: {seen!r}")

    def log(self, job_id: str) -> str:
        """What a job has printed, by `get logs`."""
        return self.cli("get", "logs", "scheduler", job_id).out

    def listed(self) -> list[dict[str, Any]]:
        """What `list jobs --json` prints, oldest first."""
        found: list[dict[str, Any]] = json.loads(self.cli("list", "jobs", "--json").out)
        return found[::-1]

    def projects(self) -> list[dict[str, Any]]:
        """What `list projects --json` prints."""
        found: list[dict[str, Any]] = json.loads(self.cli("list", "projects", "--json").out)
        return found

    def get(self, job_id: str) -> Path:
        """Retrieve an archive with `get job`; return its directory."""
        save_dir = self.root / "retrieved"
        self.cli("get", "job", "scheduler", job_id, "--save-dir", str(save_dir), "--force")
        return save_dir / job_id

    # -- what is left

    @property
    def instance(self) -> str:
        """The id that labels this scheduler's containers."""
        if self._instance is None:
            connection = sqlite3.connect(f"file:{self.home.database}?mode=ro", uri=True)
            try:
                row = connection.execute("SELECT instance_id FROM instance").fetchone()
            finally:
                connection.close()
            self._instance = str(row[0])
            INSTANCES.add(self._instance)
        return self._instance

    def containers(self, *, status: str | None = None) -> list[str]:
        """Names of this scheduler's containers, or of those in one status."""
        with images.connection() as engine:
            found = images.containers_of(engine, self.instance)
            return [one.name for one in found if status in (None, one.status)]

    def remove_containers(self) -> None:
        """Remove this scheduler's containers behind its back."""
        with images.connection() as engine:
            for container in images.containers_of(engine, self.instance):
                container.remove(force=True)

    def close(self) -> None:
        """Stop the server and everything it started."""
        try:
            if self.is_running:
                os.kill(self.pid, signal.SIGTERM)
                with suppress(AssertionError):
                    until(lambda: not self.is_running, "the server is gone", _KILL_SECONDS)
            if self.is_running:
                self.kill()
        finally:
            kill_jobs(self.home)
            if self.is_docker and self.home.database.exists():
                self.remove_containers()
            self.home.socket.unlink(missing_ok=True)
        assert_owned(self.root)
