"""YAML files: every complaint names file and line, and no file can use up memory or time."""

from __future__ import annotations

from pathlib import Path

import pytest

from foundations.errors import ConfigError
from foundations.yaml_source import MAX_BYTES, nearest, read_yaml, unknown_key


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.yaml"


def problem(path: Path, text: str | bytes) -> str:
    """The complaint about a file, without its directory."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigError) as caught:
        read_yaml(path)
    return caught.value.message.replace(str(path), "FILE")


def test_values_come_with_their_lines_and_their_text(path: Path) -> None:
    path.write_text("a: 1.10\n\nb:\n  c: [x,\n   yes]\n")

    source = read_yaml(path)

    assert source.data == {"a": 1.1, "b": {"c": ["x", True]}}
    assert source.raw["a",] == "1.10"
    assert source.raw["b", "c", "1"] == "yes"
    assert [source.line(at) for at in [("a",), ("b", "c"), ("b", "c", 1), ("b", "new"), ()]] == [
        *(1, 4, 5, 3, 1)
    ]
    assert source.complaint("bad", ("b", "c")) == f"{path}, line 4: bad"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E5", 100_000.0),
        ("1.5e3", 1500.0),
        ("-2.e+4", -20_000.0),
        (".5e1", 5.0),
        ("1e-05", 0.00001),
        ("'1e-3'", "1e-3"),
        ("1e", "1e"),
        ("e5", "e5"),
        ("1e3x", "1e3x"),
        ("0x1e3", 0x1E3),
    ],
)
def test_an_exponent_makes_a_number_as_in_json(path: Path, text: str, value: object) -> None:
    path.write_text(f"a: {text}\n")

    source = read_yaml(path)

    assert source.data == {"a": value}
    assert type(source.data["a"]) is type(value)
    assert source.raw["a",] == text.strip("'")


@pytest.mark.parametrize("text", ["", "\n# nothing\n", "---\n"])
def test_an_empty_file_holds_nothing(path: Path, text: str) -> None:
    path.write_text(text)

    assert read_yaml(path).data is None


def test_a_missing_file_is_not_a_config_error(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_yaml(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: [1, 2\n", "FILE, line 3, column 1: not valid YAML: "),
        ("a: 1\n  b: 2\n", "FILE, line 2, column 4: not valid YAML: mapping values are not"),
        ("a:\n\tb: 1\n", "(indent with spaces, not tabs)"),
        ("a: 1\nb: 2\na: 3\n", "FILE, line 3: `a` is here twice"),
        ("a: 1\n? [x, y]\n: 2\n", "FILE, line 2: a key must be plain text"),
        ("a: !!python/object/apply:os.system [ls]\n", "could not determine a constructor"),
        ("a: 1\n---\nb: 2\n", "FILE, line 2, column 1: not valid YAML: "),
        ("a: 2024-13-45\n", "FILE: not valid YAML: month must be in 1..12"),
        ("b: 1\na: \x01\n", "FILE, line 2: not valid YAML: character 0x01 is not allowed"),
        (b"a: 1\nb: \xff\n", "FILE, line 2: not UTF-8 text"),
        ("a: *nowhere\n", "FILE, line 1, column 4: not valid YAML: found undefined alias"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(path: Path, text: str | bytes, expected: str) -> None:
    assert expected in problem(path, text)


def test_a_directory_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Cannot read .*: Is a directory"):
        read_yaml(tmp_path)


def test_aliases_cannot_fill_the_memory(path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]

    assert "holds more than" in problem(path, "\n".join(lines))


def test_merged_aliases_cannot_fill_the_memory(path: Path) -> None:
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 12)]

    assert "holds more than" in problem(path, "\n".join(lines))


def test_an_alias_of_itself_is_refused(path: Path) -> None:
    assert "nested too deeply" in problem(path, "a: &a [*a]\n")


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_deep_nesting_is_refused(path: Path, opening: str) -> None:
    assert "nested too deeply" in problem(path, opening * 5_000)


def test_a_huge_file_is_refused_unread(path: Path) -> None:
    assert "hardly a config file" in problem(path, "a" * (MAX_BYTES + 1))


def test_merge_keys_work(path: Path) -> None:
    path.write_text("base: &base {x: 1}\nother:\n  <<: *base\n  y: 2\n")

    assert read_yaml(path).data["other"] == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("num_gpu", "num_gpus"),
        ("NUM-GPUS", "num_gpus"),
        ("project name", "project_name"),
        ("zzz", None),
    ],
)
def test_the_nearest_key_is_found(key: str, expected: str | None) -> None:
    assert nearest(key, ["num_gpus", "project_name", "ram"]) == expected


def test_an_unknown_key_is_named_with_those_that_exist() -> None:
    assert unknown_key("zzz", ["b", "a"]) == "unknown key `zzz`. Known keys: a, b"
