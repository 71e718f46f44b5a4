"""`atlas-server install` and `uninstall`: the server as a service of systemd."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from atlas_scheduler.operations.home_option import chosen_home, home_option
from foundations.errors import ConfigError
from foundations.home import Home


@click.command()
@home_option
@click.option("--print", "only_print", is_flag=True, help="Print the unit and install nothing.")
def install(home_path: Path | None, *, only_print: bool) -> None:
    """Let systemd start the scheduler at each login and after a crash.

    Writes ~/.config/systemd/user/atlas.service, then enables and starts it. Jobs run on while the
    service is stopped, restarted or uninstalled.
    """
    from atlas_scheduler.operations import systemd

    home = chosen_home(home_path)
    text = _unit(home)
    if only_print:
        click.echo(text, nl=False)
        return
    home.create()
    home.logs.mkdir(mode=0o700, exist_ok=True)
    path = systemd.unit_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    click.echo(f"Wrote {path}.")
    if not systemd.is_there():
        click.echo(
            "systemd does not answer for you here (`systemctl --user`), so the service is not "
            "enabled. Where it does: systemctl --user daemon-reload; systemctl --user enable "
            f"--now {systemd.UNIT}"
        )
        return
    _begin(home)
    if not systemd.lingers():
        click.echo(
            "Services of yours end with your last session, and jobs that run as plain processes "
            f"with them. To let them run on: loginctl enable-linger {getpass.getuser()}"
        )


def _unit(home: Home) -> str:
    from atlas_scheduler.operations import systemd

    try:
        return systemd.unit_text(home)
    except ValueError as error:
        raise ConfigError(f"A service cannot serve {home.root}: {error}.") from error


def _begin(home: Home) -> None:
    from atlas_scheduler import process
    from atlas_scheduler.operations import systemd

    systemd.systemctl("daemon-reload")
    # A server that was started by hand would keep the home from the service.
    process.stop(home)
    systemd.systemctl("enable", systemd.UNIT)
    systemd.systemctl("restart", systemd.UNIT)
    click.echo(f"The Atlas server is running as {systemd.UNIT}, home {home.root}.")


@click.command()
def uninstall() -> None:
    """Take the service away. The scheduler stops; its jobs run on."""
    from atlas_scheduler.operations import systemd

    path = systemd.unit_path()
    if not path.exists():
        click.echo(f"There is no {path}: nothing to do.")
        return
    if systemd.is_there():
        systemd.systemctl("disable", "--now", systemd.UNIT)
    path.unlink()
    if systemd.is_there():
        systemd.systemctl("daemon-reload")
    click.echo(f"Removed {path}. Running jobs go on.")
