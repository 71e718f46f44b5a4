"""What the app knows of its scheduler at this moment: plain data, no widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foundations.job_states import JobState
    from foundations.models import CallerView, Change, HostView, JobView, SchedulerInfo


class Link(StrEnum):
    """How the connection stands."""

    CONNECTING = "connecting"
    LIVE = "live"
    LOST = "lost"
    REFUSED = "refused"
    """The scheduler wants another token; asking again would not help."""


@dataclass(slots=True)
class Board:
    """The one place where screens look.

    What the scheduler says is written by `feed.Feed` alone; what the user does here, by whoever
    carries it out.
    """

    scheduler: str
    """Name of the scheduler config."""
    link: Link = Link.CONNECTING
    problem: str | None = None
    """Why the connection is lost or refused."""
    info: SchedulerInfo | None = None
    host: HostView | None = None
    """How busy the scheduler's machine is; heard every few seconds."""
    info_is_old: bool = False
    """Whether the figures are of an earlier session."""
    last_seq: int = 0
    """The newest change that was seen; the feed goes on from here."""
    subject: tuple[str, ...] = ()
    """Ids of the jobs that the screens about single jobs show."""
    wanted_filter: str | None = None
    """What the screen of all jobs is to be narrowed down to when it comes to the front."""
    read_only: bool = False
    """Whether the user wants to change nothing."""
    caller: CallerView | None = None
    """As whom the scheduler knows the user."""
    marked: dict[str, JobView] = field(default_factory=dict)
    """The jobs that the user has marked, by id, as last seen."""
    recent: list[Change] = field(default_factory=list)
    """The last changes, newest last."""

    deleted: list[tuple[str, ...]] = field(default_factory=list)
    """Ids of the jobs that were deleted here, the latest deletion last."""
    stopped_here: set[str] = field(default_factory=set)
    """Ids of the jobs that were stopped here: their ends are no news."""
    upkeeps: int = 0
    """How often something was done here that the feed does not tell of."""

    def choose(self, jobs: Sequence[JobView], screen: str, *, here: str) -> None:
        """Make jobs the subject of a screen: to compare those that are shown or marked together.

        Args:
            jobs: those that keys act on; the subject stays as it is when there is none.
            screen: where they are to be shown.
            here: the screen in front.
        """
        ids = tuple(job.job_id for job in jobs)
        if screen == "compare" and len(ids) < 2:
            beside = self.subject if here in ("logs", "job") else ()
            several = (one for one in (beside, tuple(self.marked)) if len(one) > 1)
            ids = next(several, ids)
        self.subject = ids or self.subject

    @property
    def may_only_read(self) -> bool:
        """Whether the scheduler would refuse whatever changes anything."""
        return self.caller is not None and self.caller.role == "read"

    @property
    def counts(self) -> dict[JobState, int]:
        """Jobs by state, as last heard."""
        return self.info.states if self.info else {}


@dataclass(frozen=True, slots=True)
class Tidings:
    """What changed since the last time anyone looked, all at once."""

    changes: tuple[Change, ...] = ()
    queue_changed: bool = False
    """Whether the queue was paused, resumed or changed."""
    everything: bool = False
    """Whether to ask anew for whatever is shown: the connection was away, or is new."""
    recorded: frozenset[str] = frozenset()
    """Ids of running jobs that have recorded something."""

    @property
    def change_lists(self) -> bool:
        """Whether jobs may have come, gone, moved or got another reason to wait."""
        return bool(self.changes) or self.queue_changed or self.everything

    @property
    def job_ids(self) -> frozenset[str]:
        """The jobs that something happened to."""
        return frozenset(change.job_id for change in self.changes)
