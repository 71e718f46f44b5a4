"""Makes a comparison of a field, an operator and a word: the rules for types."""

from __future__ import annotations

from collections.abc import Callable

from atlas_scheduler.core.filters.fields import BuiltIn, Kind
from atlas_scheduler.core.filters.pattern import PatternError, compile_pattern
from atlas_scheduler.core.filters.scanner import Scanner, Word
from atlas_scheduler.core.filters.terms import (
    Comparison,
    Field,
    Operator,
    Records,
    Value,
)
from atlas_scheduler.core.filters.values import (
    read_moment,
    read_number,
    read_seconds,
    read_truth,
)
from foundations.models import JobState

ORDERED = frozenset({Operator.LESS, Operator.AT_MOST, Operator.GREATER, Operator.AT_LEAST})
_EXACT = frozenset({Operator.EQUAL, Operator.DIFFERENT})


def comparison(scanner: Scanner, field: Field, sign: Word, word: Word) -> Comparison:
    """Compare a field with a word, read as what the field's values are.

    Args:
        scanner: refuses what makes no sense.
        field: what is compared.
        sign: how, as it was written.
        word: with what.
    """
    looks_into = isinstance(field, BuiltIn) and field.kind in (Kind.TEXT, Kind.NOTES)
    written = "=" if sign.text == "==" or (sign.text == ":" and not looks_into) else sign.text
    operator = Operator(written)
    value: Value
    if isinstance(field, BuiltIn):
        value = _BUILT_IN[field.kind](scanner, field, operator, sign, word)
    elif field.kind is Records.TAG:
        value = _text(scanner, f"tag.{field.name}", operator, sign, word)
    elif field.is_summary:
        value = _plain_number(scanner, f"{field.name}.{field.aspect}", operator, sign, word)
    else:
        value = _recorded(scanner, operator, sign, word)
    return Comparison(field, operator, value)


def _recorded(scanner: Scanner, operator: Operator, sign: Word, word: Word) -> Value:
    """Read the value of a metric or parameter: quotes make a text of anything."""
    if operator is Operator.MATCHES:
        return _pattern(scanner, word)
    if word.is_quoted:
        return word.text
    number, truth = read_number(word.text), read_truth(word.text)
    if operator in ORDERED and (truth is not None or number != number):
        scanner.fail(f"`{word.text}` is neither more nor less than anything.", sign.column)
    if truth is not None:
        return truth
    return word.text if number is None else number


def _text(scanner: Scanner, name: str, operator: Operator, sign: Word, word: Word) -> str:
    if operator is Operator.MATCHES:
        return _pattern(scanner, word)
    if operator in ORDERED and not word.is_quoted and read_number(word.text) is not None:
        scanner.fail(
            f"`{name}` is a text, and texts have another order than numbers: "
            f'`"{word.text}"` in quotes compares as a text.',
            word.column,
        )
    return word.text


def _pattern(scanner: Scanner, word: Word) -> str:
    try:
        compile_pattern(word.text)
    except PatternError as error:
        # Where escapes were taken out of the quotes, places in the text are not known any more.
        offset = 0 if word.is_quoted else error.offset
        scanner.fail(f"The pattern is not valid: {error.message}.", word.column + offset)
    return word.text


def _built_in_text(
    scanner: Scanner, field: BuiltIn, operator: Operator, sign: Word, word: Word
) -> str:
    return _text(scanner, field.value, operator, sign, word)


def _state(scanner: Scanner, field: BuiltIn, operator: Operator, sign: Word, word: Word) -> str:
    if operator not in _EXACT:
        scanner.fail("A state can be compared by `:`, `=`, `!=` and `in`.", sign.column)
    name = word.text.lower()
    if name not in set(JobState):
        states = ", ".join(state.value for state in JobState)
        scanner.fail(f"There is no state `{word.text}`. States are {states}.", word.column)
    return name


def _notes(scanner: Scanner, field: BuiltIn, operator: Operator, sign: Word, word: Word) -> str:
    if operator is Operator.MATCHES:
        return _pattern(scanner, word)
    if operator is not Operator.CONTAINS:
        scanner.fail(
            "A job may have several notes. They can be looked into by `:` and `~`.", sign.column
        )
    return word.text


def _number(
    scanner: Scanner, field: BuiltIn, operator: Operator, sign: Word, word: Word
) -> int | float:
    return _plain_number(scanner, field.value, operator, sign, word)


def _plain_number(
    scanner: Scanner, name: str, operator: Operator, sign: Word, word: Word
) -> int | float:
    _refuse_pattern(scanner, name, operator, sign)
    number = read_number(word.text)
    if number is None or number != number:
        scanner.fail(f"`{name}` is a number, and `{word.text}` is none.", word.column)
    return number


def _seconds(
    scanner: Scanner, field: BuiltIn, operator: Operator, sign: Word, word: Word
) -> int | float:
    _refuse_pattern(scanner, field.value, operator, sign)
    number = read_number(word.text)
    seconds = read_seconds(word.text) if number is None else number
    if seconds is None or seconds != seconds:
        scanner.fail(
            f"`{word.text}` is no duration. Write seconds, or a unit such as `90s`, `10m`, `1.5h` "
            "or `2d`.",
            word.column,
        )
    return seconds


def _moment(scanner: Scanner, field: BuiltIn, operator: Operator, sign: Word, word: Word) -> Value:
    if operator not in ORDERED:
        scanner.fail("A time can be compared by `<`, `<=`, `>` and `>=`.", sign.column)
    moment = read_moment(word.text)
    if moment is None:
        scanner.fail(
            f"`{word.text}` is no moment. Write how long ago, such as `2d`, or a date such as "
            "`2026-01-31` or `2026-01-31T12:00`.",
            word.column,
        )
    return moment


def _truth(scanner: Scanner, field: BuiltIn, operator: Operator, sign: Word, word: Word) -> bool:
    if operator not in _EXACT:
        scanner.fail(
            f"`{field.value}` can be compared by `:`, `=` and `!=`, with true or false.",
            sign.column,
        )
    truth = read_truth(word.text)
    if truth is None:
        scanner.fail(f"`{field.value}` is true or false, not `{word.text}`.", word.column)
    return truth


def _refuse_pattern(scanner: Scanner, name: str, operator: Operator, sign: Word) -> None:
    if operator is Operator.MATCHES:
        scanner.fail(f"`~` looks at texts, and `{name}` is none.", sign.column)


_BUILT_IN: dict[Kind, Callable[[Scanner, BuiltIn, Operator, Word, Word], Value]] = {
    Kind.STATE: _state,
    Kind.NAME: _built_in_text,
    Kind.TEXT: _built_in_text,
    Kind.NUMBER: _number,
    Kind.DURATION: _seconds,
    Kind.MOMENT: _moment,
    Kind.NOTES: _notes,
    Kind.TRUTH: _truth,
}
