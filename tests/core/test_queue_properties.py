"""What holds for every decision of the queue, whatever waits and runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core.capacity import Capacity, Pause, RunningLimits
from atlas_scheduler.core.job import Job
from atlas_scheduler.core.line import Line
from atlas_scheduler.core.queue import choose_next
from foundations.models import JobState
from tests.core.profiles import PROPERTY
from tests.core.queue_jobs import FOUR_GPUS, Outcome, decide, holding, waiting

NOW_MS = 1_000_000


@dataclass(frozen=True)
class Scene:
    """A queue, what runs and what there is in all."""

    queued: list[Job]
    held: list[Job]
    capacity: Capacity


@st.composite
def queued_jobs(draw: st.DrawFn) -> list[Job]:
    orders = draw(st.lists(st.integers(-3, 99), unique=True, max_size=8))
    return [
        waiting(
            number,
            order=order,
            num_gpus=draw(st.sampled_from([0, 0, 1, 2, 3, 0.25, 0.5])),
            cpus=draw(st.sampled_from([0, 0, 1, 2.5])),
            ram_gb=draw(st.sampled_from([0, 0, 3, 20])),
            priority=draw(st.sampled_from([-100, 0, 0, 7])),
            held_by=draw(st.sampled_from([None, None, None, "ada"])),
            not_before_ms=draw(st.sampled_from([None, None, NOW_MS, NOW_MS + 1])),
            project=draw(st.sampled_from(["iris", "iris", "cats"])),
            user=draw(st.sampled_from(["ada", "bob"])),
            passed_over_at_ms=draw(st.sampled_from([None, None, None, 0, NOW_MS - 1, NOW_MS])),
            time_ms=draw(st.sampled_from([None, None, 5, 100])),
        )
        for number, order in enumerate(orders)
    ]


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    gpus = FOUR_GPUS[: draw(st.integers(0, 4))]
    whole, shared = list(gpus[1:]), list(gpus[:1])
    held: list[Job] = []
    for number in range(draw(st.integers(0, 4))):
        state = draw(st.sampled_from([JobState.STARTING, JobState.RUNNING, JobState.STOPPING]))
        project = draw(st.sampled_from(["iris", "cats"]))
        time_ms = draw(st.sampled_from([None, 1, NOW_MS + 20, NOW_MS + 50]))
        if draw(st.booleans()) and shared:
            gpus_of, num_gpus, cpus = tuple(shared), 0.25, 0
        else:
            gpus_of, num_gpus, cpus = tuple(whole[: draw(st.integers(0, 2))]), None, 1
            del whole[: len(gpus_of)]
        one = holding(100 + number, *gpus_of, num_gpus=num_gpus, cpus=cpus, time_ms=time_ms)
        held.append(replace(one, state=state, project=project))
    limits = RunningLimits(
        each_project=draw(st.sampled_from([None, None, 2])),
        users=draw(st.sampled_from([{}, {}, {"bob": 1}])),
    )
    capacity = Capacity(
        draw(st.integers(1, 6)),
        gpus,
        draw(st.sampled_from([None, None, None, "Docker does not answer"])),
        draw(st.sampled_from([(), (), (Pause("ada", 0, "cats"),), (Pause("ada", 0),)])),
        cpus=4,
        ram_gb=16,
        limits=limits,
        occupied_gpus=draw(st.sampled_from([{}, {}, {"gpu-1": "GPU 1 is used by others"}])),
        backfill_ms=draw(st.sampled_from([0, 10, NOW_MS])),
        grace_ms=2,
        start_ms=1,
    )
    return Scene(draw(queued_jobs()), held, capacity)


def happens(scene: Scene) -> Outcome:
    return decide(scene.queued, scene.held, scene.capacity, now_ms=NOW_MS)


def is_set_aside(job: Job, capacity: Capacity) -> bool:
    paused = {pause.project for pause in capacity.pauses}
    has = len(capacity.gpus), capacity.cpus, capacity.ram_gb
    wants = job.num_gpus, job.cpus, job.ram_gb
    too_large = any(want > there for want, there in zip(wants, has, strict=True))
    too_early = job.not_before_ms is not None and job.not_before_ms > NOW_MS
    is_paused = None in paused or job.project in paused
    return job.held_by is not None or too_early or is_paused or too_large


def turn(job: Job, running: Counter[str]) -> tuple[int, int, int]:
    share = -1 if job.order <= 0 else running[job.project]
    return -job.priority, share, job.order


@PROPERTY
@given(scenes())
def test_each_job_that_is_not_picked_is_told_why(scene: Scene) -> None:
    found = happens(scene)

    assert sorted([*found.picked, *found.waiting]) == sorted(job.job_id for job in scene.queued)
    assert all(text.strip() and text != "about to start" for text in found.waiting.values())


@PROPERTY
@given(scenes())
def test_nothing_is_given_twice_nor_beyond_what_there_is(scene: Scene) -> None:
    found = happens(scene)
    picked = {job.job_id: job for job in scene.queued if job.job_id in found.picked}
    parts: Counter[str] = Counter()
    sharers: dict[str, set[bool]] = {}
    for job in [
        *scene.held,
        *(replace(picked[pick.job_id], gpus=pick.gpus) for pick in found.picks),
    ]:
        for gpu in job.gpus:
            parts[gpu] += 250 if job.num_gpus == 0.25 else 500 if job.num_gpus == 0.5 else 1000
            sharers.setdefault(gpu, set()).add(job.num_gpus < 1)

    assert all(count <= 1000 for count in parts.values())
    assert all(len(kinds) == 1 for kinds in sharers.values())
    for pick in found.picks:
        job = picked[pick.job_id]
        assert len(pick.gpus) == (1 if 0 < job.num_gpus < 1 else job.num_gpus)
        assert set(pick.gpus) <= set(scene.capacity.gpus)
        begun = {gpu for one in scene.held for gpu in one.gpus}
        assert not (set(pick.gpus) - begun) & set(scene.capacity.occupied_gpus)
    if found.picks:
        everybody = [*scene.held, *picked.values()]
        assert len(everybody) <= scene.capacity.max_running_jobs
        assert sum(job.cpus for job in everybody) <= max(4, sum(job.cpus for job in scene.held))
        assert sum(job.ram_gb for job in everybody) <= 16


@PROPERTY
@given(scenes())
def test_nothing_waits_that_could_start(scene: Scene) -> None:
    found = happens(scene)
    left, capacity = found.decision.left, scene.capacity
    if capacity.problem is not None or left.reservations.reserved:
        return
    for job in scene.queued:
        project, user = capacity.limits.of_project(job.project), capacity.limits.of_user(job.user)
        is_limited = (project is not None and left.running.by_project[job.project] >= project) or (
            user is not None and left.running.by_user[job.user] >= user
        )
        if job.job_id not in found.picked and not is_set_aside(job, capacity) and not is_limited:
            assert left.reservations.room.shortages(job.needs)


@PROPERTY
@given(scenes())
def test_a_job_is_passed_only_where_it_does_not_fit_or_its_project_has_its_share(
    scene: Scene,
) -> None:
    found = happens(scene)
    by_id = {job.job_id: job for job in scene.queued}
    for number, job_id in enumerate(found.picked):
        later = by_id[job_id]
        so_far = scene.held + [
            replace(by_id[pick.job_id], gpus=pick.gpus) for pick in found.picks[:number]
        ]
        running = Counter(one.project for one in so_far)
        for job in scene.queued:
            if job.job_id in found.picked or is_set_aside(job, scene.capacity):
                continue
            if turn(job, running) >= turn(later, running):
                continue
            alone = decide([job], so_far, scene.capacity, now_ms=NOW_MS)
            kept = found.decision.left.reservations.reserved
            assert not alone.picks or kept or later.passed_over_at_ms is not None


@PROPERTY
@given(scenes())
def test_limits_hold(scene: Scene) -> None:
    found = happens(scene)
    by_id = {job.job_id: job for job in scene.queued}
    for pick in found.picks:
        job = by_id[pick.job_id]
        project = scene.capacity.limits.of_project(job.project)
        user = scene.capacity.limits.of_user(job.user)
        assert project is None or found.decision.left.running.by_project[job.project] <= project
        assert user is None or found.decision.left.running.by_user[job.user] <= user


@PROPERTY
@given(scenes(), st.randoms(use_true_random=False))
def test_a_decision_depends_on_nothing_but_its_input_and_not_on_its_order(
    scene: Scene, random: Random
) -> None:
    queued, held = list(scene.queued), list(scene.held)
    random.shuffle(queued)
    random.shuffle(held)
    again = decide(queued, held, scene.capacity, now_ms=NOW_MS)

    assert again.decision == happens(scene).decision
    assert again.waiting == happens(scene).waiting


@PROPERTY
@given(scenes())
def test_nothing_starts_while_the_engine_has_a_problem(scene: Scene) -> None:
    problem = "Docker does not answer"
    found = happens(replace(scene, capacity=replace(scene.capacity, problem=problem)))

    assert found.picks == ()
    held_or_paused = {job.job_id for job in scene.queued if is_set_aside(job, scene.capacity)}
    assert {reason for job_id, reason in found.waiting.items() if job_id not in held_or_paused} <= {
        problem
    }


@PROPERTY
@given(scenes())
def test_what_is_held_or_paused_waits_and_holds_nobody_up(scene: Scene) -> None:
    found = happens(scene)
    others = [job for job in scene.queued if not is_set_aside(job, scene.capacity)]

    for job in scene.queued:
        if job.held_by is not None:
            assert found.waiting[job.job_id] == "held by ada"
    assert happens(replace(scene, queued=others)).picks == found.picks


@PROPERTY
@given(scenes())
def test_places_are_those_of_the_turns_and_one_of_each(scene: Scene) -> None:
    places = happens(scene).moment.places()
    in_turn, line = list(places.in_turn()), list(places.with_held())

    assert sorted(line, key=lambda job: job.job_id) == sorted(
        scene.queued, key=lambda job: job.job_id
    )
    assert [job for job in line if places.has_place(job)] == in_turn
    assert [places.of(job) for job in in_turn] == list(range(1, len(in_turn) + 1))
    assert [job.priority for job in line] == sorted((job.priority for job in line), reverse=True)


@PROPERTY
@given(scenes())
def test_jobs_that_are_held_paused_or_early_have_no_place_and_push_nobody_back(
    scene: Scene,
) -> None:
    places = happens(scene).moment.places()
    paused = {pause.project for pause in scene.capacity.pauses}
    free = [
        job
        for job in scene.queued
        if job.held_by is None
        and job.project not in paused
        and (job.not_before_ms is None or job.not_before_ms <= NOW_MS)
    ]
    without = happens(replace(scene, queued=free)).moment.places()

    assert {places.of(job) for job in scene.queued if job not in free} <= {None}
    assert [places.of(job) for job in free] == [without.of(job) for job in free]


@PROPERTY
@given(scenes())
def test_a_held_job_stands_where_it_is_when_it_is_released(scene: Scene) -> None:
    line = list(happens(scene).moment.places().with_held())
    for job in line:
        if job.held_by is None or job.passed_over_at_ms is not None:
            continue
        released = [replace(one, held_by=None) if one is job else one for one in scene.queued]
        after = list(happens(replace(scene, queued=released)).moment.places().with_held())
        of_project = [one.job_id for one in line if one.project == job.project]
        assert [one.job_id for one in after if one.project == job.project] == of_project


@PROPERTY
@given(scenes())
def test_with_room_for_all_the_picks_are_the_turns(scene: Scene) -> None:
    roomy = Capacity(99, backfill_ms=scene.capacity.backfill_ms)
    queued = [replace(job, num_gpus=0, held_by=None, not_before_ms=None) for job in scene.queued]
    found = decide(queued, scene.held, roomy, now_ms=NOW_MS)

    assert found.picked == [job.job_id for job in found.moment.places().in_turn()]


@PROPERTY
@given(queued_jobs(), queued_jobs(), st.randoms(use_true_random=False))
def test_a_line_that_was_changed_is_like_one_that_was_made_so(
    before: list[Job], after: list[Job], random: Random
) -> None:
    line = Line(before)
    gone = [job.job_id for job in before if random.random() < 0.5]
    for job_id in gone:
        line.drop(job_id)
    for job in after:
        line.put(job)
    left = {job.job_id: job for job in before if job.job_id not in gone}
    fresh = Line((left | {job.job_id: job for job in after}).values())

    capacity = Capacity(3, FOUR_GPUS, cpus=4, ram_gb=16)
    assert choose_next(line, [], capacity, now_ms=0) == choose_next(fresh, [], capacity, now_ms=0)
    assert line.priorities() == fresh.priorities()
    assert [dict(line.by_project(one)) for one in line.priorities()] == [
        dict(fresh.by_project(one)) for one in fresh.priorities()
    ]
    assert [dict(line.held_by_project(one)) for one in line.priorities()] == [
        dict(fresh.held_by_project(one)) for one in fresh.priorities()
    ]
    for job_id in [job.job_id for job in line]:
        line.drop(job_id)
    assert (len(line), line.priorities(), line.passed_over, line.conditional) == (0, [], {}, {})
