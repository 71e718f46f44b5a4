"""Reads the secrets that a job was given; runs inside jobs."""

import os

DIRECTORY_VARIABLE = "ATLAS_SECRETS"


def secret(name: str) -> str:
    """Return the value of a secret that this job asked for.

    Args:
        name: as in `worker: secrets:` of `job.config.yaml`.

    Raises:
        KeyError: the job did not ask for it, or this is no job of a scheduler.
    """
    directory = os.environ.get(DIRECTORY_VARIABLE)
    if directory is None or not name.isidentifier():
        raise KeyError(_missing(name))
    try:
        with open(os.path.join(directory, name), encoding="utf-8") as file:
            return file.read()
    except OSError:
        raise KeyError(_missing(name)) from None


def _missing(name: str) -> str:
    return (
        "this job has no secret {!r}: name it in `worker: secrets:` of job.config.yaml, and set "
        "it with `foundations secret set`".format(name)
    )
