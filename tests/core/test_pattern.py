r"""Patterns find what Python's own engine finds, in a time that no pattern can stretch."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core.filters.pattern import (
    LONGEST_PATTERN,
    LONGEST_TEXT,
    PatternError,
    compile_pattern,
)
from tests.core.profiles import PROPERTY

_atoms = st.sampled_from(
    ["a", "b", ".", r"\d", r"\W", r"\s", "[ab]", "[^a]", "[a-c1]", r"[\d_]", "[]x]", r"\.", "ü", ""]
)
_patterns = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("|".join),
        inner.map("({})".format),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "*?", "{2}", "{1,}", "{0,2}"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=6,
)


@PROPERTY
@given(
    pattern=_patterns,
    starts=st.booleans(),
    ends=st.booleans(),
    ignores_case=st.booleans(),
    text=st.text("abAB1.ü \n_x", max_size=8),
)
def test_a_pattern_finds_what_python_finds(
    pattern: str, starts: bool, ends: bool, ignores_case: bool, text: str
) -> None:
    whole = ("^" if starts else "") + f"(?:{pattern})"
    flags = "(?i)" if ignores_case else ""
    # Python's `$` also matches before a last newline; ours is the end and nothing else.
    theirs = re.compile(flags + whole + (r"\Z" if ends else ""))
    ours = compile_pattern(flags + whole + ("$" if ends else ""))
    assert ours.is_in(text) is bool(theirs.search(text))


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a+)+$", "a" * 999 + "b"),
        ("^(a|a)*$", "a" * 999 + "b"),
        ("(a*)*b", "a" * 1000),
        ("a*a*a*a*a*a*a*a*b", "a" * 1000),
        (".*.*.*.*=.*", "x" * 1000),
        ("(a?){60}a{60}$", "a" * 59),
        ("(a|b)*a(a|b){12}$", "ab" * 499 + "b" * 14),
    ],
    ids=lambda text: text[:20],
)
def test_a_pattern_that_would_take_for_ever_takes_a_moment(pattern: str, text: str) -> None:
    began = time.process_time()
    assert compile_pattern(pattern).is_in(text) is False
    assert time.process_time() - began < 2


def test_what_is_remembered_is_bounded() -> None:
    pattern = compile_pattern("(a|b)*a(a|b){11}c")
    texts = [format(number, "014b").replace("0", "a").replace("1", "b") for number in range(4_000)]
    assert not any(pattern.is_in(text) for text in texts)
    assert pattern.is_in("b" + "a" * 12 + "c")


def test_a_text_is_looked_at_up_to_its_limit() -> None:
    assert compile_pattern("b").is_in("a" * (LONGEST_TEXT - 1) + "b")
    assert not compile_pattern("b").is_in("a" * LONGEST_TEXT + "b")


@pytest.mark.parametrize(
    ("pattern", "offset"),
    [
        ("(a", 0),
        ("a)", 1),
        ("[a", 0),
        ("*a", 0),
        ("a**", 2),
        ("a{,3}", 1),
        ("a{3,2}", 1),
        ("a{201}", 1),
        ("^*", 0),
        ("a\\", 1),
        (r"a\b", 1),
        (r"(a)\1", 3),
        ("(?=a)", 0),
        ("(?P<n>a)", 0),
        ("[b-a]", 1),
        (r"[\d-z]", 1),
        ("(" * 31 + ")" * 31, 30),
        ("(((a{99}){99}){99})", 0),
        ("((((){200}){200}){200})", 0),
        ("a" * (LONGEST_PATTERN + 1), LONGEST_PATTERN),
    ],
)
def test_a_pattern_that_is_not_offered_is_refused_with_its_place(pattern: str, offset: int) -> None:
    with pytest.raises(PatternError) as caught:
        compile_pattern(pattern)
    assert caught.value.offset == offset


@PROPERTY
@given(pattern=st.text("ab()[]{}*+?|^$\\d.,-12", max_size=30), text=st.text("ab1(", max_size=20))
def test_any_pattern_works_or_is_refused(pattern: str, text: str) -> None:
    refusal = None
    try:
        compile_pattern(pattern).is_in(text)
    except PatternError as error:
        refusal = error
    assert refusal is None or 0 <= refusal.offset <= len(pattern)
