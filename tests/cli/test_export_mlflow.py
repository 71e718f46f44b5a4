"""`foundations export jobs --format mlflow`, read back by MLflow itself."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from foundations.models import JobSpec, JobState, NoteView
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import BEGIN, FakeJob, FakeScheduler

# MLflow asks SQLAlchemy for things that a later release of that will no longer have.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")

WORDS = ("export", "jobs", "scheduler", "--format", "mlflow", "--output", "runs")
FIRST, SECOND = "a" * 36, "b" * 36
BEGIN_MS = round(BEGIN.timestamp() * 1000)


class Store:
    """The store that was written, as MLflow reads it."""

    def __init__(self, uri: str) -> None:
        from mlflow.tracking import MlflowClient

        self.client = MlflowClient(tracking_uri=uri)

    def runs(self, project: str) -> list[Any]:
        experiment = self.client.get_experiment_by_name(project)
        assert experiment is not None
        return list(self.client.search_runs([experiment.experiment_id]))

    def run(self, project: str = "demo") -> Any:
        (run,) = self.runs(project)
        return run

    def points(self, name: str, project: str = "demo") -> list[tuple[int, float, int]]:
        history = self.client.get_metric_history(self.run(project).info.run_id, name)
        return sorted((one.step, one.value, one.timestamp) for one in history)


@pytest.fixture
def job(scheduler: FakeScheduler) -> FakeJob:
    """A job that recorded a bit of everything."""
    return scheduler.add(
        FIRST,
        spec=JobSpec(project="demo", command=("main.py", "-x"), user="ada", rerun_of=None),
        state=JobState.COMPLETED,
        exit_code=0,
        started_at=BEGIN + timedelta(seconds=1),
        finished_at=BEGIN + timedelta(seconds=2.5),
        parameters={"lr": 0.1 + 0.2, "layers": [1, {"a": None}], "name": "né"},
        metrics={"loss": 0.25, "word": "good"},
        tags={"kind": "first", "mlflow.runName": "mine"},
        series={
            "loss": [(0.0, 1), (None, "NaN"), (2.75, True), (1.0, 0.25)],
            "word": [(None, "bad"), (None, "good")],
        },
        artifacts={"model.bin": b"\x00weights", "plots/a.txt": b"plot"},
        notes=[NoteView(number=1, author="ada", at=BEGIN, text="It *works*.")],
    )


@pytest.fixture
def new_store(work: Path) -> Callable[[], Store]:
    """Opens what was written where nothing was."""
    return lambda: Store(f"sqlite:///{work}/runs/mlflow.db")


@pytest.fixture(scope="session")
def laid_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store as MLflow makes it, which takes longer than what these tests do with it."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    Store(f"sqlite:///{path}").client.search_experiments()
    return path


@pytest.fixture
def store(work: Path, laid_store: Path, new_store: Callable[[], Store]) -> Callable[[], Store]:
    """Opens what was written to a store that was empty."""
    (work / "runs").mkdir()
    shutil.copyfile(laid_store, work / "runs" / "mlflow.db")
    return new_store


def test_a_run_has_what_the_job_recorded(
    run: Run, job: FakeJob, new_store: Callable[[], Store]
) -> None:
    result = run(*WORDS)

    assert result.stdout == "Exported 1 jobs to MLflow: 1 new runs, 0 updated.\n"
    found = new_store().run()
    assert found.info.status == "FINISHED"
    assert found.info.run_name == FIRST[:8]
    assert found.info.start_time == BEGIN_MS + 1000
    assert found.info.end_time == BEGIN_MS + 2500
    assert found.data.params == {
        "lr": "0.30000000000000004",
        "layers": '[1, {"a": null}]',
        "name": "né",
    }
    tags = found.data.tags
    assert tags["kind"] == "first"
    assert tags["tag.mlflow.runName"] == "mine"
    assert (tags["atlas.job_id"], tags["atlas.state"], tags["atlas.user"]) == (
        *(FIRST, "completed", "ada"),
    )
    assert tags["atlas.command"] == '["main.py", "-x"]'
    assert tags["atlas.bundle"] == job.bundle
    assert tags["mlflow.note.content"].endswith("\n\nIt *works*.")
    assert "atlas.rerun_of" not in tags


def test_points_have_whole_steps_and_numbers(
    run: Run, job: FakeJob, store: Callable[[], Store]
) -> None:
    job.series["far"] = [(-1.5, "-Infinity"), (1e300, 2**60), (3.0, "Infinity")]
    job.metrics["far"] = "Infinity"

    result = run(*WORDS)

    loss = store().points("loss")
    assert [(step, at - BEGIN_MS) for step, _, at in loss] == [
        (0, 0),
        (1, 10_000),
        (1, 30_000),
        (2, 20_000),
    ]
    assert [value for _, value, _ in loss][::2] == [1, 0.25]
    assert math.isnan(loss[1][1])
    assert loss[3][1] == 1
    # The largest float stands for what SQL has no number for.
    largest = sys.float_info.max
    assert [(step, value) for step, value, _ in store().points("far")] == [
        *((-2, -largest), (3, largest), (2**63 - 1, 2.0**60))
    ]
    assert "word" not in store().run().data.metrics
    assert store().run().data.tags["atlas.metric.word"] == "good"
    assert "Metric 'word' has values that are no numbers" in result.stderr
    assert result.stderr.count("no numbers") == 1


def test_a_second_export_doubles_nothing(
    run: Run, job: FakeJob, store: Callable[[], Store]
) -> None:
    run(*WORDS)
    before = store().run()
    job.tags["later"] = "yes"

    result = run(*WORDS)

    assert result.stdout == "Exported 1 jobs to MLflow: 0 new runs, 1 updated.\n"
    after = store().run()
    assert after.info.run_id == before.info.run_id
    assert after.data.tags["later"] == "yes"
    assert len(store().points("loss")) == 4


def test_a_job_that_goes_on_adds_to_its_run(
    run: Run, scheduler: FakeScheduler, store: Callable[[], Store]
) -> None:
    job = scheduler.add(FIRST, series={"loss": [(0.0, 1.0)]}, parameters={"a": 1})
    run(*WORDS)
    assert store().run().info.status == "SCHEDULED"
    assert store().run().info.start_time == BEGIN_MS

    scheduler.start(job)
    run(*WORDS)
    running = store().run()
    assert (running.info.status, running.info.end_time) == ("RUNNING", None)
    assert running.info.start_time > BEGIN_MS

    job.series["loss"] += [(1.0, 0.5), (1.0, 0.5)]
    job.parameters["b"] = 2
    scheduler.finish(job, 1)
    run(*WORDS)
    run(*WORDS)
    failed = store().run()
    assert failed.info.run_id == running.info.run_id
    assert failed.info.status == "FAILED"
    assert failed.data.params == {"a": "1", "b": "2"}
    assert failed.data.tags["atlas.reason"] == "exit code 1"
    assert len(store().points("loss")) == 3


def test_a_run_whose_parameter_changed_is_replaced(
    run: Run, scheduler: FakeScheduler, store: Callable[[], Store]
) -> None:
    job = scheduler.add(FIRST, parameters={"lr": 1}, series={"loss": [(0.0, 1.0)]})
    run(*WORDS)
    job.parameters["lr"] = 2

    run(*WORDS)

    assert store().run().data.params == {"lr": "2"}
    assert len(store().points("loss")) == 1


def test_a_run_stays_with_its_job_when_the_project_is_renamed(
    run: Run, job: FakeJob, store: Callable[[], Store]
) -> None:
    run(*WORDS)
    run("rename", "project", "scheduler", "demo", "other")

    assert "0 new runs, 1 updated" in run(*WORDS).stdout

    assert store().run("demo").data.tags["atlas.job_id"] == FIRST


@pytest.mark.parametrize(
    ("state", "status"),
    [(JobState.LOST, "FAILED"), (JobState.STOPPED, "KILLED"), (JobState.PRUNED, "KILLED")],
)
def test_each_end_has_its_status(
    run: Run, job: FakeJob, store: Callable[[], Store], state: JobState, status: str
) -> None:
    job.state = state

    run(*WORDS)

    assert store().run().info.status == status


def test_what_mlflow_cannot_name_or_hold_is_told(
    run: Run, scheduler: FakeScheduler, store: Callable[[], Store]
) -> None:
    names = ["a@5", "a#5", "../up", "a//b", "x" * 300, "fine/na me:1.0-2_"]
    scheduler.add(
        FIRST,
        parameters={**dict.fromkeys(names, 1), "long": "y" * 7000},
        series={name: [(0.0, 1.0)] for name in names},
        metrics=dict.fromkeys(names, 1.0),
        tags=dict.fromkeys(names, ""),
    )

    result = run(*WORDS)

    found = store().run()
    assert len(found.data.metrics) == len(names)
    assert "fine/na me:1.0-2_" in found.data.metrics
    assert set(found.data.metrics) < set(found.data.params)
    assert set(found.data.metrics) < set(found.data.tags)
    assert found.data.params["long"] == "y" * 5999 + "…"
    called = next(name for name in found.data.metrics if name.startswith("a_5_"))
    assert f"Metric 'a@5' is called `{called}` in MLflow.\n" in result.stderr
    assert "Parameter 'long' is cut to the 6000 characters that MLflow takes." in result.stderr
    assert "fine/na me" not in result.stderr


def test_artifacts_are_copied_when_asked_for(
    run: Run, job: FakeJob, new_store: Callable[[], Store], tmp_path: Path
) -> None:
    run(*WORDS)
    run_id = new_store().run().info.run_id
    assert new_store().client.list_artifacts(run_id) == []

    run(*WORDS, "--artifacts")
    run(*WORDS, "--artifacts")

    client = new_store().client
    assert [one.path for one in client.list_artifacts(run_id)] == ["model.bin", "plots"]
    copied = Path(client.download_artifacts(run_id, "", str(tmp_path)))
    assert (copied / "model.bin").read_bytes() == b"\x00weights"
    assert (copied / "plots" / "a.txt").read_bytes() == b"plot"


def test_an_artifact_whose_place_mlflow_refuses_gets_another(
    run: Run, job: FakeJob, new_store: Callable[[], Store], tmp_path: Path
) -> None:
    job.artifacts = {"..%2F..%2Fevil/m.txt": b"one", "100%25.txt": b"two", "%2E%2E/a": b"three"}

    result = run(*WORDS, "--artifacts")

    assert result.stdout == "Exported 1 jobs to MLflow: 1 new runs, 0 updated.\n"
    client = new_store().client
    (copied := tmp_path / "copied").mkdir()
    client.download_artifacts(new_store().run().info.run_id, "", str(copied))
    files = sorted(path for path in copied.rglob("*") if path.is_file())
    assert sorted(path.read_bytes() for path in files) == [b"one", b"three", b"two"]
    assert sorted(path.suffix for path in files) == ["", ".txt", ".txt"]


def test_an_artifact_that_is_not_there_is_told_and_left_out(
    run: Run, job: FakeJob, new_store: Callable[[], Store]
) -> None:
    job.artifacts = {"gone": b"", "model.bin": b"weights"}
    job.lost_artifacts.add("gone")

    result = run(*WORDS, "--artifacts")

    told = f"Artifact 'gone' of job {FIRST} is left out: Job `{FIRST}` has no artifact file `gone`."
    assert told in result.stderr
    assert result.stdout == "Exported 1 jobs to MLflow: 1 new runs, 0 updated.\n"
    found = new_store().run()
    assert found.info.status == "FINISHED"
    assert [one.path for one in new_store().client.list_artifacts(found.info.run_id)] == [
        "model.bin"
    ]


@pytest.mark.slow
def test_a_long_series_and_many_jobs_arrive_whole(
    run: Run, scheduler: FakeScheduler, store: Callable[[], Store]
) -> None:
    scheduler.add(FIRST, series={"loss": [(float(step), step) for step in range(12_345)]})
    for number in range(120):
        scheduler.add(project="many", parameters={f"p{one}": one for one in range(number % 3 * 60)})

    run(*WORDS, "--filter", "project:demo")
    assert [value for _, value, _ in store().points("loss")] == list(range(12_345))
    assert store().client.get_experiment_by_name("many") is None

    run(*WORDS, "--project", "many")
    assert len(store().runs("many")) == 120
    assert {len(one.data.params) for one in store().runs("many")} == {0, 60, 120}


def test_any_store_of_mlflow_can_be_named(run: Run, job: FakeJob, work: Path) -> None:
    uri = f"sqlite:///{work}/other.db"

    run(*WORDS[:-2], "--tracking-uri", uri)

    assert Store(uri).run().data.tags["atlas.job_id"] == FIRST


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "MLflow needs --output DIRECTORY or --tracking-uri URI."),
        (("-o", "runs", "--tracking-uri", "sqlite:///x"), "MLflow needs --output DIRECTORY or"),
        (("-o", "runs", "--points"), "--points and --force are not for MLflow"),
        (("-o", "runs", "--force"), "--points and --force are not for MLflow"),
    ],
)
def test_the_store_is_named_once(
    run: Run, scheduler: FakeScheduler, work: Path, options: tuple[str, ...], message: str
) -> None:
    assert message in run(*WORDS[:-2], *options, exit_code=2).stderr
    assert not (work / "runs").exists()


@pytest.mark.parametrize("options", [("--artifacts",), ("--tracking-uri", "x")])
def test_options_of_mlflow_are_for_mlflow(
    run: Run, scheduler: FakeScheduler, options: tuple[str, ...]
) -> None:
    result = run("export", "jobs", "scheduler", "--format", "csv", *options, exit_code=2)
    assert "--artifacts and --tracking-uri are for --format mlflow." in result.stderr


def test_without_mlflow_the_error_says_what_to_install(
    run: Run, job: FakeJob, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [one for one in sys.modules if one.partition(".")[0] == "mlflow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mlflow", None)

    result = run(*WORDS, exit_code=1)

    assert "pip install 'foundations-atlas[mlflow]'" in result.stderr


def test_what_mlflow_refuses_is_an_error_in_words(
    run: Run, job: FakeJob, work: Path, store: Callable[[], Store]
) -> None:
    files = run(*WORDS[:-2], "--tracking-uri", f"file://{work}/files", exit_code=1)
    assert files.stderr.startswith("Error: MLflow does not take it: ")

    run(*WORDS)
    store().client.delete_experiment(store().run().info.experiment_id)
    deleted = run(*WORDS, exit_code=1)
    assert "The experiment `demo` is deleted in MLflow." in deleted.stderr

    odd = run(*WORDS[:-1], "100%", exit_code=1)
    assert "cannot hold a store of MLflow: leave out ?, # and %." in odd.stderr


def test_a_job_that_is_deleted_meanwhile_does_not_end_the_export(
    run: Run, job: FakeJob, scheduler: FakeScheduler, store: Callable[[], Store]
) -> None:
    scheduler.add(SECOND)

    def delete(request: httpx.Request) -> None:
        if request.url.path.endswith(SECOND):
            del scheduler.jobs[SECOND]
            scheduler.on_request = None

    scheduler.on_request = delete

    result = run(*WORDS)

    assert f"Job {SECOND} was deleted meanwhile" in result.stderr
    assert store().run().data.tags["atlas.job_id"] == FIRST
