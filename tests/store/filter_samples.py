"""Random jobs, in a database and as the plain values that the naive filter looks at."""

from __future__ import annotations

import math
import sqlite3
import uuid
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from atlas_scheduler.core.filters.fields import BuiltIn
from atlas_scheduler.core.filters.terms import Aspect
from atlas_scheduler.store import arrays, jobs, provenance, records, remarks
from atlas_scheduler.store.records import Artifact, Environment, Metric, Parameter, Record, Tag
from foundations.models import JobSpec, JobState, NewArray, Submission
from foundations.provenance import Execution, GitState, Origin
from tests.store.naive_filter import Job
from tests.store.samples import add, finish, run

NOW_MS = 10_000_000
NAMES = ("a", "a.b", "a b", "q\"'\\", "x);--", "ü")
TEXTS = ("", "a", "A", "adam", "ADAM x", "é", "NaN", "true", "1", "%_", "'; drop--", "y" * 250)
NUMBERS: tuple[Any, ...] = (0, 1, -1, 2, 0.5, 1.0, 1e-3, 1e300, 2**62, math.inf, -math.inf)
VALUES: tuple[Any, ...] = (*NUMBERS, *TEXTS, True, False, math.nan)

ARRAYS = tuple(str(uuid.UUID(int=number)) for number in (0xA, 0xAB))

_values = st.sampled_from(VALUES)
_names = st.sampled_from(NAMES)
_sample: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "state": st.sampled_from(["queued", "running", "completed", "failed"]),
        "project": st.sampled_from(["digits", "cats", "Cats and dogs"]),
        "user": st.sampled_from(["ada", "grace"]),
        "image": st.sampled_from([None, "python:3.11", "PyTorch"]),
        "command": st.sampled_from([("main.py",), ("train.py", "--lr", "A b"), ()]),
        "cpus": st.sampled_from([None, 0.5, 2.0]),
        "git": st.none()
        | st.fixed_dictionaries(
            {
                "commit": st.sampled_from([None, "a" * 40, "0123" * 10]),
                "branch": st.sampled_from([None, "main", "Main", "digits"]),
                "dirty": st.sampled_from([None, True, False]),
            }
        ),
        "host": st.sampled_from([None, "box", "attic"]),
        "image_id": st.sampled_from([None, f"sha256:{'a' * 64}"]),
        "python": st.sampled_from([None, "3.11.2", "3.8.18"]),
        "priority": st.sampled_from([-100, 0, 1]),
        "at_ms": st.integers(0, NOW_MS),
        "parameters": st.dictionaries(_names, _values | st.sampled_from([None, [1], {}])),
        "metrics": st.dictionaries(_names, st.lists(_values, min_size=1, max_size=3)),
        "tags": st.dictionaries(_names, st.sampled_from(TEXTS)),
        "notes": st.lists(st.sampled_from(["a", "Adam is best", "é\nü"]), max_size=2),
        "rerun_of": st.sampled_from([None, str(uuid.UUID(int=1)), str(uuid.UUID(int=2))]),
        "artifacts": st.dictionaries(_names, st.just("file")),
        "schedule": st.sampled_from([None, *ARRAYS]),
        "array": st.none() | st.tuples(st.sampled_from(ARRAYS), st.integers(0, 3)),
    }
)
samples = st.lists(_sample, max_size=7)


