"""What the queue decides, on a real database: resources, limits, and who is passed over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from atlas_scheduler.core.events import Exited, Started
from atlas_scheduler.engine import gpus
from atlas_scheduler.engine.port import Capabilities
from atlas_scheduler.engine_state import EngineState
from atlas_scheduler.service import Service
from atlas_scheduler.settings import ServerSettings
from atlas_scheduler.store.db import Database
from atlas_scheduler.supply import Supply
from foundations.errors import InvalidRequest
from foundations.models import JobSpec, JobView, NewQueueSettings, QueueSettings, Submission
from tests.engine.fake_nvml import FakeGpu, FakeNvml
from tests.service.onlooker import Onlooker
from tests.store.projects import stored
from tests.store.samples import add

pytestmark = pytest.mark.anyio

GPUS = ("GPU-aaaa", "GPU-bbbb")


@dataclass
class Clock:
    now_ms: int = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make_service(database: Database, before: Service, clock: Clock) -> Service:
    """A service as the next start of the server makes it, which still knows its two GPUs."""
    engine = EngineState(name="process")
    engine.capabilities = Capabilities("process", "1", isolated=False, gpus=GPUS)
    engine.problem = None
    made = Service(
        database=database,
        home=before.home,
        instance="0123abcd",
        queue=QueueSettings(max_running_jobs=9),
        engine=engine,
        clock_ms=clock,
    )
    made.shell = Onlooker()
    return made


@pytest.fixture
async def busy(service: Service, database: Database, clock: Clock) -> Service:
    """A service with two GPUs that lets nine jobs run."""
    return make_service(database, service, clock)


async def submitted(database: Database, project: str = "cats", **spec: Any) -> str:
    return await database.write(lambda conn: add(conn, project=project, spec=spec).job_id)


async def shown(service: Service, job_id: str) -> JobView:
    return await service.view(job_id)


async def reason(service: Service, job_id: str) -> str:
    waiting = (await shown(service, job_id)).waiting
    assert waiting is not None
    return waiting.reason


async def end(service: Service, job_id: str, *, at_ms: int) -> None:
    await service.apply(job_id, Started(at_ms - 1))
    await service.apply(job_id, Exited(at_ms, exit_code=0, oom_killed=False))


async def test_shares_have_one_gpu_together_and_a_restart_does_not_give_it_again(
    busy: Service, service: Service, database: Database, clock: Clock
) -> None:
    halves = [await submitted(database, num_gpus=0.5) for _ in range(3)]
    whole = await submitted(database, num_gpus=1)
    await busy.take_turn()
    assert [(await shown(busy, one)).gpus for one in halves] == [
        ["GPU-aaaa"],
        ["GPU-aaaa"],
        ["GPU-bbbb"],
    ]
    assert await reason(busy, whole) == "needs 1 GPU; 0 of 2 are free"

    restarted = make_service(database, service, clock)
    await restarted.take_turn()
    assert (await shown(restarted, whole)).gpus == []
    await end(restarted, halves[2], at_ms=1_500_000)
    await restarted.take_turn()
    assert (await shown(restarted, whole)).gpus == ["GPU-bbbb"]
    assert (await shown(restarted, whole)).num_gpus == 1
    assert (await shown(restarted, halves[0])).num_gpus == 0.5


async def test_more_than_there_is_in_all_is_refused_with_the_numbers(busy: Service) -> None:
    busy.bundles.sweep()
    digest = await stored(busy.bundles)
    busy.supply.cpus, busy.supply.ram_gb = 8, 30
    refused: dict[str, dict[str, Any]] = {
        "The job asks for 3 GPUs and this scheduler has 2 GPUs.": {"num_gpus": 3},
        "The job asks for 9 processors and this scheduler has 8 to give.": {"cpus": 9},
        "The job asks for 31 GB of memory and this scheduler has 30 GB to give.": {"ram_gb": 31},
    }
    for text, spec in refused.items():
        submission = Submission(spec=JobSpec(project="cats", **spec), bundle=digest)
        with pytest.raises(InvalidRequest) as caught:
            await busy.submit(submission, idempotency_key=None)
        assert caught.value.message == text
    info = await busy.info()
    assert (info.cpus, info.ram_gb, info.gpus) == (8, 30, list(GPUS))


async def test_who_is_passed_over_is_remembered_over_a_restart_until_it_runs_or_is_moved(
    busy: Service, service: Service, database: Database, clock: Clock
) -> None:
    first = await submitted(database, num_gpus=1)
    await busy.take_turn()
    await busy.apply(first, Started(clock.now_ms - 1))
    large = await submitted(database, num_gpus=2)
    small = await submitted(database, num_gpus=1)
    await busy.take_turn()
    assert (await shown(busy, small)).gpus == ["GPU-bbbb"]

    clock.now_ms += 86_400_000
    restarted = make_service(database, service, clock)
    late = await submitted(database, num_gpus=1)
    await end(restarted, small, at_ms=clock.now_ms)
    await restarted.take_turn()
    kept = f"job {large[:8]} has waited too long for a GPU to be passed again"
    assert await reason(restarted, late) == kept
    view = (await shown(restarted, late)).waiting
    assert view is not None
    assert (view.blockers, view.position) == ([large], 2)
    waits = (await shown(restarted, large)).waiting
    assert waits is not None
    assert (waits.reason, waits.blockers) == ("needs 2 GPUs; 1 of 2 are free", [first])

    await restarted.move([large], "last", None, by="ada")
    await restarted.take_turn()
    assert (await shown(restarted, late)).gpus == ["GPU-bbbb"]


async def test_a_short_time_limit_lets_a_job_pass_one_that_has_waited_too_long(
    busy: Service, database: Database, clock: Clock
) -> None:
    """The one that runs surely ends after its hour and the grace that the server gives it."""
    first = await submitted(database, num_gpus=1, time_limit_seconds=3600)
    await busy.take_turn()
    large = await submitted(database, num_gpus=2)
    early = await submitted(database)
    await busy.take_turn()
    clock.now_ms += 1
    await busy.apply(first, Started(clock.now_ms))
    await end(busy, early, at_ms=clock.now_ms)

    endless = await submitted(database, num_gpus=1)
    long = await submitted(database, num_gpus=1, time_limit_seconds=3541)
    short = await submitted(database, num_gpus=1, time_limit_seconds=3540)
    await busy.take_turn()
    assert (await shown(busy, short)).gpus == ["GPU-bbbb"]
    kept = f"job {large[:8]} has waited too long for a GPU to be passed again"
    assert await reason(busy, endless) == kept

    clock.now_ms += 60_000
    await busy.apply(short, Started(clock.now_ms))
    assert await reason(busy, endless) == (
        f"{kept}, except with a --time-limit that is over by 01:15 UTC"
    )
    assert await reason(busy, long) == f"{kept}: a time limit of 59m1s is not over by 01:15 UTC"


async def test_limits_hold_and_are_lifted_while_the_server_runs(
    busy: Service, database: Database
) -> None:
    wanted = NewQueueSettings(max_running_per_user=1, project_limits={"cats": 1})
    await busy.set_queue_settings(wanted, by="ada")
    cats = [await submitted(database, user=user) for user in ("ada", "bob")]
    dogs = [await submitted(database, "dogs", user=user) for user in ("ada", "eve")]
    await busy.take_turn()
    assert await reason(busy, cats[1]) == "project cats runs 1 job, its limit is 1"
    text = "user ada runs 1 job, their limit is 1"
    assert await reason(busy, dogs[0]) == text

    await busy.rename_project("cats", "lions", by="ada")
    assert (await busy.queue_settings()).project_limits == {"lions": 1}
    lifted = NewQueueSettings(max_running_per_user=0, project_limits={"lions": 0})
    view = await busy.set_queue_settings(lifted, by="ada")
    assert (view.max_running_per_user, view.project_limits) == (None, {})
    await busy.take_turn()
    assert not [job for job in (await busy.jobs()).jobs if job.waiting]


async def test_the_start_of_a_job_is_expected_from_what_others_of_its_kind_took(
    busy: Service, database: Database, clock: Clock
) -> None:
    command = ["train.py", "--lr", "0.1"]
    for seconds in (60, 100, 400):
        done = await submitted(database, command=command)
        await busy.take_turn()
        await busy.apply(done, Started(clock.now_ms))
        await busy.apply(
            done, Exited(clock.now_ms + seconds * 1_000, exit_code=0, oom_killed=False)
        )
    await busy.set_queue_settings(NewQueueSettings(max_running_jobs=1), by="ada")
    running = await submitted(database, command=["train.py"])
    await busy.take_turn()
    await busy.apply(running, Started(clock.now_ms))
    waits = [await submitted(database, command=["train.py"]) for _ in range(2)]
    unknown = await submitted(database, command=["new.py"])
    last = await submitted(database, command=["train.py"])

    clock.now_ms += 40_000
    starts = []
    for job_id in (*waits, unknown, last):
        waiting = (await shown(busy, job_id)).waiting
        assert waiting is not None
        start = waiting.expected_start_at
        starts.append(None if start is None else start.timestamp() * 1000 - clock.now_ms)
    assert starts == [60_000, 160_000, 260_000, None]


async def test_the_first_of_a_kind_that_ends_tells_all_that_wait_of_that_kind(
    busy: Service, database: Database, clock: Clock
) -> None:
    await busy.set_queue_settings(NewQueueSettings(max_running_jobs=1), by="ada")
    first, second, third = [await submitted(database) for _ in range(3)]
    await busy.take_turn()
    await busy.apply(first, Started(clock.now_ms))
    before = (await shown(busy, third)).waiting
    assert before is not None
    assert before.expected_start_at is None

    clock.now_ms += 7_000
    await busy.apply(first, Exited(clock.now_ms, exit_code=0, oom_killed=False))
    await busy.take_turn()
    await busy.apply(second, Started(clock.now_ms))
    after = (await shown(busy, third)).waiting
    assert after is not None
    assert after.expected_start_at is not None
    assert after.expected_start_at.timestamp() * 1000 == clock.now_ms + 7_000


async def test_a_failed_claim_leaves_the_queue_as_it_was(
    busy: Service, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await submitted(database)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the disk is on fire")

    with monkeypatch.context() as patch:
        patch.setattr(busy, "_append", fail)
        with pytest.raises(RuntimeError, match="on fire"):
            await busy.take_turn()
    assert (await shown(busy, job_id)).state == "queued"
    await busy.take_turn()
    assert (await shown(busy, job_id)).state == "starting"


# -- GPUs that others use too


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    free = 0, 16_000_000_000
    fake = FakeNvml([FakeGpu(name, memory_bytes=free) for name in GPUS])
    monkeypatch.setattr(gpus, "pynvml", fake)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return fake


async def test_a_gpu_that_others_use_is_left_to_them_and_looked_at_again(
    busy: Service, database: Database, nvml: FakeNvml
) -> None:
    busy.supply.gpu_memory_free = 0.9
    nvml.gpus[0].memory_bytes = (14_000_000_000, 16_000_000_000)
    jobs = [await submitted(database, num_gpus=1) for _ in range(2)]
    assert await busy.take_turn() == busy._clock_ms() + 10_000
    assert (await shown(busy, jobs[0])).gpus == ["GPU-bbbb"]
    assert await reason(busy, jobs[1]) == (
        "needs 1 GPU; 0 of 2 are free; GPU 0 is used by others: 14 of 16 GB of its memory"
    )

    nvml.gpus[0].memory_bytes = (0, 16_000_000_000)
    assert await busy.take_turn() is None
    assert (await shown(busy, jobs[1])).gpus == ["GPU-aaaa"]


async def test_a_driver_that_hangs_keeps_jobs_from_gpus_and_no_other_job(
    busy: Service, database: Database, stuck: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atlas_scheduler.machine.GPU_PATIENCE_SECONDS", 0.05)
    busy.supply.gpu_memory_free = 0.9
    wants, plain = await submitted(database, num_gpus=1), await submitted(database)
    assert await busy.take_turn() == busy._clock_ms() + 10_000
    assert (await shown(busy, plain)).state == "starting"
    text = "needs 1 GPU; 0 of 2 are free; the NVIDIA driver does not answer"
    assert await reason(busy, wants) == text


# -- what there is


def test_the_machine_less_its_reserve_is_for_jobs() -> None:
    plain = Supply.of_this_machine(ServerSettings())
    assert plain.cpus >= 1
    assert plain.ram_gb > 0.1
    settings = ServerSettings.model_validate(
        {
            "cpus": 16,
            "ram": 64,
            "reserve": {"cpus": 2, "ram": 70},
            "gpu_memory_free": 0.9,
            "stop_grace_seconds": 2.5,
        }
    )
    told = Supply.of_this_machine(settings)
    assert (told.cpus, told.ram_gb, told.gpu_memory_free) == (14, 0, 0.9)
    assert told.capacity(settings.queue(), EngineState(name="process")).grace_ms == 2_500


def test_server_yaml_says_which_gpus_and_how_the_queue_is_run() -> None:
    settings = ServerSettings.model_validate(
        {"gpus": [0, "GPU-bbbb"], "project_limits": {"iris": 2}, "backfill_seconds": 30}
    )
    assert settings.gpu_names() == ("0", "GPU-bbbb")
    assert ServerSettings().gpu_names() is None
    expected = QueueSettings(max_running_jobs=1, project_limits={"iris": 2}, backfill_seconds=30)
    assert settings.queue() == expected
