"""Commands beside a job, in its container and its work dir, and connections to its ports."""

from __future__ import annotations

from typing import Annotated

from pydantic import Base64Bytes, Field

from foundations.models.words import Argument, Request, View


class TerminalSize(Request):
    """How large a terminal is, in characters."""

    rows: Annotated[int, Field(ge=1, le=10_000)]
    columns: Annotated[int, Field(ge=1, le=10_000)]


class NewExec(Request):
    """Body of `POST /jobs/{ref}/execs`: what to run."""

    command: Annotated[tuple[Argument, ...], Field(min_length=1, max_length=4096)]
    terminal: TerminalSize | None = None
    """The terminal that it gets; without one it has pipes, and its two outputs stay apart."""


class ExecInput(Request):
    """Body of `POST /execs/{id}/input`: a piece of the standard input."""

    offset: Annotated[int, Field(ge=0, le=2**63 - 1)]
    """Where the piece lies in all that is sent; a piece that came already is not given twice."""
    data: Annotated[Base64Bytes, Field(max_length=1_048_576)] = b""
    end: bool = False
    """Whether nothing comes after it."""


class ExecView(View):
    """A command that was started beside a job."""

    exec_id: str
    job_id: str
    command: list[str]


class TunnelView(View):
    """A connection that was opened to a port of a job."""

    tunnel_id: str
    job_id: str
    port: int
