"""Figure 4: whole processes, from their start to their end, and what an import loads."""

from __future__ import annotations

import json
import re
import resource
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench import rig
from bench.measure import Figure, Peer, Plan, Result, differences, timed

JOBS = 100
HELP_MS = 120.0
LIST_MS = 350.0
IMPORT_MS = 30.0
_SHOWN_MODULES = 15
_MODULES = "import json, sys; {}; print(json.dumps(sorted(sys.modules)))"


def run(plan: Plan) -> Result:
    """Start each command in turns; the peers are the bare interpreter, git and docker."""
    program = str(Path(sys.executable).with_name("foundations"))
    commands = {
        "pass": [sys.executable, "-c", "pass"],
        "import": [sys.executable, "-c", "import foundations"],
        "help": [program, "--help"],
        "list": [program, "list", "jobs", "scheduler", "--limit", str(JOBS)],
        **_peers(),
    }
    took: dict[str, list[float]] = {name: [] for name in commands}
    cpu: dict[str, list[float]] = {name: [] for name in commands}
    with rig.workspace() as root, rig.server({"engine": "process"}) as server:
        _fill(server, root)
        with rig.as_user_of(server.home):
            for command in commands.values():
                _run(command)
            for _ in range(plan.count(20, 5)):
                for name, command in commands.items():
                    with timed(took[name]), _processor_time(cpu[name]):
                        _run(command)
            notes = [
                _processor_note(cpu),
                *_foreign_modules(),
                *(_slow_imports(commands) if plan.verbose else ()),
            ]
    bare = took["pass"]
    peer = Peer("python -c pass", bare)
    figures = [
        Figure("startup: foundations --help", took["help"], target=HELP_MS, peer=peer),
        Figure(
            f"startup: list jobs, {JOBS} jobs",
            took["list"],
            target=LIST_MS,
            peer=peer,
        ),
        Figure(
            "startup: import foundations, less python -c pass",
            differences(took["import"], bare),
            target=IMPORT_MS,
        ),
        *(Figure(f"startup: {name}", took[name], peer=peer) for name in _peers()),
    ]
    return Result(figures, notes)


def _run(command: Sequence[str]) -> None:
    subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
    )


@contextmanager
def _processor_time(samples: list[float]) -> Iterator[None]:
    """Add the processor time (ms) of the children that end in the body to `samples`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    yield
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    samples.append((user + system) * 1000)


def _processor_note(cpu: dict[str, list[float]]) -> str:
    texts = [f"{name} {statistics.median(samples):.0f}" for name, samples in cpu.items()]
    return f"startup: processor time, ms: {', '.join(texts)}."


def _peers() -> dict[str, list[str]]:
    peers = {"git --version": ["git", "--version"], "docker version": ["docker", "version"]}
    found = {name: words for name, words in peers.items() if shutil.which(words[0])}
    if rig.docker_client() is None:
        found.pop("docker version", None)
    return found


def _fill(server: rig.Server, root: Path) -> None:
    """Let the server have some jobs that ran and many that were stopped in the queue."""
    digest = rig.upload(server.client, rig.make_project(root / "project"), root / "packed")
    job_ids = [server.client.submit(rig.true_job(digest)).job_id for _ in range(JOBS)]
    server.client.clear_queue()
    server.wait_archived(*job_ids)


def _foreign_modules() -> list[str]:
    """Say which modules `import foundations` loads that are not the standard library's."""

    def loaded(statement: str) -> set[str]:
        code = _MODULES.format(statement)
        text = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
        return set(json.loads(text))

    new = {name.partition(".")[0] for name in loaded("import foundations") - loaded("pass")}
    foreign = sorted(new - sys.stdlib_module_names - {"foundations"})
    verdict = f"MISS: {', '.join(foreign)}" if foreign else "none (ok)"
    return [f"startup: third-party modules that `import foundations` loads: {verdict}."]


def _slow_imports(commands: dict[str, list[str]]) -> list[str]:
    """List the imports that take longest, by their own time."""
    notes = []
    for name in ("help", "list"):
        code = [sys.executable, "-X", "importtime", *commands[name]]
        lines = subprocess.run(code, capture_output=True, text=True, check=True).stderr.splitlines()
        rows = [re.match(r"import time:\s+(\d+) \|\s+(\d+) \|\s+(\S+)", line) for line in lines]
        found = sorted(((int(row[1]), row[3]) for row in rows if row), reverse=True)
        total_ms = sum(micros for micros, _ in found) / 1000
        top = "\n".join(
            f"  {micros / 1000:6.1f} ms  {module}" for micros, module in found[:_SHOWN_MODULES]
        )
        notes.append(f"{name}: {len(found)} imports, {total_ms:.0f} ms with -X importtime\n{top}")
    return notes
