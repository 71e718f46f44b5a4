"""Which jobs that have ended are kept no longer, by the rule of their project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from foundations.text.quantities import counted

DAY_MS = 24 * 3600 * 1000
KEEP_TAGS = ("keep", "promoted")
"""Tags whose jobs are kept whatever the rule says, unless others are set."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a project keeps. A job goes only when each part that is given lets it go."""

    keep_last: int | None = None
    """So many of the jobs that ended last."""
    keep_days: float | None = None
    """Those that ended so many days ago or later."""

    @property
    def keeps_everything(self) -> bool:
        """Whether no job ever goes."""
        return self.keep_last is None and self.keep_days is None

    def __str__(self) -> str:
        """Say what is kept, in the words of the command line."""
        parts = []
        if self.keep_last is not None:
            parts.append(f"the last {self.keep_last}")
        if self.keep_days is not None:
            parts.append(counted(self.keep_days, "day"))
        return " and ".join(parts) or "everything"


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of all projects; without any nothing goes."""

    default: Rule = Rule()
    projects: Mapping[str, Rule] = field(default_factory=dict)
    keep_tags: tuple[str, ...] = KEEP_TAGS

    def rule_of(self, project: str, own: Rule | None) -> Rule:
        """The rule of a project; one that was set for it at run time wins."""
        return own if own is not None else self.projects.get(project, self.default)


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that has ended, as far as retention is concerned."""

    job_id: str
    finished_at_ms: int
    is_protected: bool = False
    """It has a tag that keeps it, a note, or an archive that is not complete."""


def expired(ended: Sequence[Ended], rule: Rule, *, now_ms: int) -> list[Ended]:
    """The jobs of one project that go, oldest first.

    Args:
        ended: every job of it that has ended, in any order.
        rule: what is kept.
        now_ms: the time.
    """
    if rule.keeps_everything:
        return []
    newest_first = sorted(ended, key=lambda job: (job.finished_at_ms, job.job_id), reverse=True)
    behind = newest_first[rule.keep_last or 0 :]
    return [job for job in reversed(behind) if not job.is_protected and _is_old(job, rule, now_ms)]


def _is_old(job: Ended, rule: Rule, now_ms: int) -> bool:
    return rule.keep_days is None or now_ms - job.finished_at_ms > rule.keep_days * DAY_MS
