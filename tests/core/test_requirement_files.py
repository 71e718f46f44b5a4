"""What a requirements file refers to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core.requirement_files import (
    Kind,
    Reference,
    asks_for_something,
    expanded,
    only_pip_reads,
    references,
    uv_settings,
    variables_in,
)


@pytest.mark.parametrize("text", ["", "\n \n", "# numpy\r\n\n  # pandas\n", "\ufeff# utf-8\n"])
def test_blank_lines_and_comments_ask_for_nothing(text: str) -> None:
    assert not asks_for_something(text)
    assert references(text) == []


@pytest.mark.parametrize("text", ["numpy", "--pre", "# a\nnumpy # b\n", "\ufeffnumpy"])
def test_all_else_asks_for_something(text: str) -> None:
    assert asks_for_something(text)


@pytest.mark.parametrize(
    ("line", "kind", "target"),
    [
        ("-r base.txt", Kind.INCLUDE, "base.txt"),
        ("-rbase.txt", Kind.INCLUDE, "base.txt"),
        ("--requirement=base.txt", Kind.INCLUDE, "base.txt"),
        ("--requirement  'two words.txt' # more", Kind.INCLUDE, "two words.txt"),
        ("-c bounds.txt", Kind.INCLUDE, "bounds.txt"),
        ("--constraint \\\n bounds.txt", Kind.INCLUDE, "bounds.txt"),
        ("-e .", Kind.EDITABLE, "."),
        ("--editable=./mine[extra]", Kind.EDITABLE, "./mine"),
        ("-f ./wheels", Kind.FIND_LINKS, "./wheels"),
        ("--find-links file:///opt/wheels", Kind.FIND_LINKS, "/opt/wheels"),
        ("-i file:///opt/simple", Kind.INDEX, "/opt/simple"),
        ("--extra-index-url ./simple", Kind.INDEX, "./simple"),
        (".", Kind.PACKAGE, "."),
        ("./mine[extra]", Kind.PACKAGE, "./mine"),
        ("wheels/a-1.0-py3-none-any.whl", Kind.PACKAGE, "wheels/a-1.0-py3-none-any.whl"),
        ("a-1.0.tar.gz --hash=sha256:00", Kind.PACKAGE, "a-1.0.tar.gz"),
        ("a @ ../a.whl", Kind.PACKAGE, "../a.whl"),
        ("./a.tar.gz#egg=a", Kind.PACKAGE, "./a.tar.gz"),
        ("./a.tar.gz#subdirectory=b&egg=a # more", Kind.PACKAGE, "./a.tar.gz"),
        ("-r odd#name.txt", Kind.INCLUDE, "odd#name.txt"),
        ("a[b] @ file:///job/job_source/a%20b.whl", Kind.PACKAGE, "/job/job_source/a b.whl"),
    ],
)
def test_places_of_this_machine_are_found(line: str, kind: Kind, target: str) -> None:
    assert references(f"numpy\n{line}\npandas\n") == [Reference(kind, target)]


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        'numpy[extra]>=1,<2 ; python_version < "3.12"',
        "torch==2.1 --hash=sha256:00",
        "https://example.org/a-1.0-py3-none-any.whl",
        "a @ https://example.org/a.whl",
        "git+ssh://git@example.org/a.git@main#egg=a",
        "--index-url https://example.org/simple",
        "-f https://example.org/wheels",
        "--require-hashes",
        "--no-index",
        "--pre",
    ],
)
def test_what_its_own_text_describes_refers_to_nothing(line: str) -> None:
    assert references(line) == []


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("-r https://example.org/base.txt", Kind.INCLUDE),
        ("-e git+https://example.org/a.git#egg=a", Kind.EDITABLE),
    ],
)
def test_what_may_change_behind_a_url_is_found(line: str, kind: Kind) -> None:
    (found,) = references(line)
    assert (found.kind, found.is_url) == (kind, True)


def test_variables_are_replaced_where_they_are_known() -> None:
    text = "--index-url https://${USER}:${TOKEN}@example.org ${lower} $TOKEN"
    known = {"TOKEN": "secret", "lower": "x"}
    assert expanded(text, known) == (
        "--index-url https://${USER}:secret@example.org ${lower} $TOKEN"
    )


@given(st.text())
def test_any_text_is_read_without_trouble(text: str) -> None:
    found = references(text)
    assert len(found) <= len(text.splitlines())
    assert asks_for_something(text) or not found


@given(st.lists(st.sampled_from(["numpy", "-r a.txt", "", "# b", "./c.whl", "-e d"])))
def test_each_line_counts_for_itself(lines: list[str]) -> None:
    alone = [one for line in lines for one in references(line)]
    assert references("\n".join(lines)) == alone


def test_what_a_marker_may_rule_out_is_marked() -> None:
    (found,) = references('./a.whl ; python_version < "3"\n')
    assert found == Reference(Kind.PACKAGE, "./a.whl", is_conditional=True)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("numpy \\\n  ==2.0", "numpy \\ ==2.0"),
        ("numpy>=1, \\\r\n  <3 # both", "numpy>=1, \\ <3"),
        ("numpy --config-settings=a=b", "numpy --config-settings=a=b"),
        (
            "numpy==1 --hash=sha256:00 --global-option=x",
            "numpy==1 --hash=sha256:00 --global-option=x",
        ),
        ("numpy==${VERSION}", "numpy==${VERSION}"),
    ],
)
def test_what_uv_does_not_read_as_pip_does_is_found(line: str, shown: str) -> None:
    assert only_pip_reads(f"pandas\n{line}\nscipy\n", {"VERSION": "2.0"}) == shown


@pytest.mark.parametrize(
    "text",
    [
        "numpy==2.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\nscipy\n",
        "--index-url https://${USER}:${VERSION}@example.org/simple\nnumpy\n",
        "a @ https://${VERSION}@example.org/a.whl\n",
        "numpy==${UNKNOWN}\n",
        "-r more.txt\n--pre\nnumpy # --config-settings=a\n",
        "",
    ],
)
def test_what_both_read_alike_is_shared(text: str) -> None:
    assert only_pip_reads(text, {"VERSION": "2.0"}) is None


def test_options_that_uv_takes_from_elsewhere_only_are_told_as_its_variables() -> None:
    text = "--pre\n--trusted-host a.example\n--trusted-host=b.example:80 # ours\nnumpy\n"
    assert uv_settings(text) == {
        "UV_INSECURE_HOST": "a.example b.example:80",
        "UV_PRERELEASE": "allow",
    }
    assert uv_settings("numpy\n# --pre\n") == {}


def test_variables_are_named() -> None:
    assert variables_in("-i https://${USER}:${PASS}@example.org\n$HOME ${lower}\n") == {
        "USER",
        "PASS",
    }
