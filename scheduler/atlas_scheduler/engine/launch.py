"""What a job finds when it starts, whichever engine starts it: its environment and work dir."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from atlas_scheduler.engine.port import Launch, StartRefusedError

JOB = "/job"
"""The job's directory inside containers, and so in what users write."""
READY = "ATLAS_ENVIRONMENT"
"""Tells the standard entry point where the job's requirements are installed already."""
SOURCE = "job_source"
"""The work dir, inside the job's directory."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are, in paths that the job sees."""

    job_dir: str
    library_dir: str
    foundations_home: str
    secrets_dir: str = "/run/secrets"

    @property
    def source(self) -> str:
        """The work dir."""
        return posixpath.join(self.job_dir, SOURCE)


def job_environment(
    launch: Launch, places: Places, *, defaults: Mapping[str, str]
) -> dict[str, str]:
    """Put a job's environment together.

    Args:
        launch: what to start.
        places: where the job finds things.
        defaults: the engine's own variables, which the submitter's replace.
    """
    given = {"PYTHONUNBUFFERED": "1", **defaults, **launch.environment}
    python_path = [places.library_dir, *filter(None, [given.get("PYTHONPATH")])]
    fixed = {
        "FOUNDATIONS_HOME": places.foundations_home,
        "ATLAS_JOB_DIR": places.job_dir,
        "ATLAS_EVENTS": posixpath.join(places.job_dir, "records", "events.jsonl"),
        "ATLAS_ARTIFACTS": posixpath.join(places.job_dir, "artifacts"),
        "PYTHONPATH": ":".join(python_path),
    }
    if launch.secrets_dir is not None:
        fixed["ATLAS_SECRETS"] = places.secrets_dir
        fixed["ATLAS_SECRET_VARIABLES"] = ",".join(launch.secret_variables)
    if launch.gpus:
        fixed["CUDA_VISIBLE_DEVICES"] = ",".join(launch.gpus)
    return {**given, **fixed}


def start_dir(launch: Launch, places: Places) -> str:
    """Say where the command starts, as the job sees it.

    A working directory below `/job` means the job's directory also where there is no container.

    Raises:
        StartRefusedError: the directory is not there.
    """
    given = launch.working_dir or "."
    if _is_inside(given, JOB):
        given = places.job_dir + given.removeprefix(JOB)
    wanted = posixpath.normpath(posixpath.join(places.source, given))
    if not _is_inside(wanted, places.job_dir):
        # Made by the image, or by whoever runs the machine: the engine finds out.
        if launch.working_dir and posixpath.isabs(launch.working_dir):
            return wanted
        raise StartRefusedError(
            f"The working directory {launch.working_dir!r} leads out of the project. Name one "
            f"inside it, relative to the project's root."
        )
    if not _on_host(launch, places, wanted).is_dir():
        raise StartRefusedError(
            f"The project has no directory {launch.working_dir!r}, which is set as the working "
            f"directory."
        )
    return wanted


def _is_inside(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory + "/")


def _on_host(launch: Launch, places: Places, path: str) -> Path:
    return launch.job_dir / posixpath.relpath(path, places.job_dir)
