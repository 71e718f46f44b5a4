"""The screens of the app by their names, each loaded when it is first opened."""

from __future__ import annotations

from textual.screen import Screen


def _dashboard() -> Screen[None]:
    from atlas_tui.screens.dashboard import DashboardScreen

    return DashboardScreen()


def _job() -> Screen[None]:
    from atlas_tui.screens.job import JobScreen

    return JobScreen()


def _jobs() -> Screen[None]:
    from atlas_tui.screens.jobs import JobsScreen

    return JobsScreen()


def _logs() -> Screen[None]:
    from atlas_tui.screens.logs import LogsScreen

    return LogsScreen()


def _compare() -> Screen[None]:
    from atlas_tui.screens.compare import CompareScreen

    return CompareScreen()


def _system() -> Screen[None]:
    from atlas_tui.screens.system import SystemScreen

    return SystemScreen()


SCREENS = {
    "dashboard": _dashboard,
    "job": _job,
    "jobs": _jobs,
    "logs": _logs,
    "compare": _compare,
    "system": _system,
}