def insert(conn: sqlite3.Connection, sample: dict[str, Any], number: int) -> Job:
    """Put a job into the database, and return what a filter should see of it."""
    submitted = ("user", "image", "command", "cpus", "priority", "rerun_of")
    spec = {name: sample[name] for name in submitted}
    job = add(
        conn,
        job_id=str(uuid.UUID(int=number)),
        project=sample["project"],
        submitted_at_ms=number,
        spec=spec,
        schedule_id=sample["schedule"],
        **_placed(conn, sample["array"]),
    )
    state = JobState(sample["state"])
    if state is JobState.RUNNING:
        job = replace(run(conn, job), started_at_ms=sample["at_ms"])
        jobs.save_job(conn, job)
    elif state is not JobState.QUEUED:
        job = replace(finish(conn, job, state, at_ms=sample["at_ms"]), reason=state.value)
        jobs.save_job(conn, job)
    git = sample["git"] or {}
    if sample["git"] is not None:
        provenance.save_origin(conn, job.job_id, Origin(git=GitState(**git)))
    if sample["host"] or sample["image_id"]:
        place = {name: sample[name] for name in ("host", "image_id")}
        provenance.save_execution(conn, job.job_id, Execution(attempt=1, engine="process", **place))
    found: list[Record] = [Parameter(key, one, 1) for key, one in sample["parameters"].items()]
    found += [
        Metric(key, one, None if place == 1 else float(place), 1)
        for key, logged in sample["metrics"].items()
        for place, one in enumerate(logged)
    ]
    found += [Tag(key, one) for key, one in sample["tags"].items()]
    found += [Artifact(key, one, 1, 1) for key, one in sample["artifacts"].items()]
    if sample["python"]:
        found.append(Environment({"python": sample["python"]}))
    assert records.ingest(conn, job.job_id, found, offset=0, new_offset=1)
    for text in sample["notes"]:
        remarks.add_note(conn, job.job_id, author="ada", text=text, at_ms=1)
    end_ms = NOW_MS if job.finished_at_ms is None else job.finished_at_ms
    started = job.started_at_ms
    return Job(
        number,
        {
            BuiltIn.ID: job.job_id,
            BuiltIn.PROJECT: job.project,
            BuiltIn.USER: sample["user"],
            BuiltIn.STATE: state.value,
            BuiltIn.REASON: job.reason,
            BuiltIn.NOTE: sample["notes"] or None,
            BuiltIn.RERUN_OF: sample["rerun_of"],
            BuiltIn.SCHEDULE: sample["schedule"],
            BuiltIn.ARRAY: sample["array"] and sample["array"][0],
            BuiltIn.ARRAY_INDEX: sample["array"] and sample["array"][1],
            BuiltIn.COMMAND: " ".join(sample["command"]) or None,
            BuiltIn.IMAGE: sample["image"],
            BuiltIn.IMAGE_ID: sample["image_id"],
            BuiltIn.HOST: sample["host"],
            BuiltIn.PYTHON: sample["python"],
            BuiltIn.COMMIT: git.get("commit"),
            BuiltIn.BRANCH: git.get("branch"),
            BuiltIn.DIRTY: git.get("dirty"),
            BuiltIn.ENGINE: None if state is JobState.QUEUED else "process",
            BuiltIn.EXIT_CODE: job.exit_code,
            BuiltIn.ATTEMPT: job.attempt,
            BuiltIn.PRIORITY: job.priority,
            BuiltIn.TURN: job.order if job.state is JobState.QUEUED else None,
            BuiltIn.GPUS: 0,
            BuiltIn.CPUS: sample["cpus"],
            BuiltIn.SUBMITTED: number,
            BuiltIn.STARTED: started,
            BuiltIn.FINISHED: job.finished_at_ms,
            BuiltIn.DURATION: None if started is None else max(0, end_ms - started) / 1000,
        },
        parameters=sample["parameters"],
        metrics={name: logged[-1] for name, logged in sample["metrics"].items()},
        summaries={name: summed_up(logged) for name, logged in sample["metrics"].items()},
        tags=sample["tags"],
        artifacts=sample["artifacts"],
    )


def _placed(conn: sqlite3.Connection, place: tuple[str, int] | None) -> dict[str, Any]:
    """What puts a job into an array, which may be new."""
    if place is None:
        return {}
    array_id, index = place
    bundle = f"sha256:{'a' * 64}"
    wanted = NewArray(
        submission=Submission(spec=JobSpec(project="digits"), bundle=bundle), indices="0"
    )
    known = conn.execute("SELECT array_number FROM arrays WHERE array_id = ?", (array_id,))
    row = known.fetchone()
    number = row[0] if row else arrays.insert_array(conn, array_id, wanted, size=1, now_ms=1)
    return {"array": number, "array_id": array_id, "array_index": index}


def summed_up(logged: list[Any]) -> dict[Aspect, Any]:
    """What a series of values comes to; the second has no step, the others their place."""
    steps = [None if place == 1 else float(place) for place in range(len(logged))]
    numbers = [
        (one, step)
        for one, step in zip(logged, steps, strict=True)
        if type(one) in (int, float) and math.isfinite(one)
    ]
    lowest = min(numbers, key=lambda pair: pair[0], default=(None, None))
    highest = max(numbers, key=lambda pair: pair[0], default=(None, None))
    return {
        Aspect.COUNT: len(logged),
        Aspect.LAST_STEP: steps[-1],
        Aspect.MIN: lowest[0],
        Aspect.MIN_STEP: lowest[1],
        Aspect.MAX: highest[0],
        Aspect.MAX_STEP: highest[1],
    }
