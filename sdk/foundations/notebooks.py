"""Jobs that run JupyterLab: how one is asked for, and where it is once it answers."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from foundations.beside.executed import execute
from foundations.beside.forwarding import LOOPBACK, Forward
from foundations.errors import JobConflict, NotFound, SchedulerError, Unreachable
from foundations.models import FINAL_STATES, JobDetail, JobState
from foundations.transport.repetition import patiently

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.submitted_job import SubmittedJob

_MODULE = "atlas_worker.notebook"
COMMAND = ("-m", _MODULE)
"""What a notebook's job runs."""
_ALSO = "ATLAS_ALSO_INSTALL"
_PACKAGE = "jupyterlab"
_WHERE = (
    "for python in python3 python; do "
    'if command -v "$python" >/dev/null 2>&1; then exec "$python" -m "$0" --where "$1"; fi; '
    "done; exit 127"
)
_NOT_YET = 75
_LOOK_SECONDS = 0.5
_ANSWER_SECONDS = "30"
"""How long one command beside the job waits for JupyterLab."""
_END_SECONDS = 2.0
"""Longest time between the end of what runs beside a job and the word that the job has ended."""


@dataclass(frozen=True, slots=True)
class NotebookPlace:
    """Where JupyterLab is inside its job."""

    port: int
    token: str

    def url(self, base: str) -> str:
        """Where a browser finds it, with the token, by an address that leads to the port."""
        return f"{base}/lab?token={self.token}"


class NotebookForward(Forward):
    """A port of this machine that leads to the JupyterLab of a job."""

    def __init__(
        self,
        client: Client,
        ref: str,
        place: NotebookPlace,
        *,
        local_port: int = 0,
        address: str = LOOPBACK,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Prepare; see `Forward`."""
        super().__init__(client, ref, [(local_port, place.port)], address=address, tell=tell)
        self._place = place

    @property
    def url(self) -> str:
        """What to open in a browser; whoever has it may do what the job's user may."""
        return self._place.url(super().url)


def notebook_environment(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a notebook's job: what is given, and JupyterLab to be installed."""
    environment = dict(given or {})
    environment[_ALSO] = " ".join(filter(None, [environment.get(_ALSO), _PACKAGE]))
    return environment


def notebook(**options: Any) -> SubmittedJob:
    """Queue a job that runs JupyterLab in a copy of a directory, and return it.

    `SubmittedJob.notebook()` waits for it and gives its URL.

    Args:
        options: those of `foundations.submit`, but for `command`.

    Raises:
        TypeError: a command is given.
        AtlasError: as `foundations.submit` does.
    """
    from foundations.submission import submit

    if "command" in options:
        raise TypeError("A notebook has no command: its job runs JupyterLab.")
    environment = notebook_environment(options.pop("environment", None))
    return submit(command=COMMAND, environment=environment, **options)


def find_notebook(client: Client, ref: str) -> NotebookPlace | None:
    """Wait a while for the JupyterLab of a job that runs; None when it does not answer yet.

    Raises:
        JobConflict: the job does not run.
        SchedulerError: the job runs no JupyterLab.
    """
    found = execute(client, ref, ("/bin/sh", "-c", _WHERE, _MODULE, _ANSWER_SECONDS))
    if found.exit_code == _NOT_YET:
        return None
    if found.exit_code != os.EX_OK:
        said = found.stderr.decode("utf-8", "replace").strip()
        raise SchedulerError(f"The job's JupyterLab cannot be asked where it is: {said}")
    place = json.loads(found.stdout)
    return NotebookPlace(port=place["port"], token=place["token"])


def await_notebook(
    client: Client, ref: str, *, saw: Callable[[JobDetail], None] = lambda _: None
) -> NotebookPlace:
    """Wait until the JupyterLab of a job answers.

    Args:
        client: the scheduler.
        ref: the job; it may wait in the queue still.
        saw: told of the job each time that its state has changed.

    Raises:
        JobConflict: the job has ended, or runs something else.
        Unreachable: the scheduler does not answer, or does not come back.
    """
    state = None
    job = client.job(ref)
    while True:
        if tuple(job.spec.command[:2]) != COMMAND:
            raise JobConflict(f"Job `{job.job_id}` runs no notebook.")
        if job.state is not state:
            state = job.state
            saw(job)
        if job.state in FINAL_STATES:
            why = f": {job.reason}" if job.reason else ""
            raise JobConflict(f"Job `{job.job_id}` is {job.state}{why}")
        if job.state is JobState.RUNNING and (place := _look(client, job.job_id)) is not None:
            return place
        time.sleep(_LOOK_SECONDS)
        job = patiently(partial(client.job, job.job_id), client.patience)


def _look(client: Client, job_id: str) -> NotebookPlace | None:
    try:
        return find_notebook(client, job_id)
    except (Unreachable, NotFound):
        return None  # a command ends with the scheduler that ran it; the job goes on
    except SchedulerError:
        try:
            client.wait(job_id, timeout_seconds=_END_SECONDS)
        except TimeoutError:
            pass
        else:
            return None  # the job has ended, and the next look at it says how
        raise
