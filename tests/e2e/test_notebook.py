"""Notebooks in real jobs, with a stand-in for JupyterLab that a job installs as it would that."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.driver import Scheduler
from tests.e2e.projects import write_project

STAND_IN = """
import http.server, os, sys
from urllib.parse import parse_qs, urlsplit

options = dict(one[2:].partition("=")[::2] for one in sys.argv[1:])

class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *words):  # which would tell the token
        pass

    def do_GET(self):
        asked = urlsplit(self.path)
        known = parse_qs(asked.query).get("token") == [os.environ["JUPYTER_TOKEN"]]
        body = b"{}" if asked.path == "/api" else b"the lab of " + os.getcwd().encode()
        self.send_response(200 if asked.path == "/api" or known else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if asked.path == "/save" and known:
            open("made.ipynb", "w").write("worked")

def main():
    address = (options["ip"], int(options["port"]))
    print("serving at", address, flush=True)
    http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""


def write_notebook_project(path: Path) -> Path:
    """A project that brings the stand-in along, and forbids every index."""
    project = write_project(path, {"data.txt": "mine"})
    info = "jupyterlab-4.0.dist-info"
    with zipfile.ZipFile(project / "jupyterlab-4.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("jupyterlab/__init__.py", "")
        wheel.writestr("jupyterlab/labapp.py", STAND_IN)
        wheel.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: jupyterlab\nVersion: 4.0\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    # A file of the project must not shadow what JupyterLab and its start need.
    (project / "secrets.py").write_text("raise SystemExit('shadowed')")
    (project / "requirements.txt").write_text("--no-index\n--find-links .\n")
    return project


@contextmanager
def opened(
    scheduler: Scheduler, *arguments: str
) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Run `foundations notebook --json`; give it, and its document."""
    with scheduler.begin("foundations", "notebook", "scheduler", *arguments, "--json") as process:
        assert process.stdout is not None
        said: list[str] = []
        while not said or said[-1] != "}\n":
            said.append(process.stdout.readline())
            assert said[-1], "".join(said)
        yield process, json.loads("".join(said[said.index("{\n") :]))


def fetch(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_notebook_is_opened_left_opened_again_and_kept(shared: Scheduler) -> None:
    project = write_notebook_project(shared.root / "notebook")
    with opened(shared, str(project), "--env", "GREETING=hello") as (process, document):
        job_id, url = document["job_id"], document["url"]
        base, _, token = url.partition("/lab?token=")
        assert base == f"http://127.0.0.1:{document['ports'][0]['local_port']}"
        assert fetch(url)[1].startswith("the lab of /")
        assert fetch(f"{base}/lab?token=wrong")[0] == 403
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert process.stdout is not None
        left = process.stdout.read()
    assert f"To open it again: foundations notebook scheduler --job {job_id}" in left
    shown = shared.cli("show", "job", "scheduler", job_id, "--json").out
    assert shared.job(job_id).spec.environment["GREETING"] == "hello"
    assert shown.count('"CommandRun"') == 1, "one command asked for the token"
    assert token not in shown + shared.log(job_id)
    assert "Installing requirements.txt and jupyterlab into environment" in shared.log(job_id) or (
        "The requirements are installed already" in shared.log(job_id)
    )

    with opened(shared, "--job", job_id[:8], "--stop-on-exit") as (process, document):
        again = document["url"]
        assert again.endswith(token), "it is the same notebook"
        assert fetch(again.replace("/lab?", "/save?"))[0] == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert shared.wait(job_id).state == "stopped"
    retrieved = shared.get(job_id)
    (made,) = retrieved.rglob("made.ipynb")
    assert made.read_text() == "worked"
    assert token.encode() not in b"".join(
        path.read_bytes() for path in retrieved.rglob("*") if path.is_file()
    )


def test_python_opens_a_notebook_and_a_job_without_one_is_refused(shared: Scheduler) -> None:
    project = write_notebook_project(shared.root / "notebook-python")
    code = """
    import sys, urllib.request
    import foundations

    job = foundations.notebook(job_dir=sys.argv[1])
    with job.notebook() as notebook:
        print(urllib.request.urlopen(notebook.url).read().decode()[:11], job.job_id)
    """
    *said, job_id = shared.python(code, arguments=[str(project)]).out.split()
    assert said == ["the", "lab", "of"]
    shared.cli("stop", "job", "scheduler", job_id)

    other = shared.submit(write_project(shared.root / "plain", {"main.py": "input()"}))
    refused = shared.cli("notebook", "scheduler", "--job", other, code=1)
    assert "runs no notebook" in refused.err
    shared.wait(other)


def test_a_notebook_that_cannot_be_installed_fails_with_the_reason(shared: Scheduler) -> None:
    project = write_project(shared.root / "no-notebook", {"requirements.txt": "--no-index\n"})
    failed = shared.cli("notebook", "scheduler", str(project), code=1)
    assert "is failed: requirements.txt and jupyterlab cannot be installed: " in failed.err


def test_a_terminal_that_shows_the_log_of_a_failure_is_not_told_it_again(
    shared: Scheduler,
) -> None:
    project = write_project(shared.root / "no-notebook-here", {"requirements.txt": "--no-index\n"})
    code = """
    import pty, sys
    sys.exit(pty.spawn(["foundations", "notebook", "scheduler", sys.argv[1]]) != 256)
    """
    shown = shared.python(code, arguments=[str(project)]).out
    assert shown.count("jupyterlab was not found") == 1
    last = shown.splitlines()[-1]
    assert last.endswith("has failed: the lines above say why.")


def test_a_notebook_that_ends_before_it_answers_says_how(shared: Scheduler) -> None:
    options = ["--entrypoint", "sh -c 'echo begun; exit 5' sh"]
    project = write_project(shared.root / "ends", {"main.py": ""})
    failed = shared.cli("notebook", "scheduler", str(project), *options, code=1)
    assert "is failed: " in failed.err
    assert "begun" in failed.out
