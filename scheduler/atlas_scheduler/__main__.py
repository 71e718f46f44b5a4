"""`atlas-server`: start, stop and look at the scheduler of a home."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

import foundations
from atlas_scheduler.clock import now_ms
from atlas_scheduler.operations.backup_commands import backup, restore
from atlas_scheduler.operations.home_option import HOME_HELP, chosen_home, home_option
from atlas_scheduler.operations.hook_commands import hook
from atlas_scheduler.operations.logs import logs
from atlas_scheduler.operations.service_commands import install, uninstall
from foundations.cli.token import token_group
from foundations.errors import AtlasError, ConfigError

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.home import Home
    from foundations.models import CertificateView, EngineView, SchedulerInfo


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Run the Atlas scheduler on this machine."""


@cli.command()
@home_option
@click.option("--detach", "-d", is_flag=True, help="Run in the background; return when it answers.")
@click.option(
    "--gpus",
    metavar="LIST",
    help="GPUs that jobs get, by index or id, such as 0,2; `none` for none. Default: `gpus` of "
    "server.yaml, else all.",
)
@click.option(
    "--listen",
    multiple=True,
    metavar="ADDRESS",
    help="Listen here as well, such as 127.0.0.1:5000; may be repeated. Whoever comes there needs "
    "a token. Default: `listen` of server.yaml.",
)
@click.option(
    "--insecure-http",
    is_flag=True,
    help="Let HTTP without TLS leave this machine, readable by all.",
)
def start(
    home_path: Path | None,
    *,
    detach: bool,
    gpus: str | None,
    listen: tuple[str, ...],
    insecure_http: bool,
) -> None:
    """Start the scheduler. It keeps running jobs that an earlier one started.

    It listens on a Unix socket that only you can open, and where --listen says.
    """
    from atlas_scheduler import process

    home = chosen_home(home_path)
    if detach:
        running = process.find_server(home)
        if running is not None:
            click.echo(f"The Atlas server is already running (process {running}).")
            return
        pid = process.start_detached(home, _again(gpus, listen, insecure_http=insecure_http))
        click.echo(f"The Atlas server is running (process {pid}), home {home.root}.")
        found = _info(home)
        _show_engine(found.engine)
        _show_listening(home, found.listening)
        return
    _serve(home, gpus, listen, insecure_http=insecure_http)


def _again(gpus: str | None, listen: tuple[str, ...], *, insecure_http: bool) -> list[str]:
    """Return the options of a start, for the process that does it."""
    options = [] if gpus is None else ["--gpus", gpus]
    for address in listen:
        options += ["--listen", address]
    return [*options, "--insecure-http"] if insecure_http else options


def _serve(home: Home, gpus: str | None, listen: tuple[str, ...], *, insecure_http: bool) -> None:
    from atlas_scheduler import process
    from atlas_scheduler.app import serve
    from atlas_scheduler.operations.restore import finish
    from atlas_scheduler.serverlog import configure
    from atlas_scheduler.settings import ServerSettings

    configure(on_terminal=sys.stderr.isatty(), log_file=home.server_log)
    settings = ServerSettings.load(home.server_config)
    if gpus is not None:
        names = () if gpus == "none" else [one.strip() for one in gpus.split(",") if one.strip()]
        settings = settings.model_copy(update={"gpus": tuple(names)})
    if listen:
        settings = settings.model_copy(update={"listen": listen})
    if insecure_http:
        settings = settings.model_copy(update={"insecure_http": True})

    def on_ready() -> None:
        process.stay_responsive()
        process.announce_ready()
        if sys.stderr.isatty():
            click.echo(
                f"Atlas server {foundations.__version__} at unix://{home.socket}. "
                "Ctrl-C stops it; jobs run on.",
                err=True,
            )

    process.take_lock(home)
    finish(home)
    home.create_contents()
    with asyncio.Runner() as runner:
        runner.run(serve(home, settings, on_ready=on_ready))
        process.leave()


@cli.command()
@home_option
def stop(home_path: Path | None) -> None:
    """Stop the scheduler. Running jobs go on, and the next start adopts them."""
    from atlas_scheduler import process

    home = chosen_home(home_path)
    pid = process.stop(home)
    if pid is None:
        click.echo(f"No Atlas server is running for {home.root}.")
    else:
        click.echo(f"Stopped the Atlas server (process {pid}). Running jobs go on.")


