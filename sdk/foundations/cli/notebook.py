"""`foundations notebook`: a job that runs JupyterLab, and a port of this machine to it."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from foundations.cli import render
from foundations.cli.context import load_config, naming, reach, scheduler_argument
from foundations.cli.entry import INTERRUPTED
from foundations.cli.forward import address_option, document, keep_forwarding
from foundations.cli.queueing import queue_directory
from foundations.cli.resource_options import resource_options
from foundations.cli.submit import active_python
from foundations.cli.submit_values import read_environment

if TYPE_CHECKING:
    from foundations.beside.forwarding import Forward
    from foundations.client import Client
    from foundations.models import JobDetail
    from foundations.notebooks import NotebookPlace
    from foundations.preparation import PreparedSubmission
    from foundations.streaming import JobConsole

_REST_OF_LOG_SECONDS = 5.0
"""Longest wait for the end of the log of a job that has ended."""


@click.command()
@scheduler_argument
@click.argument("job_dir", type=click.Path(path_type=Path), default=Path())
@click.option("--project-name", help="Project of the job. Default: the directory's name.")
@resource_options
@click.option("--image", help="Docker image in place of the standard worker.")
@click.option("--entrypoint", help="What runs JupyterLab's start. Default: the image's.")
@click.option(
    "--env", "env_pairs", multiple=True, metavar="NAME[=VALUE]", help="One environment variable."
)
@click.option("--job", "job_id", help="Open the notebook of this job; nothing is submitted.")
@click.option(
    "--port",
    "local_port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port of this machine. Default: any that is free.",
)
@address_option
@click.option("--forward/--no-forward", "forwards", default=True, help="Whether to forward a port.")
@click.option("--stop-on-exit", is_flag=True, help="Stop the job after Ctrl-C.")
@click.option("--detach", "-d", is_flag=True, help="Print the job's id, and wait for nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, with the URL.")
def notebook(
    scheduler: str,
    job_dir: Path,
    *,
    job_id: str | None,
    local_port: int,
    address: str,
    forwards: bool,
    stop_on_exit: bool,
    detach: bool,
    as_json: bool,
    **wanted: Any,
) -> None:
    """Run JupyterLab in a job, in a copy of JOB_DIR (the current directory), and print its URL.

    What is done in the notebook is done in the job's copy, and kept in its archive when it ends:
    `foundations get job` brings it back. After Ctrl-C the job goes on; --job opens it again.
    """
    from foundations.beside.forwarding import check_listening
    from foundations.errors import Unreachable
    from foundations.streaming import JobConsole

    ctx = click.get_current_context()
    if forwards and not detach:
        check_listening(address, local_port)
    config = load_config(scheduler, job_dir=job_dir)
    is_joined = job_id is not None
    if job_id is None:
        prepared = _prepared(job_dir, config=config, **wanted)
        quiet = detach or as_json
        console = JobConsole(sys.stderr if quiet else sys.stdout, level=prepared.log_level)
        client = reach(config)
        job_id = queue_directory(ctx, client, prepared, console).job_id
        if detach:
            click.echo(job_id)
            return
    else:
        client, console = reach(config), JobConsole(sys.stderr)
    leaving = _Leaving(client, scheduler, job_id, stops=stop_on_exit)
    target = _Target(client, job_id, leaving)
    with naming(job_id, scheduler):
        try:
            with _Start(client, job_id, console, is_joined=is_joined) as start:
                place = start.await_notebook()
        except KeyboardInterrupt:
            leaving.leave()
            ctx.exit(INTERRUPTED)
        except Unreachable:
            leaving.tell_ways()
            raise
        if forwards:
            _forward(target, place, local_port=local_port, address=address, as_json=as_json)
        else:
            _tell_place(target, place, as_json=as_json)


def _said_bytes(client: Client, job_id: str) -> int:
    """How much of the log of a job that runs is old: who opens its notebook is not told it."""
    from foundations.models import JobState

    job = client.job(job_id)
    return job.log_size_bytes if job.state is JobState.RUNNING else 0


@dataclass(frozen=True, slots=True)
class _Target:
    """The job whose notebook is opened."""

    client: Client
    job_id: str
    leaving: _Leaving


def _prepared(
    job_dir: Path, *, config: Any, env_pairs: tuple[str, ...], **wanted: Any
) -> PreparedSubmission:
    from foundations.notebooks import COMMAND, notebook_environment
    from foundations.preparation import Asked, prepare_submission

    asked = Asked(
        command=COMMAND,
        environment=notebook_environment(read_environment(env_pairs)),
        interpreter=active_python(),
        **wanted,
    )
    return prepare_submission(job_dir, asked, config=config)


class _Start:
    """Tells how a job comes to its notebook: its states, and its log until JupyterLab answers."""

    def __init__(
        self, client: Client, job_id: str, console: JobConsole, *, is_joined: bool
    ) -> None:
        self._is_joined = is_joined
        self._client = client
        self._job_id = job_id
        self._console = console
        self._is_over = threading.Event()
        self._streaming = threading.Thread(target=self._stream, daemon=True)

    def __enter__(self) -> _Start:
        self._streaming.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._console.end_output()

    def await_notebook(self) -> NotebookPlace:
        """Wait until JupyterLab answers.

        Raises:
            JobConflict: the job has ended, or runs something else.
        """
        from foundations.errors import JobConflict
        from foundations.notebooks import await_notebook

        try:
            return await_notebook(self._client, self._job_id, saw=self.saw)
        except JobConflict as error:
            if not self._console.is_seen_with_errors:
                raise
            self._streaming.join(_REST_OF_LOG_SECONDS)
            if not self._console.last_line.startswith("Foundations ERROR: "):
                raise
            text = f"Job `{self._job_id}` has failed: the lines above say why."
            raise JobConflict(text) from error

    def saw(self, job: JobDetail) -> None:
        """Tell that the job is in another state."""
        waiting = f": {job.waiting.reason}" if job.waiting is not None else ""
        self._console.info(f"Job is {job.state}{waiting}.")

    def _stream(self) -> None:
        from foundations.errors import AtlasError

        with suppress(AtlasError, RuntimeError):  # whoever waits for the job tells of it
            offset = _said_bytes(self._client, self._job_id) if self._is_joined else 0
            for piece in self._client.logs(self._job_id, follow=True, offset=offset):
                if self._is_over.is_set():
                    return
                self._console.output(piece)


class _Leaving:
    """What becomes of the job when its user goes."""

    def __init__(self, client: Client, scheduler: str, job_id: str, *, stops: bool) -> None:
        self._client = client
        self._job_id = job_id
        self._stops = stops
        self._again = f"foundations notebook {scheduler} --job {job_id}"
        self._stop = f"foundations stop job {scheduler} {job_id}"

    @property
    def meaning(self) -> str:
        """What Ctrl-C means."""
        if self._stops:
            return "Ctrl-C stops the job."
        return f"Ctrl-C leaves the job running. To stop it: {self._stop}"

    def leave(self) -> None:
        """Stop the job where that is wanted, and say how it stands."""
        if self._stops:
            self._client.stop(self._job_id)
            click.echo(f"Job '{self._job_id}' is being stopped.", err=True)
            return
        self.tell_ways()

    def tell_ways(self) -> None:
        """Say what can be done with the job from now on."""
        click.echo(f"The job goes on. To open it again: {self._again}", err=True)
        click.echo(f"To stop it: {self._stop}", err=True)


def _forward(
    target: _Target, place: NotebookPlace, *, local_port: int, address: str, as_json: bool
) -> None:
    from foundations.errors import ConfigError

    def tell(opened: Forward) -> None:
        url = place.url(opened.url)
        if as_json:
            render.print_json({**document(opened), "url": url})
            return
        click.echo("JupyterLab is ready:", err=True)
        click.echo(f"\n    {url}\n")
        click.echo(target.leaving.meaning, err=True)

    try:
        keep_forwarding(
            target.client,
            target.job_id,
            [(local_port, place.port)],
            address=address,
            tell=tell,
            on_interrupt=target.leaving.leave,
        )
    except ConfigError:  # the port was taken meanwhile
        target.leaving.leave()
        raise


def _tell_place(target: _Target, place: NotebookPlace, *, as_json: bool) -> None:
    if as_json:
        render.print_json({"job_id": target.job_id, "port": place.port, "token": place.token})
        return
    click.echo(f"JupyterLab of job '{target.job_id}' answers at port {place.port} of the job.")
