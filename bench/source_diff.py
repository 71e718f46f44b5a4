"""Figure 9: what differs between two bundles of thousands of files, over the server's socket."""

from __future__ import annotations

from pathlib import Path

from bench import rig
from bench.measure import Figure, Plan, Result, timed

TARGET_MS = 300.0
FILES = 5_000
FILES_A_FOLDER = 50
CHANGED = 100
"""Files of the second bundle whose lines differ from the first's."""


def run(plan: Plan) -> Result:
    """Compare two jobs whose files are nearly the same; a server that has just unpacked them."""
    samples: list[float] = []
    with rig.workspace() as root, rig.server({"engine": "process"}) as server:
        client = server.client
        project = root / "project"
        _write(project, range(FILES), "")
        old = rig.upload(client, project, root / "old.tar.gz")
        _write(project, range(0, FILES, FILES // CHANGED), "changed = True\n")
        new = rig.upload(client, project, root / "new.tar.gz")
        first, second = (client.submit(rig.true_job(digest)).job_id for digest in (old, new))
        server.wait_archived(first, second)
        for _ in range(plan.count(15, 5)):
            with timed(samples):
                found = client.source_diff(first, second)
            if len(found.files) != CHANGED or not all(one.diff for one in found.files):
                raise RuntimeError(f"{len(found.files)} files differ, {CHANGED} were changed")
    what = f"source_diff: two bundles of {FILES:,} files, {CHANGED} changed"
    return Result([Figure(what, samples, target=TARGET_MS)])


def _write(project: Path, numbers: range, more: str) -> None:
    for number in numbers:
        folder = project / f"part_{number // FILES_A_FOLDER}"
        folder.mkdir(parents=True, exist_ok=True)
        text = f"# Module {number}\n{more}" + "".join(f"x_{line} = {line}\n" for line in range(40))
        (folder / f"module_{number}.py").write_text(text, encoding="utf-8")
