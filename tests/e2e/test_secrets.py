"""A secret on its way through a real job: it gets there, and is found nowhere else."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import docker

from tests.e2e.driver import Scheduler
from tests.e2e.projects import until, write_project

CANARY = "c4nary-7f3a91"
MAIN = f"""\
    import os, pathlib, time
    import foundations
    value = foundations.secret("KEY")
    assert value == os.environ["KEY"] == {CANARY!r}[:2] + {CANARY!r}[2:], value
    assert "ATLAS_SECRET_VARIABLES" not in os.environ
    print("it is", value)
    while not (pathlib.Path(os.environ["PLACE"]) / "go").exists():
        time.sleep(0.01)
    """


def _found_in(directory: Path, *, skip: str) -> list[str]:
    command = ["grep", "-rlaF", "--exclude-dir", skip, CANARY, str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def test_a_secret_reaches_its_job_and_nothing_else(own: Scheduler) -> None:
    value = own.root / "value"
    value.write_text(f"{CANARY}\n", encoding="utf-8")
    own.cli("secret", "set", "scheduler", "KEY", "--from-file", str(value))
    value.unlink()
    # What the file of the program says is taken apart, so that only the value itself is found.
    main = MAIN.replace(repr(CANARY), "'c4nary' '-7f3a91'")
    place = own.root / "place"
    place.mkdir()
    config = {
        "worker": {
            "secrets": {"KEY": "env"},
            "environment": {"PLACE": str(place)},
            "volumes": {str(place): {"bind": str(place)}},
        }
    }
    files = {"main.py": main, "job.config.yaml": json.dumps(config)}
    project = write_project(own.root / "p", files)
    job_id = own.submit(project)
    own.wait_for_text(job_id, "it is ")
    if own.is_docker:
        engine = docker.from_env()
        container = engine.containers.list(filters={"label": f"atlas.job={job_id}"})[0]
        assert CANARY not in json.dumps(container.attrs)
        engine.close()
        assert own.log(job_id).endswith(f"it is {'*' * len(CANARY)}\n")
    laid_out = list(Path("/dev/shm").glob(f"atlas-*/*{job_id}*/KEY"))
    assert [path.read_text(encoding="utf-8") for path in laid_out] == [CANARY]
    (place / "go").touch()
    job = own.wait(job_id)
    assert job.state == "completed", own.log(job_id)
    with own.client() as client:
        until(lambda: client.job(job_id).archived, "the archive is complete")
        until(lambda: not laid_out[0].exists(), "the secret is taken away")

    assert own.log(job_id).endswith(f"it is {'*' * len(CANARY)}\n")
    assert _found_in(own.home.root, skip="secrets") == []
    shown = own.cli("show", "job", "scheduler", job_id).out
    assert re.search(r"Secrets: +KEY=env", shown)
    assert CANARY not in shown + own.cli("show", "job", "scheduler", job_id, "--json").out
