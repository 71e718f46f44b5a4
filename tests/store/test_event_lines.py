"""Lines that jobs write, honest ones and others."""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.store import event_lines, records
from atlas_scheduler.store.event_lines import DEPTH_LIMIT, KEY_LIMIT, LINE_LIMIT_BYTES
from atlas_scheduler.store.records import (
    Artifact,
    Metric,
    Parameter,
    Parsed,
    Record,
    Tag,
    parse_lines,
)
from tests.core.profiles import PROPERTY
from tests.store.samples import add, memory_database


def line(**fields: Any) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def only(data: bytes) -> Record:
    parsed = parse_lines(data)
    assert (parsed.bad_lines, parsed.unknown_events) == (0, 0)
    (record,) = parsed.records
    return record


def test_the_documented_lines_are_read() -> None:
    data = b"""\
{"event":"param","key":"lr","value":0.1,"at":1700000000.123}
{"event":"metric","key":"loss","value":0.5,"step":3,"at":1700000000}
{"event":"tag","key":"a","value":"b","at":1700000000.5}
{"event":"artifact","key":"model","path":"model.pt","size_bytes":123,"at":1700000001}
{"event":"tensorboard","path":"job_source/runs/","at":1700000001}
"""
    assert parse_lines(data) == Parsed(
        [
            Parameter("lr", 0.1, 1_700_000_000_123),
            Metric("loss", 0.5, 3.0, 1_700_000_000_000),
            Tag("a", "b"),
            Artifact("model", "model.pt", 123, 1_700_000_001_000),
            Tag("tensorboard", "job_source/runs"),
        ]
    )


def test_what_a_shell_writes_is_read() -> None:
    data = b'\n  \n { "event" : "metric", "key":"loss", "value": 1 }\t\r\n{"event":"tag","key":"x"}'
    assert parse_lines(data).records == [Metric("loss", 1, None, None), Tag("x", "")]


def test_names_of_what_the_scheduler_measures_are_bad_in_a_jobs_own_metrics() -> None:
    data = line(event="metric", key="system/x", value=1) + line(event="tag", key="system/x")
    assert parse_lines(data) == Parsed([Tag("system/x", "")], bad_lines=1)


def test_events_of_a_later_version_are_counted_and_passed_over() -> None:
    data = line(event="image", key="k") + line(event="tag", key="k", value="v", colour="red")
    assert parse_lines(data) == Parsed([Tag("k", "v")], unknown_events=1)


@pytest.mark.parametrize(
    "value", [0, -3, 2.5, 10**18, True, False, "text", "", [1, 2.5, "a", True, None], []]
)
def test_a_metric_may_be_a_number_a_string_a_boolean_or_a_flat_list(value: Any) -> None:
    record = only(line(event="metric", key="m", value=value))
    assert record == Metric("m", value, None, None)
    assert type(record.value) is type(value)


def test_numbers_that_json_cannot_say_are_read_when_they_are_marked() -> None:
    def value_of(text: str) -> Any:
        record = only(b'{"event":"metric","key":"m",%s}' % text.encode())
        assert isinstance(record, Metric)
        return record.value

    assert math.isnan(value_of('"value":"NaN","special":true'))
    assert value_of('"value":"-Infinity","special":true') == -math.inf
    assert value_of('"value":"NaN"') == "NaN"
    assert value_of('"value":"high","special":true') == "high"
    # As Python's own json module writes them, and as a number too large for a float.
    assert math.isnan(value_of('"value":NaN'))
    assert value_of('"value":1e999') == math.inf


@pytest.mark.parametrize("at", [None, "now", -1, 1e300, 10**400, True, [1], math.nan, math.inf])
def test_a_time_that_is_none_is_left_open(at: Any) -> None:
    record = only(line(event="metric", key="m", value=1, at=at))
    assert record == Metric("m", 1, None, None)


GOOD = {"event": "metric", "key": "m", "value": 1}
LOGDIR = {"event": "tensorboard", "path": "job_source/runs"}
ARTIFACT = {"event": "artifact", "key": "k", "path": "p", "size_bytes": 1}


@pytest.mark.parametrize(
    "bad",
    [
        b"rubbish",
        b'{"event":"metric","key":"loss","val',
        b'{"event":"metric","key":"a","value":1}{"event":"metric","key":"b","value":1}',
        b"[1]",
        b"null",
        b'"metric"',
        b"{}",
        b"\x00\x01\x02",
        b"\xff\xfe\xfd",
        line(event=["metric"]),
        line(**GOOD | {"key": ""}),
        line(**GOOD | {"key": 5}),
        line(**GOOD | {"key": "k" * (KEY_LIMIT + 1)}),
        line(**GOOD | {"value": None}),
        line(**GOOD | {"value": {"a": 1}}),
        line(**GOOD | {"value": [[1]]}),
        line(**GOOD | {"value": 10**400}),
        b'{"event":"metric","key":"m","value":' + b"9" * 5_000 + b"}",
        line(**GOOD | {"step": "3"}),
        line(**GOOD | {"step": True}),
        line(**GOOD | {"step": math.nan}),
        line(**GOOD | {"step": 10**400}),
        line(event="metric", key="m"),
        line(event="param", key="p"),
        line(event="tag", value="v"),
        line(event="tensorboard", key="job_source/runs"),
        line(**LOGDIR | {"path": ["job_source"]}),
        line(**LOGDIR | {"path": "/job/job_source"}),
        line(**LOGDIR | {"path": "job_source/../records"}),
        line(**LOGDIR | {"path": "records"}),
        line(**ARTIFACT | {"path": None}),
        line(**ARTIFACT | {"path": ""}),
        line(**ARTIFACT | {"path": "."}),
        line(**ARTIFACT | {"path": "/etc/passwd"}),
        line(**ARTIFACT | {"path": "../x"}),
        line(**ARTIFACT | {"path": "a/../../x"}),
        line(**ARTIFACT | {"path": "a\0b"}),
        line(**ARTIFACT | {"size_bytes": -1}),
        line(**ARTIFACT | {"size_bytes": 1.5}),
        line(**ARTIFACT | {"size_bytes": True}),
        line(**ARTIFACT | {"size_bytes": 2**63}),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"event":"param","key":"p","value":'
        + b"[" * (DEPTH_LIMIT + 1)
        + b"]" * (DEPTH_LIMIT + 1)
        + b"}",
        line(event="param", key="p", value="x" * LINE_LIMIT_BYTES),
    ],
    ids=lambda data: repr(data[:60]),
)
def test_a_bad_line_is_counted_and_its_neighbours_are_kept(bad: bytes) -> None:
    data = line(event="tag", key="before") + bad.rstrip(b"\n") + b"\n" + line(event="tag", key="x")
    assert parse_lines(data) == Parsed([Tag("before", ""), Tag("x", "")], bad_lines=1)


