"""Moments that people write are the ones they mean, also where clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from foundations.errors import ConfigError
from foundations.terms import read_at
from foundations.text import time_zones
from foundations.text.moments import read_moment
from foundations.text.time_zones import local_zone_name, zone

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 26, 12, 30, 15, tzinfo=BERLIN)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("in 2h", utc("2026-11-26T13:30:15")),
        ("in 1d12h", utc("2026-11-27T23:30:15")),
        ("18:30", utc("2026-11-26T17:30:00")),
        ("8:05", utc("2026-11-27T07:05:00")),
        ("12:30", utc("2026-11-27T11:30:00")),
        ("2026-12-01T08:00", utc("2026-12-01T07:00:00")),
        ("2026-12-01", utc("2026-11-30T23:00:00")),
        ("2026-12-01T08:00+00:00", utc("2026-12-01T08:00:00")),
        ("2026-12-01T08:00Z", utc("2026-12-01T08:00:00")),
        (" 2026-07-01 08:00 ", utc("2026-07-01T06:00:00") + timedelta(days=365)),
    ],
)
def test_a_moment_is_read_in_the_zone_of_who_wrote_it(text: str, moment: datetime) -> None:
    written = text.replace("2026-07-01", "2027-07-01")
    assert read_moment(written, NOW) == moment


@pytest.mark.parametrize(
    ("now", "text", "moment"),
    [
        # The hour from two to three is there twice: the first one is meant.
        ("2026-10-24T12:00", "2:30", "2026-10-25T00:30"),
        # It is not there at all: as much later as the clock is.
        ("2026-03-28T12:00", "2:30", "2026-03-29T01:30"),
        ("2026-03-28T12:00", "in 24h", "2026-03-29T11:00"),
    ],
)
def test_a_moment_is_right_on_days_when_clocks_are_changed(
    now: str, text: str, moment: str
) -> None:
    there = datetime.fromisoformat(now).replace(tzinfo=BERLIN)
    assert read_moment(text, there).astimezone(UTC) == utc(moment)


@pytest.mark.parametrize("text", ["", "soon", "in", "in x", "25:00", "12:60", "2026-13-01"])
def test_what_is_no_moment_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"write a (moment|duration) such as"):
        read_moment(text, NOW)


def test_a_moment_that_is_over_is_refused() -> None:
    with pytest.raises(ValueError, match="still to come"):
        read_moment("2026-11-26T12:30:14", NOW)
    with pytest.raises(ConfigError, match="at: write a moment that is still to come, not '2020"):
        read_at("2020-01-01")


def test_the_zone_of_this_machine_is_known_by_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TZ", ":Asia/Tokyo")
    assert local_zone_name() == "Asia/Tokyo"
    monkeypatch.setenv("TZ", "nowhere")
    link = tmp_path / "localtime"
    monkeypatch.setattr(time_zones, "_LOCALTIME", link)
    assert local_zone_name() is None
    there = tmp_path / "zoneinfo" / "Europe" / "Berlin"
    there.parent.mkdir(parents=True)
    there.touch()
    link.symlink_to(there)
    assert local_zone_name() == "Europe/Berlin"
    assert zone("../etc/passwd") is None
    assert zone("Europe") is None


def test_the_moment_reaches_the_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    assert read_at(NOW) == NOW
    assert read_at(None) is None
    moment = read_at("2999-07-01T08:00")
    assert moment == utc("2999-07-01T06:00")
