"""`atlas-server logs`: shows what the server says of itself."""

from __future__ import annotations

from pathlib import Path

import click

from atlas_scheduler.operations.home_option import chosen_home, home_option
from foundations.errors import ConfigError


@click.command()
@home_option
@click.option("--follow", "-f", "following", is_flag=True, help="Go on with what comes.")
@click.option(
    "--lines", "-n", "count", type=click.IntRange(min=0), default=50, help="Show so many. 50."
)
@click.option("--json", "as_json", is_flag=True, help="Print the records as they are written.")
def logs(home_path: Path | None, *, following: bool, count: int, as_json: bool) -> None:
    """Show the end of the server's log.

    A server that runs on a terminal logs there, and not to this file.
    """
    from atlas_scheduler.operations.log_lines import follow, last_lines, readable

    path = chosen_home(home_path).server_log
    if not path.exists():
        raise ConfigError(
            f"There is no log {path}. A server that `atlas-server start --detach` or "
            "`atlas-server install` started writes one."
        )
    lines = follow(path, count) if following else last_lines(path, count)
    try:
        for line in lines:
            click.echo(line if as_json else readable(line))
    except KeyboardInterrupt:
        return
