"""Starts the app: settings, session, scheduler; and what is left to do when it has ended."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from atlas_tui import terminal_background
from atlas_tui.late_client import late_client
from atlas_tui.session import Session, path_of
from atlas_tui.settings import AUTO, Settings
from foundations import autostart, configs
from foundations.configs import SchedulerConfig
from foundations.default_config import default_name
from foundations.errors import ConfigError
from foundations.home import Home
from foundations.job_states import FINAL_STATES
from foundations.text.terminal import clean

if TYPE_CHECKING:
    from foundations.client import AsyncClient

SLOW_REPAINTS_A_SECOND = 5
_STOP_SECONDS = 20.0


class NotOwn(ConfigError):
    """The scheduler is not this home's own."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks for; it wins over the settings."""

    scheduler: str | None = None
    embedded: bool = False
    keep: bool = False
    demo: bool = False
    read_only: bool = False
    low_bandwidth: bool = False
    plain: bool = False
    no_mouse: bool = False
    theme: str | None = None


def run(wishes: Wishes) -> int:
    """Run the app. Returns the exit code.

    Raises:
        NotOwn: an embedded scheduler is asked for, and another one is named.
        AtlasError: it cannot start.
    """
    if wishes.demo:
        from atlas_tui.demo import demo_home

        with demo_home(announce=_announce) as home:
            return _show(wishes, home)
    return _show(wishes, Home.default(), near=Path.cwd())


def _show(wishes: Wishes, home: Home, *, near: Path | None = None) -> int:
    settings = Settings.load(Home.default())
    configs.ensure_default(home)
    own = configs.DEFAULT_NAME if wishes.embedded else default_name(home)
    config = configs.load(wishes.scheduler or own, home=home, cwd=near)
    is_own = autostart.is_own_scheduler(config, home=home)
    if wishes.embedded and not is_own:
        raise NotOwn(f"--embedded is for this home's own scheduler; {config.name} is another one.")
    client = late_client(config)
    started = is_own and not autostart.is_answering(home)
    if started:
        autostart.start_server(home, announce=_announce)
    elif config.is_by_ssh:
        from foundations.ssh.command import can_ask

        # Now, because ssh may have to ask for a password, and later the terminal is the app's.
        autostart.reach_by_ssh(config, home=home, asks=can_ask(), announce=_announce)
    with _stopped_afterwards(config, home, wanted=wishes.embedded and started and not wishes.keep):
        return _run_app(wishes, settings, (config.name, client), home)


def _run_app(
    wishes: Wishes, settings: Settings, scheduler: tuple[str, AsyncClient], home: Home
) -> int:
    low_bandwidth = wishes.low_bandwidth or settings.low_bandwidth
    plain = wishes.plain or settings.plain
    if low_bandwidth:
        _paint_seldom()
    if plain:
        _draw_plain_scrollbars()
    name, client = scheduler
    session = Session.load(path_of(home, name)) if settings.restore else Session()
    theme = wishes.theme or settings.theme or session.theme or AUTO
    light = _load_app(ask=theme == AUTO and not plain)
    from atlas_tui.app import AtlasApp, Options

    options = Options(
        read_only=wishes.read_only or settings.read_only,
        plain=plain,
        low_bandwidth=low_bandwidth,
        theme=theme,
        light=light,
        mouse=settings.mouse and not wishes.no_mouse,
    )
    app = AtlasApp(client, name, options, session=session, settings=settings, home=home)
    app.guards_terminal = True
    try:
        app.run(mouse=options.mouse)
    finally:
        app.guard.end()
    return app.return_code or 0


def _load_app(*, ask: bool) -> bool:
    """Load the screens, late: a call that only fails should not wait for them.

    Returns whether the terminal's background is light, which is asked meanwhile if wanted.
    """
    if not ask or not terminal_background.can_be_asked(os.environ):
        return terminal_background.is_light_by(os.environ)
    with terminal_background.asked() as hear:
        from atlas_tui import app, terminal_input  # noqa: F401 - loaded while the answer comes

        heard = hear()
    terminal_input.hand_over(heard)
    light = heard.answers.light
    return terminal_background.is_light_by(os.environ) if light is None else light


def _paint_seldom() -> None:
    """Let screens repaint a few times a second only; they take the number when they are loaded."""
    from textual import constants

    if "TEXTUAL_FPS" not in os.environ:
        vars(constants)["MAX_FPS"] = SLOW_REPAINTS_A_SECOND


def _draw_plain_scrollbars() -> None:
    """Let scroll bars end with whole cells: eighths of one are no ASCII."""
    from textual.scrollbar import ScrollBar, ScrollBarRender

    class Plain(ScrollBarRender):
        VERTICAL_BARS: ClassVar[list[str]] = [" "] * len(ScrollBarRender.VERTICAL_BARS)
        HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * len(ScrollBarRender.HORIZONTAL_BARS)

    ScrollBar.renderer = Plain


def _announce(text: str) -> None:
    sys.stderr.write(f"{clean(text)}\n")


@contextlib.contextmanager
def _stopped_afterwards(config: SchedulerConfig, home: Home, *, wanted: bool) -> Iterator[None]:
    """Stop a scheduler that was started for the app, unless it has something to do."""
    yield
    if not wanted:
        return
    from foundations.client import Client

    with Client(config.scheduler_url, token=config.token, trust=config.trust) as client:
        states = client.info().states
    busy = sum(count for state, count in states.items() if state not in FINAL_STATES)
    if busy:
        jobs = "1 job runs or waits" if busy == 1 else f"{busy} jobs run or wait"
        _announce(f"{jobs}, so the scheduler goes on. To stop it: atlas-server stop")
    else:
        stop_server(home)
        _announce("Stopped the scheduler. To leave it running: atlas --embedded --keep")


def stop_server(home: Home) -> None:
    """Stop the server of a home; one that does not run is fine."""
    subprocess.run(
        [sys.executable, "-P", "-m", "atlas_scheduler", "stop", "--home", str(home.root)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=home.root,
        timeout=_STOP_SECONDS,
        check=False,
    )
