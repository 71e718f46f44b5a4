"""`foundations export jobs`."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pyarrow import parquet

from foundations.cli.job_spool import JobSpool
from foundations.errors import AtlasError
from foundations.models import ArrayPlace, JobSpec, JobState
from tests.cli.conftest import Run
from tests.cli.fake_scheduler import BEGIN, FakeScheduler

WORDS = ("export", "jobs", "scheduler", "--format")
FIRST, SECOND = "a" * 36, "b" * 36


@pytest.fixture
def scheduler(scheduler: FakeScheduler) -> FakeScheduler:
    """A scheduler with two jobs that recorded different things."""
    scheduler.add(
        FIRST,
        spec=JobSpec(project="demo", command=("main.py", "a b")),
        state=JobState.COMPLETED,
        exit_code=0,
        started_at=BEGIN + timedelta(seconds=1),
        finished_at=BEGIN + timedelta(seconds=2.5),
        parameters={"lr": 0.1 + 0.2, "seed": 2**60 + 1, "mixed": 1, "layers": [1, {"a": None}]},
        metrics={"loss": "NaN", "acc": 1},
        tags={"kind": 'a "quoted", text\nof two lines'},
        series={"loss": [(0.0, 0.1 + 0.2), (None, "NaN")], "acc": [(1.0, True), (2.0, 2**60 + 1)]},
    )
    scheduler.add(
        SECOND,
        project="other",
        parameters={"mixed": "one"},
        metrics={"loss": 0.5},
        series={"loss": [(0.5, "-Infinity")]},
    )
    return scheduler


def read_parquet(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    return rows


def test_csv_has_a_column_for_everything_that_any_job_recorded(
    run: Run, scheduler: FakeScheduler
) -> None:
    second, first = csv.DictReader(io.StringIO(run(*WORDS, "csv").stdout))

    assert first["id"] == FIRST
    assert first["command"] == "main.py 'a b'"
    assert first["param.lr"] == "0.30000000000000004"
    assert first["param.seed"] == "1152921504606846977"
    assert first["param.layers"] == '[1, {"a": null}]'
    assert first["metric.loss"] == "NaN"
    assert first["tag.kind"] == 'a "quoted", text\nof two lines'
    assert first["duration"] == "1.5"
    assert (second["param.seed"], second["param.mixed"], second["exit_code"]) == ("", "one", "")


def test_json_is_one_array_of_the_jobs_as_they_are_listed(
    run: Run, scheduler: FakeScheduler
) -> None:
    text = run(*WORDS, "json").stdout

    assert json.loads(text) == json.loads(run("list", "jobs", "--json").stdout)
    assert len(text.splitlines()) == 4


def test_the_name_of_a_file_says_the_format(run: Run, scheduler: FakeScheduler, work: Path) -> None:
    for name in ("jobs.csv", "jobs.json", "jobs.parquet"):
        run("export", "jobs", "scheduler", "-o", name)

    assert (work / "jobs.csv").read_text().startswith("id,")
    assert json.loads((work / "jobs.json").read_text())[0]["job_id"] == SECOND
    assert read_parquet(work / "jobs.parquet")[0]["id"] == SECOND


@pytest.mark.parametrize("words", [(), ("-o", "jobs.xyz"), ("-o", "csv"), ("-o", "-")])
def test_without_a_format_that_is_known_nothing_is_exported(
    run: Run, scheduler: FakeScheduler, words: tuple[str, ...]
) -> None:
    told = run("export", "jobs", "scheduler", *words, exit_code=2).stderr

    assert "Missing option '--format': give csv, json, parquet or mlflow, or an --output" in told


def test_parquet_has_types_and_exact_values(run: Run, scheduler: FakeScheduler, work: Path) -> None:
    run(*WORDS, "parquet", "--output", "jobs.parquet")

    second, first = read_parquet(work / "jobs.parquet")
    schema = parquet.read_schema(work / "jobs.parquet")
    assert first["id"] == FIRST
    assert first["command"] == ["main.py", "a b"]
    assert first["finished"] == BEGIN + timedelta(seconds=2.5)
    assert (first["param.lr"], first["param.seed"]) == (0.1 + 0.2, 2**60 + 1)
    assert math.isnan(first["metric.loss"])
    assert second["metric.loss"] == 0.5
    assert (first["param.mixed"], second["param.mixed"]) == ("1", '"one"')
    assert schema.field("param.mixed").metadata == {b"content": b"json"}
    assert json.loads(first["param.layers"]) == [1, {"a": None}]
    assert second["param.lr"] is None
    assert [str(schema.field(name).type) for name in ("metric.acc", "exit_code", "tag.kind")] == [
        *("int64", "int64", "string")
    ]


def test_a_job_of_an_array_has_its_place_in_parquet(
    run: Run, scheduler: FakeScheduler, work: Path
) -> None:
    scheduler.add(array=ArrayPlace(array_id="c" * 36, index=3))

    run(*WORDS, "parquet", "-o", "jobs.parquet")

    of_array, second, _ = read_parquet(work / "jobs.parquet")
    assert (of_array["array"], of_array["array_index"]) == ("c" * 36, 3)
    assert (second["array"], second["array_index"]) == (None, None)


@pytest.mark.parametrize(
    ("values", "kind", "read"),
    [
        ([1, 2.5], "double", [1.0, 2.5]),
        ([2**53 + 1, 2.5], "string", ["9007199254740993", "2.5"]),
        ([2**63, 1], "string", ["9223372036854775808", "1"]),
        ([True, None], "bool", [True, None]),
        ([True, 1], "string", ["true", "1"]),
        ([None, None], "string", [None, None]),
        (["NaN", 1], "string", ['"NaN"', "1"]),
    ],
)
def test_a_parquet_column_gets_the_type_that_changes_no_value(
    run: Run, scheduler: FakeScheduler, work: Path, values: list[Any], kind: str, read: list[Any]
) -> None:
    for job_id, value in zip((SECOND, FIRST), values, strict=True):
        scheduler.jobs[job_id].parameters = {"x": value}

    run(*WORDS, "parquet", "-o", "jobs.parquet")

    assert str(parquet.read_schema(work / "jobs.parquet").field("param.x").type) == kind
    assert [row["param.x"] for row in read_parquet(work / "jobs.parquet")] == read


def test_points_are_a_long_table(run: Run, scheduler: FakeScheduler, work: Path) -> None:
    rows = list(csv.reader(io.StringIO(run(*WORDS, "csv", "--points").stdout)))

    assert rows[0] == ["job_id", "metric", "step", "value", "at"]
    assert [row[:4] for row in rows[1:]] == [
        [SECOND, "loss", "0.5", "-Infinity"],
        [FIRST, "loss", "0.0", "0.30000000000000004"],
        [FIRST, "loss", "", "NaN"],
        [FIRST, "acc", "1.0", "true"],
        [FIRST, "acc", "2.0", "1152921504606846977"],
    ]
    documents = json.loads(run(*WORDS, "json", "--points").stdout)
    assert documents[1] == {
        "job_id": FIRST,
        "metric": "loss",
        "step": 0.0,
        "value": 0.1 + 0.2,
        "at": rows[2][4],
    }

    run(*WORDS, "parquet", "--points", "-o", "points.parquet")
    table = read_parquet(work / "points.parquet")
    assert [row["value"] for row in table][:2] == [-math.inf, 0.1 + 0.2]
    assert math.isnan(table[2]["value"])
    assert [(row["value"], row["value_json"]) for row in table[3:]] == [
        (None, "true"),
        (None, "1152921504606846977"),
    ]
    assert table[0]["at"] == BEGIN


def test_all_points_of_a_long_series_are_there(
    run: Run, scheduler: FakeScheduler, work: Path
) -> None:
    scheduler.jobs[SECOND].series["loss"] = [(float(step), step) for step in range(25_000)]

    run(*WORDS, "parquet", "--points", "--project", "other", "-o", "points.parquet")

    file = parquet.ParquetFile(work / "points.parquet")
    assert file.num_row_groups == 3
    assert file.read(columns=["value"])["value"].to_pylist() == list(range(25_000))


def test_only_the_chosen_jobs_are_exported(run: Run, scheduler: FakeScheduler) -> None:
    def exported(*options: str) -> list[str]:
        return [job["job_id"] for job in json.loads(run(*WORDS, "json", *options).stdout)]

    assert exported("--project", "other") == [SECOND]
    assert exported("--filter", "metric.loss < 1") == [SECOND]
    assert exported("--filter", "state:failed") == []
    assert "^" in run(*WORDS, "json", "--filter", "metric.loss <", exit_code=1).stderr


@pytest.mark.parametrize("points", [(), ("--points",)])
def test_an_export_of_nothing_is_valid(
    run: Run, scheduler: FakeScheduler, work: Path, points: tuple[str, ...]
) -> None:
    scheduler.jobs.clear()

    run(*WORDS, "parquet", "-o", "nothing.parquet", *points)

    assert read_parquet(work / "nothing.parquet") == []
    assert len(run(*WORDS, "csv", *points).stdout.splitlines()) == 1
    assert json.loads(run(*WORDS, "json", *points).stdout) == []


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_every_page_is_exported(run: Run, scheduler: FakeScheduler, work: Path, form: str) -> None:
    for _ in range(450):
        scheduler.add()

    run(*WORDS, form, "-o", "out/jobs")

    path = work / "out" / "jobs"
    if form == "json":
        ids = [job["job_id"] for job in json.loads(path.read_text())]
    elif form == "csv":
        ids = [job["id"] for job in csv.DictReader(io.StringIO(path.read_text()))]
    else:
        ids = [job["id"] for job in read_parquet(path)]
        assert parquet.ParquetFile(path).num_row_groups == 3
    assert ids == list(reversed(scheduler.jobs))
    assert [one.name for one in path.parent.iterdir()] == ["jobs"]


# -- files


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_a_file_is_replaced_only_by_force_and_only_by_a_complete_one(
    run: Run, scheduler: FakeScheduler, work: Path, form: str
) -> None:
    for _ in range(450):
        scheduler.add()
    path = work / "jobs"
    path.write_text("mine")

    refused = run(*WORDS, form, "-o", "jobs", exit_code=1)
    assert "jobs already exists. Give --force to replace it." in refused.stderr

    def break_second_page(request: httpx.Request) -> None:
        if request.url.params.get("cursor"):
            raise httpx.ConnectError("gone", request=request)

    scheduler.on_request = break_second_page
    run(*WORDS, form, "-o", "jobs", "--force", exit_code=1)
    assert path.read_text() == "mine"
    assert {one.name for one in work.iterdir()} == {"project", "jobs"}

    scheduler.on_request = None
    run(*WORDS, form, "-o", "jobs", "--force")
    assert path.read_bytes() != b"mine"


def test_what_is_no_file_is_never_replaced(run: Run, scheduler: FakeScheduler, work: Path) -> None:
    result = run(*WORDS, "csv", "-o", "project", "--force", exit_code=1)

    assert "project is not a file" in result.stderr
    assert (work / "project" / "main.py").exists()


def test_parquet_does_not_go_to_standard_output(run: Run, scheduler: FakeScheduler) -> None:
    assert "--output" in run(*WORDS, "parquet", exit_code=2).stderr


def test_without_pyarrow_the_error_says_what_to_install(
    run: Run, scheduler: FakeScheduler, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    result = run(*WORDS, "parquet", "-o", "jobs.parquet", exit_code=1)

    assert "pip install 'foundations-atlas[tables]'" in result.stderr
    assert not (work / "jobs.parquet").exists()
    run(*WORDS, "csv")


def test_a_job_that_is_deleted_meanwhile_does_not_end_the_export(
    run: Run, scheduler: FakeScheduler
) -> None:
    def delete(request: httpx.Request) -> None:
        if f"/jobs/{SECOND}/" in request.url.path:
            del scheduler.jobs[SECOND]
            scheduler.on_request = None

    scheduler.on_request = delete

    result = run(*WORDS, "json", "--points")

    assert {point["job_id"] for point in json.loads(result.stdout)} == {FIRST}
    assert f"Job {SECOND} was deleted meanwhile" in result.stderr


def test_the_jobs_that_wait_for_their_columns_take_no_memory() -> None:
    records = {"parameters": {"text": "x" * 10_000}, "metrics": {}, "tags": {}}
    tracemalloc.start()
    try:
        with JobSpool([dict(records) for _ in range(10)] for _ in range(200)) as spool:
            assert sum(len(page) for page in spool.pages()) == 2_000
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 4_000_000


def test_a_spool_whose_reading_fails_passes_the_error_on() -> None:
    def pages() -> Any:
        yield [{"parameters": {}, "metrics": {}, "tags": {}}]
        raise AtlasError("gone")

    with pytest.raises(AtlasError, match="gone"):
        JobSpool(pages())
