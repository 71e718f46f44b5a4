"""Makes a query of a filter's text, by operator precedence: `not` binds first, `or` last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches

from atlas_scheduler.core.filters.comparisons import comparison
from atlas_scheduler.core.filters.fields import BY_NAME, BuiltIn
from atlas_scheduler.core.filters.scanner import Scanner, Word
from atlas_scheduler.core.filters.terms import (
    AllOf,
    AnyOf,
    Aspect,
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
)
from atlas_scheduler.core.filters.values import read_moment
from foundations.models import JobState

__all__ = ["narrowed", "parse"]

DEEPEST = 15
"""Most parentheses and `not` inside each other: SQLite gives up at some more than 20."""
MOST_CONDITIONS = 100
MOST_SORT_KEYS = 4

_OR, _AND, _NOT = 1, 2, 3
_SORT_HELP = "`sort:` is not a condition: it stands behind all of them, outside of parentheses."
_MISSING = "a condition such as `state:failed`"
_RECORDS = {kind.value: kind for kind in Records} | {
    "metrics": Records.METRIC,
    "parameter": Records.PARAMETER,
    "params": Records.PARAMETER,
    "tags": Records.TAG,
}


def parse(text: str) -> Query:
    """Read a filter. An empty one takes every job.

    Raises:
        FilterError: it cannot be understood; the error says where.
    """
    return _Parser(Scanner(text)).query()


def narrowed(
    query: Query, *, project: str | None, states: Iterable[JobState], user: str | None = None
) -> Query:
    """The same query for jobs of one project and user (None is all) in some states (none is
    all)."""
    parts: list[Expression] = [] if query.condition is None else [query.condition]
    wanted = [Comparison(BuiltIn.STATE, Operator.EQUAL, state.value) for state in states]
    if wanted:
        parts.append(_any_of(*wanted))
    if project is not None:
        parts.append(Comparison(BuiltIn.PROJECT, Operator.EQUAL, project))
    if user is not None:
        parts.append(Comparison(BuiltIn.USER, Operator.EQUAL, user))
    return replace(query, condition=_all_of(*parts) if parts else None)


class _Parser:
    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._depth = 0
        self._conditions = 0

    def query(self) -> Query:
        sort = self._sort_keys()
        condition = None if self._scanner.is_at_end else self._expression(0)
        later = self._sort_keys()
        scanner = self._scanner
        if not scanner.is_at_end:
            if scanner.next_is(")"):
                scanner.fail("This `)` closes nothing.", scanner.column)
            if later:
                scanner.fail("Conditions stand before `sort:`.", scanner.column)
            scanner.fail(
                "Here should be `and`, `or`, another condition or the end.", scanner.column
            )
        if len(sort + later) > MOST_SORT_KEYS:
            scanner.fail(f"There are more than {MOST_SORT_KEYS} sort keys.", scanner.column)
        return Query(condition, sort + later)

    # -- conditions

    def _expression(self, power: int) -> Expression:
        """Read what binds stronger than `power`."""
        left = self._first()
        while True:
            word = self._scanner.next_word()
            binds = _OR if word == "or" else _AND if word == "and" or self._goes_on() else 0
            if binds <= power:
                return left
            if word in ("or", "and"):
                self._scanner.take_word(word)
            right = self._expression(binds)
            left = _any_of(left, right) if binds == _OR else _all_of(left, right)

    def _goes_on(self) -> bool:
        """Whether another condition follows, joined by nothing."""
        scanner = self._scanner
        if scanner.begins_with("sort", ":"):
            return False
        return bool(scanner.next_word()) or any(map(scanner.next_is, ("(", '"', "'")))

    def _first(self) -> Expression:
        """Read a condition, one in parentheses, or one with `not`."""
        scanner, column = self._scanner, self._scanner.column
        self._depth += 1
        if self._depth > DEEPEST:
            scanner.fail("The parentheses are nested too deeply.", column)
        if scanner.take("("):
            inside = self._expression(0)
            if scanner.begins_with("sort", ":"):
                scanner.fail(_SORT_HELP, scanner.column)
            if not scanner.take(")"):
                scanner.fail("Here should be a `)` for this `(`.", column)
        elif scanner.take_word("not"):
            inside = Not(self._expression(_NOT))
        else:
            inside = self._condition()
        self._depth -= 1
        return inside

    def _condition(self) -> Expression:
        scanner = self._scanner
        self._conditions += 1
        if self._conditions > MOST_CONDITIONS:
            scanner.fail(f"There are more than {MOST_CONDITIONS} conditions.", scanner.column)
        head, rest = scanner.name(_MISSING)
        word = head.text.lower()
        if rest is None and word in ("and", "or", "in"):
            scanner.fail(f"Here should be {_MISSING}, not `{head.text}`.", head.column)
        if rest is None and word in ("has", "since", "before", "tag", "sort"):
            return self._special(word, head)
        return self._compared(self._field(head, rest), head)

    def _special(self, word: str, head: Word) -> Expression:
        """Read a condition that begins with a word which is no field."""
        scanner = self._scanner
        if word == "sort":
            scanner.fail(_SORT_HELP, head.column)
        if word == "tag" and scanner.take_word("in"):
            return _any_of(*[_has_tag(scanner, name) for name in self._list()])
        if not scanner.take(":"):
            hint = "; a tag's value is compared by `tag.NAME = value`" if word == "tag" else ""
            scanner.fail(f"After `{word}` should be a `:`{hint}.", scanner.column)
        if word == "has":
            name, rest = scanner.name("the name of a field")
            return Has(self._field(name, rest))
        value = scanner.value()
        if word == "tag":
            return _has_tag(scanner, value)
        moment = read_moment(value.text)
        if moment is None:
            scanner.fail(
                f"`{value.text}` is no moment. Write how long ago, such as `2d` or `12h`, or a "
                "date such as `2026-01-31`.",
                value.column,
            )
        operator = Operator.AT_LEAST if word == "since" else Operator.LESS
        return Comparison(BuiltIn.SUBMITTED, operator, moment)

    def _compared(self, field: Field, head: Word) -> Expression:
        scanner = self._scanner
        if isinstance(field, Recorded) and field.kind is Records.ARTIFACT:
            scanner.fail("Of an artifact only `has:artifact.KEY` can be asked.", head.column)
        inverted = scanner.next_word() == "not"
        if inverted:
            scanner.take_word("not")
        if scanner.take_word("in"):
            sign = Word("!=" if inverted else "=", head.column)
            found = [comparison(scanner, field, sign, value) for value in self._list()]
            return _all_of(*found) if inverted else _any_of(*found)
        if inverted:
            scanner.fail("After `not` should be `in`; `not` alone stands first.", scanner.column)
        operator = scanner.operator()
        if operator is None:
            scanner.fail(
                "Here should be a comparison, such as `=`, `:`, `<`, `in` or `~`.", scanner.column
            )
        return comparison(scanner, field, operator, scanner.value())

    def _list(self) -> list[Word]:
        """Read values in parentheses."""
        scanner, column = self._scanner, self._scanner.column
        if not scanner.take("("):
            scanner.fail("After `in` should be values in parentheses: `in (a, b)`.", column)
        values = [scanner.value()]
        while scanner.take(","):
            values.append(scanner.value())
        if not scanner.take(")"):
            scanner.fail("Here should be a `,` or a `)`.", scanner.column)
        self._conditions += len(values) - 1
        if self._conditions > MOST_CONDITIONS:
            scanner.fail(f"There are more than {MOST_CONDITIONS} values.", column)
        return values

    # -- fields and the order

    def _field(self, head: Word, rest: Word | None) -> Field:
        word = head.text.lower()
        if word in _RECORDS:
            if rest is None:
                self._scanner.fail(
                    f"Which {word}? Write `{word}.NAME`.", head.column + len(head.text)
                )
            return _recorded(_RECORDS[word], rest)
        built_in = BY_NAME.get(word if rest is None else f"{word}.{rest.text.lower()}")
        if built_in is not None:
            return built_in
        full = head.text if rest is None else f"{head.text}.{rest.text}"
        wanted = full.lower() if word == "git" else word
        near = get_close_matches(wanted, [*BY_NAME, *_RECORDS, "has", "since", "before"], n=1)
        hint = f"Did you mean `{near[0]}`?" if near else "A metric is `metric.NAME`."
        self._scanner.fail(f"There is no field `{full}`. {hint}", head.column)

    def _sort_keys(self) -> tuple[SortKey, ...]:
        scanner = self._scanner
        keys: list[SortKey] = []
        while scanner.begins_with("sort", ":"):
            scanner.take_word("sort")
            scanner.take(":")
            keys.append(self._sort_key())
            while scanner.take(","):
                keys.append(self._sort_key())
        return tuple(keys)

    def _sort_key(self) -> SortKey:
        scanner = self._scanner
        is_descending = scanner.take("-")
        if not is_descending:
            scanner.take("+")
        head, rest = scanner.name("a field to sort by")
        field = self._field(head, rest)
        if isinstance(field, Recorded) and field.kind is Records.ARTIFACT:
            scanner.fail("Artifacts have no order.", head.column)
        if field is BuiltIn.NOTE:
            scanner.fail("Notes have no order.", head.column)
        return SortKey(field, is_descending)


def _recorded(kind: Records, name: Word) -> Recorded:
    """The record of a name. Of a metric the last word can say what of its series is meant."""
    _, dot, word = name.bare_end.rpartition(".")
    whole = name.text[: len(name.text) - len(dot + word)]
    if kind is Records.METRIC and dot and whole and word in set(Aspect):
        return Recorded(kind, whole, Aspect(word))
    return Recorded(kind, name.text)


def _has_tag(scanner: Scanner, value: Word) -> Expression:
    name, sign, text = value.text.partition("=")
    if sign and not value.is_quoted:
        scanner.fail(
            f"A tag's value is compared by `tag.{name} = {text}`; quote a name with `=` in it.",
            value.column,
        )
    return Has(Recorded(Records.TAG, value.text))


def _all_of(*parts: Expression) -> Expression:
    flat = [one for part in parts for one in (part.parts if isinstance(part, AllOf) else (part,))]
    return flat[0] if len(flat) == 1 else AllOf(tuple(flat))


def _any_of(*parts: Expression) -> Expression:
    flat = [one for part in parts for one in (part.parts if isinstance(part, AnyOf) else (part,))]
    return flat[0] if len(flat) == 1 else AnyOf(tuple(flat))
