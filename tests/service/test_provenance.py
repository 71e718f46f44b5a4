"""Where a job comes from, as the service keeps it and answers it."""

from __future__ import annotations

import pytest

from atlas_scheduler.service import Service
from foundations.models import JobSpec, Submission
from foundations.provenance import Execution, GitState, Origin
from tests.store.projects import stored

pytestmark = pytest.mark.anyio
GIT = GitState(commit="a" * 40, branch="main", dirty=True, diff="+1\n")
ADA = Origin(user="ada", host="laptop", git=GIT)
GRACE = Origin(user="grace", host="desk")


@pytest.fixture
async def bundle(service: Service) -> str:
    service.bundles.sweep()
    return await stored(service.bundles)


async def submitted(
    service: Service, bundle: str, origin: Origin | None = None, **spec: object
) -> str:
    asked = JobSpec.model_validate({"project": "cats", **spec})
    submission = Submission(spec=asked, bundle=bundle, origin=origin)
    return (await service.submit(submission, idempotency_key=None)).job_id


async def test_the_job_leaves_out_the_diff_that_its_provenance_has(
    service: Service, bundle: str
) -> None:
    job_id = await submitted(service, bundle, ADA)
    await service.note_execution(job_id, Execution(attempt=1, engine="docker", host="box"))

    whole = await service.provenance(job_id[:8])
    detail = (await service.job(job_id)).provenance

    assert whole.origin == ADA
    assert detail.origin == ADA.model_copy(update={"git": GIT.model_copy(update={"diff": None})})
    assert detail.execution == whole.execution == Execution(attempt=1, engine="docker", host="box")


async def test_a_submission_need_not_say_anything(service: Service, bundle: str) -> None:
    known = await service.provenance(await submitted(service, bundle))

    assert (known.origin, known.execution, known.environment, known.seeds) == (None, None, None, {})


async def test_seeds_are_found_among_parameters_and_variables(
    service: Service, bundle: str
) -> None:
    job_id = await submitted(
        service,
        bundle,
        params={"seed": 1, "model": {"Random_State": 2}, "seeds": 3, "reseed": 4, "lr": 5},
        environment={"PYTHONHASHSEED": "0", "SEED": "6"},
    )

    assert (await service.job(job_id)).provenance.seeds == {
        "param.seed": 1,
        "param.model_Random_State": 2,
        "env.PYTHONHASHSEED": "0",
    }


async def test_a_rerun_takes_over_what_git_knew_of_the_files(service: Service, bundle: str) -> None:
    first = await submitted(service, bundle, ADA)

    again = await service.provenance(await submitted(service, bundle, GRACE, rerun_of=first))
    silent = await service.provenance(await submitted(service, bundle, rerun_of=first))

    assert again.origin == GRACE.model_copy(update={"git": GIT})
    assert silent.origin == Origin(git=GIT)


async def test_a_rerun_of_other_files_does_not(service: Service, bundle: str) -> None:
    first = await submitted(service, bundle, ADA)
    other = await stored(service.bundles, {"main.py": "print('other')\n"})

    again = await service.provenance(await submitted(service, other, GRACE, rerun_of=first))

    assert again.origin == GRACE
