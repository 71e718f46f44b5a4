"""`foundations.submit` and the job that it returns."""

from __future__ import annotations

import inspect
import json
import socket
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

import foundations
from foundations import autostart
from foundations.client import Client
from foundations.configs import SchedulerConfig
from foundations.errors import AtlasError, ConfigError, JobConflict, NotFound
from foundations.home import Home
from foundations.logs.times import TimeMarks
from foundations.models import JobState
from foundations.preparation import Asked, plain_params, prepare_submission
from foundations.terms import Earlier, read_after
from tests.cli.fake_scheduler import FakeJob, FakeScheduler

LOCAL = SchedulerConfig("scheduler", Path("scheduler.config.yaml"), "unix:///run/atlas.sock")
REMOTE = SchedulerConfig("aws", Path("aws.config.yaml"), "http://far:5000")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, which is the current directory."""
    project = tmp_path / "my_project"
    project.mkdir()
    (project / "main.py").write_text("print('hello')\n")
    monkeypatch.chdir(project)
    monkeypatch.setenv("FOUNDATIONS_HOME", str(tmp_path / "home"))
    return project


@pytest.fixture
def scheduler(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeScheduler]:
    fake = FakeScheduler()
    monkeypatch.setattr(autostart, "connect", lambda config, **_: fake.client())
    yield fake
    fake.close()


# -- submit


def test_a_search_queues_one_job_for_each_set_of_parameters_and_uploads_once(
    scheduler: FakeScheduler, project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    scheduler.run = None
    before = set(project.iterdir())

    submitted = [
        foundations.submit(scheduler_config="scheduler", command=[""], params={"epochs": epochs})
        for epochs in range(10)
    ]

    jobs = list(scheduler.jobs.values())
    assert [one.job_id for one in submitted] == [job.job_id for job in jobs]
    assert [job.spec.params for job in jobs] == [{"epochs": epochs} for epochs in range(10)]
    assert {job.spec.command for job in jobs} == {("main.py",)}
    assert {job.spec.project for job in jobs} == {"my_project"}
    assert len(scheduler.uploads) == 1
    assert set(project.iterdir()) == before
    assert capfd.readouterr() == ("", "")


def test_the_parameters_reach_the_job_as_they_were_given(scheduler: FakeScheduler) -> None:
    class Scalar:
        """What a NumPy scalar looks like."""

        def item(self) -> float:
            return 0.5

    foundations.submit(params={"t": (1, 2), "p": Path("/x"), "s": Scalar(), "n": {"deep": [None]}})

    expected = {"t": [1, 2], "p": "/x", "s": 0.5, "n": {"deep": [None]}}
    assert scheduler.only_job().spec.params == expected


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"a": {"b": [object()]}}, r"params\['a'\]\['b'\]\[0\] cannot be a parameter: object"),
        ({1: "a"}, "params: the key 1 is not text"),
        ({"a": {2: "b"}}, r"params\['a'\]: the key 2 is not text"),
        ({"a": [1.0, float("nan")]}, r"params.a\[1\] is not a finite number"),
        ({"a": {1, 2}}, "set has no JSON form"),
    ],
)
def test_a_parameter_that_json_cannot_hold_is_named(params: dict[Any, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plain_params(params)


def test_a_directory_elsewhere_is_submitted_by_either_name(
    scheduler: FakeScheduler, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.parent)

    foundations.submit(job_directory="my_project", command=["main.py"])
    foundations.submit(job_dir=project, command="main.py --name 'two words'")

    first, second = (job.spec for job in scheduler.jobs.values())
    assert (first.project, first.command) == ("my_project", ("main.py",))
    assert (second.project, second.command) == ("my_project", ("main.py", "--name", "two words"))
    with pytest.raises(ConfigError, match="not both"):
        foundations.submit(job_directory=".", job_dir=".")


def test_streaming_prints_what_the_command_line_does(
    scheduler: FakeScheduler, project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    job = foundations.submit(stream_job_logs=True)

    assert capfd.readouterr().out.splitlines() == [
        "Foundations INFO: Job submission started. Ctrl-C to cancel.",
        f"Foundations INFO: Preparing to bundle contents of {project} for execution. "
        "Estimating bundle size.",
        "Foundations INFO: Bundling job contents.",
        f"Foundations INFO: Job submitted with ID '{job.job_id}'.",
        "Foundations INFO: Job queued. Ctrl-C to stop streaming - job will not be interrupted or "
        "cancelled.",
        "Foundations INFO: Job running, streaming logs.",
        "No user requirements found.",
        f"Foundations INFO: Job '{job.job_id}' has completed.",
    ]


def test_a_missing_script_is_a_warning(scheduler: FakeScheduler) -> None:
    with pytest.warns(UserWarning, match=r"your command 'train\.py' is not an existing file"):
        foundations.submit(command=["train.py"])

    assert scheduler.only_job().spec.command == ("train.py",)


def test_what_an_entry_point_takes_as_code_is_no_missing_script(
    scheduler: FakeScheduler, recwarn: pytest.WarningsRecorder
) -> None:
    foundations.submit(command=["echo hello"], entrypoint="/bin/sh -c")

    assert scheduler.only_job().spec.command == ("echo hello",)
    assert recwarn.list == []


@pytest.mark.parametrize("name", ["job.config.yml", "job_config.yaml"])
def test_settings_under_a_name_that_is_not_read_are_a_warning(
    scheduler: FakeScheduler, project: Path, name: str
) -> None:
    (project / name).write_text("num_gpus: 1\n")

    with pytest.warns(UserWarning, match=f"'{name}' is not read: .* 'job.config.yaml'. Rename it"):
        foundations.submit()

    assert scheduler.only_job().spec.num_gpus == 0


def test_a_file_of_such_a_name_beside_the_settings_is_none_of_our_business(
    scheduler: FakeScheduler, project: Path
) -> None:
    (project / "job.config.yaml").write_text("num_gpus: 0\n")
    (project / "job.config.yml").write_text("num_gpus: 1\n")

    foundations.submit()

    assert scheduler.only_job().spec.num_gpus == 0


def test_every_argument_is_by_name_and_the_originals_are_there() -> None:
    parameters = inspect.signature(foundations.submit).parameters

    assert all(one.kind is one.KEYWORD_ONLY for one in parameters.values())
    assert set(parameters) >= {
        *("scheduler_config", "job_directory", "project_name", "entrypoint", "command"),
        *("num_gpus", "ram", "params", "stream_job_logs"),
    }


def test_an_unknown_scheduler_is_an_error(scheduler: FakeScheduler) -> None:
    with pytest.raises(AtlasError, match="Could not find submission configuration with name"):
        foundations.submit(scheduler_config="nobody")


def test_a_loop_submits_through_one_client_and_makes_another_when_the_server_is_gone(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeScheduler()
    made: list[Client] = []

    def connect(config: SchedulerConfig, **_: object) -> Client:
        made.append(fake.client())
        return made[-1]

    monkeypatch.setattr(autostart, "connect", connect)
    path = Home.default().socket
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        for _ in range(3):
            foundations.submit()
        assert len(made) == 1
    foundations.submit()
    assert len(made) == 2


# -- what runs


def test_the_interpreter_is_the_submitters_own_unless_the_project_says_otherwise(
    scheduler: FakeScheduler, project: Path
) -> None:
    foundations.submit()
    (project / "job.config.yaml").write_text("worker: {python: .venv/bin/python}\n")
    foundations.submit()
    (project / "job.config.yaml").write_text("worker: {python: python3.12}\n")
    foundations.submit()

    pythons = [job.spec.python for job in scheduler.jobs.values()]
    assert pythons == [sys.executable, f"{project}/.venv/bin/python", "python3.12"]


def test_a_scheduler_on_another_machine_is_not_told_of_an_interpreter_here(project: Path) -> None:
    asked = Asked(interpreter="/here/python")

    assert prepare_submission(project, asked, config=LOCAL).spec.python == "/here/python"
    assert prepare_submission(project, asked, config=REMOTE).spec.python is None


def test_a_parameter_file_of_the_project_counts_where_no_others_are_given(project: Path) -> None:
    (project / "foundations_job_parameters.json").write_text('{"lr": 0.1, "seed": 7}')

    def params(asked: Asked) -> dict[str, Any]:
        return prepare_submission(project, asked, config=LOCAL).spec.params

    assert params(Asked()) == {"lr": 0.1, "seed": 7}
    assert params(Asked(params={"lr": 0.2})) == {"lr": 0.2}
    (project / "job.config.yaml").write_text("params: {lr: 0.3}\n")
    assert params(Asked()) == {"lr": 0.3}


def test_what_is_asked_wins_over_the_project_and_mappings_are_merged(project: Path) -> None:
    (project / "job.config.yaml").write_text(
        "project_name: conf\nnum_gpus: 0.5\nram: 4\ncpus: 2\nshm: 3\nentrypoint: bash\n"
        "params: {a: 1, b: 1}\ntags: {t: x}\n"
        "worker:\n  image: conf:1\n  command: conf.py\n  environment: {A: conf, B: conf}\n"
        "  working_dir: code\n  volumes: {/v: {bind: /w, mode: ro}}\n"
    )

    conf = prepare_submission(project, Asked(), config=LOCAL).spec
    asked = prepare_submission(
        project,
        Asked(
            command=["x.py"],
            project_name="p",
            num_gpus=0,
            ram_gb=1,
            cpus=1,
            shm_gb=2,
            image="i",
            entrypoint=["sh"],
            params={"b": 2},
            environment={"B": "2"},
            tags={"u": "y"},
        ),
        config=LOCAL,
    ).spec

    assert (conf.project, conf.num_gpus, conf.ram_gb, conf.cpus) == ("conf", 0.5, 4, 2)
    assert (conf.image, conf.entrypoint, conf.command) == ("conf:1", ("bash",), ("conf.py",))
    assert (conf.working_dir, conf.volumes[0].mode) == ("code", "ro")
    assert (asked.project, asked.num_gpus, asked.ram_gb, asked.cpus) == ("p", 0, 1, 1)
    assert (asked.image, asked.entrypoint, asked.command) == ("i", ("sh",), ("x.py",))
    assert (conf.shm_gb, asked.shm_gb) == (3, 2)
    assert asked.params == {"a": 1, "b": 2}
    assert asked.environment == {"A": "conf", "B": "2"}
    assert asked.tags == {"t": "x", "u": "y"}


def test_a_linked_directory_gives_its_own_name_to_the_project(project: Path) -> None:
    link = project.parent / "nickname"
    link.symlink_to(project)

    prepared = prepare_submission(link, Asked(command=[str(project / "main.py")]), config=LOCAL)

    assert (prepared.spec.project, prepared.job_dir) == ("nickname", link)
    assert prepared.spec.command == ("main.py",)
    assert prepared.warnings == ()


def test_a_script_is_looked_for_where_it_will_run(project: Path) -> None:
    (project / "code").mkdir()
    (project / "code" / "train.py").touch()
    (project / "job.config.yaml").write_text("worker: {working_dir: code}\n")

    def warnings(*command: str) -> tuple[str, ...]:
        return prepare_submission(project, Asked(command=command), config=LOCAL).warnings

    assert warnings("train.py") == ()
    assert warnings("-m", "code.train") == ()
    assert len(warnings("main.py")) == 1


def test_the_file_system_is_no_project(project: Path) -> None:
    with pytest.raises(ConfigError, match="give a project name"):
        prepare_submission("/", Asked(), config=LOCAL)


# -- the job


def test_a_job_can_be_followed_to_its_end(scheduler: FakeScheduler) -> None:
    scheduler.run = FakeScheduler.start
    submitted = foundations.submit()
    job = scheduler.only_job()

    assert submitted.status() is JobState.RUNNING
    assert submitted.status() == "running"
    assert not submitted.is_job_complete()
    with pytest.raises(TimeoutError):
        submitted.wait(timeout_seconds=0)
    scheduler.print(job, "halb é".encode())
    assert submitted.logs() == "halb é"
    scheduler.finish(job)
    assert "".join(submitted.logs(follow=True)) == "halb é"
    assert submitted.wait() is JobState.COMPLETED
    assert submitted.details().exit_code == 0
    assert repr(submitted) == f"SubmittedJob('{job.job_id}')"


def test_the_output_of_a_job_can_be_searched(scheduler: FakeScheduler) -> None:
    scheduler.run = FakeScheduler.start
    submitted = foundations.submit()
    scheduler.print(scheduler.only_job(), b"one\nERROR two\nthree\nfour\n")

    found = submitted.search_logs("error [a-z]+", regex=True, ignore_case=True, context=1)
    assert [(line.text, line.matches) for line in found] == [
        ("one", False),
        ("ERROR two", True),
        ("three", False),
    ]


def test_the_output_of_a_job_has_times(scheduler: FakeScheduler) -> None:
    scheduler.run = FakeScheduler.start
    submitted = foundations.submit()
    job = scheduler.only_job()
    scheduler.print(job, b"one\ntwo\nthree")
    job.log_marks = TimeMarks([4, 8], [1_769_860_800_000, 1_769_860_860_000])
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    later = noon + timedelta(minutes=1)

    assert list(submitted.timed_logs()) == [(None, "one\n"), (noon, "two\n"), (later, "three")]
    assert list(submitted.timed_logs(since=noon + timedelta(seconds=1))) == [(later, "three")]
    scheduler.finish(job)
    assert list(submitted.timed_logs(since=later, follow=True)) == [(later, "three")]


def test_a_job_can_be_stopped_and_deleted(scheduler: FakeScheduler) -> None:
    scheduler.run = None
    submitted = foundations.submit()

    with pytest.raises(JobConflict):
        submitted.delete()
    submitted.stop()
    assert submitted.status() is JobState.STOPPED
    with pytest.raises(JobConflict):
        submitted.stop()
    submitted.delete()
    with pytest.raises(NotFound):
        submitted.status()
    submitted.restore()
    assert submitted.status() is JobState.STOPPED


def test_a_job_that_waits_is_held_released_prioritized_and_moved(
    scheduler: FakeScheduler,
) -> None:
    scheduler.run = None
    first = foundations.submit(priority=7, hold=True)
    second = foundations.submit()
    assert (first.details().priority, second.details().priority) == (7, 0)
    assert first.details().held_by is not None
    first.release()
    assert first.details().held_by is None
    second.hold()
    assert second.details().held_by is not None
    second.set_priority(-7)
    assert second.details().priority == -7
    second.move("first")
    assert list(scheduler.jobs) == [second.job_id, first.job_id]
    second.move("after", first.job_id)
    assert list(scheduler.jobs) == [first.job_id, second.job_id]
    with pytest.raises(ConfigError, match="priority"):
        foundations.submit(priority=101)


def test_the_priority_of_a_project_holds_unless_another_is_asked_for(
    scheduler: FakeScheduler,
) -> None:
    scheduler.run = None
    Path("job.config.yaml").write_text("priority: 5\n")
    assert foundations.submit().details().priority == 5
    assert foundations.submit(priority=0).details().priority == 0


def test_the_names_of_the_original_work(scheduler: FakeScheduler) -> None:
    def run(scheduler: FakeScheduler, job: FakeJob) -> None:
        job.metrics = {"loss": 0.25}
        job.parameters = {"lr": 0.1}
        scheduler.start(job)
        scheduler.print(job, b"out")
        scheduler.finish(job, exit_code=1)

    scheduler.run = run
    submitted = foundations.submit(params={"unread": 7})

    assert submitted.job_name() == submitted.job_id == scheduler.only_job().job_id
    submitted.wait_for_deployment_to_complete(wait_seconds=1, log_output=False)
    assert submitted.is_job_complete()
    assert submitted.get_job_status() == "failed"
    assert submitted.get_true_job_status() == "failed"
    assert submitted.get_job_logs() == "out"
    assert "".join(submitted.stream_job_logs()) == "out"
    assert submitted.get_metric("loss") == 0.25
    assert submitted.get_param("lr") == 0.1
    assert submitted.get_param("unread") == 7
    assert submitted.get_job_details().metrics == {"loss": 0.25}
    with pytest.raises(KeyError, match=r"Metric 'x' does not exist\."):
        submitted.get_metric("x")
    with pytest.raises(KeyError, match=r"Parameter 'x' does not exist\."):
        submitted.get_param("x")


def test_the_submission_is_one_request_with_a_key(scheduler: FakeScheduler) -> None:
    seen: list[httpx.Request] = []
    scheduler.on_request = seen.append

    foundations.submit(params={"a": 1})

    (post,) = [request for request in seen if request.method == "POST"]
    assert post.headers["Idempotency-Key"]
    assert json.loads(post.content)["spec"]["params"] == {"a": 1}


def test_a_submitted_job_can_be_tagged_and_noted(scheduler: FakeScheduler) -> None:
    job = foundations.submit(tags={"kind": "a"})

    job.tag("best")
    job.tag("kind", "b")
    job.untag("best")
    job.note("fine")

    assert job.details().tags == {"kind": "b"}
    assert [note.text for note in job.notes()] == ["fine"]
    with pytest.raises(NotFound, match="no tag `best`"):
        job.untag("best")


def test_a_submitted_job_tells_what_it_measured_and_saved(scheduler: FakeScheduler) -> None:
    job = foundations.submit()
    stored = scheduler.jobs[job.job_id]
    stored.series["loss"] = [(float(step), step / 2) for step in range(10_500)]
    stored.artifacts["model"] = b"weights"

    (loss,) = job.metrics()
    assert (loss.min, loss.max_step, loss.count) == (0, 10_499, 10_500)
    assert [point.value for point in job.metric("loss")] == [step / 2 for step in range(10_500)]
    course = job.metric("loss", points=2)
    assert len(course) < 10
    assert (course[0].value, course[-1].value) == (0, 10_499 / 2)
    assert [one.key for one in job.artifacts()] == ["model"]
    assert b"".join(job.artifact("model")) == b"weights"
    assert b"".join(job.archive())


def test_two_submitted_jobs_are_compared(scheduler: FakeScheduler) -> None:
    first, second = (foundations.submit(params={"lr": lr}) for lr in (0.1, 0.2))
    scheduler.jobs[first.job_id].parameters = {"lr": 0.1}
    scheduler.jobs[second.job_id].parameters = {"lr": 0.2}

    found = {one.name: (one.left, one.right) for one in first.differences(second)}
    assert found["param.lr"] == (0.1, 0.2)
    assert first.source_diff(second).other_id == second.job_id


def test_a_job_of_another_day_is_found_by_a_part_of_its_id(scheduler: FakeScheduler) -> None:
    job_id = foundations.submit().job_id

    assert foundations.get_job(job_id[:8]).job_id == job_id
    with pytest.raises(NotFound):
        foundations.get_job("00000000-0000")
    with foundations.connect() as client:
        assert [one.job_id for one in client.jobs().jobs] == [job_id]
    with pytest.raises(ConfigError, match="Could not find submission configuration"):
        foundations.connect("nowhere")


# -- rerun


def test_a_submitted_job_is_repeated_with_other_parameters(scheduler: FakeScheduler) -> None:
    first = foundations.submit(params={"lr": 0.1, "epochs": 5})

    again = first.rerun(params={"lr": 0.01}, command=["eval.py"])

    job = scheduler.jobs[again.job_id]
    assert job.spec.params == {"lr": 0.01, "epochs": 5}
    assert job.spec.command == ("eval.py",)
    assert job.spec.rerun_of == first.job_id
    assert job.bundle == scheduler.jobs[first.job_id].bundle
    assert first.rerun().details().spec.params == {"lr": 0.1, "epochs": 5}
    with pytest.raises(ConfigError, match="has no JSON form"):
        first.rerun(params={"lr": object()})
    with pytest.raises(ConfigError, match="command"):
        first.rerun(command=["a\0b"])


def test_jobs_and_arrays_that_were_submitted_can_be_named_by_themselves(
    scheduler: FakeScheduler,
) -> None:
    scheduler.run = None
    first, second = foundations.submit(), foundations.submit()
    array = foundations.submit_array("0-1")

    def said(after: Earlier | Iterable[Earlier]) -> list[tuple[str, str]]:
        return [(one.job, one.on) for one in read_after(after)]

    assert said(first) == [(first.job_id, "ok")]
    assert said(array) == [(f"array:{array.array_id}", "ok")]
    assert said([first, f"{second.job_id}:any", array]) == [
        (first.job_id, "ok"),
        (second.job_id, "any"),
        (f"array:{array.array_id}", "ok"),
    ]
    with pytest.raises(ConfigError, match="after: `None` is no job to come after"):
        foundations.submit(after=[first, None])  # type: ignore[list-item] # what is wrong is tested
    assert foundations.submit(after=first).job_id in scheduler.jobs


def test_a_job_may_start_so_long_from_now(scheduler: FakeScheduler) -> None:
    scheduler.run = None
    earliest = datetime.now(UTC) + timedelta(hours=1)
    job = foundations.submit(at=timedelta(hours=1))
    asked = scheduler.jobs[job.job_id].submission
    assert asked is not None
    assert asked.not_before is not None
    assert earliest <= asked.not_before <= datetime.now(UTC) + timedelta(hours=1)
