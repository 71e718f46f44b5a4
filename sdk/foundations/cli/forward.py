"""`foundations forward`: ports of this machine that lead into a job."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import click

from foundations.cli import render
from foundations.cli.context import connect, job_argument, json_option, naming, scheduler_argument
from foundations.cli.groups import JOB_NOT_COMPLETED, VerbGroup

_ENDING = (signal.SIGTERM, signal.SIGHUP)

if TYPE_CHECKING:
    from foundations.beside.forwarding import Forward
    from foundations.client import Client
    from foundations.models import JobDetail


class PortPair(click.ParamType[tuple[int, int]]):
    """`[LOCAL:]PORT`."""

    name = "[LOCAL:]PORT"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Read the port here and the port of the job."""
        local, colon, port = value.rpartition(":")
        numbers = [local if colon else port, port]
        if not all(one.isascii() and one.isdigit() and int(one) < 65536 for one in numbers):
            self.fail(f"{value!r} is not PORT or LOCAL:PORT, of numbers up to 65535.", param, ctx)
        if int(port) == 0:
            self.fail("0 is no port of a job; `0:8888` takes any free port here.", param, ctx)
        return int(numbers[0]), int(port)


address_option = click.option(
    "--address",
    default="127.0.0.1",
    show_default=True,
    help="Address of this machine to listen at.",
)


@click.group(cls=VerbGroup)
def forward() -> None:
    """Reach ports of a job that runs."""


@forward.command("job")
@scheduler_argument
@job_argument
@click.argument("ports", metavar="[LOCAL:]PORT...", nargs=-1, required=True, type=PortPair())
@address_option
@json_option
def forward_job(
    scheduler: str,
    job_id: str,
    ports: tuple[tuple[int, int], ...],
    *,
    address: str,
    as_json: bool,
) -> None:
    """Let ports of this machine lead to ports of a job, until it ends or Ctrl-C.

    PORT is where a program of the job listens; LOCAL is the port here, the same one when it is
    left out, and any free one when it is 0. The exit code is 0 after Ctrl-C and when the job
    completed, and 3 when it ended in another way.
    """
    client = connect(scheduler)

    def tell(opened: Forward) -> None:
        if as_json:
            render.print_json(document(opened))
            return
        for place in opened.ports:
            click.echo(f"{place.url} leads to port {place.port} of job '{opened.job_id}'.")
        click.echo("Ctrl-C ends this; the job goes on.", err=True)

    with naming(job_id, scheduler):
        keep_forwarding(client, job_id, ports, address=address, tell=tell)


def document(opened: Forward) -> dict[str, object]:
    """What `--json` prints of it."""
    ports = [
        {"address": one.address, "local_port": one.local_port, "port": one.port}
        for one in opened.ports
    ]
    return {"job_id": opened.job_id, "ports": ports}


def keep_forwarding(
    client: Client,
    ref: str,
    ports: Sequence[tuple[int, int]],
    *,
    address: str,
    tell: Callable[[Forward], None],
    on_interrupt: Callable[[], None] = lambda: None,
) -> None:
    """Forward until the job ends, which makes the exit code, or until Ctrl-C."""
    from foundations.beside.forwarding import Forward

    if address not in ("127.0.0.1", "::1", "localhost"):
        _warn(f"Whoever reaches this machine at {address} reaches the job by that.")
    try:
        with _ended_in_order(), Forward(client, ref, ports, address=address, tell=_warn) as opened:
            tell(opened)
            ended = opened.wait()
    except KeyboardInterrupt:
        click.echo(err=True)
        on_interrupt()
        return
    _finish(ended)


def _finish(ended: JobDetail) -> None:
    click.echo(f"Job '{ended.job_id}' is {ended.state}: its ports are gone.", err=True)
    if ended.state != "completed":
        click.get_current_context().exit(JOB_NOT_COMPLETED)


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Let the signals that end a command do what Ctrl-C does."""
    before = {number: signal.signal(number, _interrupt) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _warn(text: str) -> None:
    click.echo(render.clean(text, one_line=True), err=True)
