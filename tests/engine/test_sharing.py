"""Blocking calls in threads, and operations that several wait for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from atlas_scheduler.engine.sharing import SharedRuns, Tell
from atlas_scheduler.engine.threads import in_thread
from tests.engine.rig import until

pytestmark = pytest.mark.anyio


def ignore(line: str) -> None:
    """Listen to nothing."""


class Kitchen:
    """Makes things when told to, and notes how often."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended_early = 0
        self.ready = asyncio.Event()
        self.problem: Exception | None = None

    async def make(self, tell: Tell) -> None:
        self.begun += 1
        tell("begun")
        try:
            await self.ready.wait()
        except asyncio.CancelledError:
            self.ended_early += 1
            raise
        if self.problem is not None:
            raise self.problem
        tell("done")


async def test_what_several_want_is_made_once_and_all_hear_of_it() -> None:
    runs, kitchen = SharedRuns(), Kitchen()
    heard: list[list[str]] = [[], [], []]
    waiting = [asyncio.create_task(runs.join("a", one.append, kitchen.make)) for one in heard]
    await until(lambda: all("begun" in one for one in heard))
    kitchen.ready.set()
    await asyncio.gather(*waiting)
    assert kitchen.begun == 1
    assert heard == [["begun", "done"]] * 3


async def test_different_things_are_made_apart_and_a_finished_one_anew() -> None:
    runs, kitchen = SharedRuns(), Kitchen()
    kitchen.ready.set()
    for key in ("a", "b", "a"):
        await runs.join(key, ignore, kitchen.make)
    assert kitchen.begun == 3


async def test_a_fault_reaches_everyone() -> None:
    runs, kitchen = SharedRuns(), Kitchen()
    kitchen.problem = LookupError("no such thing")
    waiting = [asyncio.create_task(runs.join("a", ignore, kitchen.make)) for _ in range(2)]
    kitchen.ready.set()
    faults = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(fault) for fault in faults] == ["no such thing"] * 2


async def test_one_who_leaves_does_not_disturb_the_others_and_hears_no_more() -> None:
    runs, kitchen = SharedRuns(), Kitchen()
    first: list[str] = []
    second: list[str] = []
    leaves = asyncio.create_task(runs.join("a", first.append, kitchen.make))
    stays = asyncio.create_task(runs.join("a", second.append, kitchen.make))
    await until(lambda: bool(first and second))
    leaves.cancel()
    await asyncio.gather(leaves, return_exceptions=True)
    kitchen.ready.set()
    await stays
    assert (first, second) == (["begun"], ["begun", "done"])
    assert kitchen.ended_early == 0


async def test_who_comes_while_it_is_given_up_has_it_begun_anew() -> None:
    runs, kitchen = SharedRuns(), Kitchen()
    gone = asyncio.Event()

    async def make_slowly_given_up(tell: Tell) -> None:
        try:
            await kitchen.make(tell)
        finally:
            await gone.wait()

    leaves = asyncio.create_task(runs.join("a", ignore, make_slowly_given_up))
    await until(lambda: kitchen.begun == 1)
    leaves.cancel()
    await until(lambda: kitchen.ended_early == 1)
    comes = asyncio.create_task(runs.join("a", ignore, kitchen.make))
    await until(lambda: kitchen.begun == 2)
    gone.set()
    await asyncio.gather(leaves, return_exceptions=True)
    kitchen.ready.set()
    await comes
    assert kitchen.ended_early == 1


@pytest.mark.parametrize(
    ("kept", "heard"), [(1, ["begun", "done"]), (5, ["before", "begun", "done"])]
)
async def test_who_comes_late_hears_as_much_as_is_kept(kept: int, heard: list[str]) -> None:
    runs, kitchen = SharedRuns(replayed_lines=kept), Kitchen()

    async def make(tell: Tell) -> None:
        tell("before")
        await kitchen.make(tell)

    first = asyncio.create_task(runs.join("a", ignore, make))
    await until(lambda: kitchen.begun == 1)
    late: list[str] = []
    second = asyncio.create_task(runs.join("a", late.append, make))
    await until(lambda: bool(late))
    kitchen.ready.set()
    await asyncio.gather(first, second)
    assert late == heard


async def test_what_nobody_waits_for_is_ended() -> None:
    runs, kitchen = SharedRuns(), Kitchen()
    waiting = [asyncio.create_task(runs.join("a", ignore, kitchen.make)) for _ in range(2)]
    await until(lambda: kitchen.begun == 1)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert kitchen.ended_early == 1
    kitchen.ready.set()
    await runs.join("a", ignore, kitchen.make)
    assert kitchen.begun == 2


# -- threads


async def test_a_call_in_a_thread_gives_its_result_and_its_exception() -> None:
    assert await in_thread(lambda: 42, name="answer") == 42
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 / 0, name="answer")


async def test_two_hundred_waiting_calls_do_not_hold_up_another() -> None:
    release = threading.Event()
    waiting = [asyncio.create_task(in_thread(release.wait, name="wait")) for _ in range(200)]
    async with asyncio.timeout(10):
        assert await in_thread(lambda: "quick", name="quick") == "quick"
        release.set()
        assert await asyncio.gather(*waiting) == [True] * 200


async def test_cancelling_a_call_aborts_it_and_waits_for_its_thread() -> None:
    release, ended = threading.Event(), threading.Event()

    def call() -> None:
        release.wait()
        ended.set()

    async def run(abort: Callable[[], None]) -> None:
        await in_thread(call, name="call", abort=abort)

    task = asyncio.create_task(run(release.set))
    await until(lambda: any(one.name.startswith("call-") for one in threading.enumerate()))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
