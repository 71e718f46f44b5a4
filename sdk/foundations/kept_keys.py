"""What a newer scheduler has written about a job and this version does not know: kept in a rerun.

A rerun reads a job and submits what it read. What is not known here has no place in the models, and
goes back to the scheduler that wrote it as it came. So nothing is dropped, and no scheduler needs
an operation for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from foundations import calls
from foundations.calls import Call
from foundations.models import Accepted, JobSpec, Submission

KNOWN = frozenset(JobSpec.model_fields)
"""What this version knows that a job can be told."""


def submit_again(
    submission: Submission, *, old: JobSpec, written: Mapping[str, Any], idempotency_key: str
) -> Call[Accepted]:
    """Submit a job like another one, with everything that the other was told.

    Args:
        submission: what is submitted, as far as it is known here.
        old: what the other job was told, as far as it is known here.
        written: the same as the scheduler wrote it, from JSON.
        idempotency_key: makes a repetition of this request queue nothing.
    """
    call = calls.submissions.submit(submission, idempotency_key=idempotency_key)
    kept = {
        name: value
        for name, value in written.items()
        if name not in KNOWN or _says_more(name, submission.spec, old, value)
    }
    return replace(call, json={**call.json, "spec": {**call.json["spec"], **kept}})


def _says_more(name: str, new: JobSpec, old: JobSpec, value: Any) -> bool:
    """Whether a field that stays as it is has parts in it that are not known here."""
    return bool(
        getattr(new, name) == getattr(old, name)
        and value != old.model_dump(mode="json", include={name})[name]
    )
