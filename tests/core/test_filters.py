"""The language of filters: what texts mean, and how it tells what is wrong and where."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from atlas_scheduler.core.filters import FilterError, Query, narrowed, parse
from atlas_scheduler.core.filters.fields import BY_NAME, BuiltIn
from atlas_scheduler.core.filters.scanner import LONGEST_FILTER
from atlas_scheduler.core.filters.terms import (
    Ago,
    AllOf,
    AnyOf,
    Aspect,
    At,
    Comparison,
    Expression,
    Field,
    Has,
    Not,
    Operator,
    Recorded,
    Records,
    SortKey,
    Value,
)
from foundations.models import JobState
from tests.core.profiles import PROPERTY


def is_(field: Field, value: Value, operator: Operator = Operator.EQUAL) -> Comparison:
    return Comparison(field, operator, value)


def metric(name: str, aspect: Aspect = Aspect.LAST) -> Recorded:
    return Recorded(Records.METRIC, name, aspect)


def param(name: str) -> Recorded:
    return Recorded(Records.PARAMETER, name)


def tag(name: str) -> Recorded:
    return Recorded(Records.TAG, name)


FAILED = is_(BuiltIn.STATE, "failed")
CATS = is_(BuiltIn.PROJECT, "cats")
LOST = is_(BuiltIn.STATE, "lost")

CONDITIONS: dict[str, Expression] = {
    # How conditions are joined.
    "state:failed": FAILED,
    "STATUS = FAILED": FAILED,
    "state==failed": FAILED,
    "state:failed project:cats": AllOf((FAILED, CATS)),
    "state:failed AND project:cats": AllOf((FAILED, CATS)),
    "state:failed or state:lost": AnyOf((FAILED, LOST)),
    "state:failed or state:lost project:cats": AnyOf((FAILED, AllOf((LOST, CATS)))),
    "project:cats state:failed or state:lost": AnyOf((AllOf((CATS, FAILED)), LOST)),
    "(state:failed or state:lost) project:cats": AllOf((AnyOf((FAILED, LOST)), CATS)),
    "not state:failed project:cats": AllOf((Not(FAILED), CATS)),
    "not (state:failed project:cats)": Not(AllOf((FAILED, CATS))),
    "not not state:failed": Not(Not(FAILED)),
    # Values are typed: by the field, or for metrics and parameters by how they are written.
    "metric.val_acc > 0.9": is_(metric("val_acc"), 0.9, Operator.GREATER),
    "metric.loss<=-1": is_(metric("loss"), -1, Operator.AT_MOST),
    "param.lr < 1e-3": is_(param("lr"), 0.001, Operator.LESS),
    "param.n = .5": is_(param("n"), 0.5),
    "param.n = 123456789012345678901": is_(param("n"), 123456789012345678901.0),
    "param.opt:adam": is_(param("opt"), "adam"),
    'param.opt != "3"': is_(param("opt"), "3", Operator.DIFFERENT),
    "param.flag = TRUE": is_(param("flag"), True),
    "param.flag = 'true'": is_(param("flag"), "true"),
    "metric.loss = inf": is_(metric("loss"), math.inf),
    "metric.loss > -Infinity": is_(metric("loss"), -math.inf, Operator.GREATER),
    "tag.version = 3": is_(tag("version"), "3"),
    "project:2024": is_(BuiltIn.PROJECT, "2024"),
    "command:train": is_(BuiltIn.COMMAND, "train", Operator.CONTAINS),
    "command = train.py": is_(BuiltIn.COMMAND, "train.py"),
    "image:pytorch:2.1": is_(BuiltIn.IMAGE, "pytorch:2.1", Operator.CONTAINS),
    'reason ~ "^exit code [12]$"': is_(BuiltIn.REASON, "^exit code [12]$", Operator.MATCHES),
    r'param.x ~ "\d+"': is_(param("x"), r"\d+", Operator.MATCHES),
    "exit_code:1": is_(BuiltIn.EXIT_CODE, 1),
    "duration > 1.5h": is_(BuiltIn.DURATION, 5400.0, Operator.GREATER),
    "duration < 30": is_(BuiltIn.DURATION, 30, Operator.LESS),
    # Names.
    "param.layers.0.n = 1": is_(param("layers.0.n"), 1),
    'metric."val acc" > 1': is_(metric("val acc"), 1, Operator.GREATER),
    "metric.'a=b'.c > 1": is_(metric("a=b.c"), 1, Operator.GREATER),
    'metric."quo\\"te" > 1': is_(metric('quo"te'), 1, Operator.GREATER),
    "metric.val-acc/top>1": is_(metric("val-acc/top"), 1, Operator.GREATER),
    "metric.or > 1": is_(metric("or"), 1, Operator.GREATER),
    "metric.größe > 1": is_(metric("größe"), 1, Operator.GREATER),
    # Lists, presence, tags and times.
    "state in (failed, lost)": AnyOf((FAILED, LOST)),
    "state in (failed)": FAILED,
    "param.n not in (1, 2)": AllOf(
        (is_(param("n"), 1, Operator.DIFFERENT), is_(param("n"), 2, Operator.DIFFERENT))
    ),
    "has:metric.x": Has(metric("x")),
    "has: artifact.'my model'": Has(Recorded(Records.ARTIFACT, "my model")),
    # What of a metric's series; quotes make the word a part of the name.
    "metric.loss.min < 1": is_(metric("loss", Aspect.MIN), 1, Operator.LESS),
    "metrics.a.b.max_step = 3": is_(metric("a.b", Aspect.MAX_STEP), 3),
    "metric.'val acc'.max >= .9": is_(metric("val acc", Aspect.MAX), 0.9, Operator.AT_LEAST),
    "metric.loss.last > 1": is_(metric("loss"), 1, Operator.GREATER),
    "metric.loss.last.min = 1": is_(metric("loss.last", Aspect.MIN), 1),
    "metric.loss.count in (1, 2)": AnyOf(
        (is_(metric("loss", Aspect.COUNT), 1), is_(metric("loss", Aspect.COUNT), 2))
    ),
    'metric.loss."min" = 1': is_(metric("loss.min"), 1),
    'metric."loss.min" = 1': is_(metric("loss.min"), 1),
    'metric."loss."min = 1': is_(metric("loss.min"), 1),
    "metric.max = 1": is_(metric("max"), 1),
    "metric.loss.MAX = 1": is_(metric("loss.MAX"), 1),
    "param.x.min = 1": is_(param("x.min"), 1),
    "has:metric.loss.min_step": Has(metric("loss", Aspect.MIN_STEP)),
    # Notes, and what repeats a job.
    "note:better": is_(BuiltIn.NOTE, "better", Operator.CONTAINS),
    'notes ~ "^Best"': is_(BuiltIn.NOTE, "^Best", Operator.MATCHES),
    "has:note": Has(BuiltIn.NOTE),
    "rerun_of:4554": is_(BuiltIn.RERUN_OF, "4554", Operator.CONTAINS),
    "has:rerun_of": Has(BuiltIn.RERUN_OF),
    "schedule:4554": is_(BuiltIn.SCHEDULE, "4554", Operator.CONTAINS),
    "unique:nightly": is_(BuiltIn.UNIQUE, "nightly"),
    "after:4554": is_(BuiltIn.AFTER, "4554", Operator.CONTAINS),
    "array:4554": is_(BuiltIn.ARRAY, "4554", Operator.CONTAINS),
    "array_index <= 7": is_(BuiltIn.ARRAY_INDEX, 7, Operator.AT_MOST),
    "not has:started": Not(Has(BuiltIn.STARTED)),
    "tag:nightly": Has(tag("nightly")),
    'tag:"a=b"': Has(tag("a=b")),
    "tag in (a, b)": AnyOf((Has(tag("a")), Has(tag("b")))),
    "since:2d": is_(BuiltIn.SUBMITTED, Ago(172_800_000), Operator.AT_LEAST),
    "before:90m": is_(BuiltIn.SUBMITTED, Ago(5_400_000), Operator.LESS),
    "finished > 1970-01-02": is_(BuiltIn.FINISHED, At(86_400_000), Operator.GREATER),
    "started<1970-01-01T01:00+01:00": is_(BuiltIn.STARTED, At(0), Operator.LESS),
}


@pytest.mark.parametrize("text", CONDITIONS)
def test_a_filter_means(text: str) -> None:
    assert parse(text) == Query(CONDITIONS[text])


def test_the_longest_example_means_what_it_says() -> None:
    text = "status:failed or (metric.val_acc > 0.9 and param.lr < 1e-3) sort:-metric.val_acc"
    good = is_(metric("val_acc"), 0.9, Operator.GREATER)
    slow = is_(param("lr"), 0.001, Operator.LESS)
    assert parse(text) == Query(
        AnyOf((FAILED, AllOf((good, slow)))), (SortKey(metric("val_acc"), is_descending=True),)
    )


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("", Query()),
        (" \n\t", Query()),
        ("sort:submitted", Query(None, (SortKey(BuiltIn.SUBMITTED),))),
        (
            "state:failed sort:-duration,param.lr sort:+tag.a",
            Query(
                FAILED,
                (
                    SortKey(BuiltIn.DURATION, is_descending=True),
                    SortKey(param("lr")),
                    SortKey(tag("a")),
                ),
            ),
        ),
        ("sort:state state:failed", Query(FAILED, (SortKey(BuiltIn.STATE),))),
        ('sort:-metric."a b"', Query(None, (SortKey(metric("a b"), is_descending=True),))),
    ],
)
def test_a_filter_says_the_order(text: str, query: Query) -> None:
    assert parse(text) == query


def test_nan_can_be_asked_for() -> None:
    condition = parse("metric.loss = nan").condition
    assert isinstance(condition, Comparison)
    assert condition.value != condition.value


ERRORS = {
    "state": (6, "should be a comparison"),
    "state failed": (7, "should be a comparison"),
    "state:": (7, "should be a value, and the filter ends"),
    "state:failed)": (13, "closes nothing"),
    "(state:failed": (1, "`)` for this `(`"),
    "()": (2, "should be a condition"),
    "state:failed or": (16, "the filter ends"),
    "or state:failed": (1, "not `or`"),
    "state:failed and and": (18, "not `and`"),
    "not": (4, "the filter ends"),
    "state:faild": (7, "There is no state `faild`"),
    "stat:failed": (1, "Did you mean `state`?"),
    "loss > 1": (1, "A metric is `metric.NAME`"),
    "state.x = 1": (1, "no field `state.x`"),
    "metric > 1": (7, "Write `metric.NAME`"),
    "metric. > 1": (8, "name is missing"),
    'metric."x > 1': (8, "quote is not closed"),
    "project:'x": (9, "quote is not closed"),
    '"x" = 1': (1, "should be a condition"),
    "state < failed": (7, "A state can be compared by"),
    "exit_code = one": (13, "is a number"),
    "exit_code ~ 1": (11, "looks at texts"),
    "metric.loss.min = low": (19, "`loss.min` is a number, and `low` is none"),
    "metric.loss.min = nan": (19, "is a number"),
    "metric.loss.max ~ 1": (17, "looks at texts"),
    "note = best": (6, "by `:` and `~`"),
    "note in (best)": (1, "by `:` and `~`"),
    "note ~ (": (8, "should be a value"),
    "sort:note": (6, "Notes have no order"),
    "duration > soon": (12, "is no duration"),
    "submitted = 2026-01-01": (11, "A time can be compared by"),
    "submitted > 2026-13-01": (13, "is no moment"),
    "since:yesterday": (7, "is no moment"),
    "since 2d": (7, "should be a `:`"),
    "tag = x": (5, "tag.NAME = value"),
    "tag:a=b": (5, "`tag.a = b`"),
    "tag.epoch < 10": (13, "texts have another order"),
    "param.x < true": (9, "neither more nor less"),
    "param.x > nan": (9, "neither more nor less"),
    "param.x in 1": (12, "values in parentheses"),
    "param.x in (1": (14, "`,` or a `)`"),
    "param.x in ()": (13, "should be a value"),
    "param.x not 1": (13, "should be `in`"),
    "param.x ! 1": (9, "should be a comparison"),
    "param.x = a(b)": (11, "into quotes"),
    "artifact.model = x": (1, "has:artifact.KEY"),
    "has:nothing": (5, "no field"),
    "param.x ~ a**": (13, "cannot be repeated"),
    'param.x ~ "(a"': (11, "not closed"),
    "(state:failed sort:id)": (15, "outside of parentheses"),
    "state:failed or sort:id": (17, "not a condition"),
    "sort:": (6, "a field to sort by"),
    "sort:-": (7, "a field to sort by"),
    "sort:artifact.x": (6, "no order"),
    "state:failed sort:id state:lost": (22, "before `sort:`"),
    "state:failed = 1": (14, "the end"),
    "sort:id,id,id,id,id": (20, "more than 4 sort keys"),
    "project:a\x00b": (10, "not a character"),
    "project:\ud800": (9, "not a character"),
    "(" * 50: (16, "nested too deeply"),
    "not " * 50: (61, "nested too deeply"),
    "state:lost " * 101: (1101, "more than 100 conditions"),
    "state:lost" + " " * LONGEST_FILTER: (LONGEST_FILTER + 1, "at most 4000 characters"),
}


@pytest.mark.parametrize("text", ERRORS, ids=lambda text: ascii(text[:30]))
def test_an_error_says_what_is_wrong_and_in_which_column(text: str) -> None:
    column, words = ERRORS[text]
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert words in caught.value.message
    assert caught.value.column == column


def test_an_error_shows_the_place() -> None:
    with pytest.raises(FilterError) as caught:
        parse("project:猫 and state:\x1b[2Jfaild")
    first, shown, mark = str(caught.value).splitlines()
    assert first.startswith("The filter is not valid at column 21: There is no state")
    assert shown == "  project:猫 and state:␛[2Jfaild"
    assert mark == " " * 23 + "^"


def test_an_error_shows_the_part_of_a_long_filter_that_matters() -> None:
    text = "state:lost or " * 30 + "oops" + " or state:lost" * 30
    with pytest.raises(FilterError) as caught:
        parse(text)
    _, shown, mark = str(caught.value).splitlines()
    assert len(shown) < 100
    assert shown[mark.index("^") :].startswith("oops")


_pieces = st.sampled_from(
    [
        *(*BY_NAME, *Operator, "metric.", "param.x", "tag", "has", "sort", "since", "in", "not"),
        *("and", "or", "(", ")", ",", '"', "'", "\\", "-", " ", " ", "1", "2d", "failed", "nan"),
        *("*", "[", "{2}", "ü", "\n", "\x00", "\ud800"),
    ]
)


@PROPERTY
@given(text=st.text() | st.lists(_pieces, max_size=25).map("".join))
@example(text="param.x ~ " + "(" * 35)
@example(text="param.x ~ " + "a{200}" * 3)
@example(text="duration > 999999999w")
@example(text="since:999999999w")
@example(text="started > 0001-01-01T00:00+23:59")
def test_any_text_is_a_filter_or_an_error_with_a_column(text: str) -> None:
    refusal = None
    try:
        parse(text)
    except FilterError as error:
        refusal = error
    assert refusal is None or 1 <= refusal.column <= len(text) + 1
    assert refusal is None or str(refusal).count("\n") == 2


def test_a_query_is_narrowed_to_a_project_and_states() -> None:
    query = parse("metric.x > 1 sort:id")
    assert narrowed(query, project=None, states=()) == query
    states = [JobState.FAILED, JobState.LOST]
    condition = narrowed(query, project="cats", states=states).condition
    assert condition == AllOf((is_(metric("x"), 1, Operator.GREATER), AnyOf((FAILED, LOST)), CATS))
