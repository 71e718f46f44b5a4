"""Reads small YAML files so that every complaint about them can name the line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from foundations.errors import ConfigError

MAX_BYTES = 256 * 1024
MAX_NODES = 20_000
"""Counted after aliases are expanded, so that a few lines cannot fill the memory."""
MAX_DEPTH = 50

Location = tuple[str, ...]
"""Keys and indexes, as text, from the top of the file to a value."""


_WITH_EXPONENT = re.compile(r"^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$")


class _Loader(yaml.SafeLoader):
    """Takes `1e-3` for a number, as JSON and YAML 1.2 do; for PyYAML it is text without a dot."""


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _WITH_EXPONENT, list("-+.0123456789"))


@dataclass(frozen=True)
class YamlSource:
    """The content of one file, and where in it each value stands."""

    path: Path
    data: Any
    lines: Mapping[Location, int] = field(repr=False)
    raw: Mapping[Location, str] = field(repr=False)
    """The text of each scalar as the file has it."""

    def line(self, location: Iterable[object]) -> int | None:
        """Return the line of a value, else of the nearest one around it."""
        parts = tuple(str(part) for part in location)
        while parts:
            if parts in self.lines:
                return self.lines[parts]
            parts = parts[:-1]
        return self.lines.get(())

    def complaint(self, message: str, location: Iterable[object] = ()) -> str:
        """Put file and line before a message."""
        line = self.line(location)
        return f"{self.path}, line {line}: {message}" if line else f"{self.path}: {message}"


def read_yaml(path: Path) -> YamlSource:
    """Read one YAML document; `data` is None for an empty file.

    Raises:
        ConfigError: it cannot be read, is not valid YAML, or is larger than a config file may be.
        FileNotFoundError: it is not there.
    """
    text = _read_text(path)
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = f"character {ord(text[error.position]):#04x} is not allowed"
        raise ConfigError(f"{path}, line {line}: not valid YAML: {problem}") from error
    try:
        node = loader.get_single_node()
        if node is None:
            return YamlSource(path, None, {}, {})
        survey = _Survey(path)
        survey.visit(node, (), depth=0)
        data = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        raise ConfigError(_explain(path, error)) from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error
    except RecursionError:
        raise ConfigError(f"{path}: nested too deeply") from None
    finally:
        loader.dispose()
    return YamlSource(path, data, survey.lines, survey.raw)


def nearest(key: str, known: Iterable[str]) -> str | None:
    """Return the known key that was probably meant."""
    wanted = key.strip().lower().replace("-", "_").replace(" ", "_")
    found = difflib.get_close_matches(wanted, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Say that a key is unknown, and which one was probably meant."""
    names = sorted(known)
    guess = nearest(key, names)
    meant = f" Did you mean `{guess}`?" if guess else ""
    return f"unknown key `{key}`.{meant} Known keys: {', '.join(names)}"


class _Survey:
    """Walks the nodes before anything is made of them: notes lines, and refuses excess."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[Location, int] = {}
        self.raw: dict[Location, str] = {}
        self._nodes = 0

    def visit(self, node: yaml.Node, location: Location, *, depth: int) -> None:
        line = node.start_mark.line + 1
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise ConfigError(f"{self.path}: holds more than {MAX_NODES} values")
        if depth > MAX_DEPTH:
            raise ConfigError(f"{self.path}, line {line}: nested too deeply")
        self.lines.setdefault(location, line)
        if isinstance(node, yaml.ScalarNode):
            self.raw[location] = node.value
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.visit(item, (*location, str(index)), depth=depth + 1)
        elif isinstance(node, yaml.MappingNode):
            self._visit_mapping(node, location, depth=depth)

    def _visit_mapping(self, node: yaml.MappingNode, location: Location, *, depth: int) -> None:
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise ConfigError(f"{self.path}, line {line}: a key must be plain text")
            if key.value in seen and key.value != "<<":
                raise ConfigError(f"{self.path}, line {line}: `{key.value}` is here twice")
            seen.add(key.value)
            inner = (*location, key.value)
            self.lines[inner] = line
            self.visit(value, inner, depth=depth + 1)


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_BYTES // 1024} KiB, so hardly a config file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}, line {line}: not UTF-8 text") from error


def _explain(path: Path, error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "cannot be parsed"
    if "'\\t'" in problem:
        problem += " (indent with spaces, not tabs)"
    if error.problem_mark is None:
        return f"{path}: not valid YAML: {problem}"
    mark = error.problem_mark
    return f"{path}, line {mark.line + 1}, column {mark.column + 1}: not valid YAML: {problem}"
