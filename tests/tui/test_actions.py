"""Every action has a key or a place in the palette, an effect, a command and a call."""

from __future__ import annotations

from collections import Counter

import click
import pytest

import foundations
from atlas_tui import later
from atlas_tui.action_table import ACTIONS, on_screen
from atlas_tui.actions import Action, Danger, Scope, Selection
from atlas_tui.all_handlers import HANDLERS
from atlas_tui.app import AtlasApp
from atlas_tui.screens.frame import Frame
from foundations.cli.__main__ import cli
from foundations.client import AsyncClient

SCREENS = ("dashboard", "jobs", "job", "logs", "compare", "system")
ASKING = [action for action in ACTIONS if action.cli is not None]


def command_of(action: Action) -> click.Command | None:
    """The command that an action names, found as the command line finds it."""
    command: click.Command | None = cli
    context = click.Context(cli)
    for word in (action.cli or "").split()[1:]:
        if not isinstance(command, click.Group):
            break
        found = command.get_command(context, word)
        if found is None:
            break
        command = found
    return None if isinstance(command, click.Group) else command


@pytest.mark.parametrize("action", ASKING, ids=lambda action: action.name)
def test_an_action_that_asks_the_scheduler_has_a_command(action: Action) -> None:
    assert command_of(action) is not None, action.cli


@pytest.mark.parametrize("action", ASKING, ids=lambda action: action.name)
def test_an_action_that_asks_the_scheduler_has_a_call(action: Action) -> None:
    assert action.sdk is not None
    assert hasattr(AsyncClient, action.sdk) or hasattr(foundations, action.sdk)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_an_action_can_be_done_on_each_of_its_screens(action: Action) -> None:
    if action.name in HANDLERS or action.name in AtlasApp.MODES:
        return
    later.load_all_else()
    frames = {frame.NAME: frame for frame in _frames(Frame)}
    for screen in action.screens or SCREENS:
        assert hasattr(frames[screen], f"action_{action.name}"), screen


def test_what_a_handler_does_no_screen_does_itself() -> None:
    later.load_all_else()
    both = {name for name in HANDLERS for one in _frames(Frame) if hasattr(one, f"action_{name}")}
    assert both == set()


def _frames(frame: type[Frame]) -> list[type[Frame]]:
    found = [one for below in frame.__subclasses__() for one in _frames(below)]
    return [*found, frame] if hasattr(frame, "NAME") else found


@pytest.mark.parametrize("screen", SCREENS)
def test_no_key_has_two_meanings_on_a_screen(screen: str) -> None:
    keys = Counter(key for one in on_screen(screen) for key in one.keys.split(",") if key)
    assert [key for key, count in keys.items() if count > 1] == []


@pytest.mark.parametrize("key", ["ctrl+a", "ctrl+b", "ctrl+s", "ctrl+q", "ctrl+h", "ctrl+j"])
def test_keys_of_tmux_screen_and_the_terminal_are_left_free(key: str) -> None:
    assert [one.name for one in ACTIONS if key in one.keys.split(",")] == []


def test_what_changes_anything_is_not_possible_in_read_only_mode() -> None:
    for action in ACTIONS:
        if action.danger is Danger.NONE:
            continue
        screen = (action.screens or SCREENS)[0]
        assert action.refusal(Selection(screen, read_only=True)) == "read-only mode"


def test_an_action_on_jobs_says_that_none_is_chosen() -> None:
    for action in ACTIONS:
        if action.scope is Scope.JOBS:
            screen = (action.screens or SCREENS)[0]
            assert action.refusal(Selection(screen)) == "no job is chosen"
