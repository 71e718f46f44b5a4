"""One look at something slow, shared by all who ask."""

from __future__ import annotations

import asyncio

import pytest

from atlas_scheduler.engine.shared_answer import SharedAnswer

pytestmark = pytest.mark.anyio


class Question:
    """Answers 1, 2, … when it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.problem: Exception | None = None
        self.now = 100.0

    async def ask(self) -> int:
        self.asked += 1
        await self.may_answer.wait()
        if self.problem is not None:
            raise self.problem
        return self.asked

    def shared(self, *, patience_seconds: float = 20.0) -> SharedAnswer[int]:
        return SharedAnswer(
            self.ask,
            fresh_seconds=1.0,
            patience_seconds=patience_seconds,
            clock_seconds=lambda: self.now,
        )


async def test_nothing_is_asked_before_someone_asks_and_then_once_for_all() -> None:
    question = Question()
    answer = question.shared()
    assert question.asked == 0
    assert await asyncio.gather(*(answer.get() for _ in range(50))) == [1] * 50


async def test_an_answer_is_asked_for_again_when_it_is_old() -> None:
    question = Question()
    answer = question.shared()
    assert await answer.get() == 1
    question.now += 0.9
    assert await answer.get() == 1
    question.now += 0.2
    assert await answer.get() == 2


async def test_one_that_hangs_stays_the_only_one_and_its_answer_is_used_when_it_comes() -> None:
    question = Question()
    question.may_answer.clear()
    answer = question.shared(patience_seconds=0.05)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await answer.get()
    assert question.asked == 1
    question.may_answer.set()
    assert await answer.get() == 1


async def test_trouble_reaches_who_asked_and_the_next_one_tries_again() -> None:
    question = Question()
    question.problem = ValueError("no")
    answer = question.shared()
    with pytest.raises(ValueError, match="no"):
        await answer.get()
    question.problem = None
    assert await answer.get() == 2


async def test_one_who_gives_up_does_not_take_the_answer_from_the_others() -> None:
    question = Question()
    question.may_answer.clear()
    answer = question.shared()
    impatient = asyncio.create_task(answer.get())
    patient = asyncio.create_task(answer.get())
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.wait([impatient])
    question.may_answer.set()
    assert await patient == 1
    assert question.asked == 1
