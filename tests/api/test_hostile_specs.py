"""Job descriptions that ask for more than a container: each is refused, and makes no job."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.fake_service import DIGEST, FakeService
from tests.hostile_configs import DOCKER_OPTIONS, SPEC_FIELDS

pytestmark = pytest.mark.anyio


async def _is_refused(http: httpx.AsyncClient, service: FakeService, body: Any) -> str:
    answer = await http.post("/jobs", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == "invalid_request"
    assert service.submissions == 0
    message: str = answer.json()["message"]
    return message


@pytest.mark.parametrize("option", DOCKER_OPTIONS)
async def test_no_option_of_docker_is_passed_through(
    http: httpx.AsyncClient, service: FakeService, option: str
) -> None:
    value = DOCKER_OPTIONS[option]
    spec = {"project": "cats"}
    inside = await _is_refused(http, service, {"spec": {**spec, option: value}, "bundle": DIGEST})
    assert option in inside
    beside = await _is_refused(http, service, {"spec": spec, "bundle": DIGEST, option: value})
    assert option in beside


@pytest.mark.parametrize(("field", "value"), SPEC_FIELDS)
async def test_no_field_takes_what_it_must_not(
    http: httpx.AsyncClient, service: FakeService, field: str, value: Any
) -> None:
    body = {"spec": {"project": "cats", field: value}, "bundle": DIGEST}
    assert field in await _is_refused(http, service, body)
