"""`foundations doctor`: checks everything that a submission needs, and says what to do."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from foundations import __version__
from foundations.cli import render
from foundations.cli.context import json_option, load_config, optional_scheduler_argument, reach
from foundations.errors import AtlasError
from foundations.text.quantities import size

if TYPE_CHECKING:
    from foundations.configs import SchedulerConfig
    from foundations.home import Home
    from foundations.models import SchedulerInfo

LOW_DISK_BYTES = 5 * 10**9
Verdict = Literal["ok", "warning", "problem"]
_COLOURS: dict[Verdict, str] = {"ok": "green", "warning": "yellow", "problem": "red"}


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    check: str
    verdict: Verdict
    detail: str


@click.command()
@optional_scheduler_argument
@json_option
@click.pass_context
def doctor(ctx: click.Context, scheduler: str, *, as_json: bool) -> None:
    """Check that everything a submission needs works.

    This machine's own scheduler is started if it does not run, as every command does. The exit
    code is 1 when there is a problem; warnings do not count.
    """
    findings = []
    for finding in _examine(scheduler):
        findings.append(finding)
        if not as_json:
            verdict = click.style(f"{finding.verdict:<8}", fg=_COLOURS[finding.verdict])
            click.echo(f"{verdict} {finding.check}: {render.clean(finding.detail)}")
    if as_json:
        render.print_json([asdict(finding) for finding in findings])
    if any(finding.verdict == "problem" for finding in findings):
        ctx.exit(1)


def _examine(scheduler: str) -> Iterator[Finding]:
    from foundations.home import Home

    yield Finding("version", "ok", f"{__version__}, Python {sys.version.split()[0]}")
    home = Home.default()
    yield _home(home)
    yield from _disk(home)
    yield from _other_configs(home, scheduler)
    try:
        config = load_config(scheduler)
        yield Finding("config", "ok", f"{config.path}: {config.scheduler_url}")
        if config.note:
            yield Finding("config", "warning", config.note)
        if config.is_by_ssh:
            yield _ssh(config, home)
        yield from _scheduler(config)
    except (AtlasError, OSError) as error:
        yield Finding("scheduler", "problem", str(error))


def _home(home: Home) -> Finding:
    try:
        home.create()
        status = home.root.stat()
    except OSError as error:
        return Finding("home", "problem", f"{home.root}: {error.strerror}")
    if not os.access(home.root, os.R_OK | os.W_OK | os.X_OK):
        return Finding("home", "problem", f"{home.root} cannot be written to")
    if status.st_mode & 0o077:
        return Finding(
            "home", "warning", f"others can look into {home.root}: chmod 700 {home.root}"
        )
    return Finding("home", "ok", str(home.root))


def _disk(home: Home) -> Iterator[Finding]:
    if not home.root.is_dir():
        return
    free = shutil.disk_usage(home.root).free
    text = f"{render.size(free)} free at {home.root}"
    yield Finding("disk", "ok" if free >= LOW_DISK_BYTES else "warning", text)


def _other_configs(home: Home, scheduler: str) -> Iterator[Finding]:
    """Read the configs that were not asked for too: a broken one would only show later."""
    from foundations import configs

    for file in configs.list_configs(home=home, cwd=Path.cwd()):
        if file.name == scheduler:
            continue
        try:
            configs.read(file)
        except AtlasError as error:
            yield Finding("config", "warning", error.message)


def _ssh(config: SchedulerConfig, home: Home) -> Finding:
    from foundations import autostart
    from foundations.ssh.command import can_ask

    tunnel = autostart.reach_by_ssh(config, home=home, asks=can_ask())
    return Finding("ssh", "ok", f"gets to {tunnel.place.host}; the way there is {tunnel.socket}")


def _scheduler(config: SchedulerConfig) -> Iterator[Finding]:
    found = reach(config).info()
    detail = f"version {found.version} answers, process {found.pid}, home {found.home}"
    if found.version == __version__:
        yield Finding("scheduler", "ok", detail)
    else:
        advice = f"this client is {__version__}: install the same version on both sides"
        yield Finding("scheduler", "warning", f"{detail}; {advice}")
    yield from _engine(found)
    if found.certificate is not None:
        problem = found.certificate.problem
        detail = f"holds until {found.certificate.until:%Y-%m-%d}"
        yield Finding("certificate", "warning" if problem else "ok", problem or detail)
    if found.storage is not None:
        problem = found.storage.problem
        detail = f"{size(found.storage.free_bytes)} free"
        yield Finding("space", "problem" if problem else "ok", problem or detail)
    yield Finding("gpus", "ok", ", ".join(found.gpus) or "none")


def _engine(found: SchedulerInfo) -> Iterator[Finding]:
    engine = found.engine
    name = f"{engine.name} {engine.version or ''}".strip()
    if not engine.available:
        yield Finding("engine", "problem", f"{name}: {engine.problem or 'does not answer'}")
    elif not engine.isolated and not engine.notes:
        detail = f"{name}: jobs run as plain processes and are not isolated from this machine"
        yield Finding("engine", "warning", detail)
    else:
        yield Finding(
            "engine", "ok", f"{name}: {engine.description}" if engine.description else name
        )
    for note in engine.notes:
        yield Finding("engine", "warning", note)
