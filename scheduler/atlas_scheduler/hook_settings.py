"""What `hooks:` of `config/server.yaml` may say: who is told when a job ends."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from foundations.models import FINAL_STATES, JobState

_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_Seconds = Annotated[float, Field(gt=0, le=3600)]


class _Hook(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    states: tuple[JobState, ...] = tuple(sorted(FINAL_STATES))
    """How a job must have ended for the hook to be told."""

    @field_validator("states")
    @classmethod
    def _only_ends(cls, states: tuple[JobState, ...]) -> tuple[JobState, ...]:
        for state in states:
            if state not in FINAL_STATES:
                raise ValueError(f"no job ends as `{state}`")
        return states


class CommandHook(_Hook):
    """A program that is run."""

    run: Annotated[tuple[str, ...], Field(min_length=1)]
    """The program and its arguments. No shell reads them."""
    timeout_seconds: _Seconds = 30.0
    """After that it is killed, and has failed."""


class WebHook(_Hook):
    """A URL that is sent the job."""

    url: str
    secret_file: Path | None = None
    """Has the key that each request is signed with; only its owner may read it."""
    ca_file: Path | None = None
    """Certificates that are trusted in place of the machine's own."""
    timeout_seconds: _Seconds = 10.0
    """For everything from the look at the name to the answer."""

    @field_validator("url")
    @classmethod
    def _https_only(cls, url: str) -> str:
        parts = _parts(url)
        if parts.scheme != "https" or not parts.hostname:
            raise ValueError("it must begin with https:// and name a host")
        if parts.username is not None or parts.password is not None:
            raise ValueError("it must hold no user and no password; `secret_file` signs requests")
        return url

    @property
    def parts(self) -> SplitResult:
        """The URL, taken apart."""
        return _parts(self.url)

    @property
    def host(self) -> str:
        """The name that is looked up and must be on the certificate."""
        return self.parts.hostname or ""


def _parts(url: str) -> SplitResult:
    if not _PRINTABLE.fullmatch(url):
        raise ValueError("a URL has no spaces and no characters beyond ASCII")
    parts = urlsplit(url)
    _ = parts.port  # raises ValueError when it is none
    return parts


class NoticeHook(_Hook):
    """A message by e-mail or chat; the extra `notify` brings what sends it."""

    url: str | None = None
    """Where to, as apprise writes it, such as `mailto://…`."""
    url_file: Path | None = None
    """Has that URL in place of `url`, since it mostly holds a password."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.url is None) == (self.url_file is None):
            raise ValueError("give one of `url` and `url_file`")
        return self


class HooksSection(BaseModel):
    """Who is told when a job ends."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    commands: tuple[CommandHook, ...] = ()
    webhooks: tuple[WebHook, ...] = ()
    notices: tuple[NoticeHook, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    """The only hosts that webhooks may name."""
    private_hosts: tuple[str, ...] = ()
    """Those of them that may be on this machine or in a private network."""
    give_up_seconds: Annotated[float, Field(ge=0, le=30 * 86_400)] = 3600.0
    """For so long after its end a hook is told again of a job when that fails."""

    @field_validator("allowed_hosts", "private_hosts")
    @classmethod
    def _in_small_letters(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(host.lower() for host in hosts)

    @model_validator(mode="after")
    def _only_allowed(self) -> Self:
        for hook in self.webhooks:
            if hook.host not in self.allowed_hosts:
                raise ValueError(f"add `{hook.host}` to `allowed_hosts` to send webhooks there")
        return self
