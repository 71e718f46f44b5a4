"""What a hook is: something that can be told of the end of a job, and may fail."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

from foundations.models import JobState, JobView

EVENT = "job.ended"


class HookFailed(Exception):
    """The hook was not told; the text says why, without anything secret."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that has ended."""

    seq: int
    """Of the change: with a job's attempts, each end has its own."""
    job: JobView
    is_sample: bool = False
    """Whether it is made up, to test a hook."""

    def document(self) -> dict[str, object]:
        """What hooks are told, as JSON can say it."""
        return {
            "event": EVENT,
            "seq": self.seq,
            "sample": self.is_sample,
            "job": self.job.model_dump(mode="json", exclude={"waiting"}),
        }

    def environment(self) -> dict[str, str]:
        """The most important of it, for programs that read no JSON."""
        job = self.job
        told = {
            "ATLAS_EVENT": EVENT,
            "ATLAS_SEQ": str(self.seq),
            "ATLAS_JOB_ID": job.job_id,
            "ATLAS_PROJECT": job.project,
            "ATLAS_USER": job.user,
            "ATLAS_STATE": job.state.value,
            "ATLAS_REASON": job.reason or "",
            "ATLAS_EXIT_CODE": "" if job.exit_code is None else str(job.exit_code),
        }
        return {name: value.replace("\0", "") for name, value in told.items()}


class Hook(Protocol):
    """Somebody who is told."""

    kind: str
    """`command`, `webhook` or `notice`."""
    target: str
    """What is told, for people; nothing secret."""
    states: tuple[JobState, ...]

    async def tell(self, ended: Ended) -> None:
        """Tell of a job.

        Raises:
            HookFailed: that was not possible.
        """


def hook_id(hook: Hook, target: str) -> str:
    """Name a hook in the database so that it is the same after a restart."""
    return hashlib.sha256(f"{hook.kind}\0{target}".encode()).hexdigest()[:16]
