"""`atlas-server`: start, stop and look at the scheduler of a home."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

import foundations
from foundations.cli.token import token_group
from foundations.errors import AtlasError, ConfigError
from foundations.home import Home

if TYPE_CHECKING:
    from foundations.client import Client
    from foundations.models import EngineView, SchedulerInfo

_HOME_HELP = "Where everything is kept. Default: $FOUNDATIONS_HOME, else ~/.foundations."
home_option = click.option("--home", "home_path", type=click.Path(path_type=Path), help=_HOME_HELP)


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
def start(home_path: Path | None, *, detach: bool, gpus: str | None) -> None:
    """Start the scheduler. It keeps running jobs that an earlier one started.

    It listens on a Unix socket that only you can open.
    """
    from atlas_scheduler import process

    home = _home(home_path)
    if detach:
        running = process.find_server(home)
        if running is not None:
            click.echo(f"The Atlas server is already running (process {running}).")
            return
        pid = process.start_detached(home, () if gpus is None else ("--gpus", gpus))
        click.echo(f"The Atlas server is running (process {pid}), home {home.root}.")
        _show_engine(_info(home).engine)
        return
    _serve(home, gpus)


def _serve(home: Home, gpus: str | None) -> None:
    from atlas_scheduler import process
    from atlas_scheduler.app import serve
    from atlas_scheduler.serverlog import configure
    from atlas_scheduler.settings import ServerSettings

    configure(on_terminal=sys.stderr.isatty())
    settings = ServerSettings.load(home.server_config)
    if gpus is not None:
        names = () if gpus == "none" else [one.strip() for one in gpus.split(",") if one.strip()]
        settings = settings.model_copy(update={"gpus": tuple(names)})

    def on_ready() -> None:
        process.announce_ready()
        if sys.stderr.isatty():
            click.echo(
                f"Atlas server {foundations.__version__} at unix://{home.socket}. "
                "Ctrl-C stops it; jobs run on.",
                err=True,
            )

    process.take_lock(home)
    asyncio.run(serve(home, settings, on_ready=on_ready))


@cli.command()
@home_option
def stop(home_path: Path | None) -> None:
    """Stop the scheduler. Running jobs go on, and the next start adopts them."""
    from atlas_scheduler import process

    home = _home(home_path)
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
    info = _info(_home(home_path))
    if as_json:
        click.echo(json.dumps(info.model_dump(mode="json"), indent=2))
        return
    states = ", ".join(f"{count} {state}" for state, count in info.states.items() if count)
    click.echo(f"Atlas server {info.version}, process {info.pid}, home {info.home}")
    _show_engine(info.engine)
    click.echo(f"Jobs: {states or 'none yet'}; at most {info.queue.max_running_jobs} at once")


@cli.command(hidden=True)
@home_option
@click.option("--jobs", "count", type=click.IntRange(min=1), default=2000)
def demo(home_path: Path | None, *, count: int) -> None:
    """Give a new home a made-up past, for `atlas --demo`."""
    import time

    from atlas_scheduler.demo.store import fill

    home = _home(home_path)
    if home.database.exists():
        raise ConfigError(f"{home.root} has a past already: a demo needs a new home.")
    home.create()
    now_ms = time.time_ns() // 1_000_000
    asyncio.run(fill(home, home.root / "demo_sources", count, now_ms=now_ms))


@cli.command()
def version() -> None:
    """Print the version."""
    click.echo(foundations.__version__)


def _client(home_path: Path | None) -> Client:
    from foundations.client import Client

    client = Client(f"unix://{_home(home_path).socket}")
    click.get_current_context().call_on_close(client.close)
    return client


cli.add_command(
    token_group(
        click.option("--home", "place", type=click.Path(path_type=Path), help=_HOME_HELP), _client
    )
)


def _info(home: Home) -> SchedulerInfo:
    from foundations.client import Client

    with Client(f"unix://{home.socket}") as client:
        return client.info()


def _show_engine(engine: EngineView) -> None:
    click.echo(f"Engine: {engine.name} {engine.version or ''}".rstrip())
    for line in (engine.description, engine.problem, *engine.notes):
        if line:
            click.echo(f"  {line}")


def _home(path: Path | None) -> Home:
    return Home.default() if path is None else Home(path)


def main() -> None:
    """Run the command line; errors go to stderr, exit code 1."""
    try:
        cli(prog_name="atlas-server")
    except AtlasError as error:
        click.echo(f"Error: {error.message}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
