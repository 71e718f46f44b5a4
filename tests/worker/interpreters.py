"""The interpreters that job-side code is run with: this one, and a Python 3.8 where one is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = os.pathsep.join([str(ROOT / "sdk"), str(ROOT / "worker")])
"""The PYTHONPATH that gives a job `foundations` and `atlas_worker`."""


def _python_3_8() -> list[str]:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [shutil.which("python3.8"), *pyenv.glob("versions/3.8.*/bin/python3.8")]
    # A shim on the path may answer only that the version is not selected.
    return [
        str(candidate)
        for candidate in candidates
        if candidate and subprocess.run([candidate, "-V"], capture_output=True).returncode == 0
    ][:1]


INTERPRETERS = [sys.executable, *_python_3_8()]


def job_environment(job_dir: Path) -> dict[str, str]:
    """Build the variables of a job in `job_dir`, with nothing of this process but the PATH."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(job_dir / "home"),
        "PYTHONPATH": LIBRARY,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "ATLAS_JOB_DIR": str(job_dir),
        "ATLAS_EVENTS": str(job_dir / "records" / "events.jsonl"),
        "ATLAS_ARTIFACTS": str(job_dir / "artifacts"),
    }


def make_job_dir(parent: Path) -> Path:
    """Make the directory of a job as the scheduler makes it."""
    job_dir = parent / "job"
    for name in ("job_source", "records", "artifacts", "home"):
        (job_dir / name).mkdir(parents=True)
    return job_dir
