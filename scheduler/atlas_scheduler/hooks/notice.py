"""Tells people by e-mail or chat that a job has ended."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from atlas_scheduler.hook_settings import NoticeHook
from atlas_scheduler.hooks.hook import Ended, HookFailed
from foundations import extras
from foundations.errors import MissingExtra
from foundations.models import JobState
from foundations.text.terminal import clean

_SECONDS = 60.0


class NoticeSender:
    """One address, of any service that apprise knows."""

    kind = "notice"

    def __init__(self, settings: NoticeHook) -> None:
        """Prepare; nothing is sent yet."""
        self.states = settings.states
        self._settings = settings
        # All but the kind of service may be secret.
        self.target = (settings.url or str(settings.url_file)).partition("://")[0]

    async def tell(self, ended: Ended) -> None:
        """Send a message.

        Raises:
            HookFailed: the address is none, the extra is missing, or the service did not take it.
        """
        try:
            sender = await asyncio.to_thread(self._sender)
        except (MissingExtra, OSError) as error:
            raise HookFailed(str(error)) from error
        is_fine = ended.job.state is JobState.COMPLETED
        kind = "success" if is_fine else "warning" if ended.is_sample else "failure"
        try:
            async with asyncio.timeout(_SECONDS):
                sent = await sender.async_notify(
                    title=title(ended), body=text(ended), notify_type=kind
                )
        except TimeoutError:
            raise HookFailed(f"no answer after {_SECONDS:.0f} s") from None
        if not sent:
            raise HookFailed("the service did not take it")

    def _sender(self) -> Any:
        apprise = extras.load("apprise", extra="notify", purpose="A notice")
        sender = apprise.Apprise()
        url, file = self._settings.url, self._settings.url_file
        if not sender.add(url if file is None else Path(file).read_text(encoding="utf-8").strip()):
            raise OSError("the address is none that apprise knows")
        return sender


def title(ended: Ended) -> str:
    """Say in one line what happened."""
    job = ended.job
    return clean(f"{job.project}: job {job.job_id[:8]} is {job.state}", one_line=True)


def text(ended: Ended) -> str:
    """Say what is known of it."""
    job = ended.job
    lines = [f"Job {job.job_id} of {job.user} in project {job.project} is {job.state}."]
    lines += [f"Reason: {job.reason}"] if job.reason else []
    lines += [] if job.exit_code is None else [f"Exit code: {job.exit_code}"]
    lines += [f"Command: {' '.join(job.command)}"] if job.command else []
    lines += [f"{name}: {value}" for name, value in sorted(job.metrics.items())]
    return "\n".join(clean(line, one_line=True) for line in lines)
