"""Requests made up from the OpenAPI document: never a server error, never an answer it denies."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, SerializationContext
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi.checks import (
    positive_data_acceptance,
    response_schema_conformance,
)

from atlas_scheduler.api import create_app
from tests.api.fake_service import FakeService, as_service
from tests.api.real import Server, served

EXAMPLES = 20
# What a server refuses depends on more than a schema can say: an id that nothing has, a digest
# that is another's, a filter that cannot be read.
_NOT_CHECKED: list[CheckFunction] = [positive_data_acceptance]
# The kinds of its events cannot be told by this version of OpenAPI; test_changes looks at them.
_STREAMED_EVENTS = "/api/v1/changes"
OPERATIONS = [
    (method.upper(), path)
    for path, methods in create_app(as_service(FakeService())).openapi()["paths"].items()
    for method in methods
]

schemathesis.openapi.media_type("application/gzip", st.binary(max_size=2_000).map(gzip.compress))


@schemathesis.serializer("application/gzip")
def _as_it_is(_: SerializationContext, value: Any) -> bytes | None:
    return bytes(value)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with served(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture(scope="module")
def schema(server: Server) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"{server.url}/api/v1/openapi.json")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_an_operation_keeps_its_word_whatever_it_is_asked(
    server: Server, schema: schemathesis.BaseSchema, method: str, path: str
) -> None:
    operation = schema[path][method]
    excluded = [*_NOT_CHECKED, *([response_schema_conformance] * (path == _STREAMED_EVENTS))]
    turn = 0

    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Case[Any]) -> None:
        nonlocal turn
        turn += 1
        if turn % 2 and "ref" in case.path_parameters:
            case.path_parameters["ref"] = server.job_ids[turn % len(server.job_ids)]
        if "follow" in {parameter.name for parameter in operation.query}:
            case.query["follow"] = "false"
        answer = case.call(timeout=30)
        case.validate_response(answer, excluded_checks=excluded)

    ask()
    assert turn >= 1
