"""Requests about what jobs left: metrics, artifacts and files."""

from __future__ import annotations

import json as json_text

from foundations.calls.call import Call, job_path, nothing, path_of
from foundations.lazy_models import models


def metrics(ref: str, *, system: bool = False) -> Call[list[models.MetricSummary]]:
    """Ask for each metric of a job in a row; with `system` for what the scheduler measured."""
    return Call(
        "GET",
        f"{job_path(ref)}/metrics",
        lambda _, body: [models.MetricSummary.model_validate(one) for one in json_text.loads(body)],
        params=(("system", "true"),) if system else (),
    )


def metric(
    ref: str, name: str, *, points: int | None = None, start: int = 0, limit: int = 1000
) -> Call[models.MetricSeries]:
    """Ask for the points of a metric: a page of them, or with `points` those that show its course.

    Args:
        ref: the job.
        name: of the metric.
        points: how many stretches to cut the series into; of each the lowest and highest stay.
        start: first position of the page, from 0.
        limit: most points of the page.
    """
    page = (("start", str(start)), ("limit", str(limit)))
    return Call(
        "GET",
        f"{job_path(ref)}/metrics/{path_of(name)}",
        lambda _, body: models.MetricSeries.model_validate_json(body),
        params=page if points is None else (("points", str(points)),),
    )


def artifacts(ref: str) -> Call[list[models.ArtifactView]]:
    """Ask for the artifacts of a job."""
    return Call(
        "GET",
        f"{job_path(ref)}/artifacts",
        lambda _, body: [models.ArtifactView.model_validate(one) for one in json_text.loads(body)],
    )


def artifact(ref: str, key: str) -> Call[None]:
    """Ask for the bytes of an artifact."""
    return Call("GET", f"{job_path(ref)}/artifacts/{path_of(key)}", nothing)


def files(ref: str) -> Call[models.FileList]:
    """Ask for the files of a job."""
    return Call(
        "GET",
        f"{job_path(ref)}/files",
        lambda _, body: models.FileList.model_validate_json(body),
    )


def file(ref: str, path: str) -> Call[None]:
    """Ask for the bytes of a file, by its path in the archive."""
    return Call("GET", f"{job_path(ref)}/files/{path_of(path)}", nothing)


def archive(ref: str) -> Call[None]:
    """Ask for the archive of a job, a tar.gz."""
    return Call("GET", f"{job_path(ref)}/archive", nothing)


def source_diff(ref: str, other: str) -> Call[models.SourceDiff]:
    """Ask what differs between the files that two jobs were submitted with."""
    return Call(
        "GET",
        f"{job_path(ref)}/diff/{job_path(other).rpartition('/')[2]}",
        lambda _, body: models.SourceDiff.model_validate_json(body),
    )


def tensorboard_logs(ref: str, *, since: int = 0) -> Call[None]:
    """Ask for the TensorBoard logs of a job, a tar.gz; with `since` only those changed later."""
    return Call("GET", f"{job_path(ref)}/tensorboard", nothing, params=(("since", str(since)),))
