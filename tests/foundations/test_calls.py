"""Calls as data: what is sent, and how answers are read. Nothing here touches a network."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

import foundations
from foundations import calls
from foundations.calls import Call, read
from foundations.errors import (
    InvalidRequest,
    JobConflict,
    NotFound,
    SchedulerError,
    Unreachable,
)
from foundations.models import (
    JobSpec,
    JobState,
    LogSearch,
    NewArray,
    NewSchedule,
    Plan,
    Submission,
    SubmissionCheck,
    Volume,
)

JOB_ID = "45540b52-ffe2-44ab-9838-db467d3499c0"
SUBMISSION = Submission(spec=JobSpec(project="cats"), bundle=f"sha256:{'0' * 64}")
CHECK = SubmissionCheck(plan=Plan(spec=JobSpec(project="cats")))

INFO = {
    "version": "0.1.0",
    "api_version": 1,
    "instance": "0123abcd",
    "pid": 1,
    "home": "/home",
    "engine": {"name": "process", "isolated": False, "available": True},
    "queue": {"max_running_jobs": 1},
}


@pytest.mark.parametrize(
    ("call", "request_line"),
    [
        (calls.scheduler.health(), "GET /health"),
        (calls.scheduler.info(), "GET /info"),
        (calls.scheduler.readiness(), "GET /healthz"),
        (calls.scheduler.measurements(), "GET /metrics"),
        (calls.scheduler.host(), "GET /host"),
        (calls.scheduler.disk(), "GET /disk"),
        (calls.access.whoami(), "GET /caller"),
        (calls.access.tokens(), "GET /tokens"),
        (calls.access.revoke_token("a b"), "DELETE /tokens/a%20b"),
        (calls.access.rotate_token("abcd"), "POST /tokens/abcd/rotate"),
        (calls.scheduler.environments(), "GET /environments"),
        (calls.scheduler.prune_environments(), "POST /environments/prune"),
        (calls.images.images(), "GET /images"),
        (calls.images.prune_images(), "POST /images/prune"),
        (calls.projects.projects(), "GET /projects"),
        (calls.projects.rename_project("a b", "c"), "POST /projects/a%20b/rename"),
        (calls.projects.describe_project("..", ""), "PUT /projects/%2E%2E/description"),
        (calls.projects.set_retention("a", None), "PUT /projects/a/retention"),
        (calls.scheduler.garbage(), "GET /garbage"),
        (calls.scheduler.collect_garbage(), "POST /garbage"),
        (calls.projects.delete_project("a"), "DELETE /projects/a"),
        (calls.queue.queue_settings(), "GET /queue"),
        (calls.queue.set_queue_settings(3), "PUT /queue"),
        (calls.queue.clear_queue(), "POST /queue/clear"),
        (calls.queue.pause_queue(), "POST /queue/pause"),
        (calls.queue.resume_queue(), "POST /queue/resume"),
        (calls.queue.move(["a"], "up"), "POST /queue/move"),
        (calls.jobs.restore(JOB_ID), f"POST /jobs/{JOB_ID}/restore"),
        (calls.jobs.hold(JOB_ID), f"POST /jobs/{JOB_ID}/hold"),
        (calls.jobs.release(JOB_ID), f"POST /jobs/{JOB_ID}/release"),
        (calls.jobs.set_priority(JOB_ID, 5), f"PUT /jobs/{JOB_ID}/priority"),
        (calls.projects.restore_project("a"), "POST /projects/a/restore"),
        (calls.bundles.has_bundle("sha256:00"), "HEAD /bundles/sha256%3A00"),
        (calls.bundles.upload_bundle("sha256:00", size_bytes=5), "PUT /bundles/sha256%3A00"),
        (calls.bundles.declare_bundle("sha256:00", b"{}"), "PUT /bundles/sha256%3A00/files"),
        (calls.bundles.send_files(), "POST /bundles/files"),
        (calls.submissions.submit(SUBMISSION), "POST /jobs"),
        (calls.submissions.check_submission(CHECK), "POST /jobs/check"),
        (
            calls.submissions.submit_array(NewArray(submission=SUBMISSION, indices="0-9")),
            "POST /arrays",
        ),
        (calls.submissions.array("a b"), "GET /arrays/a%20b"),
        (
            calls.submissions.create_schedule(NewSchedule(submission=SUBMISSION, cron="0 3 * * *")),
            "POST /schedules",
        ),
        (calls.submissions.schedules(), "GET /schedules"),
        (calls.submissions.schedule("a b"), "GET /schedules/a%20b"),
        (calls.submissions.pause_schedule("abcd"), "POST /schedules/abcd/pause"),
        (calls.submissions.resume_schedule("abcd"), "POST /schedules/abcd/resume"),
        (calls.submissions.delete_schedule("abcd"), "DELETE /schedules/abcd"),
        (calls.jobs.jobs(), "GET /jobs"),
        (calls.jobs.job(JOB_ID), f"GET /jobs/{JOB_ID}"),
        (calls.jobs.standing(JOB_ID), f"GET /jobs/{JOB_ID}"),
        (calls.jobs.stop(JOB_ID), f"POST /jobs/{JOB_ID}/stop"),
        (calls.jobs.stop_jobs([JOB_ID]), "POST /jobs/stop"),
        (calls.jobs.delete(JOB_ID), f"DELETE /jobs/{JOB_ID}"),
        (calls.records.archive(JOB_ID), f"GET /jobs/{JOB_ID}/archive"),
        (calls.records.tensorboard_logs(JOB_ID), f"GET /jobs/{JOB_ID}/tensorboard"),
        (calls.records.artifacts(JOB_ID), f"GET /jobs/{JOB_ID}/artifacts"),
        (calls.records.artifact(JOB_ID, "model"), f"GET /jobs/{JOB_ID}/artifacts/model"),
        (calls.jobs.tag(JOB_ID, {"a": "b"}), f"POST /jobs/{JOB_ID}/tags"),
        (calls.jobs.untag(JOB_ID, ["a"]), f"DELETE /jobs/{JOB_ID}/tags"),
        (calls.jobs.note(JOB_ID, "fine"), f"POST /jobs/{JOB_ID}/notes"),
        (calls.jobs.notes(JOB_ID), f"GET /jobs/{JOB_ID}/notes"),
        (calls.records.metrics(JOB_ID), f"GET /jobs/{JOB_ID}/metrics"),
        (calls.records.metric(JOB_ID, "a b/../c"), f"GET /jobs/{JOB_ID}/metrics/a%20b/%2E%2E/c"),
        (calls.records.files(JOB_ID), f"GET /jobs/{JOB_ID}/files"),
        (calls.records.file(JOB_ID, "a/b c"), f"GET /jobs/{JOB_ID}/files/a/b%20c"),
        (calls.records.source_diff(JOB_ID, "45 5"), f"GET /jobs/{JOB_ID}/diff/45%205"),
        (calls.jobs.provenance(JOB_ID), f"GET /jobs/{JOB_ID}/provenance"),
        (calls.logs.logs(JOB_ID), f"GET /jobs/{JOB_ID}/logs"),
        (calls.logs.search_log(JOB_ID, LogSearch(pattern="x")), f"GET /jobs/{JOB_ID}/logs/matches"),
        (calls.logs.log_times(JOB_ID), f"GET /jobs/{JOB_ID}/logs/times"),
        (calls.scheduler.changes(0), "GET /changes"),
    ],
)
def test_each_call_has_its_method_and_path(call: Call[Any], request_line: str) -> None:
    assert f"{call.method} {call.path}" == request_line


def test_parameters_that_are_not_given_are_not_sent() -> None:
    assert calls.records.metrics(JOB_ID).params == ()
    assert calls.records.metrics(JOB_ID, system=True).params == (("system", "true"),)
    assert calls.jobs.jobs().params == (("limit", "50"),)
    assert calls.jobs.jobs(
        project="cats",
        states=[JobState.QUEUED, "running"],
        filter="metric.loss < 1 & ü",
        limit=5,
        cursor="c",
    ).params == (
        ("project", "cats"),
        ("state", "queued"),
        ("state", "running"),
        ("filter", "metric.loss < 1 & ü"),
        ("limit", "5"),
        ("cursor", "c"),
    )
    assert calls.scheduler.changes(7, follow=False).params == (("since", "7"), ("follow", "false"))
    assert calls.scheduler.changes(7, job="abcd").params == (
        ("since", "7"),
        ("job", "abcd"),
        ("follow", "true"),
    )
    assert calls.jobs.untag("abcd", ["a", "b"]).params == (("key", "a"), ("key", "b"))
    assert calls.records.metric("abcd", "a").params == (("start", "0"), ("limit", "1000"))
    assert calls.records.metric("abcd", "a", points=9).params == (("points", "9"),)
    assert calls.records.tensorboard_logs("abcd", since=5).params == (("since", "5"),)
    assert calls.logs.logs("abcd", offset=-5, follow=True).params == (
        ("offset", "-5"),
        ("follow", "true"),
    )
    assert calls.logs.logs("abcd", length=0).params[-1] == ("length", "0")
    assert calls.logs.log_times("abcd").params == ()
    assert calls.logs.log_times("abcd", offset=5, end=9, since_ms=0, limit=1).params == (
        ("offset", "5"),
        ("end", "9"),
        ("since_ms", "0"),
        ("limit", "1"),
    )
    assert calls.logs.search_log("abcd", LogSearch(pattern="a b", regex=True)).params == (
        ("pattern", "a b"),
        ("regex", "true"),
    )


def test_a_submission_leaves_out_what_has_its_default() -> None:
    spec = JobSpec(
        project="cats",
        num_gpus=1,
        params={"lr": 0.1},
        volumes=(Volume(host="/data", bind="/data"),),
    )
    call = calls.submissions.submit(
        Submission(spec=spec, bundle=SUBMISSION.bundle), idempotency_key="k"
    )
    content = call.content()
    assert content is not None
    sent = json.loads(content)
    assert sent["spec"] == {
        "project": "cats",
        "num_gpus": 1,
        "params": {"lr": 0.1},
        "volumes": [{"host": "/data", "bind": "/data"}],
    }
    assert Submission.model_validate(sent).spec == spec
    assert call.all_headers() == {"Content-Type": "application/json", "Idempotency-Key": "k"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_json_cannot_express_is_refused_before_it_is_sent(value: Any) -> None:
    spec = JobSpec(project="cats", params={"x": value})
    with pytest.raises(InvalidRequest, match="cannot be written as JSON"):
        calls.submissions.submit(Submission(spec=spec, bundle=SUBMISSION.bundle)).content()


def test_a_call_without_a_body_has_no_content() -> None:
    assert calls.scheduler.info().content() is None
    assert calls.scheduler.info().all_headers() == {}


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("a/b", "a/b"),
        ("../x", "%2E%2E/x"),
        (".", "%2E"),
        ("a//b", "a//b"),
        ("ü?#% ", "%C3%BC%3F%23%25%20"),
    ],
)
def test_artifact_keys_are_quoted_so_that_they_arrive_as_they_are(key: str, path: str) -> None:
    assert calls.records.artifact("abcd", key).path == f"/jobs/abcd/artifacts/{path}"


@pytest.mark.parametrize("ref", ["", "a/b", "/", "../jobs"])
def test_what_can_be_no_job_id_is_not_sent(ref: str) -> None:
    jobs, logs, records = calls.jobs, calls.logs, calls.records
    for make in (jobs.job, jobs.stop, jobs.delete, logs.logs, records.archive):
        with pytest.raises(InvalidRequest, match="is not a job id"):
            make(ref)


def test_a_ref_cannot_climb_in_the_path() -> None:
    assert calls.jobs.stop("..").path == "/jobs/%2E%2E/stop"


def test_only_calls_that_change_nothing_twice_are_repeatable() -> None:
    repeatable: list[Call[Any]] = [
        calls.scheduler.info(),
        calls.bundles.has_bundle("d"),
        calls.submissions.submit(SUBMISSION, idempotency_key="k"),
        calls.submissions.check_submission(CHECK),
    ]
    once: list[Call[Any]] = [
        calls.submissions.submit(SUBMISSION),
        calls.jobs.stop("abcd"),
        calls.jobs.delete("abcd"),
    ]
    assert [call.is_repeatable for call in repeatable] == [True, True, True, True]
    assert [call.is_repeatable for call in once] == [False, False, False]


def test_answers_become_models() -> None:
    info = read(calls.scheduler.info(), 200, json.dumps(INFO).encode())
    assert info.engine.name == "process"
    projects = [{"name": "cats", "created_at": "2024-05-01T12:00:00Z", "jobs": 1, "new": True}]
    assert read(calls.projects.projects(), 200, json.dumps(projects).encode())[0].name == "cats"
    assert read(calls.queue.queue_settings(), 200, b'{"max_running_jobs": 2}').max_running_jobs == 2
    assert read(calls.queue.clear_queue(), 200, b'{"removed": 0, "job_ids": []}').removed == 0
    ready = b'{"ready": false, "database": false, "engine": true}'
    assert not read(calls.scheduler.readiness(), 503, ready).ready
    assert read(calls.scheduler.measurements(), 200, b"atlas_jobs 1\n") == "atlas_jobs 1\n"
    pruned = b'{"removed": 2, "freed_bytes": 5, "in_use": 1}'
    assert read(calls.scheduler.prune_environments(unused_days=3), 200, pruned).in_use == 1
    empty = b'{"environments": [], "size_bytes": 0, "wheels_bytes": 0, "max_bytes": 9}'
    assert read(calls.scheduler.environments(), 200, empty).max_bytes == 9
    assert read(calls.images.prune_images(unused_days=3), 200, pruned).in_use == 1
    empty = b'{"images": [], "size_bytes": 0, "max_bytes": 9}'
    assert read(calls.images.images(), 200, empty).max_bytes == 9
    assert read(calls.records.artifacts("abcd"), 200, b"[]") == []
    assert read(calls.bundles.has_bundle("d"), 200, b"") is True
    assert read(calls.bundles.has_bundle("d"), 404, b"") is False
    read(calls.scheduler.health(), 200, b'{"status": "ok"}')
    read(calls.jobs.delete("abcd"), 204, b"")


def test_an_answer_can_be_read_as_plain_json() -> None:
    assert read(calls.as_json(calls.jobs.jobs()), 200, b'{"jobs": [1]}') == {"jobs": [1]}


def test_an_error_answer_is_raised_as_its_class() -> None:
    body = b'{"error": "job_conflict", "message": "It runs."}'
    with pytest.raises(JobConflict, match=r"^It runs\.$"):
        read(calls.jobs.delete("abcd"), 409, body)
    with pytest.raises(NotFound):
        read(
            calls.as_json(calls.jobs.job("abcd")), 404, b'{"error": "not_found", "message": "No."}'
        )
    with pytest.raises(SchedulerError, match="new trouble"):
        read(calls.scheduler.info(), 418, b'{"error": "new_code", "message": "new trouble"}')


@pytest.mark.parametrize(
    ("call", "status", "body"),
    [
        (calls.scheduler.info(), 200, b"<html>"),
        (calls.scheduler.info(), 200, b"{}"),
        (calls.scheduler.info(), 200, b"[]"),
        (calls.scheduler.info(), 200, b""),
        (calls.scheduler.info(), 302, b""),
        (calls.scheduler.info(), 404, b'{"detail": "Not Found"}'),
        (calls.scheduler.info(), 404, b'"error"'),
        (calls.scheduler.info(), 502, b"\xff\xfe"),
        (calls.scheduler.health(), 200, b'{"status": "up"}'),
        (calls.scheduler.health(), 200, b'"ok"'),
        (calls.projects.projects(), 200, b'{"a": 1}'),
        (calls.projects.projects(), 200, b"1"),
        (calls.jobs.standing("abcd"), 200, b'{"state": "running"}'),
        (calls.as_json(calls.jobs.jobs()), 200, b"no json"),
        (calls.jobs.delete("abcd"), 200, b""),
    ],
)
def test_an_answer_of_something_else_is_no_answer(
    call: Call[Any], status: int, body: bytes
) -> None:
    with pytest.raises(Unreachable) as raised:
        read(call, status, body, url="http://lab:5000")
    text = raised.value.message
    assert "is not an Atlas scheduler answers at http://lab:5000" in text
    assert f"(HTTP {status})" in text
    assert "scheduler_url" in text


def test_a_scheduler_of_another_version_is_named() -> None:
    newer = json.dumps({**INFO, "api_version": 2}).encode()
    with pytest.raises(Unreachable) as raised:
        read(calls.scheduler.info(), 200, newer, url="http://lab:5000", version="9.0.0")
    assert "is version 9.0.0" in raised.value.message
    assert f"this client version {foundations.__version__}" in raised.value.message
    assert "Install the same version on both sides." in raised.value.message


def test_making_calls_and_reading_plain_json_loads_no_third_party_module() -> None:
    program = """
import sys
from foundations import calls
call = calls.as_json(calls.jobs.jobs(project="cats", states=["queued"]))
assert calls.read(call, 200, b'{"jobs": []}') == {"jobs": []}
print([name for name in ("pydantic", "httpx", "anyio", "click") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
