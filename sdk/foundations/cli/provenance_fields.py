"""Writes where a job comes from, and what it ran on, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from foundations.cli import render

if TYPE_CHECKING:
    from foundations.provenance import Execution, GitState, JobEnvironment, Origin, Provenance

_NAMES_SHOWN = 8
"""So many packages and files are named where there is no room for all."""


def fields(known: Provenance, *, most_names: int = _NAMES_SHOWN) -> list[tuple[str, str]]:
    """Return what there is to say, name and text.

    Args:
        known: of one job.
        most_names: how many packages and untracked files to name.
    """
    found: list[tuple[str, str]] = []
    if known.origin is not None:
        found += _origin(known.origin)
        if known.origin.git is not None:
            found += _git(known.origin.git, most_names)
    if known.execution is not None:
        found += _execution(known.execution)
    if known.environment is not None:
        found += _environment(known.environment, most_names)
    found.append(("Seeds", render.mapping(known.seeds) if known.seeds else ""))
    return [(name, render.clean(text, one_line=True)) for name, text in found if text]


def _origin(origin: Origin) -> list[tuple[str, str]]:
    who = f"{origin.user or '?'}@{origin.host}" if origin.host else origin.user or ""
    client = f"foundations {origin.client_version}" if origin.client_version else ""
    return [("Submitted by", who), ("From", origin.directory or ""), ("Client", client)]


def _git(git: GitState, most_names: int) -> list[tuple[str, str]]:
    state = {True: "changed", False: "clean", None: ""}[git.dirty]
    if git.dirty and git.diff_is_cut:
        state = "changed; the recorded diff is cut"
    return [
        ("Git commit", f"{git.commit} ({state})" if git.commit and state else git.commit or ""),
        ("Git branch", git.branch or ("" if git.commit is None else "none (detached HEAD)")),
        ("Git remote", git.remote or ""),
        ("Git folder", git.directory),
        ("Untracked", _some(git.untracked, most_names, git.untracked_left_out)),
        *(("Not known", sentence) for sentence in git.missing),
    ]


def _execution(execution: Execution) -> list[tuple[str, str]]:
    engine = " ".join(filter(None, (execution.engine, execution.engine_version)))
    gpus = [f"{gpu.name} ({gpu.id})" if gpu.name else gpu.id for gpu in execution.gpus]
    return [
        ("Ran on", f"{engine} at {execution.host}" if execution.host else engine),
        ("Image run", execution.image or ""),
        ("Image id", execution.image_id or ""),
        ("Image digest", ", ".join(execution.image_digests)),
        ("GPU models", ", ".join(gpus)),
        ("Interpreter", execution.python or ""),
    ]


def _environment(environment: JobEnvironment, most_names: int) -> list[tuple[str, str]]:
    python = " ".join(filter(None, (environment.implementation, environment.python)))
    packages = [f"{name} {version}" for name, version in sorted(environment.packages.items())]
    return [
        ("Python", python),
        ("Packages", _some(packages, most_names, environment.packages_left_out)),
    ]


def _some(names: Sequence[str], most: int, more: int) -> str:
    """Name the first of many, and say how many there are besides."""
    rest = len(names) - most + more if len(names) > most else more
    return ", ".join([*names[:most], *([f"and {rest} more"] if rest else [])])
