"""`atlas serve`: the control center in a browser of this machine."""

from __future__ import annotations

import hmac
import html
import logging
import re
import secrets
import shlex
import sys
from typing import Any

import click

from foundations import extras
from foundations.errors import AtlasError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_COOKIE = "atlas"


@click.command(
    context_settings={
        "help_option_names": ["-h", "--help"],
        "ignore_unknown_options": True,
        "allow_interspersed_args": True,
    }
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Only this machine's own.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def serve(host: str, port: int, options: tuple[str, ...]) -> None:
    """Show the control center in a browser, on this machine only.

    OPTIONS are those of `atlas`, such as a scheduler's name or --read-only. Each page is an app of
    its own. Who has the link that is printed can do whatever you can: keep it to yourself.
    """
    if host not in LOOPBACK:
        raise click.UsageError(
            f"--host {host} can be reached from other machines, and the page asks for no password. "
            "From elsewhere use: ssh -L 8000:127.0.0.1:8000 HOST"
        )
    try:
        module = extras.load("textual_serve.server", extra="serve", purpose="`atlas serve`")
        web = extras.load("aiohttp.web", extra="serve", purpose="`atlas serve`")
    except AtlasError as error:
        raise click.ClickException(error.message) from error
    token = secrets.token_urlsafe(24)
    command = shlex.join([sys.executable, "-P", "-m", "atlas_tui", *options])
    server = guarded(module.Server, web, token)(command, host=host, port=port, title="Atlas")
    click.echo(f"Open http://{host}:{port}/?token={token}")
    click.echo("Ctrl-C ends it.")
    server.serve()


def guarded(server: Any, web: Any, token: str) -> Any:
    """Make a server that answers only whoever has the token.

    A page of any other site may open a connection to this machine in the user's browser, and other
    users of the machine may as well. The first visit brings the token, and a cookie stays.
    """

    @web.middleware  # type: ignore[untyped-decorator]  # the extra may be missing
    async def check(request: Any, handler: Any) -> Any:
        refusal = _refusal(request, token)
        if refusal is not None:
            return web.Response(status=403, text=refusal + "\n")
        answer = await handler(request)
        if answer.content_type == "text/html":
            _keep_at_home(answer, host=request.host)
        if "token" in request.query and not answer.prepared:
            answer.set_cookie(_COOKIE, token, httponly=True, samesite="Strict")
        return answer

    class Guarded(server):  # type: ignore[misc]  # the extra may be missing
        """Answers only whoever has the token."""

        async def _make_app(self) -> Any:
            app = await super()._make_app()
            app.middlewares.append(check)
            return app

        async def on_startup(self, app: Any) -> None:
            """Print nothing: the link was printed."""

        def initialize_logging(self) -> None:
            """Print what goes wrong, and not each request, which has the token in it."""
            logging.basicConfig(level=logging.WARNING, format="%(message)s")

    return Guarded


def _refusal(request: Any, token: str) -> str | None:
    given = request.query.get("token") or request.cookies.get(_COOKIE, "")
    origin = request.headers.get("Origin")
    own = (None, f"http://{request.host}")
    if not hmac.compare_digest(given.encode(), token.encode()) or origin not in own:
        return "Open the link that `atlas serve` has printed."
    if request.host.rsplit(":", 1)[0].strip("[]") not in LOOPBACK:
        return "This page is for this machine only."
    return None


def _keep_at_home(answer: Any, *, host: str) -> None:
    answer.text = own_page(answer.text, host=host)
    answer.headers["Referrer-Policy"] = "no-referrer"


def own_page(page: str, *, host: str) -> str:
    """Let a page ask only where it came from, which may be the near end of `ssh -L`.

    Args:
        page: what textual-serve made: with its own address, and a font from elsewhere.
        host: name and port that the browser asked for.
    """
    host = html.escape(host)
    names = "|".join(map(re.escape, LOOPBACK))
    page = re.sub(rf'"(http|ws)://\[?(?:{names})\]?(?::\d+)?/', rf'"\g<1>://{host}/', page)
    return re.sub(rf'<link\b[^>]*"https?://(?!{re.escape(host)}/)[^>]*>', "", page)
