"""The rules of projects about what they keep, and the jobs that these let go."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from atlas_scheduler.core.retention import Ended, Policy, Rule, expired
from atlas_scheduler.store import projects, sql

_SQL = sql.queries("retention")


@dataclass(frozen=True, slots=True)
class Expired:
    """A job that is kept no longer."""

    job_id: str
    project: str
    finished_at_ms: int
    rule: Rule

    @property
    def reason(self) -> str:
        """Why it goes."""
        return f"project {self.project} keeps {self.rule} of its jobs"


def set_rule(conn: sqlite3.Connection, project: str, rule: Rule | None) -> None:
    """Set what a project keeps; None leaves it to the server's settings.

    Raises:
        NotFound: there is no such project.
    """
    document = None
    if rule is not None:
        document = json.dumps({"keep_last": rule.keep_last, "keep_days": rule.keep_days})
    number = projects.find(conn, project)
    conn.execute(_SQL["set_rule"], {"project_number": number, "rule": document})


def own_rules(conn: sqlite3.Connection) -> dict[str, Rule | None]:
    """The rule of each project, by its name; None where it has none of its own."""
    return {
        row["name"]: None if row["retention"] is None else Rule(**json.loads(row["retention"]))
        for row in conn.execute(_SQL["rules"])
    }


def expired_jobs(conn: sqlite3.Connection, policy: Policy, *, now_ms: int) -> list[Expired]:
    """Every job that its project keeps no longer, by project and the oldest first."""
    found: list[Expired] = []
    for project, own in own_rules(conn).items():
        rule = policy.rule_of(project, own)
        if not rule.keeps_everything:
            going = expired(_ended(conn, project, policy), rule, now_ms=now_ms)
            found += [Expired(job.job_id, project, job.finished_at_ms, rule) for job in going]
    return found


def still_expired(
    conn: sqlite3.Connection, policy: Policy, found: Sequence[Expired]
) -> list[Expired]:
    """Those of expired jobs that nobody protected since, nor gave another rule to."""
    own = own_rules(conn)
    wanted = {
        "job_ids": json.dumps([one.job_id for one in found]),
        "keep_tags": json.dumps(policy.keep_tags),
    }
    unprotected = {row["job_id"] for row in conn.execute(_SQL["unprotected"], wanted)}
    return [
        one
        for one in found
        if one.job_id in unprotected
        and one.project in own
        and policy.rule_of(one.project, own[one.project]) == one.rule
    ]


def _ended(conn: sqlite3.Connection, project: str, policy: Policy) -> list[Ended]:
    wanted = {"project": project, "keep_tags": json.dumps(policy.keep_tags)}
    return [
        Ended(row["job_id"], row["finished_at_ms"], bool(row["is_protected"]))
        for row in conn.execute(_SQL["ended"], wanted)
    ]


def bundles_of_these_alone(conn: sqlite3.Connection, job_ids: Collection[str]) -> list[str]:
    """The bundles that no other job uses."""
    wanted = {"job_ids": json.dumps(list(job_ids))}
    return [row["bundle"] for row in conn.execute(_SQL["bundles_of_these_alone"], wanted)]


def is_kept(conn: sqlite3.Connection, job_id: str, *, ended_until_ms: int) -> bool:
    """Whether the archive of a job that ended up to then is complete."""
    wanted = {"job_id": job_id, "ended_until_ms": ended_until_ms}
    return conn.execute(_SQL["is_kept"], wanted).fetchone() is not None
