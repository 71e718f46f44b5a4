"""The jobs of an array, made of one: they differ by their ids, their turns and their indices."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace

from atlas_scheduler.store.job_rows import StoredJob
from foundations.models.arrays import COUNT_VARIABLE, ID_VARIABLE, INDEX_VARIABLE


def array_members(
    pattern: StoredJob, indices: Sequence[int], *, array_id: str, number: int
) -> list[StoredJob]:
    """Make the jobs of an array, in the order of their turns.

    Args:
        pattern: what they have in common; its order is that of the first, and its idempotency key
            finds that one, and by it the array.
        indices: of each of them.
        array_id: the array's id, which each is told.
        number: the array's number.
    """
    members = []
    for place, index in enumerate(indices):
        told = {
            ID_VARIABLE: array_id,
            INDEX_VARIABLE: str(index),
            COUNT_VARIABLE: str(len(indices)),
        }
        environment = {**pattern.spec.environment, **told}
        order = pattern.job.order + place
        members.append(
            replace(
                pattern,
                job=replace(pattern.job, job_id=str(uuid.uuid4()), order=order, array=number),
                spec=pattern.spec.model_copy(update={"environment": environment}),
                array_index=index,
                idempotency_key=None if place else pattern.idempotency_key,
            )
        )
    return members
