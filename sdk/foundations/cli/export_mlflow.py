"""`foundations export jobs --format mlflow`: jobs as runs of an MLflow tracking store."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from foundations.cli.render import clean
from foundations.errors import NotFound

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.mlflow_store import MlflowStore


def open_store(*, directory: str | None, tracking_uri: str | None) -> MlflowStore:
    """Open the store that the options name.

    Raises:
        click.UsageError: they name none, or two.
        AtlasError: it cannot be opened.
    """
    if (directory is None) == (tracking_uri is None):
        raise click.UsageError("MLflow needs --output DIRECTORY or --tracking-uri URI.")
    from foundations.mlflow_store import MlflowStore

    if tracking_uri is not None:
        return MlflowStore(tracking_uri, tell=_tell)
    return MlflowStore.in_directory(Path(str(directory)), tell=_tell)


def write_runs(
    store: MlflowStore, client: Client, pages: Iterable[list[dict[str, Any]]], *, artifacts: bool
) -> None:
    """Write all jobs, and say how many."""
    written = [0, 0]
    for job in (job for page in pages for job in page):
        try:
            written[store.write(client, job["job_id"], artifacts=artifacts)] += 1
        except NotFound:
            _tell(f"Job {job['job_id']} was deleted meanwhile; its run may be incomplete.")
    updated, new = written
    click.echo(f"Exported {new + updated} jobs to MLflow: {new} new runs, {updated} updated.")


def _tell(text: str) -> None:
    click.echo(clean(text, one_line=True), err=True)
