"""Writes jobs into a tracking store of MLflow: one run a job, however often it is written."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from foundations import calls, extras, mlflow_values
from foundations.errors import AtlasError, ConfigError, NotFound
from foundations.mlflow_values import JOB_ID
from foundations.models import FINAL_STATES
from foundations.transport.paging import point_pages

if TYPE_CHECKING:
    from foundations.client import Client

T = TypeVar("T")
Job = dict[str, Any]

DATABASE = "mlflow.db"
"""The store's file in a directory of `MlflowStore.in_directory`."""
METRICS_AT_ONCE = 1000
"""Most points that MLflow takes in one call."""
VALUES_AT_ONCE = 100
"""Most parameters or tags that MLflow takes in one call."""
_EXPORTED = "atlas.exported"
_NOT_IN_A_URI = "?#%"


class MlflowStore:
    """A tracking store, to which jobs are written."""

    def __init__(
        self,
        tracking_uri: str,
        *,
        artifact_location: str | None = None,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Open a store.

        Args:
            tracking_uri: as MLflow takes it, such as `sqlite:////path/mlflow.db` or `https://…`.
            artifact_location: where new experiments keep artifacts; None lets MLflow choose.
            tell: called with what could not be kept as it is, each text once.

        Raises:
            MissingExtra: MLflow is not installed.
            AtlasError: MLflow cannot open the store.
        """
        # Exporting is no reason to tell others about it.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        tracking = extras.load("mlflow.tracking", extra="mlflow", purpose="Export to MLflow")
        for logger in ("mlflow", "alembic"):
            logging.getLogger(logger).setLevel(logging.WARNING)
        self._entities = extras.load("mlflow.entities", extra="mlflow", purpose="Export to MLflow")
        self._artifact_location = artifact_location
        self._tell = tell
        self._told: set[str] = set()
        with _speaking():
            self._mlflow = tracking.MlflowClient(tracking_uri=tracking_uri)
            self._experiments = {
                one.name: one.experiment_id
                for one in _all_pages(self._mlflow.search_experiments, max_results=1000)
            }

    @classmethod
    def in_directory(
        cls, directory: Path, *, tell: Callable[[str], None] = lambda text: None
    ) -> MlflowStore:
        """Open a store in a directory, which is made when missing: a database, and artifacts.

        Raises:
            ConfigError: the path of the directory cannot be part of a URI.
            MissingExtra, AtlasError: as for the constructor.
        """
        extras.load("sqlalchemy", extra="mlflow", purpose="A database of MLflow")
        place = directory.absolute()
        if any(one in str(place) for one in _NOT_IN_A_URI):
            raise ConfigError(f"{place} cannot hold a store of MLflow: leave out ?, # and %.")
        place.mkdir(parents=True, exist_ok=True)
        return cls(
            f"sqlite:///{place / DATABASE}",
            artifact_location=(place / "artifacts").as_uri(),
            tell=tell,
        )

    def write(self, client: Client, job_id: str, *, artifacts: bool = False) -> bool:
        """Write one job, or bring its run up to date.

        Args:
            client: the job's scheduler.
            job_id: the job.
            artifacts: whether to copy its artifacts too.

        Returns:
            Whether the run is new.

        Raises:
            NotFound: the job was deleted.
            AtlasError: MLflow refuses.
        """
        job = client.json(calls.jobs.job(job_id))
        with _speaking():
            run, is_new = self._open_run(job)
            exported = set(run.data.tags.get(_EXPORTED, "").split())
            if "points" not in exported:
                self._log_points(client, job, run.info.run_id, is_new=is_new)
            if artifacts and "artifacts" not in exported:
                self._log_artifacts(client, job, run.info.run_id)
            tags = mlflow_values.tags(job)
            if job["state"] in FINAL_STATES and job["archived"]:
                exported |= {"points", "artifacts"} if artifacts else {"points"}
                tags[_EXPORTED] = " ".join(sorted(exported))
            self._log_tags(run.info.run_id, tags)
            self._set_status(run.info.run_id, job)
        self._tell_of_names(job)
        return is_new

    # -- runs

    def _open_run(self, job: Job) -> tuple[Any, bool]:
        """Find the run of a job, or create it; one that no longer fits is replaced."""
        start_ms = mlflow_values.milliseconds(job["started_at"] or job["submitted_at"])
        parameters = mlflow_values.parameters(job)
        run = self._find_run(job["job_id"])
        if run is not None and _contradicts(run, start_ms, parameters):
            self._mlflow.delete_run(run.info.run_id)
            run = None
        is_new = run is None
        if run is None:
            run = self._mlflow.create_run(
                self._experiment(job["project"]),
                start_time=start_ms,
                tags={JOB_ID: job["job_id"]},
                run_name=job["job_id"][:8],
            )
        missing = [
            self._entities.Param(key, value)
            for key, value in parameters.items()
            if key not in run.data.params
        ]
        for params in _batches(missing, VALUES_AT_ONCE):
            self._mlflow.log_batch(run.info.run_id, params=params)
        return run, is_new

    def _find_run(self, job_id: str) -> Any:
        """Look in every experiment: the project may have had another name."""
        found = self._experiments and self._mlflow.search_runs(
            list(self._experiments.values()), f"tags.`{JOB_ID}` = '{job_id}'", max_results=1
        )
        return found[0] if found else None

    def _experiment(self, project: str) -> str:
        if project not in self._experiments:
            known = self._mlflow.get_experiment_by_name(project)
            if known is not None:
                raise AtlasError(
                    f"The experiment `{project}` is deleted in MLflow. Restore it there, or remove "
                    "it for good (mlflow gc)."
                )
            self._experiments[project] = self._mlflow.create_experiment(
                project, artifact_location=self._artifact_location
            )
        return str(self._experiments[project])

    def _set_status(self, run_id: str, job: Job) -> None:
        status = mlflow_values.STATUS[job["state"]]
        if job["finished_at"] is None:
            self._mlflow.update_run(run_id, status=status)
        else:
            end_ms = mlflow_values.milliseconds(job["finished_at"])
            self._mlflow.set_terminated(run_id, status, end_time=end_ms)

    def _log_tags(self, run_id: str, tags: dict[str, str]) -> None:
        entities = [self._entities.RunTag(key, value) for key, value in tags.items()]
        for batch in _batches(entities, VALUES_AT_ONCE):
            self._mlflow.log_batch(run_id, tags=batch)

    # -- points

    def _log_points(self, client: Client, job: Job, run_id: str, *, is_new: bool) -> None:
        points = self._points(client, job, run_id, is_new=is_new)
        for batch in _batches(points, METRICS_AT_ONCE):
            self._mlflow.log_batch(run_id, metrics=batch)

    def _points(self, client: Client, job: Job, run_id: str, *, is_new: bool) -> Iterator[Any]:
        """Yield the points that the run lacks: a series only ever grows at its end."""
        for series in job["metric_series"]:
            metric = series["name"]
            name = mlflow_values.name(metric)
            known = 0 if is_new else len(self._mlflow.get_metric_history(run_id, name))
            for point in (
                one for page in point_pages(client, job["job_id"], metric) for one in page
            ):
                value = mlflow_values.number(point["value"])
                if value is None:
                    self._say(
                        f"Metric {metric!r} has values that are no numbers. MLflow takes none: the "
                        f"last one is the tag `{mlflow_values.name(f'atlas.metric.{metric}')}`."
                    )
                elif known:
                    known -= 1
                else:
                    yield self._entities.Metric(
                        name,
                        value,
                        mlflow_values.milliseconds(point["at"]),
                        mlflow_values.step(point["step"], position=point["position"]),
                    )

    # -- artifacts

    def _log_artifacts(self, client: Client, job: Job, run_id: str) -> None:
        for artifact in job["artifacts"]:
            try:
                self._log_artifact(client, job, artifact, run_id)
            except NotFound as error:
                client.json(calls.jobs.job(job["job_id"]))  # raises when it is the job that is gone
                self._say(
                    f"Artifact {artifact['key']!r} of job {job['job_id']} is left out: {error}"
                )

    def _log_artifact(self, client: Client, job: Job, artifact: Job, run_id: str) -> None:
        folder, file_name = mlflow_values.place(artifact["path"])
        with tempfile.TemporaryDirectory(prefix="atlas-mlflow-") as place:
            path = Path(place) / file_name
            with path.open("wb") as file:
                for piece in client.artifact(job["job_id"], artifact["key"]):
                    file.write(piece)
            self._mlflow.log_artifact(run_id, str(path), folder)

    # -- notes

    def _tell_of_names(self, job: Job) -> None:
        for kind, keys in (
            ("Parameter", job["parameters"]),
            ("Metric", job["metrics"]),
            ("Tag", map(mlflow_values.tag_key, job["tags"])),
        ):
            for key in keys:
                if (name := mlflow_values.name(key)) != key:
                    self._say(f"{kind} {key!r} is called `{name}` in MLflow.")
        longest = mlflow_values.LONGEST_PARAMETER
        for key, value in job["parameters"].items():
            if len(mlflow_values.text(value)) > longest:
                self._say(
                    f"Parameter {key!r} is cut to the {longest} characters that MLflow takes."
                )

    def _say(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._tell(text)


def _contradicts(run: Any, start_ms: int, parameters: dict[str, str]) -> bool:
    """Whether a run says what is no longer so, and what MLflow does not let change."""
    known = run.data.params
    return run.info.start_time != start_ms or any(
        known.get(key, value) != value for key, value in parameters.items()
    )


def _all_pages(search: Callable[..., Any], **options: Any) -> Iterator[Any]:
    token = None
    while True:
        page = search(page_token=token, **options)
        yield from page
        token = page.token
        if not token:
            return


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch


@contextmanager
def _speaking() -> Iterator[None]:
    """Turn what MLflow refuses into words for the user."""
    exceptions = extras.load("mlflow.exceptions", extra="mlflow", purpose="Export to MLflow")
    try:
        yield
    except exceptions.MlflowException as error:
        raise AtlasError(f"MLflow does not take it: {error}") from error
