"""What can go wrong, as one tree of exceptions that travels over the wire.

    AtlasError                    the message says what happened and what to do
    ├─ ConfigError                a setting, a config file or an option is wrong
    ├─ BundleError                a directory cannot be packed, or an archive not unpacked
    ├─ MissingExtra               an optional dependency is not installed
    ├─ Unreachable                the scheduler gave no answer
    ├─ Untrusted                  whoever answers cannot prove to be the scheduler
    └─ SchedulerError             the scheduler answered with an error
       ├─ InvalidRequest          400  the request itself is wrong
       ├─ BundleRejected          400  the uploaded bundle is not acceptable
       ├─ NotAuthorised           401  no token, or one that does not hold
       ├─ Forbidden               403  whoever asks may not do this
       ├─ NotFound                404  no such job, project, bundle or artifact
       ├─ AmbiguousJob            409  an id prefix fits several jobs
       ├─ JobConflict             409  the job's state does not allow this
       ├─ TooLarge                413  over a limit of the scheduler
       ├─ TooMany                 429  over a limit of the token; later it may be possible
       ├─ EngineDown              503  the engine does not answer
       ├─ StorageFull             507  no space left to accept this
       └─ ServerFault             500  a defect in the scheduler

On the wire an error is ``{"error": code, "message": text}`` with the status above.
"""

from __future__ import annotations

from typing import ClassVar


class AtlasError(Exception):
    """An error whose text is meant for the user."""

    code: ClassVar[str] = "error"

    @property
    def message(self) -> str:
        """The text for the user."""
        return str(self)


class ConfigError(AtlasError):
    """A setting, a config file or an option is missing or wrong."""

    code = "bad_config"


class BundleError(AtlasError):
    """A directory cannot be packed, or an archive cannot be unpacked."""

    code = "bad_bundle"


class MissingExtra(AtlasError, ImportError):
    """An optional dependency is not installed."""

    code = "missing_extra"


class Unreachable(AtlasError):
    """The scheduler gave no answer."""

    code = "unreachable"


class Untrusted(AtlasError):
    """Whoever answers cannot prove to be the scheduler that is meant; nothing was sent."""

    code = "untrusted"


class SchedulerError(AtlasError):
    """The scheduler answered with an error."""

    code = "scheduler_error"
    status: ClassVar[int] = 500


class InvalidRequest(SchedulerError):
    """The request itself is wrong."""

    code = "invalid_request"
    status = 400


class BundleRejected(SchedulerError):
    """The uploaded bundle is not acceptable."""

    code = "bundle_rejected"
    status = 400


class NotAuthorised(SchedulerError):
    """No token was given, or it does not hold."""

    code = "not_authorised"
    status = 401


class Forbidden(SchedulerError):
    """Whoever asks is known, and may not do this."""

    code = "forbidden"
    status = 403


class NotFound(SchedulerError):
    """There is no such job, project, bundle or artifact."""

    code = "not_found"
    status = 404


class AmbiguousJob(SchedulerError):
    """An id prefix fits several jobs."""

    code = "ambiguous_job"
    status = 409


class JobConflict(SchedulerError):
    """The job's state does not allow what was asked."""

    code = "job_conflict"
    status = 409


class TooLarge(SchedulerError):
    """The request is over a limit of the scheduler."""

    code = "too_large"
    status = 413


class TooMany(SchedulerError):
    """The token asks for more than it may at once; later it may be possible."""

    code = "too_many"
    status = 429

    def __init__(self, message: str, *, retry_after_seconds: float = 1.0) -> None:
        """Say why, and when to ask again."""
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class EngineDown(SchedulerError):
    """The engine that runs the jobs does not answer."""

    code = "engine_down"
    status = 503


class StorageFull(SchedulerError):
    """The scheduler has no space left to accept this."""

    code = "storage_full"
    status = 507


class ServerFault(SchedulerError):
    """The scheduler met a defect of its own; its log has the details."""

    code = "server_fault"
    status = 500


SCHEDULER_ERRORS: dict[str, type[SchedulerError]] = {
    kind.code: kind
    for kind in (
        InvalidRequest,
        BundleRejected,
        NotAuthorised,
        Forbidden,
        NotFound,
        AmbiguousJob,
        JobConflict,
        TooLarge,
        TooMany,
        EngineDown,
        StorageFull,
        ServerFault,
    )
}


def from_wire(code: str, message: str) -> SchedulerError:
    """Make the exception that a scheduler's error answer stands for."""
    return SCHEDULER_ERRORS.get(code, SchedulerError)(message)
