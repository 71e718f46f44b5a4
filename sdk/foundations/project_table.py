"""All jobs of a project as a pandas table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from foundations import extras
from foundations.connection import connect
from foundations.text.json_numbers import EXACT_IN_FLOATS, measured
from foundations.transport.paging import job_pages

if TYPE_CHECKING:
    import pandas

Job = dict[str, Any]

_FIELDS = {
    "project_name": "project",
    "job_id": "job_id",
    "user": "user",
    "status": "state",
    "start_time": "started_at",
    "completed_time": "finished_at",
    "creation_time": "submitted_at",
    "tags": "tags",
}
_TIMES = ("start_time", "completed_time", "creation_time")


def get_metrics_for_all_jobs(
    project_name: str, scheduler_config: str | None = None
) -> pandas.DataFrame:
    """Return the jobs of a project as a table, one row each, newest first.

    The columns are `project_name`, `job_id`, `user`, `status`, `start_time`, `completed_time`,
    `creation_time` (UTC) and `tags` (a dict), then one for each parameter, one for each metric with
    its last value, and `tag_<key>` for each tag. A parameter or metric whose name is taken by a
    column before it is called `param_<name>` or `metric_<name>`.

    Args:
        project_name: of the project.
        scheduler_config: name of the scheduler config to use; the default one without it.

    Raises:
        ValueError: there is no such project.
        MissingExtra: pandas is not installed.
        ConfigError: the scheduler config is missing or wrong.
        Unreachable: the scheduler does not answer.
    """
    pandas = extras.load("pandas", extra="tables", purpose="get_metrics_for_all_jobs")
    jobs = _read(project_name, scheduler_config)
    columns = {name: [job[field] for job in jobs] for name, field in _FIELDS.items()}
    _add(columns, jobs, "parameters", prefix="param_")
    _add(columns, jobs, "metrics", prefix="metric_", convert=measured)
    _add(columns, jobs, "tags", prefix="tag_", always=True)
    series = {name: _series(pandas, name, values) for name, values in columns.items()}
    return pandas.DataFrame(series)


def _read(project: str, scheduler_config: str | None) -> list[Job]:
    with connect(scheduler_config) as client:
        jobs = [job for page in job_pages(client, project=project) for job in page]
        if not jobs and project not in (one.name for one in client.projects()):
            raise ValueError(f"Project `{project}` does not exist!")
        return jobs


def _add(
    columns: dict[str, list[Any]],
    jobs: Iterable[Job],
    kind: str,
    *,
    prefix: str,
    always: bool = False,
    convert: Callable[[Any], Any] = lambda value: value,
) -> None:
    """Add a column for each name that any job recorded; a taken name gets the prefix."""
    for name in sorted({name for job in jobs for name in job[kind]}):
        title = prefix + name if always or name in columns else name
        while title in columns:
            title = prefix + title
        columns[title] = [convert(job[kind].get(name)) for job in jobs]


def _series(pandas: Any, name: str, values: list[Any]) -> Any:
    if name in _TIMES:
        return pandas.Series(pandas.to_datetime(values, utc=True, format="ISO8601"))
    if name in _FIELDS or _would_be_rounded(values):
        return pandas.Series(values, dtype=object)
    return pandas.Series(values)


def _would_be_rounded(values: list[Any]) -> bool:
    """Whether pandas would make floats of integers that floats cannot hold."""
    if all(type(value) is int for value in values):
        return False
    return any(type(value) is int and abs(value) > EXACT_IN_FLOATS for value in values)
