"""What an action is: something that can be done in the app, as data.

One entry of `atlas_tui.action_table` feeds the keys, the bar at the bottom, the palette, the help,
the page in the documentation and the tests. What an action does is in `atlas_tui.handlers` under
its name or, for what only concerns a screen, in the screen's method `action_<name>`.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foundations.models import JobView


class Scope(StrEnum):
    """What an action acts on."""

    JOBS = "jobs"
    """The marked jobs or, when none is, the one under the cursor."""
    QUEUE = "queue"
    """The scheduler's queue."""
    LIST = "list"
    """The list that is shown."""
    LOG = "log"
    """The log that is shown."""
    SCREEN = "screen"
    """What is on the screen, or the app itself."""


class Danger(StrEnum):
    """What can go wrong."""

    NONE = "none"
    CHANGES = "changes"
    """Changes something on the scheduler, and can be taken back."""
    ENDS = "ends"
    """Ends or removes something: asks first, and the answer is No unless Yes is said."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What an action would act on now."""

    screen: str = ""
    """Name of the screen that is shown."""
    jobs: tuple[JobView, ...] = ()
    tab: str = ""
    """Name of the tab in front, on a screen that has tabs."""
    project: str | None = None
    """The project that the list is narrowed down to."""
    filter: str | None = None
    """The filter of the list."""
    read_only: bool = False


Check = Callable[[Selection], str | None]
"""Says why an action is not possible now, or None."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done."""

    name: str
    title: str
    """Two or three words, for the bar and the palette."""
    keys: str
    """With commas between them; empty when it is only in the palette."""
    scope: Scope
    help: str
    """One sentence."""
    danger: Danger = Danger.NONE
    cli: str | None = None
    """The same on the command line; `{scheduler}`, `{ids}` and, with commas between them,
    `{id_list}` are filled in. None for what only concerns the screen."""
    sdk: str | None = None
    """The same in Python: a method of the client, or a name in `foundations`."""
    screens: tuple[str, ...] = ()
    """Where it can be done; empty is everywhere."""
    in_bar: bool = False
    """Whether the bar at the bottom shows it."""
    tabs: tuple[str, ...] = ()
    """The tabs that have it, on a screen with tabs; the bar shows it there alone."""
    check: Check | None = None

    def is_on(self, screen: str) -> bool:
        """Whether a screen offers it."""
        return not self.screens or screen in self.screens

    def is_in_bar(self, tab: str) -> bool:
        """Whether the bar shows it while a tab is in front."""
        return self.in_bar and (not self.tabs or tab in self.tabs)

    def refusal(self, selection: Selection) -> str | None:
        """Say why it is not possible now, or None when it is."""
        if not self.is_on(selection.screen):
            return "not on this screen"
        if selection.read_only and self.danger is not Danger.NONE:
            return "read-only mode"
        if self.scope is Scope.JOBS and not selection.jobs:
            return "no job is chosen"
        return self.check(selection) if self.check else None

    def command(
        self, *, scheduler: str, ids: Sequence[str] = (), words: Mapping[str, str] | None = None
    ) -> str:
        """Write the same as a command, with what was typed for its words in capitals."""
        filled = self.cli or ""
        for word, typed in (words or {}).items():
            filled = filled.replace(word, shlex.quote(typed))
        filled = filled.replace("{scheduler}", shlex.quote(scheduler))
        filled = filled.replace("{id_list}", ",".join(ids))
        return filled.replace("{ids}", " ".join(ids)).strip()