def test_the_limits_themselves_are_allowed() -> None:
    key = "k" * KEY_LIMIT
    deep: Any = 1
    for _ in range(DEPTH_LIMIT - 1):
        deep = [deep]
    assert only(line(event="param", key=key, value=deep)) == Parameter(key, deep, None)
    wide: dict[str, list[int]] = {str(number): [] for number in range(1_000)}
    assert only(line(event="param", key="wide", value=wide)) == Parameter("wide", wide, None)
    frame = len(line(event="param", key="p", value="")) - 1
    text = "x" * (LINE_LIMIT_BYTES - frame)
    assert only(line(event="param", key="p", value=text)) == Parameter("p", text, None)


def test_control_characters_are_data_and_broken_characters_are_replaced() -> None:
    key = "a\x1b[2J\x00\n\u202e[red]"
    assert only(line(event="tag", key=key, value=key)) == Tag(key, key)
    assert only(b'{"event":"tag","key":"a\xff","value":"\\ud83d"}') == Tag("a\ufffd", "\ufffd")
    assert only(b'{"event":"tag","key":"\\ud83d\\ude00"}') == Tag("\U0001f600", "")


def test_a_tag_that_is_no_text_becomes_text() -> None:
    assert only(line(event="tag", key="n", value=[1, "é"])) == Tag("n", '[1, "é"]')


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
HOSTILE = st.fixed_dictionaries(
    {"event": st.sampled_from(["param", "metric", "tag", "artifact", "other"]) | ANYTHING},
    optional={
        "key": st.text() | ANYTHING,
        "value": st.sampled_from(["NaN", "Infinity"]) | ANYTHING,
        "step": st.floats() | ANYTHING,
        "at": st.floats() | ANYTHING,
        "special": st.booleans() | ANYTHING,
        "path": st.text() | ANYTHING,
        "size_bytes": st.integers() | ANYTHING,
    },
)


@PROPERTY
@given(st.lists(st.binary(max_size=80) | HOSTILE.map(lambda one: json.dumps(one).encode())))
def test_whatever_a_job_writes_can_be_read_stored_and_shown(lines: list[bytes]) -> None:
    parsed = parse_lines(b"\n".join(lines))
    with closing(memory_database()) as conn:
        job_id = add(conn).job_id
        assert records.ingest(conn, job_id, parsed.records, offset=0, new_offset=1, now_ms=0)
        shown = records.of_jobs(conn, [job_id])[job_id]
        series = records.series(conn, job_id)
        every = [shown.parameters, shown.metrics, shown.tags, [one.last for one in series]]
        # What leaves the database is JSON in UTF-8, with no exception to the rule.
        json.dumps(every, allow_nan=False, ensure_ascii=False).encode()
        assert {one.name for one in series} == set(shown.metrics)
        assert sum(one.count for one in series) == _points(conn)
        records.artifacts(conn, job_id)


def _points(conn: sqlite3.Connection) -> int:
    return int(conn.execute("SELECT count(*) FROM metrics").fetchone()[0])


_odd = st.sampled_from(
    [
        *(
            b"NaN",
            b"-Infinity",
            b"1e400",
            b"-0.0",
            b"1E5",
            b"0.1e-7",
            b"01.5",
            b"1.",
            b".5",
            b"1.5.2",
        ),
        *(
            b"9" * 400,
            b"null",
            b"true",
            b'"0.5"',
            b"[0.5]",
            b"{}",
            b"1700000000.123",
            b"-1.5",
            b"5",
        ),
        *(
            b'"loss"',
            b'"system/x"',
            b'""',
            b'"a\\u0041"',
            b'"\xc3\xa9"',
            b'"\xff"',
            b'"\x01"',
            b'"{"',
        ),
    ]
)
_plain_lines = st.builds(
    lambda *parts: b'{"event":"metric","key":%s,"value":%s,"step":%s,"at":%s%s}' % parts,
    st.just(b'"loss"') | _odd,
    st.floats().map(lambda value: json.dumps(value).encode()) | _odd,
    st.integers().map(lambda value: str(value).encode()) | _odd,
    st.floats(0, 2e9).map(lambda value: repr(value).encode()) | _odd,
    st.sampled_from([b"", b',"key":"twice"', b',"more":1', b"}", b" ", b",", b"\r"]),
)


@PROPERTY
@given(_plain_lines)
def test_plain_points_are_read_as_any_line_is(data: bytes) -> None:
    quick = parse_lines(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_lines, "_plain_metric", lambda _: None)
        assert repr(quick) == repr(parse_lines(data))  # NaN is not equal to itself
