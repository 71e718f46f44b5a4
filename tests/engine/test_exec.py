"""Commands beside a job: one suite, run against each engine."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil
import pytest

from atlas_scheduler.engine.exec_port import ExecPlan, ExecSession, Output
from atlas_scheduler.engine.port import Launch
from foundations.errors import JobConflict
from foundations.models import TerminalSize
from tests.engine.rig import Rig, until
from tests.engine.test_conformance import WAITS, is_up

pytestmark = pytest.mark.anyio
SIZE = TerminalSize(rows=30, columns=91)


@asynccontextmanager
async def running(rig: Rig) -> AsyncIterator[Launch]:
    launch = rig.python(WAITS, environment={"FOUNDATIONS_JOB_ID": "the-job"})
    await rig.begin(launch)
    await is_up(rig, launch)
    yield launch
    await rig.engine.stop(launch.attempt, grace_seconds=0)
    await rig.finish(launch)


async def start(
    rig: Rig, launch: Launch, *command: str, terminal: TerminalSize | None = None
) -> ExecSession:
    return await rig.engine.execute(launch.attempt, ExecPlan(command, terminal))


async def collect(session: ExecSession) -> dict[Output, bytes]:
    found = {Output.STDOUT: b"", Output.STDERR: b""}
    while (piece := await session.read()) is not None:
        found[piece[0]] += piece[1]
    return found


async def test_a_command_has_the_environment_and_the_work_dir_of_the_job(rig: Rig) -> None:
    async with running(rig) as launch:
        (launch.job_dir / "job_source" / "data.txt").write_text("mine")
        session = await start(
            rig, launch, "sh", "-c", 'cat data.txt; echo "$FOUNDATIONS_JOB_ID" >&2; exit 3'
        )
        found = await collect(session)
        assert found == {Output.STDOUT: b"mine", Output.STDERR: b"the-job\n"}
        assert await session.wait() == 3
        await session.close()


async def test_what_the_job_installed_for_itself_comes_first(rig: Rig) -> None:
    async with running(rig) as launch:
        tools = launch.job_dir / "environment" / "bin"
        tools.mkdir(parents=True)
        tool = tools / "ls"
        tool.write_text("#!/bin/sh\necho mine\n")
        tool.chmod(0o755)
        session = await start(rig, launch, "ls")
        assert (await collect(session))[Output.STDOUT] == b"mine\n"
        await session.close()


async def test_input_reaches_the_command_byte_for_byte_with_its_end(rig: Rig) -> None:
    async with running(rig) as launch:
        session = await start(rig, launch, "sh", "-c", "cat | od -An -tx1; echo end")
        await session.write(b"\x00\xff")
        await session.write(b"\r\n")
        await session.end_input()
        found = await collect(session)
        assert found[Output.STDOUT].split() == [b"00", b"ff", b"0d", b"0a", b"end"]
        await session.close()


async def test_much_output_comes_whole(rig: Rig) -> None:
    async with running(rig) as launch:
        session = await start(rig, launch, "sh", "-c", "yes 0123456789abcde | head -c 3000000")
        found = await collect(session)
        assert found[Output.STDOUT] == (b"0123456789abcde\n" * 187_500)
        assert await session.wait() == 0
        await session.close()


async def test_a_terminal_has_its_size_and_hears_of_a_new_one(rig: Rig) -> None:
    async with running(rig) as launch:
        session = await start(
            rig,
            launch,
            "sh",
            "-c",
            # Docker sets the first size when the command runs already, so that it may hear of it.
            "trap 'stty size' WINCH; tty; stty size;"
            "while [ \"$(stty size)\" != '12 40' ]; do sleep 0.05; done; stty size",
            terminal=SIZE,
        )
        seen = b""
        while b"30 91" not in seen:
            piece = await session.read()
            assert piece is not None, seen
            seen += piece[1]
        assert b"/dev/pts/" in seen or b"/dev/console" in seen
        await session.resize(TerminalSize(rows=12, columns=40))
        found = await collect(session)
        assert b"12 40" in found[Output.STDOUT]
        await session.close()


async def test_a_program_that_is_not_there_exits_with_126_or_127(rig: Rig) -> None:
    async with running(rig) as launch:
        session = await start(rig, launch, "no-such-program")
        found = await collect(session)
        assert b"no-such-program" in found[Output.STDERR]
        assert b"OCI runtime" not in found[Output.STDERR]
        assert await session.wait() in (126, 127)  # Docker before 23 says 126
        await session.close()


async def test_hanging_up_ends_what_reads_a_terminal(rig: Rig) -> None:
    async with running(rig) as launch:
        session = await start(rig, launch, "cat", terminal=SIZE)
        await session.close()
        assert (await collect(session))[Output.STDERR] == b""


@pytest.mark.parametrize("terminal", [None, SIZE])
async def test_hanging_up_ends_what_asks_for_no_input(
    rig: Rig, terminal: TerminalSize | None
) -> None:
    """Also what ignores that, with what it has begun."""
    seconds = f"{random.randrange(10**6, 10**7)}"
    async with running(rig) as launch:
        script = f"trap '' HUP; echo begun; sleep {seconds} & sleep {seconds}; sleep {seconds}"
        session = await start(rig, launch, "sh", "-c", script, terminal=terminal)
        begun = await session.read()
        assert begun is not None
        assert begun[1].strip() == b"begun"
        await until(lambda: len(sleepers(seconds)) == 2)
        await session.close()
        await until(lambda: sleepers(seconds) == [])


def sleepers(seconds: str) -> list[int]:
    """Find the processes that sleep for so long."""
    command = ["sleep", seconds]
    return [one.pid for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == command]


async def test_nothing_runs_beside_a_job_that_has_ended(rig: Rig) -> None:
    launch = rig.python("pass")
    await rig.begin(launch)
    await rig.finish(launch)
    with pytest.raises(JobConflict):
        await start(rig, launch, "true")
