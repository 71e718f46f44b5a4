"""Parameters that a job was submitted with are found before it runs."""

from __future__ import annotations

import sqlite3
import string
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.store import jobs, parameters, records
from atlas_scheduler.store.event_lines import KEY_LIMIT
from atlas_scheduler.store.parameters import MOST_OF_A_JOB
from atlas_scheduler.store.records import Parameter
from foundations.parameters import flatten_parameters
from tests.core.profiles import PROPERTY
from tests.store.samples import memory_database, new_job

ID = "45540b52-ffe2-44ab-9838-db467d3499c0"

NAMES = st.text(string.ascii_lowercase + "_", min_size=1, max_size=3)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
PARAMS = st.dictionaries(
    NAMES,
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


def submitted(conn: sqlite3.Connection, params: Mapping[str, Any]) -> dict[str, Any]:
    jobs.insert_job(conn, new_job(job_id=ID, spec={"params": params}), now_ms=5)
    return records.of_jobs(conn, [ID])[ID].parameters


@PROPERTY
@given(params=PARAMS.filter(lambda params: "inf" not in repr(params)))
def test_they_have_the_names_and_values_that_the_job_will_log(params: dict[str, Any]) -> None:
    conn = memory_database()
    try:
        assert submitted(conn, params) == flatten_parameters(params)
    finally:
        conn.close()


def test_what_the_job_logs_replaces_them_and_adds_to_them(conn: sqlite3.Connection) -> None:
    submitted(conn, {"lr": 0.1, "model": {"depth": 2}})
    logged = [Parameter("lr", 0.2, 6), Parameter("seed", 7, 6)]
    assert records.ingest(conn, ID, logged, offset=0, new_offset=9)

    assert records.of_jobs(conn, [ID])[ID].parameters == {"lr": 0.2, "model_depth": 2, "seed": 7}


@pytest.mark.parametrize(
    ("name", "kept"), [("", "_"), ("n" * (KEY_LIMIT + 9), "n" * KEY_LIMIT)], ids=["none", "long"]
)
def test_names_are_fitted_in_as_those_of_records(
    conn: sqlite3.Connection, name: str, kept: str
) -> None:
    assert submitted(conn, {name: 1}) == {kept: 1}


def test_so_many_that_nobody_looks_at_them_are_left_to_the_job(conn: sqlite3.Connection) -> None:
    assert len(submitted(conn, {"n" * 100_000: [0] * 100_000, "lr": 0.1})) == 1
    assert len(parameters_of_one(conn, {"layers": list(range(MOST_OF_A_JOB + 9))})) == MOST_OF_A_JOB


def parameters_of_one(conn: sqlite3.Connection, params: Mapping[str, Any]) -> dict[str, Any]:
    job = new_job(spec={"params": params})
    jobs.insert_job(conn, job, now_ms=5)
    return records.of_jobs(conn, [job.job.job_id])[job.job.job_id].parameters


def test_a_large_array_records_fewer_of_each_job(
    conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parameters, "MOST_OF_AN_ARRAY", 5)
    values = {"array_id": ID, "indices": "0-1", "size": 2, "at_ms": 1}
    conn.execute(
        "INSERT INTO arrays (array_number, array_id, indices, size, submitted_at_ms)"
        " VALUES (1, :array_id, :indices, :size, :at_ms)",
        values,
    )
    members = [new_job(array=1, array_index=index, order=index) for index in range(2)]
    jobs.insert_jobs(conn, members, now_ms=5)
    parameters.submit_array(conn, 1, {"a": 1, "b": 2, "c": 3}, jobs=2, now_ms=5)

    recorded = records.of_jobs(conn, [one.job.job_id for one in members])
    assert [one.parameters for one in recorded.values()] == [{"a": 1, "b": 2}] * 2
