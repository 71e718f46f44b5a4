"""What can be asked of a scheduler: one method for each call, blocking and for asyncio.

How the calls travel is in `foundations.client`. One module a noun; in each the twins have the same
methods, arguments and meanings, and the blocking one explains them.
"""

from __future__ import annotations

from foundations.verbs.access import AccessVerbs, AsyncAccessVerbs
from foundations.verbs.bundles import AsyncBundleVerbs, BundleVerbs
from foundations.verbs.images import AsyncImageVerbs, ImageVerbs
from foundations.verbs.jobs import AsyncJobVerbs, JobVerbs
from foundations.verbs.logs import AsyncLogVerbs, LogVerbs
from foundations.verbs.projects import AsyncProjectVerbs, ProjectVerbs
from foundations.verbs.queue import AsyncQueueVerbs, QueueVerbs
from foundations.verbs.records import AsyncRecordVerbs, RecordVerbs
from foundations.verbs.scheduler import AsyncSchedulerVerbs, SchedulerVerbs
from foundations.verbs.secrets import AsyncSecretVerbs, SecretVerbs
from foundations.verbs.submissions import AsyncSubmissionVerbs, SubmissionVerbs


class Verbs(
    SchedulerVerbs,
    ProjectVerbs,
    QueueVerbs,
    BundleVerbs,
    ImageVerbs,
    SubmissionVerbs,
    JobVerbs,
    RecordVerbs,
    LogVerbs,
    SecretVerbs,
    AccessVerbs,
):
    """Calls whose answer comes in one piece, blocking."""


class AsyncVerbs(
    AsyncSchedulerVerbs,
    AsyncProjectVerbs,
    AsyncQueueVerbs,
    AsyncBundleVerbs,
    AsyncImageVerbs,
    AsyncSubmissionVerbs,
    AsyncJobVerbs,
    AsyncRecordVerbs,
    AsyncLogVerbs,
    AsyncSecretVerbs,
    AsyncAccessVerbs,
):
    """Calls whose answer comes in one piece, for asyncio."""
