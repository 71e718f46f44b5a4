"""When followers ask again, and what for. Time is an argument, so nothing here waits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundations import calls
from foundations.calls.jobs import Standing
from foundations.errors import SchedulerError, Unreachable
from foundations.models import NewRecords, QueueChange
from foundations.transport.reconnection import (
    Backoff,
    DownloadPlace,
    EventReader,
    FeedPlace,
    LogPlace,
    Patience,
    ServerEvent,
)
from tests.core.profiles import PROPERTY

PATIENCE = Patience(first_delay_seconds=0.2, longest_delay_seconds=5, give_up_seconds=60)


def test_delays_double_up_to_the_longest_and_end_at_the_limit() -> None:
    backoff, now, delays = Backoff(PATIENCE), 1000.0, []
    while (delay := backoff.lost(now)) is not None:
        delays.append(round(delay, 3))
        now += delay
    assert delays[:6] == [0.2, 0.4, 0.8, 1.6, 3.2, 5]
    assert sum(delays) == pytest.approx(60)
    assert backoff.lost(now) is None


def test_an_answer_starts_the_patience_again() -> None:
    backoff = Backoff(PATIENCE)
    backoff.lost(0)
    backoff.lost(59)
    backoff.answered()
    assert backoff.lost(100) == 0.2
    assert backoff.lost(160) is None


HEADERS = {"x-log-offset": "7", "x-job-id": "full-id"}


def test_a_log_is_asked_for_again_from_the_byte_that_it_reached() -> None:
    place = LogPlace("abcd", offset=-5, follow=True)
    assert place.opened(HEADERS)
    place.took(10)
    assert place.call().path == "/jobs/full-id/logs"
    assert place.call().params == (("offset", "17"), ("follow", "true"))


@pytest.mark.parametrize(
    "headers", [{}, {"x-job-id": "a"}, {"x-log-offset": "-1", "x-job-id": "a"}]
)
def test_an_answer_without_a_place_is_no_log(headers: dict[str, str]) -> None:
    place = LogPlace("abcd", offset=0, follow=True)
    assert not place.opened(headers)
    assert not place.connected


def test_a_log_that_is_not_followed_ends_with_its_answer() -> None:
    place = LogPlace("abcd", offset=0, follow=False)
    place.opened(HEADERS)
    place.ended()
    assert place.finished
    assert not place.asks_state


def test_a_part_of_a_log_is_asked_for_again_without_what_is_there() -> None:
    place = LogPlace("abcd", offset=0, follow=True, length=10)
    place.opened(HEADERS)
    place.took(4)
    assert place.call().params == (("offset", "11"), ("follow", "true"), ("length", "6"))
    place.took(6)
    place.ended()
    assert place.finished


def test_a_followed_log_ends_when_its_job_has_and_all_of_it_was_read() -> None:
    place = LogPlace("abcd", offset=0, follow=True)
    place.opened(HEADERS)
    place.took(3)
    place.ended()
    assert place.asks_state
    place.saw(Standing("completed", log_size_bytes=12))
    assert not place.finished
    assert place.call().params == (("offset", "10"), ("follow", "false"))
    place.took(2)
    place.ended()
    assert place.finished


def test_a_followed_log_goes_on_when_only_its_server_ended() -> None:
    place = LogPlace("abcd", offset=0, follow=True)
    place.opened(HEADERS)
    place.ended()
    with pytest.raises(Unreachable):
        place.saw(Standing("running", log_size_bytes=7))
    assert not place.finished
    assert not place.asks_state
    assert place.call().params == (("offset", "7"), ("follow", "true"))


def event(seq: int) -> bytes:
    data = (
        f'{{"seq":{seq},"at":"2024-05-01T12:00:00Z","job_id":"j","project":"p",'
        '"event":"Noted","state":"running"}'
    )
    return f"id: {seq}\ndata: {data}\n\n".encode()


def seqs(place: FeedPlace, piece: bytes) -> list[int | None]:
    return [getattr(one, "seq", None) for one in place.read(piece)]


def test_a_feed_is_asked_for_again_after_the_last_whole_change() -> None:
    place = FeedPlace(4, job="j", follow=True)
    place.opened({"content-type": "text/event-stream; charset=utf-8"})
    pieces = event(5) + b": still here\n\n" + event(6) + event(7)[:-1]
    assert seqs(place, pieces) == [5, None, 6]
    assert place.call().params == (("since", "6"), ("job", "j"), ("follow", "true"))
    place.opened({"content-type": "text/event-stream"})
    assert seqs(place, event(6) + event(7)) == [7]


def test_a_followed_feed_has_no_end() -> None:
    place = FeedPlace(0, job=None, follow=True)
    with pytest.raises(Unreachable):
        place.ended()
    once = FeedPlace(0, job=None, follow=False)
    once.ended()
    assert once.finished


def test_an_answer_of_another_kind_is_no_feed() -> None:
    place = FeedPlace(0, job=None, follow=True)
    assert not place.opened({"content-type": "text/html"})
    assert not place.opened({})
    assert not place.connected


def test_news_of_a_kind_that_is_not_known_are_passed_over_and_notices_have_no_place() -> None:
    place = FeedPlace(4, job=None, follow=True, also=("queue", "records"))
    place.opened({"content-type": "text/event-stream"})
    strange = b'id: 9\nevent: weather\ndata: {"rain": true}\n\n'
    records = b'event: records\ndata: {"job_ids": ["a"]}\n\n'
    data = b'{"seq":6,"at":"2024-05-01T12:00:00Z","event":"QueuePaused","detail":{"by":"ada"}}'
    paused = b"id: 6\nevent: queue\ndata: " + data + b"\n\n"
    assert list(place.read(strange + records + paused)) == [
        NewRecords(job_ids=["a"]),
        QueueChange.model_validate_json(data),
    ]
    assert place.call().params == (
        ("since", "6"),
        ("follow", "true"),
        ("queue", "true"),
        ("records", "true"),
    )
    assert list(place.read(records + paused)) == [NewRecords(job_ids=["a"])]


def test_changes_of_another_form_are_an_error_that_is_not_asked_for_again() -> None:
    place = FeedPlace(0, job=None, follow=True)
    with pytest.raises(SchedulerError, match="Install the same version"):
        list(place.read(b'data: {"seq": "x"}\n\n'))


@PROPERTY
@given(
    texts=st.lists(st.text(alphabet="ab: ü\r", max_size=8), max_size=5),
    cuts=st.lists(st.integers(min_value=0, max_value=100)),
)
def test_events_come_out_the_same_however_they_are_cut(texts: list[str], cuts: list[int]) -> None:
    whole = b": comment\n\n" + b"".join(
        f"id: 1\nevent: x\ndata: {text}|\n\n".encode() for text in texts
    )
    ends = sorted({min(cut, len(whole)) for cut in cuts} | {len(whole)})
    starts = [0, *ends[:-1]]
    reader = EventReader()
    found = [
        one
        for start, end in zip(starts, ends, strict=True)
        for one in reader.feed(whole[start:end])
    ]
    assert found == [None, *(ServerEvent(f"{text}|".encode(), "x") for text in texts)]


def test_data_of_several_lines_is_joined_and_line_ends_may_be_windows() -> None:
    assert list(EventReader().feed(b"data: a\r\ndata:b\r\n\r\n")) == [ServerEvent(b"a\nb")]


def test_a_download_goes_on_with_what_it_was() -> None:
    place = DownloadPlace(calls.records.artifact("abcd", "model"))
    assert place.call().params == ()
    place.opened({"etag": '"1"', "x-offset": "0"})
    place.took(7)
    place.lost(Unreachable("gone"))
    assert place.call().params == (("offset", "7"),)
    assert place.call().headers == {"If-Range": '"1"'}
    place.opened({"etag": '"1"', "x-offset": "7"})
    with pytest.raises(SchedulerError, match="changed while it was downloaded"):
        place.opened({"etag": '"2"', "x-offset": "0"})


def test_a_download_that_cannot_be_gone_on_with_is_lost() -> None:
    place = DownloadPlace(calls.records.archive("abcd"))
    with pytest.raises(Unreachable, match="gone"):
        place.lost(Unreachable("gone"))
    place.opened({})
    with pytest.raises(Unreachable, match="gone"):
        place.lost(Unreachable("gone"))
