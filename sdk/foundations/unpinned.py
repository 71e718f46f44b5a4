"""What of a job a rerun repeats exactly, and what may differ although nobody changed it."""

from __future__ import annotations

from foundations.models import JobDetail

_INSTALLED_ANEW = "/environment/bin/python"
"""How the path of an interpreter ends that the standard worker made for `requirements.txt`."""


def image_that_ran(job: JobDetail) -> str | None:
    """Return the id of the image that a job ran in, or was to run in; None when none is known."""
    execution = job.provenance.execution
    if execution is None or execution.image_id is None:
        return job.spec.pinned_image
    return execution.image_id


def unpinned(job: JobDetail) -> tuple[str, ...]:
    """Say what may differ in a rerun, as far as the job tells, a sentence each."""
    found = (_image(job), _interpreter(job), _requirements(job), _gpus(job), _volumes(job))
    return tuple(sentence for sentence in found if sentence is not None)


def _image(job: JobDetail) -> str | None:
    image = job.spec.image
    if job.engine == "process" or image_that_ran(job) is not None:
        return None  # the engine says so itself when a pinned image is gone
    if job.spec.build is not None:
        return None  # built of the same files
    if image is None:
        return (
            None if job.engine is None else "The standard worker image may have been rebuilt since."
        )
    if "@sha256:" in image:
        return None
    return f"The image {image} is named by a tag, which may mean another image now."


def _interpreter(job: JobDetail) -> str | None:
    if job.engine != "process":
        return None
    execution = job.provenance.execution
    known = None if execution is None else execution.python
    python = known or job.spec.python or "python3"
    return f"The packages of {python} are those that are installed now."


def _requirements(job: JobDetail) -> str | None:
    environment = job.provenance.environment
    if environment is None or not (environment.executable or "").endswith(_INSTALLED_ANEW):
        return None
    return (
        "What requirements.txt asks for is installed anew, in another version where it names none."
    )


def _gpus(job: JobDetail) -> str | None:
    execution = job.provenance.execution
    names = [] if execution is None else sorted({gpu.name for gpu in execution.gpus if gpu.name})
    return f"The job ran on {', '.join(names)}; it may get other GPUs now." if names else None


def _volumes(job: JobDetail) -> str | None:
    hosts = ", ".join(volume.host for volume in job.spec.volumes)
    return f"What is in its volumes may have changed since: {hosts}." if hosts else None
