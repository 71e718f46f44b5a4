"""Every handler of an action, by the action's name: loading their modules registers them."""

from __future__ import annotations

from atlas_tui import (
    app_handlers,
    job_handlers,
    log_files,
    project_handlers,
    queue_handlers,
    saving,
    schedule_handlers,
    submit_handlers,
    upkeep_handlers,
)
from atlas_tui.handlers import HANDLERS

__all__ = [
    "HANDLERS",
    "app_handlers",
    "job_handlers",
    "log_files",
    "project_handlers",
    "queue_handlers",
    "saving",
    "schedule_handlers",
    "submit_handlers",
    "upkeep_handlers",
]
