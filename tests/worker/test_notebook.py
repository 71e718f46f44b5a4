"""The start of JupyterLab, where it cannot start or does not answer yet."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.worker.interpreters import INTERPRETERS, job_environment, make_job_dir


def run(python: str, job_dir: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [python, "-m", "atlas_worker.notebook", *arguments],
        cwd=job_dir / "job_source",
        env=job_environment(job_dir),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("python", INTERPRETERS)
def test_without_jupyterlab_it_says_what_to_do(tmp_path: Path, python: str) -> None:
    job_dir = make_job_dir(tmp_path)
    code, said = run(python, job_dir)
    assert code == 1
    assert "JupyterLab is not installed here" in said
    assert "`python -m atlas_worker`" in said


@pytest.mark.parametrize("python", INTERPRETERS)
def test_what_does_not_answer_yet_is_not_told(tmp_path: Path, python: str) -> None:
    job_dir = make_job_dir(tmp_path)
    assert run(python, job_dir, "--where", "0") == (75, "")
    (job_dir / "home").mkdir(exist_ok=True)
    noted = {"pid": 1, "port": 9, "token": "secret"}
    (job_dir / "home" / "notebook.json").write_text(json.dumps(noted))
    assert run(python, job_dir, "--where", "0") == (75, "")
