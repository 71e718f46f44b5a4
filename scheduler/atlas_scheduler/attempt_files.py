"""What an attempt finds when it starts: its work dir."""

from __future__ import annotations

from functools import partial

from atlas_scheduler.boot import boot_id
from atlas_scheduler.engine.port import Launch, StartRefusedError
from atlas_scheduler.store.bundles import Bundles
from atlas_scheduler.store.jobs import StoredJob
from atlas_scheduler.store.renewal import renew_work_dir
from atlas_scheduler.store.threads import finish_in_thread


async def make_attempt_files(stored: StoredJob, launch: Launch, *, bundles: Bundles) -> None:
    """Make the work dir of an attempt; may be repeated.

    A further attempt has the files as they were submitted, and the records and artifacts of those
    before it.

    Args:
        stored: the job; its records are taken in as far as it says.
        launch: what is to be started; nothing of an earlier attempt runs any more.
        bundles: where the submitted files are.

    Raises:
        NotFound: the bundle is not here.
        StartRefusedError: what an earlier attempt left cannot be removed.
        StorageFull: there is no space for the copy.
    """
    assert stored.bundle is not None, "local runs are never started"
    make = partial(bundles.materialise, stored.bundle, params=stored.spec.params)
    attempt = launch.attempt.attempt
    if attempt == 1:
        return await finish_in_thread(make, launch.job_dir)
    renew = partial(
        renew_work_dir,
        launch.job_dir,
        attempt=attempt,
        records_offset=stored.records_offset,
        boot_id=boot_id(),
        make=make,
    )
    try:
        await finish_in_thread(renew)
    except OSError as error:
        raise StartRefusedError(
            f"What attempt {attempt - 1} left in its work dir cannot be removed: {error}. An image "
            "that runs as another user may have made it."
        ) from error