@cli.command()
@home_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def status(home_path: Path | None, *, as_json: bool) -> None:
    """Show whether the scheduler runs, and how it stands. Exits 1 when it does not run."""
    info = _info(chosen_home(home_path))
    if as_json:
        click.echo(json.dumps(info.model_dump(mode="json"), indent=2))
        return
    states = ", ".join(f"{count} {state}" for state, count in info.states.items() if count)
    click.echo(f"Atlas server {info.version}, process {info.pid}, home {info.home}")
    _show_engine(info.engine)
    _show_listening(chosen_home(home_path), info.listening)
    _show_certificate(info.certificate)
    click.echo(f"Jobs: {states or 'none yet'}; at most {info.queue.max_running_jobs} at once")


@cli.command("tls-init")
@home_option
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="HOST",
    help="A name or an IP address by which clients ask for this machine; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def tls_init(home_path: Path | None, *, names: tuple[str, ...], as_json: bool) -> None:
    """Make a certificate for TLS, or renew it.

    It is issued by an authority of this home's own, which is made once and kept: clients pin its
    fingerprint, and go on as they are when the certificate is renewed.
    """
    import socket
    from datetime import UTC, datetime

    from atlas_scheduler.certificates import TlsFiles, issue
    from foundations.transport.trust import write_fingerprint

    home = chosen_home(home_path)
    home.create()
    own = ("localhost", "127.0.0.1", "::1", socket.gethostname())
    made = issue(home.tls, [*own, *names], now=datetime.now(UTC))
    fingerprint = write_fingerprint(made.authority_sha256)
    if as_json:
        document = {
            "fingerprint": fingerprint,
            "names": made.names,
            "until": made.until.isoformat(),
            "ca": str(TlsFiles(home.tls).authority),
            "is_new_authority": made.is_new_authority,
        }
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(f"Made a certificate for {', '.join(made.names)}.")
    click.echo(
        f"It holds until {made.until:%Y-%m-%d}; run this again before. A server that listens by"
    )
    click.echo(
        "TLS shows it from the next connection on. The authority stays the same. Clients pin"
    )
    click.echo("its fingerprint:")
    click.echo(f"  {fingerprint}")
    click.echo("On another machine:")
    name = names[0] if names else socket.gethostname()
    click.echo(f"  foundations config add NAME https://{name}:5000 --fingerprint {fingerprint}")


@cli.command(hidden=True)
@home_option
@click.option("--jobs", "count", type=click.IntRange(min=1), default=2000)
def demo(home_path: Path | None, *, count: int) -> None:
    """Give a new home a made-up past, for `atlas --demo`."""

    from atlas_scheduler.demo.store import fill

    home = chosen_home(home_path)
    if home.database.exists():
        raise ConfigError(f"{home.root} has a past already: a demo needs a new home.")
    home.create()
    asyncio.run(fill(home, home.root / "demo_sources", count, now_ms=now_ms()))


@cli.command()
def version() -> None:
    """Print the version."""
    click.echo(foundations.__version__)


def _client(home_path: Path | None) -> Client:
    from foundations.client import Client

    client = Client(f"unix://{chosen_home(home_path).socket}")
    click.get_current_context().call_on_close(client.close)
    return client


cli.add_command(
    token_group(
        click.option("--home", "place", type=click.Path(path_type=Path), help=HOME_HELP), _client
    )
)
for command in (logs, install, uninstall, backup, restore, hook):
    cli.add_command(command)


def _info(home: Home) -> SchedulerInfo:
    from foundations.client import Client

    with Client(f"unix://{home.socket}") as client:
        return client.info()


def _show_listening(home: Home, urls: Sequence[str]) -> None:
    for url in urls:
        click.echo(f"Listening: {url}")
    if urls:
        with _client(home.root) as client:
            if not any(token.holds for token in client.tokens()):
                click.echo("  Nobody can come in there yet: atlas-server token create NAME")


def _show_certificate(certificate: CertificateView | None) -> None:
    if certificate is None:
        return
    names = ", ".join(certificate.names) or "no name"
    click.echo(f"Certificate: for {names}, until {certificate.until:%Y-%m-%d}")
    if certificate.problem is not None:
        click.echo(f"  {certificate.problem}")


def _show_engine(engine: EngineView) -> None:
    click.echo(f"Engine: {engine.name} {engine.version or ''}".rstrip())
    for line in (engine.description, engine.problem, *engine.notes):
        if line:
            click.echo(f"  {line}")


def main() -> None:
    """Run the command line; errors go to stderr, exit code 1."""
    try:
        cli(prog_name="atlas-server")
    except AtlasError as error:
        click.echo(f"Error: {error.message}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
