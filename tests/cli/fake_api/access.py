"""Who asks: the caller, tokens and secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from foundations.errors import NotFound
from foundations.models import CallerView, NewSecret, NewToken, Role
from tests.cli.fake_api.replies import Route, json_list, json_of

if TYPE_CHECKING:
    from tests.cli.fake_scheduler import FakeScheduler


def _whoami(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return json_of(CallerView(user="ada", role=Role.ADMIN, source="unix socket"))


def _tokens(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return json_list(scheduler.tokens.views())


def _create_token(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    wanted = NewToken.model_validate_json(request.read())
    return json_of(scheduler.tokens.make(wanted, by="ada"), status=201)


def _rotate_token(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    old = scheduler.tokens.views()[-1]
    wanted = NewToken(name=ref, user=old.user, role=old.role)
    made = scheduler.tokens.make(wanted, by="ada", rotated_from=old.token_id)
    return json_of(made, status=201)


def _revoke_token(scheduler: FakeScheduler, request: httpx.Request, ref: str) -> httpx.Response:
    return json_list(scheduler.tokens.end(ref, by="ada"))


def _secrets(scheduler: FakeScheduler, request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=[_secret(*one) for one in sorted(scheduler.secrets)])


def _set_secret(scheduler: FakeScheduler, request: httpx.Request, name: str) -> httpx.Response:
    wanted = NewSecret.model_validate_json(request.content)
    scheduler.secrets[name, wanted.shared] = wanted.value.get_secret_value()
    return httpx.Response(200, json=_secret(name, wanted.shared))


def _delete_secret(scheduler: FakeScheduler, request: httpx.Request, name: str) -> httpx.Response:
    shared = request.url.params.get("shared") == "true"
    if scheduler.secrets.pop((name, shared), None) is None:
        raise NotFound(f"There is no secret of yours named `{name}`.")
    return httpx.Response(204)


def _secret(name: str, shared: bool) -> dict[str, Any]:
    return {"name": name, "shared": shared, "set_at": "2026-03-14T09:26:53Z"}


ROUTES: list[Route] = [
    ("GET", "/caller", _whoami),
    ("GET", "/tokens", _tokens),
    ("POST", "/tokens", _create_token),
    ("POST", "/tokens/([^/]+)/rotate", _rotate_token),
    ("DELETE", "/tokens/([^/]+)", _revoke_token),
    ("GET", "/secrets", _secrets),
    ("PUT", "/secrets/([^/]+)", _set_secret),
    ("DELETE", "/secrets/([^/]+)", _delete_secret),
]
