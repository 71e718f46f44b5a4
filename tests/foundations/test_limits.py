"""Time limits and retries are read alike wherever they are said."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from foundations.configs import SchedulerConfig
from foundations.errors import ConfigError
from foundations.limits import asked_limits, limit_facts, read_retries
from foundations.models import JobSpec, Retries, Submission
from foundations.preparation import Asked, prepare_submission

LOCAL = SchedulerConfig("scheduler", Path("/c/scheduler.config.yaml"), "unix:///run/a.sock")
NOTHING = {"time_limit": None, "queue_ttl": None, "retries": None, "retry_delay": None}


@pytest.mark.parametrize(
    ("value", "retries"),
    [
        (2, Retries(exit=2)),
        (0, Retries()),
        ("2", Retries(exit=2)),
        ("exit=2,lost=3", Retries(exit=2, lost=3)),
        (" oom = 1 , exit = 0 ", Retries(oom=1)),
        ({"exit": 2, "oom": 1, "lost": 3}, Retries(exit=2, oom=1, lost=3)),
        ({}, Retries()),
        (Retries(lost=1), Retries(lost=1)),
    ],
)
def test_retries_are_a_number_or_one_by_cause(value: Any, retries: Retries) -> None:
    assert read_retries(value) == retries


@pytest.mark.parametrize(
    "value",
    [
        *(True, 1.5, -1, 1_001, [1]),
        *("", "x", "exit", "exit=", "exit=1,exit=2", "fail=1", "2,3", "exit:2"),
        *({"fail": 1}, {"exit": -1}, {"exit": "1"}, {"exit": True}),
    ],
)
def test_other_retries_are_told_what_they_are(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^write a number, or one for each of exit, oom and lost"):
        read_retries(value)


def test_an_argument_that_is_wrong_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^time_limit: write a duration such as .*, not 90$"):
        asked_limits(**{**NOTHING, "time_limit": 90})  # type: ignore[arg-type]  # it is wrong
    with pytest.raises(ConfigError, match=r"^retries: write a number.*, not 'often'$"):
        asked_limits(**{**NOTHING, "retries": "often"})
    given = asked_limits(
        time_limit="2h", queue_ttl=timedelta(minutes=1), retries=1, retry_delay="0s"
    )
    assert given == {
        "time_limit_seconds": 7_200,
        "queue_ttl_seconds": 60,
        "retries": Retries(exit=1),
        "retry_delay_seconds": 0,
    }


def test_what_is_asked_wins_over_the_project(tmp_path: Path) -> None:
    (tmp_path / "job.config.yaml").write_text(
        "time_limit: 2h\nqueue_ttl: 1d\nretries: {exit: 2, lost: 1}\nretry_delay: 30s\n"
    )
    conf = prepare_submission(tmp_path, Asked(), config=LOCAL).spec
    asked = prepare_submission(
        tmp_path,
        Asked(time_limit_seconds=1, queue_ttl_seconds=2, retries=Retries(), retry_delay_seconds=0),
        config=LOCAL,
    ).spec
    assert (conf.time_limit_seconds, conf.queue_ttl_seconds) == (7_200, 86_400)
    assert (conf.retries, conf.retry_delay_seconds) == (Retries(exit=2, lost=1), 30)
    assert (asked.time_limit_seconds, asked.queue_ttl_seconds) == (1, 2)
    assert (asked.retries, asked.retry_delay_seconds) == (Retries(), 0)


def test_a_limit_of_nothing_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^time_limit: .*greater than or equal to 1, not 0"):
        prepare_submission(tmp_path, Asked(time_limit_seconds=0), config=LOCAL)


def test_limits_are_told_in_words() -> None:
    assert limit_facts(JobSpec(project="p")) == []
    assert limit_facts(JobSpec(project="p", retries=Retries())) == []
    spec = JobSpec(
        project="p",
        time_limit_seconds=7_200,
        queue_ttl_seconds=90,
        retries=Retries(exit=2, oom=1, lost=3),
        retry_delay_seconds=30,
    )
    tries = "2 after a failure, 1 after running out of memory, 3 after being lost, the first in 30s"
    assert limit_facts(spec) == [
        ("Time limit", "2h"),
        ("Queue TTL", "1m30s"),
        ("Retries", tries),
    ]


def test_an_older_server_is_told_of_limits_only_where_there_are_some() -> None:
    digest = "sha256:" + "a" * 64
    plain = Submission(spec=JobSpec(project="p"), bundle=digest)
    assert plain.model_dump(exclude_defaults=True)["spec"] == {"project": "p"}
