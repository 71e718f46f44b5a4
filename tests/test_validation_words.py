"""No message about a text says what it should be by a regular expression."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, cast

import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel, StringConstraints, TypeAdapter, ValidationError

import atlas_scheduler
import atlas_tui
import foundations
from atlas_scheduler.api import create_app
from atlas_scheduler.settings import RegistryHost, VolumeName
from foundations.models import (
    Digest,
    EnvironmentName,
    JobId,
    NewNote,
    NewToken,
    ProjectName,
    SecretName,
    Unique,
    Volume,
)
from foundations.models.images import ProjectPath, Stage
from foundations.models.words import Argument
from foundations.provenance import Commit

PACKAGES = (foundations, atlas_scheduler, atlas_tui)


def directories() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (Path(one) for one in package.__path__)


def models(base: type[BaseModel] = BaseModel) -> Iterator[type[BaseModel]]:
    """Every model of the three packages."""
    for one in base.__subclasses__():
        if one.__module__.partition(".")[0] in {package.__name__ for package in PACKAGES}:
            yield one
        yield from models(one)


def modules_with_models() -> Iterator[str]:
    for package in PACKAGES:
        for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            spec = one.module_finder.find_spec(one.name, None)
            source = None if spec is None or spec.origin is None else Path(spec.origin)
            if source is not None and "pydantic" in source.read_text(encoding="utf-8"):
                yield one.name


def patterns(schema: Any, *, seen: set[int]) -> Iterator[str]:
    """The patterns in a schema of pydantic's whose mismatch is not told in words."""
    if id(schema) in seen:
        return
    seen.add(id(schema))
    if isinstance(schema, dict):
        if schema.get("type") == "custom-error":
            return
        if schema.get("type") == "str" and "pattern" in schema:
            yield str(schema["pattern"])
        for part in schema.values():
            yield from patterns(part, seen=seen)
    elif isinstance(schema, list | tuple):
        for part in schema:
            yield from patterns(part, seen=seen)


def test_no_model_tells_a_pattern() -> None:
    for name in modules_with_models():
        importlib.import_module(name)
    found = list(models())
    assert {Unique, Volume, NewToken} <= set(found)
    told = {}
    for model in found:
        model.model_rebuild()
        if here := list(patterns(model.__pydantic_core_schema__, seen=set())):
            told[model.__qualname__] = here
    assert told == {}


def test_the_walk_finds_a_pattern_wherever_it_is() -> None:
    plain = Annotated[str, StringConstraints(pattern="^a$")]

    class Inner(BaseModel):
        named: dict[plain, int | None] = {}

    class Outer(BaseModel):
        inner: list[Inner] | None = None

    assert list(patterns(Outer.__pydantic_core_schema__, seen=set())) == ["^a$"]


def routes(router: Any) -> Iterator[APIRoute]:
    """The operations of an application, also of the routers that it includes."""
    for route in router.routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from routes(route.original_router)


def test_no_parameter_of_an_operation_tells_a_pattern() -> None:
    found = list(routes(create_app(cast("Any", None))))
    assert "/secrets/{name}" in {route.path for route in found}
    for route in found:
        dependant = route.dependant
        for field in (
            *dependant.path_params,
            *dependant.query_params,
            *dependant.header_params,
            *dependant.body_params,
        ):
            schema = field._type_adapter.core_schema
            assert list(patterns(schema, seen=set())) == [], (route.path, field.name)


def test_patterns_are_written_with_words_only() -> None:
    """Also where no model is made at import, such as an adapter or an option of a route."""
    bare = [
        f"{path.name}:{node.lineno}"
        for directory in directories()
        for path in directory.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"StringConstraints", "Field", "Path", "Query", "Header", "constr"}
        and any(one.arg in ("pattern", "regex") for one in node.keywords)
    ]
    assert bare == []


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        (JobId, "45540b52", "Should be the whole id of a job, such as 45540b52-ffe2-44ab-9838-"),
        (Digest, "sha256:0", "Should be `sha256:` and 64 hexadecimal digits in lower case"),
        (ProjectName, "a/b", "Should be without slashes, backslashes and control characters"),
        (
            EnvironmentName,
            "1A",
            "Should be made of the letters A-Z and a-z, digits and underscores, and begin with no "
            "digit",
        ),
        (SecretName, "a-b", "Should be made of the letters A-Z and a-z, digits and underscores"),
        (Argument, "a\0", "Should be without null characters"),
        (
            ProjectPath,
            "",
            "Should be at least one character, and no line breaks or other control characters",
        ),
        (Stage, "-", "Should be made of letters, digits and any of . _ -, and begin with a letter"),
        (Commit, "abc", "Should be the 40 or 64 hexadecimal digits of a commit"),
        (RegistryHost, "http://x", "Should be a host alone, with its port if it has one, such as"),
        (VolumeName, "a/b", "Should be at most 100 of the letters A-Z and a-z, digits and any of"),
    ],
)
def test_a_text_that_does_not_match_is_told_what_it_should_be(
    kind: Any, text: str, words: str
) -> None:
    with pytest.raises(ValidationError) as refusal:
        TypeAdapter(kind).validate_python(text)
    (error,) = refusal.value.errors(include_url=False)
    assert error["msg"].startswith(words)


@pytest.mark.parametrize(
    ("model", "data", "words"),
    [
        (
            Unique,
            {"key": "a\nb"},
            "Should be at least one character, and no line breaks or other control characters",
        ),
        (Volume, {"host": "data dir", "bind": "/x"}, "Should be an absolute path, or the name of"),
        (Volume, {"host": "/data", "bind": "x"}, "Should be an absolute path, such as /data"),
        (NewNote, {"text": "  "}, "Should be more than blank, and without null characters"),
        (NewToken, {"name": "?", "role": "read"}, "Should be made of the letters A-Z and a-z"),
    ],
)
def test_a_field_that_does_not_match_is_told_what_it_should_be(
    model: type[BaseModel], data: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError) as refusal:
        model.model_validate(data)
    (error,) = refusal.value.errors(include_url=False)
    assert error["msg"].startswith(words)


def test_a_text_that_is_none_or_too_long_is_told_of_as_such() -> None:
    adapter = TypeAdapter[str](EnvironmentName)
    for value, words in ((7, "Input should be a valid string"), ("a" * 201, "at most 200")):
        with pytest.raises(ValidationError, match=words):
            adapter.validate_python(value)
    assert adapter.json_schema() == {
        "type": "string",
        "maxLength": 200,
        "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
    }
