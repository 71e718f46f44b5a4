"""Requests about connections to ports of jobs."""

from __future__ import annotations

from foundations.calls.call import Call, job_path, nothing
from foundations.calls.execs import piece_for, rest_of
from foundations.lazy_models import models


def open_tunnel(ref: str, port: int) -> Call[models.TunnelView]:
    """Connect to a TCP port of a job that runs."""
    return Call(
        "POST",
        f"{job_path(ref)}/ports/{port}/tunnels",
        lambda _, answer: models.TunnelView.model_validate_json(answer),
        expected=(201,),
    )


def read_tunnel(tunnel_id: str, *, offset: int = 0) -> Call[None]:
    """Ask for what the job sends from a byte on (`foundations.beside.frames`)."""
    return rest_of(f"/tunnels/{tunnel_id}/output", offset)


def write_tunnel(tunnel_id: str, data: bytes, *, offset: int, end: bool = False) -> Call[None]:
    """Send a piece to the job; `offset` is where it lies in all that is sent."""
    return piece_for(f"/tunnels/{tunnel_id}/input", data, offset=offset, end=end)


def close_tunnel(tunnel_id: str) -> Call[None]:
    """Close a connection, and forget it."""
    return Call("DELETE", f"/tunnels/{tunnel_id}", nothing, expected=(204,))
