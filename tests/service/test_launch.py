"""What engines are told of a job."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.engine.port import AttemptId
from atlas_scheduler.launch import plan_launch
from foundations.home import Home
from tests.store.samples import new_job

sizes = st.floats(0, 1024, exclude_min=True)


@given(ram_gb=sizes, shm_gb=sizes)
def test_no_size_however_small_becomes_none(ram_gb: float, shm_gb: float) -> None:
    stored = new_job(spec={"ram_gb": ram_gb, "shm_gb": shm_gb})
    attempt = AttemptId("00c0ffee", stored.job.job_id, 1)
    launch = plan_launch(stored, attempt=attempt, home=Home("/h"), library_dir=Path("/lib"))

    for asked_gb, told_bytes in ((ram_gb, launch.ram_bytes), (shm_gb, launch.shm_bytes)):
        assert told_bytes is not None
        assert 0 < told_bytes <= max(1, asked_gb * 1e9)
