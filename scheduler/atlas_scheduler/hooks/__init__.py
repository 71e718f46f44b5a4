"""Tells programs, URLs and people that a job has ended, at least once, and never holds it up."""

from __future__ import annotations

from atlas_scheduler.hooks.hook import Ended as Ended
from atlas_scheduler.hooks.hook import Hook as Hook
from atlas_scheduler.hooks.hook import HookFailed as HookFailed
from atlas_scheduler.hooks.making import make_hooks as make_hooks
from atlas_scheduler.hooks.messenger import Messenger as Messenger
