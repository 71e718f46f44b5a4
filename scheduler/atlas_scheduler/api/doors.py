"""The doors of the server: who comes in is known by name, or is turned away.

Each listener has one around the application, so that how somebody came in need not be guessed.
"""

from __future__ import annotations

import asyncio
import os
import pwd
from functools import cache, partial

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import foundations
from atlas_scheduler.api.errors import hang_up
from atlas_scheduler.api.penalties import Penalties
from atlas_scheduler.core.access import PUBLIC_PATHS, UNIX_SOCKET, Caller
from atlas_scheduler.metering import Meter
from atlas_scheduler.store.tokens import Token
from atlas_scheduler.telemetry import Refusal, Telemetry
from atlas_scheduler.tokens import Tokens
from atlas_scheduler.turns import Turns
from foundations.errors import NotAuthorised, SchedulerError, TooMany
from foundations.models import Role

WHO_ASKS = (
    "This scheduler wants to know who asks. Sign in with `foundations login`, or give a token in "
    "`Authorization: Bearer TOKEN`; `atlas-server token create` makes one."
)

LONGEST_HOLD_SECONDS = 1.0
"""Longest that the answer to one request too many is held back."""

log = structlog.get_logger(__name__)


class Door:
    """ASGI wrapper: lets in whoever shows a token, or the owner where there is no need of one."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        tokens: Tokens | None,
        penalties: Penalties | None = None,
        turns: Turns | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        """Guard an application.

        Args:
            app: what is behind the door.
            tokens: who may come in. With None everybody is the owner: for the home's Unix socket,
                which only they can open.
            penalties: of those who show wrong tokens; doors beside each other may share them.
            turns: whose request is worked on next; doors of one application share them.
            telemetry: counts whoever is turned away; the application does not see them.
        """
        self.app = app
        self._tokens = tokens
        self._penalties = penalties or Penalties()
        self._turns = turns or Turns()
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with the name of who asks when it is its turn, or refuse it.

        The turn is over when the answer begins.
        """
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        is_public = scope["type"] == "http" and scope["path"] in PUBLIC_PATHS
        try:
            if self._tokens is None:
                state["caller"] = _owner()
            elif is_public:
                state["caller"] = Caller("anybody", Role.READ, _peer(scope))
            else:
                token = await self._known(self._tokens, scope)
                state["caller"] = Caller(token.user, token.role, _peer(scope), token.token_id)
                state["until_over"] = partial(self._tokens.until_over, token.token_id)
                state["meter"] = self._tokens.meter(token)
                await _count(state["meter"])
        except SchedulerError as error:
            if self._telemetry is not None:
                self._telemetry.refused(error.status, _reason(error, is_known="caller" in state))
            await _turn_away(error, scope, receive, send)
            return
        if is_public:
            await self.app(scope, receive, send)
            return
        async with self._turns.next(state["caller"].token) as turn:

            async def begin(message: Message) -> None:
                turn.end()
                await send(message)

            await self.app(scope, receive, begin)

    async def _known(self, tokens: Tokens, scope: Scope) -> Token:
        """Find who shows the token of a request.

        Raises:
            NotAuthorised: there is none, or it does not hold.
            TooMany: too many wrong ones came from there.
        """
        secret, peer = _shown(scope), _peer(scope)
        try:
            return tokens.authenticate(secret, source=peer)
        except NotAuthorised:
            await self._penalties.serve(peer)
            raise


async def _count(meter: Meter) -> None:
    """Count a request.

    Raises:
        TooMany: its token asks too often.
    """
    try:
        meter.count_request()
    except TooMany as error:
        # Whoever asks again at once would take more of the server's time than an answer does.
        await asyncio.sleep(min(error.retry_after_seconds, LONGEST_HOLD_SECONDS))
        raise


def _reason(error: SchedulerError, *, is_known: bool) -> Refusal:
    if isinstance(error, NotAuthorised):
        return "token"
    return "requests" if is_known else "wrong_tokens"


async def _turn_away(error: SchedulerError, scope: Scope, receive: Receive, send: Send) -> None:
    log.warning("not let in", peer=_peer(scope), path=scope["path"], reason=error.message)
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": error.code})
        return
    headers = {"X-Atlas-Version": foundations.__version__}
    if isinstance(error, NotAuthorised):
        headers["WWW-Authenticate"] = "Bearer"
    await hang_up(error, headers=headers)(scope, receive, send)


@cache
def _owner() -> Caller:
    """Only the account that runs the server can open its socket."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = f"uid {os.getuid()}"
    return Caller(user, Role.ADMIN, UNIX_SOCKET)


def _shown(scope: Scope) -> str:
    """The token that a request shows.

    Raises:
        NotAuthorised: there is none, or several.
    """
    shown = Headers(scope=scope).getlist("authorization")
    scheme, _, secret = shown[0].partition(" ") if len(shown) == 1 else ("", "", "")
    if scheme.lower() != "bearer":
        raise NotAuthorised(WHO_ASKS)
    return secret.strip()


def _peer(scope: Scope) -> str:
    return scope["client"][0] if scope.get("client") else "unknown"
