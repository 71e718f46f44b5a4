"""`foundations tensorboard`: jobs in TensorBoard."""

from __future__ import annotations

import signal
from types import FrameType

import click

from foundations.cli.context import connect, jobs_argument, naming, scheduler_argument
from foundations.cli.groups import CommandFailed
from foundations.cli.render import clean


@click.command()
@scheduler_argument
@jobs_argument
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port to listen at, 0 for any. Default: 6006 or the next free one.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
def tensorboard(scheduler: str, job_ids: tuple[str, ...], *, port: int | None, host: str) -> None:
    """Show the logs of jobs in TensorBoard, until Ctrl-C.

    The jobs say where they write them with set_tensorboard_logdir. Those that run are shown live.
    """
    from foundations.tensorboard import TensorBoard

    client = connect(scheduler)
    found = []
    for job_id in job_ids:
        with naming(job_id, scheduler):
            found.append(client.job(job_id).job_id)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        with TensorBoard(client, found, host=host, port=port, tell=_tell) as board:
            click.echo(f"TensorBoard is at {board.url} (Ctrl-C ends it)")
            board.wait()
            raise CommandFailed(f"TensorBoard has ended: {board.last_words}")
    except KeyboardInterrupt:
        click.echo(err=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _tell(text: str) -> None:
    click.echo(clean(text, one_line=True), err=True)
