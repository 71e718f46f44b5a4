"""The main job in a throw-away home: one job with its logs, then a small sweep, then the table."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import docker
import requests
import yaml

SWEEP_SIZE = 5
BASES = ("atlas-base:bookworm", "python:3.11-slim")
"""Images that the worker can be built from, in the order of preference."""
BIN = Path(sys.executable).parent


def say(text: str) -> None:
    """Print a headline of the demo."""
    sys.stdout.write(f"\n\033[1m{text}\033[0m\n" if sys.stdout.isatty() else f"\n{text}\n")
    sys.stdout.flush()


def choose_engine() -> tuple[dict[str, object], str]:
    """Find out what jobs can run on here.

    Returns:
        What `server.yaml` should say, and the choice as a sentence.
    """
    try:
        client = docker.from_env(timeout=10)
        version = client.version()["Version"]
    except (docker.errors.DockerException, requests.RequestException):
        return {"engine": "process"}, "No Docker engine answers: jobs run as plain processes."
    with closing(client):
        base = _worker_base(client)
    if base is None:
        return {"engine": "process"}, (
            f"Docker {version} answers, but none of {', '.join(BASES)} can be had to build the "
            "worker image from: jobs run as plain processes."
        )
    return {
        "engine": "docker",
        "docker": {"worker_base": base, "build_network": "host"},
    }, f"Docker {version} answers: jobs run in containers (worker image from {base})."


def _worker_base(client: docker.DockerClient) -> str | None:
    for base in BASES:
        try:
            client.images.get(base)
        except docker.errors.ImageNotFound:
            continue
        return base
    try:
        client.images.pull(BASES[-1])
    except (docker.errors.DockerException, requests.RequestException):
        return None
    return BASES[-1]


def run(*command: str, cwd: Path) -> None:
    """Show a command and run it."""
    sys.stdout.write(f"$ {' '.join(command)}\n")
    sys.stdout.flush()
    done = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=cwd, check=False)
    if done.returncode != 0:
        raise SystemExit(done.returncode)


def sweep(project: Path) -> None:
    """Submit a few jobs with different parameters through the SDK and wait for them."""
    import foundations

    draw = random.Random(7)
    submitted = [
        foundations.submit(
            scheduler_config="scheduler",
            job_directory=str(project),
            command=["main.py"],
            params={
                "learning_rate": round(draw.uniform(0.05, 0.6), 3),
                "epochs": draw.choice([5, 10, 15]),
            },
        )
        for _ in range(SWEEP_SIZE)
    ]
    for job in submitted:
        job.wait()


def main() -> None:
    """Run the demo; exits with the code of the first step that fails."""
    began = time.monotonic()
    root = Path(tempfile.mkdtemp(prefix="atlas-demo-"))
    home = root / "home"
    os.environ["FOUNDATIONS_HOME"] = str(home)
    settings, sentence = choose_engine()
    (home / "config").mkdir(parents=True)
    (home / "config" / "server.yaml").write_text(
        yaml.safe_dump({"max_running_jobs": 2, **settings}), encoding="utf-8"
    )
    say(sentence)
    try:
        say("A project, and its first job with its logs")
        run("foundations", "init", "my_project", cwd=root)
        project = root / "my_project"
        run("foundations", "submit", "scheduler", ".", cwd=project)
        say(f"A search: {SWEEP_SIZE} more jobs from Python, two at a time")
        sweep(project)
        run("foundations", "list", "jobs", "scheduler", cwd=project)
    finally:
        subprocess.run([str(BIN / "atlas-server"), "stop"], check=True)
    say(f"Done in {time.monotonic() - began:.0f} s. Everything is kept in {root}")
    sys.stdout.write(
        f"Open it:    FOUNDATIONS_HOME={home} {BIN / 'foundations'} list jobs scheduler\n"
        f"Dashboard:  FOUNDATIONS_HOME={home} {BIN / 'atlas'}\n"
        f"Remove it:  rm -r {root}\n"
    )


if __name__ == "__main__":
    main()
