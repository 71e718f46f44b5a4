"""What jobs recorded leaves the real server as tables."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from pyarrow import parquet

from tests.e2e.driver import Scheduler
from tests.e2e.engines import on_processes
from tests.e2e.projects import write_project

MAIN = r"""
    import foundations

    number = foundations.load_parameters()["number"]
    for step in range(12_000):
        foundations.log_metric("loss", number / (step + 1), step=step)
    foundations.log_metric("seed", 2**60 + number)
    foundations.log_metric("worst", float("inf"))
    foundations.log_param("half a pair", "\ud800")
    foundations.set_tag("name", "a,\n\u00e9")
    """
TO_MLFLOW = """
    import foundations

    foundations.load_parameters()
    for step in range(2_500):
        foundations.log_metric("loss", 1 / (step + 1), step=step)
    with open("model.txt", "w") as file:
        file.write("weights")
    foundations.save_artifact("model.txt")
    """
TABLE = """
    import foundations

    table = foundations.get_metrics_for_all_jobs("exported")
    print(table[["number", "loss", "seed", "worst", "tag_name"]].values.tolist())
    """


@on_processes
def test_what_jobs_recorded_is_the_same_in_every_format(shared: Scheduler) -> None:
    project = write_project(shared.root / "exported", {"main.py": MAIN})
    for number in (1, 2):
        job_id = shared.submit(project, options=["--param", f"number={number}"])
        assert shared.wait(job_id).state == "completed", shared.log(job_id)
    last = [1 / 12_000, 2 / 12_000]
    words = ("export", "jobs", "scheduler", "--project", "exported", "--format")

    rows = list(csv.DictReader(io.StringIO(shared.cli(*words, "csv").out, newline="")))
    assert [float(row["metric.loss"]) for row in rows] == last[::-1]
    assert [row["metric.seed"] for row in rows] == [str(2**60 + 2), str(2**60 + 1)]
    assert [row["tag.name"] for row in rows] == ["a,\n\u00e9"] * 2

    shared.cli(*words, "parquet", "-o", "points.parquet", "--points")
    table = parquet.read_table(shared.root / "points.parquet")
    points = [row for row in table.to_pylist() if row["metric"] == "loss"]
    assert [(row["step"], row["value"]) for row in points] == [
        (step, number / (step + 1)) for number in (2, 1) for step in range(12_000)
    ]
    assert len(json.loads(shared.cli(*words, "json", "--points").out)) == table.num_rows == 24_004

    shared.cli(*words, "parquet", "-o", "jobs.parquet")
    jobs = parquet.read_table(shared.root / "jobs.parquet").to_pylist()
    assert [(job["metric.seed"], job["metric.worst"]) for job in jobs] == [
        (2**60 + 2, float("inf")),
        (2**60 + 1, float("inf")),
    ]
    assert shared.python(TABLE).out.strip() == str(
        [
            [number, last[number - 1], 2**60 + number, float("inf"), "a,\n\u00e9"]
            for number in (2, 1)
        ]
    )


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")
@on_processes
def test_what_jobs_recorded_is_read_back_by_mlflow(shared: Scheduler) -> None:
    from mlflow.tracking import MlflowClient

    project = write_project(shared.root / "to_mlflow", {"main.py": TO_MLFLOW})
    job_id = shared.submit(project, options=["--param", "lr=0.1"])
    assert shared.wait(job_id).state == "completed", shared.log(job_id)
    words = ("--project", "to_mlflow", "--format", "mlflow", "-o", "runs", "--artifacts")

    for new in (1, 0):
        done = shared.cli("export", "jobs", "scheduler", *words)
        assert done.out == f"Exported 1 jobs to MLflow: {new} new runs, {1 - new} updated.\n"
        assert done.err == ""

    client = MlflowClient(tracking_uri=f"sqlite:///{shared.root}/runs/mlflow.db")
    experiment = client.get_experiment_by_name("to_mlflow")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    history = client.get_metric_history(run.info.run_id, "loss")
    assert sorted((one.step, one.value) for one in history) == [
        (step, 1 / (step + 1)) for step in range(2_500)
    ]
    assert run.data.params == {"lr": "0.1"}
    assert (run.info.status, run.data.tags["atlas.job_id"]) == ("FINISHED", job_id)
    copied = Path(client.download_artifacts(run.info.run_id, "model.txt"))
    assert copied.read_text() == "weights"
