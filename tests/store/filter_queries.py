"""Random filters as data: whatever the parser could make, and no more."""

from __future__ import annotations

from hypothesis import strategies as st

from atlas_scheduler.core.filters.comparisons import ORDERED
from atlas_scheduler.core.filters.fields import BuiltIn, Kind
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
    Query,
    Recorded,
    Records,
    SortKey,
    Value,
)
from tests.store.filter_samples import NAMES, NOW_MS, NUMBERS, TEXTS, VALUES

_PATTERNS = ("", "a", "^a", "m$", "A|é", "[^a-z]", "a.*m", r"\d", "(?:y){3,}")
_EXACT = (Operator.EQUAL, Operator.DIFFERENT)
_sortable = st.sampled_from([Records.METRIC, Records.PARAMETER, Records.TAG])
_summary = st.builds(
    Recorded, st.just(Records.METRIC), st.sampled_from(NAMES), st.sampled_from(Aspect)
)
_recorded = st.builds(Recorded, st.sampled_from(Records), st.sampled_from(NAMES)) | _summary
_built_in = st.sampled_from(BuiltIn)
_sortable_field = st.sampled_from([field for field in BuiltIn if field is not BuiltIn.NOTE])


@st.composite
def _comparisons(draw: st.DrawFn) -> Comparison:
    names = st.sampled_from(NAMES)
    field: Field = draw(_built_in | st.builds(Recorded, _sortable, names) | _summary)
    if isinstance(field, Recorded) and field.is_summary:
        operator = draw(st.sampled_from([*ORDERED, *_EXACT]))
        return Comparison(field, operator, draw(st.sampled_from(NUMBERS)))
    if isinstance(field, Recorded):
        return Comparison(field, *draw(_against(field)))
    match field.kind:
        case Kind.STATE:
            operator = draw(st.sampled_from(_EXACT))
            return Comparison(field, operator, draw(st.sampled_from(["failed", "running"])))
        case Kind.NUMBER | Kind.DURATION:
            operator = draw(st.sampled_from([*ORDERED, *_EXACT]))
            return Comparison(field, operator, draw(st.sampled_from([*NUMBERS, 5, 1_000.5])))
        case Kind.MOMENT:
            moment = draw(st.builds(At, st.integers(0, 9)) | st.builds(Ago, st.just(NOW_MS // 2)))
            return Comparison(field, draw(st.sampled_from([*ORDERED])), moment)
        case Kind.TRUTH:
            return Comparison(field, draw(st.sampled_from(_EXACT)), draw(st.booleans()))
    if field.kind is Kind.NOTES:
        operator = draw(st.sampled_from([Operator.CONTAINS, Operator.MATCHES]))
        return Comparison(field, operator, draw(st.sampled_from(_PATTERNS)))
    return Comparison(field, *draw(_text(with_contains=field.kind is Kind.TEXT)))


@st.composite
def _text(draw: st.DrawFn, *, with_contains: bool) -> tuple[Operator, Value]:
    operator = draw(st.sampled_from(Operator))
    if operator is Operator.MATCHES:
        return operator, draw(st.sampled_from(_PATTERNS))
    if operator is Operator.CONTAINS and not with_contains:
        operator = Operator.EQUAL
    return operator, draw(
        st.sampled_from([*TEXTS, "cats", "digits", "ada", "PY", "process", "main", "01", "3.1"])
    )


@st.composite
def _against(draw: st.DrawFn, field: Recorded) -> tuple[Operator, Value]:
    operator, value = draw(_text(with_contains=False))
    if field.kind is Records.TAG or operator is Operator.MATCHES:
        return operator, value
    value = draw(st.sampled_from(VALUES))
    if operator in ORDERED and (isinstance(value, bool) or value != value):
        operator = draw(st.sampled_from(_EXACT))
    return operator, value


_conditions: st.SearchStrategy[Expression] = st.recursive(
    _comparisons() | st.builds(Has, _recorded | _built_in),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(AllOf, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=5,
)
_sort_keys = st.builds(
    SortKey,
    _sortable_field | st.builds(Recorded, _sortable, st.sampled_from(NAMES[:2])) | _summary,
    st.booleans(),
)
queries = st.builds(Query, st.none() | _conditions, st.lists(_sort_keys, max_size=4).map(tuple))
