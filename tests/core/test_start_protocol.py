"""Nothing lost, nothing doubly started: the core in a shell that may crash at any point."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from atlas_scheduler.core.deadlines import overdue
from atlas_scheduler.core.events import StopRequested
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.limits import NO_LIMITS, Limits
from foundations.models import JobState
from tests.core import promises
from tests.core.profiles import MACHINE, MACHINE_TIMEOUT_SECONDS
from tests.core.shell import GPUS, Crashed, Shell
from tests.core.world import Attempt, FakeEngine, Flaw, Store

pytestmark = pytest.mark.timeout(MACHINE_TIMEOUT_SECONDS)

ENOUGH_TURNS = 2_000
WHICH = st.integers(0, 99)
TURNS = st.lists(WHICH, max_size=6)
LIVES = -1
CRASH = st.sampled_from([*[LIVES] * 24, *range(12)])
"""How many points the scheduler passes in its next turns before it dies; often it lives."""
NUM_GPUS = st.sampled_from([0, 0.5, 0.5, *range(1, len(GPUS) + 1)])
LIMITS = st.sampled_from(
    [
        *[NO_LIMITS] * 4,
        Limits(exit=2, lost=1, retry_delay_ms=0),
        Limits(exit=1, oom=2, lost=2, retry_delay_ms=4),
        Limits(time_ms=12),
        Limits(queue_ms=25),
        Limits(time_ms=12, queue_ms=40, exit=1, oom=1, lost=1, retry_delay_ms=2),
    ]
)
FLAWS = st.sampled_from([*[Flaw.NONE] * 8, Flaw.NO_IMAGE, Flaw.NO_COMMAND])


Act = Callable[..., None]
make_rule: Callable[..., Callable[[Act], Act]] = rule


def happens(**arguments: st.SearchStrategy[Any]) -> Callable[[Act], Act]:
    """Make a rule of something that happens, and let the scheduler take some turns after it.

    Hypothesis leaves some rules out of each example; if the turns were a rule of their own, the
    scheduler would do nothing in many.
    """

    def decorate(act: Act) -> Act:
        @wraps(act)
        def method(
            self: StartProtocol, *, turns: list[int], crash_after: int, **chosen: Any
        ) -> None:
            if self.shell is not None and self.stormy:
                self.shell.crash_after = crash_after
            try:
                act(self, **chosen)
                for which in turns:
                    self.check()
                    self.take_turn(which)
            except Crashed:
                self.shell = None
            self.pass_time_without_engine()

        return make_rule(turns=TURNS, crash_after=CRASH, **arguments)(method)

    return decorate


class StartProtocol(RuleBasedStateMachine):
    """Users, the scheduler, the engine and other hands, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 0
        self.store = Store()
        self.engine = FakeEngine()
        self.engine.clock = self.clock
        self.shell: Shell | None = None
        self.silent_steps = 0
        self.stormy = True
        """Whether the scheduler crashes and the engine fails: that often heals what went wrong."""
        self.acknowledged: set[str] = set()
        self.final: dict[str, Job] = {}
        self.removed_unrecorded: set[Attempt] = set()
        """Attempts that other hands removed before their start was recorded."""

    @initialize(
        jobs=st.lists(st.tuples(NUM_GPUS, FLAWS, LIMITS), min_size=1, max_size=3),
        limit=st.integers(1, 3),
        quiet_turns=st.integers(0, 24),
        stormy=st.booleans(),
    )
    def begin(
        self, jobs: list[tuple[int, Flaw, Limits]], limit: int, quiet_turns: int, stormy: bool
    ) -> None:
        """Bring some jobs some way, so that trouble meets them in every state."""
        self.stormy = stormy
        self.restart()
        self.living.take_look()
        self.living.judge()
        self.store.max_running_jobs = limit
        for number, (num_gpus, flaw, limits) in enumerate(jobs):
            self.accept(f"key-{number}", num_gpus, flaw, limits)
        for which in range(quiet_turns):
            self.take_turn(which)

    # -- the scheduler

    @property
    def living(self) -> Shell:
        assert self.shell is not None
        return self.shell

    def restart(self) -> None:
        self.engine.sweep()
        self.shell = Shell(self.store, self.engine, self.clock)

    def clock(self) -> int:
        self.now_ms += 1
        return self.now_ms

    def take_turn(self, which: int) -> None:
        deeds = self.due()
        if deeds:
            deeds[which % len(deeds)]()

    def due(self) -> list[Callable[[], None]]:
        """Everything that the scheduler may do next; it may rely on no order."""
        if self.shell is None:
            return [self.restart]
        shell = self.shell
        deeds: list[Callable[[], None]] = [
            *(partial(shell.perform, job_id) for job_id in sorted(shell.tasks)),
            *(partial(shell.collect, job_id) for job_id in shell.ended()),
        ]
        if self.store.in_state(JobState.QUEUED):
            deeds.append(self.claim)
        if overdue(self.store.jobs.values(), now_ms=self.now_ms):
            deeds.append(shell.end_overdue)
        if shell.in_doubt and self.engine.up:
            deeds.append(shell.take_look)
        if shell.look is not None:
            deeds.append(shell.judge)
        if shell.strays and self.engine.up:
            deeds.append(shell.remove_stray)
        return deeds

    def claim(self) -> None:
        before = len(self.store.holding())
        try:
            self.living.claim()
        finally:
            after = len(self.store.holding())
            assert after == before or after <= self.store.max_running_jobs

    @happens()
    def nothing_else(self) -> None:
        pass

    @happens(ms=st.integers(1, 30))
    def time_passes(self, ms: int) -> None:
        self.now_ms += ms

    @happens()
    @precondition(lambda self: self.shell is not None and self.stormy)
    def the_scheduler_is_killed(self) -> None:
        raise Crashed

    # -- users

    @happens(
        key=st.integers(0, 5).map("key-{}".format), num_gpus=NUM_GPUS, flaw=FLAWS, limits=LIMITS
    )
    @precondition(lambda self: self.shell is not None)
    def submit(self, key: str, num_gpus: float, flaw: Flaw, limits: Limits) -> None:
        self.accept(key, num_gpus, flaw, limits)

    def accept(self, key: str, num_gpus: float, flaw: Flaw, limits: Limits) -> None:
        order = len(self.store.jobs)
        first = self.store.by_key.get(key)
        job = Job(
            f"job-{order}",
            "iris",
            JobState.QUEUED,
            order,
            num_gpus,
            submitted_at_ms=self.clock(),
            limits=limits,
        )
        job_id = self.living.submit(job, flaw, key)
        assert first in (None, job_id)
        self.acknowledged.add(job_id)

    @happens(which=WHICH)
    @precondition(lambda self: self.shell is not None and self.unfinished())
    def stop(self, which: int) -> None:
        job_ids = self.unfinished()
        self.living.apply(job_ids[which % len(job_ids)], StopRequested(self.clock(), "eve"))

    @happens(limit=st.integers(1, 3))
    def set_max_running_jobs(self, limit: int) -> None:
        self.store.max_running_jobs = limit

    # -- the engine and other hands

    @happens(steps=st.integers(1, 4))
    @precondition(lambda self: self.engine.up and self.stormy)
    def the_engine_goes_down(self, steps: int) -> None:
        self.engine.up = False
        self.silent_steps = steps
        if self.shell is not None:
            self.shell.lose_touch()

    def pass_time_without_engine(self) -> None:
        self.silent_steps -= 1
        self.engine.up = self.silent_steps < 0

    @happens()
    @precondition(lambda self: self.engine.up and self.stormy)
    def the_engine_will_lose_a_reply(self) -> None:
        self.engine.loses_next_reply = True

    @happens(prepared=st.integers(0, 2))
    @precondition(lambda self: self.shell is not None and self.engine.up)
    def the_scheduler_prepares_containers(self, prepared: int) -> None:
        self.engine.prepared = prepared

    @happens(which=WHICH, exit_code=st.sampled_from([0, 0, 1, 137]))
    @precondition(lambda self: self.engine.live())
    def a_process_exits(self, which: int, exit_code: int) -> None:
        live = self.engine.live()
        self.engine.exit(live[which % len(live)].name, exit_code)

    @happens(which=WHICH)
    @precondition(lambda self: self.engine.containers)
    def someone_removes_a_container(self, which: int) -> None:
        names = sorted(self.engine.containers)
        name = names[which % len(names)]
        self.engine.lose(name)
        if self.store.jobs[name[0]].started_at_ms is None:
            self.removed_unrecorded.add(name)

    def unfinished(self) -> list[str]:
        return sorted(job.job_id for job in self.store.jobs.values() if not job.is_final)

    # -- what must always hold

    @invariant()
    def check(self) -> None:
        self.no_acknowledged_job_vanishes()
        self.final_states_absorb()
        promises.live_containers_are_one_a_job_and_covered_by_its_slot_and_gpus(
            self.store, self.engine
        )
        promises.gpus_are_never_given_twice(self.store)
        promises.an_attempt_starts_at_most_one_process(self.engine, self.removed_unrecorded)
        promises.each_history_is_a_path_in_the_table(self.store)
        promises.each_end_is_the_true_one(self.store, self.engine)
        promises.each_attempt_but_the_latest_ended_for_a_cause_that_may_be_tried_again(
            self.store, self.engine
        )
        promises.nothing_starts_after_a_stop(self.store)
        promises.what_waits_has_nothing(self.store)

    def no_acknowledged_job_vanishes(self) -> None:
        assert self.acknowledged <= set(self.store.jobs)

    def final_states_absorb(self) -> None:
        for job_id, job in self.final.items():
            assert self.store.jobs[job_id] == job
        self.final = {one.job_id: one for one in self.store.jobs.values() if one.is_final}

    # -- and when all is quiet again

    def teardown(self) -> None:
        self.engine.up = True
        self.engine.loses_next_reply = False
        if self.shell is None:
            self.restart()
        self.living.crash_after = LIVES
        self.come_to_rest()
        self.nothing_that_ended_is_left_open()
        while self.engine.live():
            self.engine.exit(self.engine.live()[0].name, 0)
            self.come_to_rest()
        assert self.unfinished() == []
        assert self.engine.containers == {}
        assert self.store.archived == set(self.store.jobs)

    def come_to_rest(self) -> None:
        for _ in range(ENOUGH_TURNS):
            before = sum(len(changes) for changes in self.store.history.values())
            deeds = self.due()
            for deed in deeds:
                deed()
                self.check()
            after = sum(len(changes) for changes in self.store.history.values())
            late = overdue(self.store.jobs.values(), now_ms=self.now_ms)
            if before != after or not set(deeds) <= {self.claim} or late:
                continue
            later = [
                job.not_before_ms
                for job in self.store.in_state(JobState.QUEUED)
                if job.not_before_ms is not None and job.not_before_ms > self.now_ms
            ]
            if not later:
                return
            self.now_ms = max(later)
        pytest.fail("the scheduler does not come to rest")

    def nothing_that_ended_is_left_open(self) -> None:
        live = {one.job_id for one in self.engine.live()}
        for job in self.store.jobs.values():
            runs = job.state is JobState.RUNNING and job.job_id in live
            assert runs or job.is_final or job.state is JobState.QUEUED
        assert {one.job_id for one in self.engine.containers.values()} == live


TestStartProtocol = StartProtocol.TestCase
TestStartProtocol.settings = MACHINE
