"""Makes the hooks that the settings name."""

from __future__ import annotations

from collections.abc import Iterator

from atlas_scheduler.hook_settings import HooksSection
from atlas_scheduler.hooks.command import CommandRunner
from atlas_scheduler.hooks.hook import Hook, hook_id
from atlas_scheduler.hooks.notice import NoticeSender
from atlas_scheduler.hooks.webhook import WebHookSender


def make_hooks(section: HooksSection) -> list[tuple[str, Hook]]:
    """Return each hook with the id by which it is known after a restart."""
    return [(hook_id(hook, target), hook) for target, hook in _made(section)]


def _made(section: HooksSection) -> Iterator[tuple[str, Hook]]:
    for command in section.commands:
        yield "\0".join(command.run), CommandRunner(command)
    for web in section.webhooks:
        is_private = web.host in section.private_hosts
        yield web.url, WebHookSender(web, may_be_private=is_private)
    for notice in section.notices:
        yield f"{notice.url}\0{notice.url_file}", NoticeSender(notice)
