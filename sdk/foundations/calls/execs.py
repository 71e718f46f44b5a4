"""Requests about commands beside jobs."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from foundations.calls.call import Call, job_path, nothing
from foundations.lazy_models import models


def start_exec(
    ref: str, command: Sequence[str], *, terminal: models.TerminalSize | None = None
) -> Call[models.ExecView]:
    """Run a command beside a job that runs, in a terminal of a size or with pipes."""
    body: dict[str, Any] = {"command": list(command)}
    if terminal is not None:
        body["terminal"] = terminal.model_dump()
    return Call(
        "POST",
        f"{job_path(ref)}/execs",
        lambda _, answer: models.ExecView.model_validate_json(answer),
        json=body,
        expected=(201,),
    )


def exec_output(exec_id: str, *, offset: int = 0) -> Call[None]:
    """Ask for the output of a command from a byte on (`foundations.beside.frames`)."""
    return rest_of(f"/execs/{exec_id}/output", offset)


def write_exec(exec_id: str, data: bytes, *, offset: int, end: bool = False) -> Call[None]:
    """Pass a piece of input on; `offset` is where it lies in all that is sent."""
    return piece_for(f"/execs/{exec_id}/input", data, offset=offset, end=end)


def resize_exec(exec_id: str, size: models.TerminalSize) -> Call[None]:
    """Give the terminal of a command another size."""
    path = f"/execs/{exec_id}/terminal"
    return Call("PUT", path, nothing, json=size.model_dump(), expected=(204,))


def end_exec(exec_id: str) -> Call[None]:
    """End a command, and forget it."""
    return Call("DELETE", f"/execs/{exec_id}", nothing, expected=(204,))


def rest_of(path: str, offset: int) -> Call[None]:
    """Ask for what comes out of something that was begun, from a byte on."""
    return Call("GET", path, nothing, params=(("offset", str(offset)),))


def piece_for(path: str, data: bytes, *, offset: int, end: bool) -> Call[None]:
    """Give a piece to something that was begun; in JSON bytes travel as base64."""
    body = {"offset": offset, "data": base64.b64encode(data).decode(), "end": end}
    return Call("POST", path, nothing, json=body, expected=(204,))
