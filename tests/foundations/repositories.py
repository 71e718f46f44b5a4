"""Real git repositories to submit from."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_WHO = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgSign=false")


def git(directory: Path, *arguments: str) -> str:
    """Run git as a user does, without anybody's own configuration."""
    environment = {name: one for name, one in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    done = subprocess.run(
        ["git", "-c", "protocol.file.allow=always", *_WHO, *arguments],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def make_repository(directory: Path, files: dict[str, str] | None = None) -> str:
    """Make a repository with one commit of some files on `main`; return the commit."""
    directory.mkdir(parents=True, exist_ok=True)
    git(directory, "init", "-q", "-b", "main")
    return commit(directory, files or {"main.py": "print('one')\n"})


def commit(directory: Path, files: dict[str, str]) -> str:
    """Commit some files; return the commit."""
    write(directory, files)
    git(directory, "add", "--all")
    git(directory, "commit", "-q", "-m", "work", "--allow-empty")
    return git(directory, "rev-parse", "HEAD")


def write(directory: Path, files: dict[str, str]) -> None:
    """Write some files."""
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
