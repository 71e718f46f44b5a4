"""`foundations exec` and `shell`: run something beside a job, in its container and work dir."""

from __future__ import annotations

import os
import signal
import sys
import termios
import threading
import tty
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import click

from foundations.cli.context import connect, job_argument, naming, scheduler_argument
from foundations.cli.groups import VerbGroup

if TYPE_CHECKING:
    from types import FrameType

    from foundations.client import Client
    from foundations.models import TerminalSize

_SHELL = ("/bin/sh", "-c", "exec $(command -v bash || echo sh)")
"""An image need not have bash."""
_ENDING = (signal.SIGTERM, signal.SIGHUP)


@click.group("exec", cls=VerbGroup)
def exec_() -> None:
    """Run a command beside a job that runs."""


@exec_.command("job", context_settings={"ignore_unknown_options": True})
@scheduler_argument
@job_argument
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--stdin", "-i", "reads", is_flag=True, help="Pass standard input on.")
@click.option(
    "--terminal/--no-terminal",
    "-t/-T",
    default=None,
    help="Give it a terminal; by default it has one when you have one.",
)
@click.pass_context
def exec_job(
    ctx: click.Context,
    scheduler: str,
    job_id: str,
    command: tuple[str, ...],
    *,
    reads: bool,
    terminal: bool | None,
) -> None:
    """Run COMMAND as the job's user, with its environment, in its work dir.

    The exit code is the command's own. Put `--` before a command with options of its own. The
    command ends with the job.
    """
    has_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    in_terminal = has_terminal if terminal is None else terminal
    client = connect(scheduler)
    with naming(job_id, scheduler):
        ctx.exit(_run(client, job_id, command, in_terminal=in_terminal, reads=reads or in_terminal))


@click.group(cls=VerbGroup)
def shell() -> None:
    """Open a shell beside a job that runs."""


@shell.command("job")
@scheduler_argument
@job_argument
@click.pass_context
def shell_job(ctx: click.Context, scheduler: str, job_id: str) -> None:
    """Open a shell in the job's container (or with its environment) and work dir."""
    client = connect(scheduler)
    with naming(job_id, scheduler):
        ctx.exit(_run(client, job_id, _SHELL, in_terminal=sys.stdin.isatty(), reads=True))


def _run(
    client: Client, job_id: str, command: Sequence[str], *, in_terminal: bool, reads: bool
) -> int:
    from foundations.beside.executed import begin_input, exit_code
    from foundations.beside.frames import EXIT, STDERR

    size = _terminal_size() if in_terminal else None
    outputs = {STDERR: sys.stderr.buffer}
    ending = b""
    with ExitStack() as stack:
        stack.enter_context(_leaving_when_told())
        exec_id = client.start_exec(job_id, command, terminal=size).exec_id
        stack.enter_context(_ended(client, exec_id))
        stack.enter_context(_raw_terminal(client, exec_id, wanted=in_terminal))
        if reads:
            begin_input(client, exec_id, partial(_read, sys.stdin.fileno()))
        else:
            client.write_exec(exec_id, b"", offset=0, end=True)
        for kind, data in client.exec_output(exec_id):
            if kind == EXIT:
                ending = data
                continue
            output = outputs.get(kind, sys.stdout.buffer)
            output.write(data)
            output.flush()
    return exit_code(ending)


@contextmanager
def _leaving_when_told() -> Iterator[None]:
    """Leave by the way of Ctrl-C when the process is to end, or its terminal has gone away."""
    # `nohup` wants it to stay.
    numbers = [one for one in _ENDING if signal.getsignal(one) is signal.SIG_DFL]

    def leave(number: int, _: FrameType | None) -> None:
        # A shell passes a hangup on that has come already: it must not break off the leaving.
        for one in numbers:
            signal.signal(one, signal.SIG_IGN)
        sys.exit(128 + number)

    for one in numbers:
        signal.signal(one, leave)
    try:
        yield
    finally:
        for one in numbers:
            signal.signal(one, signal.SIG_DFL)


def _read(descriptor: int, most_bytes: int) -> bytes:
    try:
        return os.read(descriptor, most_bytes)
    except OSError:  # the terminal has gone away
        return b""


@contextmanager
def _ended(client: Client, exec_id: str) -> Iterator[None]:
    """End the command when its user leaves it, whichever way."""
    from foundations.errors import AtlasError

    try:
        yield
    finally:
        with suppress(AtlasError):  # it is forgotten by itself after a minute
            client.end_exec(exec_id)


@contextmanager
def _raw_terminal(client: Client, exec_id: str, *, wanted: bool) -> Iterator[None]:
    """Let every key reach the command, and tell it when the terminal's size changes."""
    if not (wanted and sys.stdin.isatty()):
        yield
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    resized = threading.Event()
    signal.signal(signal.SIGWINCH, lambda *_: resized.set())
    threading.Thread(target=_follow_size, args=(client, exec_id, resized), daemon=True).start()
    try:
        tty.setraw(descriptor, termios.TCSADRAIN)  # what was typed already is for the command
        yield
    finally:
        with suppress(termios.error):  # it has gone away
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, signal.SIG_DFL)


def _follow_size(client: Client, exec_id: str, resized: threading.Event) -> None:
    from foundations.errors import AtlasError

    while resized.wait():
        resized.clear()
        with suppress(AtlasError):  # the output tells of the same
            client.resize_exec(exec_id, _terminal_size())


def _terminal_size() -> TerminalSize:
    from foundations.models import TerminalSize

    with suppress(OSError):
        found = os.get_terminal_size(sys.stdout.fileno())
        return TerminalSize(rows=max(found.lines, 1), columns=max(found.columns, 1))
    return TerminalSize(rows=24, columns=80)
