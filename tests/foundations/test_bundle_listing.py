"""Listings: the same content gives the same bytes, and no hostile one is read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundations.bundles.listing import ListedFile, Listing, clamped_mtime, digest_of, parse_listing
from foundations.bundles.rules import Limits
from foundations.errors import BundleError

SHA = "0" * 64
NAMES = st.text("abcü. ", min_size=1, max_size=8).filter(lambda name: name not in (".", ".."))
SIZES = st.integers(0, 2**40)


@st.composite
def listings(draw: st.DrawFn) -> Listing:
    """Listings that a project may have."""
    directories: list[str] = []
    for name in draw(st.lists(NAMES, max_size=5)):
        parent = draw(st.sampled_from(["", *directories]))
        path = f"{parent}/{name}" if parent else name
        if path not in directories:
            directories.append(path)
    files: dict[str, ListedFile] = {}
    for name in draw(st.lists(NAMES, max_size=8)):
        parent = draw(st.sampled_from(["", *directories]))
        path = f"{parent}/{name}" if parent else name
        if path not in directories:
            sha256 = draw(st.text("0123456789abcdef", min_size=64, max_size=64))
            files[path] = ListedFile(
                sha256, draw(SIZES), draw(st.integers(0, 8**11 - 1)), draw(st.booleans())
            )
    return Listing(files, directories)


@given(listings())
def test_a_listing_is_read_as_it_was_written(listing: Listing) -> None:
    data = listing.encode()
    read = parse_listing(data, limits=Limits(expanded_bytes=2**60, file_bytes=2**50))
    assert read == listing
    assert read.encode() == data
    assert digest_of(data).startswith("sha256:")


@given(st.binary(max_size=200) | listings().map(lambda one: one.encode()[:-3]))
def test_what_is_no_listing_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(BundleError, match="not a listing"):
        parse_listing(data)


def file(path: Any = "a", sha: Any = SHA, size: Any = 1, mtime: Any = 0, bit: Any = 0) -> list[Any]:
    return [path, sha, size, mtime, bit]


@pytest.mark.parametrize(
    ("directories", "files", "problem"),
    [
        ([], [file("../a")], "not allowed"),
        ([], [file("/a")], "not allowed"),
        ([], [file("a\x1b")], "not allowed"),
        ([], [file("a/b")], "lies in no directory"),
        (["a"], [file("a")], "there twice"),
        ([], [file("a"), file("a")], "there twice"),
        ([], [file("a"), file("a/b")], "lies in no directory"),
        (["a/b", "a"], [], "lies in no directory"),
        ([""], [], "not allowed"),
        ([7], [], "not text"),
        ([], [file(7)], "not text"),
        ([], [file(sha="G" * 64)], "no digest"),
        ([], [file(sha=7)], "no digest"),
        ([], [file(size=-1)], "cannot be"),
        ([], [file(size=1.5)], "cannot be"),
        ([], [file(size=True)], "cannot be"),
        ([], [file(mtime=8**11)], "cannot be"),
        ([], [file(bit=2)], "cannot be"),
        ([], [file(size=11)], "cannot be"),
        ([], [file("a", size=10), file("b", size=10)], "more than 15 bytes"),
        ([], [["a"]], "not that of a file"),
        ([], ["a"], "not that of a file"),
        ({}, [], "not a listing"),
        ([], {}, "not a listing"),
        (["a", "b", "c"], [file("d")], "more than 3 files and directories"),
    ],
)
def test_what_no_bundle_may_have_is_named(directories: Any, files: Any, problem: str) -> None:
    document = {"format": 1, "directories": directories, "files": files}
    limits = Limits(file_bytes=10, expanded_bytes=15, members=3)
    with pytest.raises(BundleError, match=problem):
        parse_listing(json.dumps(document).encode(), limits=limits)


def test_a_listing_of_another_format_is_refused() -> None:
    with pytest.raises(BundleError, match="format is 2, not 1"):
        parse_listing(b'{"format": 2, "directories": [], "files": []}')


@pytest.mark.parametrize(("seconds", "kept"), [(-5.0, 0), (1.9, 1), (1e30, 8**11 - 1)])
def test_times_are_as_a_packed_file_has_them(seconds: float, kept: int) -> None:
    assert clamped_mtime(seconds) == kept
