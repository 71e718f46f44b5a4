"""Where a directory comes from, collected while it is packed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import foundations
from foundations.origin import Inquiry
from foundations.provenance import GitState
from tests.foundations.repositories import commit, git, make_repository, write


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that grows by a line with each run of git."""
    log = tmp_path / "runs"
    log.touch()
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >>{log}\nexec /usr/bin/env PATH="$REAL" git "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("REAL", os.environ["PATH"])
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return log


def asked(directory: Path, bundle: str) -> GitState:
    state = Inquiry(directory).origin(bundle).git
    assert state is not None
    return state


def count(runs: Path) -> int:
    return len(runs.read_text().splitlines())


def test_it_says_who_and_from_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOUNDATIONS_USER", "ada")

    origin = Inquiry(tmp_path).origin("sha256:1")

    assert (origin.user, origin.directory, origin.git) == ("ada", str(tmp_path), None)
    assert origin.host == os.uname().nodename
    assert origin.client_version == foundations.__version__


def test_without_a_repository_git_is_not_run(tmp_path: Path, runs: Path) -> None:
    (tmp_path / "project").mkdir()

    assert Inquiry(tmp_path / "project").origin("sha256:1").git is None
    assert count(runs) == 0


def test_an_unchanged_directory_is_asked_about_once(tmp_path: Path, runs: Path) -> None:
    project = tmp_path / "project"
    head = make_repository(project)
    before = count(runs)
    first = asked(project, "sha256:1")
    once = count(runs)

    assert [asked(project, "sha256:1") for _ in range(5)] == [first] * 5
    assert first.commit == head
    assert before < once == count(runs)


def test_another_content_and_another_state_of_the_repository_are_asked_about_again(
    tmp_path: Path,
) -> None:
    project = tmp_path / "project"
    make_repository(project)
    assert asked(project, "sha256:1").dirty is False
    write(project, {"main.py": "print('two')\n"})
    assert asked(project, "sha256:2").dirty is True
    head = commit(project, {})
    state = asked(project, "sha256:2")
    assert (state.commit, state.dirty) == (head, False)
    git(project, "checkout", "-q", "-b", "side")
    assert asked(project, "sha256:2").branch == "side"
    git(project, "remote", "add", "origin", "git@example.com:x.git")
    assert asked(project, "sha256:2").remote == "git@example.com:x.git"


def test_an_answer_that_lacks_something_is_not_kept(tmp_path: Path) -> None:
    project = tmp_path / "project"
    make_repository(project)
    index = (project / ".git" / "index").read_bytes()
    (project / ".git" / "index").write_bytes(b"broken")
    assert asked(project, "sha256:1").missing
    (project / ".git" / "index").write_bytes(index)

    assert asked(project, "sha256:1").missing == ()
