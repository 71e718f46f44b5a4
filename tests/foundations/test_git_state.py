"""What git knows of a directory that is submitted, whatever state its repository is in."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from foundations.git.files import Repository
from foundations.git.remotes import without_credentials
from foundations.git.state import read_git_state
from foundations.provenance import LONGEST_DIFF, MOST_UNTRACKED, GitState
from tests.foundations.repositories import commit, git, make_repository, write


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return tmp_path / "project"


def state_of(directory: Path, *, limit_seconds: float = 30.0) -> GitState:
    repository = Repository.around(directory)
    assert repository is not None
    return read_git_state(directory, repository, limit_seconds=limit_seconds)


# -- what is found out


def test_a_clean_repository_tells_its_commit_and_branch(top: Path) -> None:
    head = make_repository(top)

    state = state_of(top)

    assert (state.commit, state.branch, state.dirty) == (head, "main", False)
    assert (state.diff, state.untracked, state.remote, state.missing) == (None, (), None, ())


def test_a_change_is_recorded_as_a_diff_that_applies_to_the_commit(top: Path) -> None:
    make_repository(top, {"main.py": "print('one')\n", "gone.py": "x\n"})
    write(top, {"main.py": "print('two')\n", "new.py": "y\n", "staged.py": "z\n"})
    (top / "gone.py").unlink()
    git(top, "add", "staged.py")

    state = state_of(top)

    assert state.dirty is True
    assert state.diff is not None
    assert "-print('one')\n+print('two')\n" in state.diff
    assert "deleted file" in state.diff
    assert state.untracked == ("new.py",)
    git(top, "stash", "--include-untracked")
    (top / "source.patch").write_text(state.diff)
    git(top, "apply", "source.patch")
    assert (top / "main.py").read_text() == "print('two')\n"
    assert not (top / "gone.py").exists()
    assert (top / "staged.py").read_text() == "z\n"


def test_only_what_is_in_the_bundle_counts(top: Path) -> None:
    rules = {".foundationsignore": "secret*\n", ".gitignore": "cache\n"}
    make_repository(top, {**rules, "main.py": "1\n", "secret.txt": "old password\n"})
    write(top, {"secret.txt": "new password\n", "secret2.txt": "another\n", "cache/x": "1\n"})

    state = state_of(top)

    assert (state.dirty, state.diff, state.untracked) == (False, None, ())


def test_a_subdirectory_is_looked_at_alone(top: Path) -> None:
    head = make_repository(top, {"a/b/main.py": "1\n", "other.py": "1\n"})
    write(top, {"other.py": "2\n", "new.py": "\n"})
    assert state_of(top / "a" / "b").dirty is False
    write(top, {"a/b/main.py": "2\n", "a/b/more.py": "\n"})

    state = state_of(top / "a" / "b")

    assert (state.commit, state.directory, state.dirty) == (head, "a/b", True)
    assert state.diff is not None
    assert state.diff.startswith("diff --git a/main.py b/main.py\n")
    assert state.untracked == ("more.py",)


def test_a_detached_head_has_no_branch(top: Path) -> None:
    first = make_repository(top)
    commit(top, {"main.py": "2\n"})
    git(top, "checkout", "-q", first)

    state = state_of(top)

    assert (state.commit, state.branch, state.dirty) == (first, None, False)


def test_a_repository_without_a_commit_says_so(top: Path) -> None:
    top.mkdir()
    git(top, "init", "-q", "-b", "trunk")
    write(top, {"main.py": "1\n", "more.py": "2\n"})
    git(top, "add", "main.py")

    state = state_of(top)

    assert (state.commit, state.branch, state.dirty) == (None, "trunk", True)
    assert state.untracked == ("more.py",)
    assert state.missing == ("What is changed is not known: the repository has no commit yet.",)


def test_a_worktree_knows_its_own_branch(top: Path, tmp_path: Path) -> None:
    make_repository(top)
    git(top, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    head = commit(tmp_path / "side", {"main.py": "2\n"})

    state = state_of(tmp_path / "side")

    assert (state.commit, state.branch, state.missing) == (head, "side", ())


def test_another_commit_of_a_submodule_is_a_change(top: Path, tmp_path: Path) -> None:
    make_repository(tmp_path / "library")
    make_repository(top)
    git(top, "submodule", "add", "-q", str(tmp_path / "library"), "library")
    commit(top, {})
    assert state_of(top).dirty is False
    inner = commit(top / "library", {"main.py": "2\n"})

    state = state_of(top)

    assert state.dirty is True
    assert state.diff is not None
    assert f"+Subproject commit {inner}" in state.diff
    inside = state_of(top / "library")
    assert (inside.commit, inside.directory, inside.missing) == (inner, "", ())


def test_a_bare_repository_beside_its_worktrees_is_no_trouble(top: Path, tmp_path: Path) -> None:
    head = make_repository(top)
    git(tmp_path, "clone", "-q", "--bare", str(top), str(tmp_path / "x" / ".git"))

    state = state_of(tmp_path / "x")

    assert (state.commit, state.branch, state.dirty) == (head, "main", None)
    assert state.missing == (
        "What is changed is not known: git says: this operation must be run in a work tree.",
    )
    assert Repository.around(tmp_path / "x" / ".git" / "objects") is not None


def test_names_are_kept_whatever_is_in_them(top: Path) -> None:
    make_repository(top, {"ü -x.py": "1\n"})
    write(top, {"ü -x.py": "2\n", '-a "b"\n.txt': "\n"})
    Path(os.fsdecode(os.fsencode(top) + b"/\xff.txt")).write_text("")

    state = state_of(top)

    assert state.diff is not None
    assert "ü -x.py" in state.diff
    assert set(state.untracked) == {'-a "b"\n.txt', "?.txt"}


def test_a_long_diff_is_cut_and_says_so(top: Path) -> None:
    make_repository(top)
    write(top, {"main.py": "x" * 99 + "\n"})
    assert state_of(top).diff_is_cut is False
    write(top, {"main.py": ("x" * 99 + "\n") * (LONGEST_DIFF // 90)})

    state = state_of(top)

    assert state.diff_is_cut is True
    assert state.diff is not None
    assert len(state.diff) == LONGEST_DIFF


def test_of_many_untracked_files_some_are_named_and_all_counted(top: Path) -> None:
    make_repository(top)
    write(top, {f"data/{number}": "" for number in range(MOST_UNTRACKED + 7)})

    state = state_of(top)

    assert len(state.untracked) == MOST_UNTRACKED
    assert state.untracked_left_out == 7


# -- remotes


def test_the_remote_is_that_of_the_branch(top: Path) -> None:
    make_repository(top)
    git(top, "remote", "add", "mine", "https://ada:secret@example.com/ada/project.git")
    assert state_of(top).remote == "https://example.com/ada/project.git"
    git(top, "remote", "add", "origin", "git@example.com:lab/project.git")
    assert state_of(top).remote == "git@example.com:lab/project.git"
    git(top, "config", "branch.main.remote", "mine")
    assert state_of(top).remote == "https://example.com/ada/project.git"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.com/a@b/c.git", "https://example.com/a@b/c.git"),
        ("https://token@example.com/c.git", "https://example.com/c.git"),
        ("https://u:p@ss@example.com:8443/c.git", "https://example.com:8443/c.git"),
        ("https://u:p/w@example.com/c.git", "https://example.com/c.git"),
        ("https://example.com/c.git?private_token=x#y", "https://example.com/c.git"),
        ("HTTP://u:p@example.com", "HTTP://example.com"),
        ("ssh://git:pw@example.com:22/c.git", "ssh://git@example.com:22/c.git"),
        ("git@example.com:c.git", "git@example.com:c.git"),
        ("git:pw@example.com:c.git", "git@example.com:c.git"),
        ("ext::https://u:p@example.com/x", "ext::https://example.com/x"),
        ("/srv/git/a@b.git", "/srv/git/a@b.git"),
        ("../other", "../other"),
        ("", ""),
    ],
)
def test_credentials_do_not_stay_in_a_url(url: str, shown: str) -> None:
    assert without_credentials(url) == shown


# -- what goes wrong


def test_a_directory_in_no_repository_has_none(tmp_path: Path) -> None:
    assert Repository.around(tmp_path) is None


def test_without_git_the_files_of_the_repository_tell_the_commit(
    top: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    head = make_repository(top)
    git(top, "pack-refs", "--all")
    monkeypatch.setenv("PATH", str(tmp_path))

    state = state_of(top)

    assert (state.commit, state.branch, state.dirty) == (head, "main", None)
    assert state.missing == (
        "What is changed is not known: git is not installed where the job was submitted.",
    )


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"ref: ../../etc/passwd\n", b"ref: x"])
def test_a_broken_head_is_told_in_gits_words(top: Path, content: bytes) -> None:
    make_repository(top)
    (top / ".git" / "HEAD").write_bytes(content)

    state = state_of(top)

    assert (state.commit, state.branch) == (None, None)
    (missing,) = state.missing
    assert missing.startswith("What is changed is not known: git says: ")


def test_a_head_that_is_a_pipe_is_not_waited_for(top: Path) -> None:
    make_repository(top)
    (top / ".git" / "HEAD").unlink()
    os.mkfifo(top / ".git" / "HEAD")

    state = state_of(top, limit_seconds=0.3)

    assert state.commit is None
    assert len(state.missing) == 1


def test_a_broken_index_loses_nothing_else(top: Path) -> None:
    head = make_repository(top)
    (top / ".git" / "index").write_bytes(b"nonsense")

    state = state_of(top)

    assert (state.commit, state.branch, state.dirty) == (head, "main", None)
    (missing,) = state.missing
    assert "git says: " in missing


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_what_git_refuses_for_its_owner_is_told(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    head = make_repository(top)
    for path in (top, *top.rglob("*")):
        os.chown(path, 12345, 12345)

    state = state_of(top)

    assert (state.commit, state.dirty) == (head, None)
    (missing,) = state.missing
    assert "detected dubious ownership in repository" in missing


PROGRAMS = {
    "core.fsmonitor": "{trap}",
    "core.hooksPath": "{hooks}",
    "diff.external": "{trap}",
    "diff.evil.command": "{trap}",
    "diff.evil.textconv": "{trap}",
    "diff.submodule": "diff",
    "filter.evil.clean": "{trap}",
    "filter.evil.process": "{trap}",
    "filter.evil.required": "true",
    "core.pager": "{trap}",
    "pager.status": "{trap}",
    "pager.diff": "{trap}",
    "core.sshCommand": "{trap}",
    "core.gitProxy": "{trap}",
    "core.askPass": "{trap}",
    "core.alternateRefsCommand": "{trap}",
    "credential.helper": "{trap}",
    "alias.status": "!{trap}",
    "gpg.program": "{trap}",
    "status.submoduleSummary": "true",
    "remote.origin.url": "ext::{trap}",
    "remote.origin.promisor": "true",
    "protocol.ext.allow": "always",
}


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A program that leaves `sprung` behind when it is run."""
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\ncat\n")
    trap.chmod(0o755)
    return trap


def lay_traps(top: Path, trap: Path, *where: str) -> None:
    """Configure a program for everything that git could run."""
    hooks = trap.parent / "hooks"
    hooks.mkdir()
    for hook in ("post-index-change", "fsmonitor-watchman", "pre-auto-gc"):
        shutil.copy(trap, hooks / hook)
    for name, value in PROGRAMS.items():
        text = value.format(trap=trap, hooks=hooks)
        git(trap.parent, "-C", str(top), "config", *where, name, text)
    git_dir = Path(git(top, "-c", "core.fsmonitor=", "rev-parse", "--absolute-git-dir"))
    write(git_dir, {"info/attributes": "* filter=evil diff=evil\n"})
    write(top, {"main.py": "2\n"})
    os.utime(top / "data.bin", (1, 1))


def assert_that_they_work(top: Path, trap: Path) -> None:
    subprocess.run(["git", "diff", "HEAD"], cwd=top, capture_output=True, check=False)
    assert (trap.parent / "sprung").exists(), "the trap does not work"


@pytest.mark.parametrize("scope", ["--local", "--worktree", "include"])
def test_a_repository_cannot_have_a_program_run(top: Path, trap: Path, scope: str) -> None:
    make_repository(top, {"main.py": "1\n", "data.bin": "1\n"})
    where: tuple[str, ...] = ("--local",) if scope == "--local" else ("--worktree",)
    if scope == "--worktree":
        git(top, "config", "extensions.worktreeConfig", "true")
    if scope == "include":
        git(top, "config", "include.path", f"{trap}.config")
        where = ("--file", f"{trap}.config")
    lay_traps(top, trap, *where)

    state = state_of(top)

    assert not (trap.parent / "sprung").exists()
    assert state.diff is not None
    assert "-1\n+2\n" in state.diff
    assert_that_they_work(top, trap)


def test_neither_can_a_submodule(top: Path, trap: Path, tmp_path: Path) -> None:
    make_repository(tmp_path / "library", {"main.py": "1\n", "data.bin": "1\n"})
    make_repository(top)
    git(top, "submodule", "add", "-q", str(tmp_path / "library"), "library")
    commit(top, {})
    commit(top / "library", {"main.py": "3\n"})
    lay_traps(top / "library", trap)

    state = state_of(top)

    assert not (trap.parent / "sprung").exists()
    assert (state.dirty, state.missing) == (True, ())
    assert_that_they_work(top / "library", trap)


def test_a_filter_whose_name_cannot_be_given_keeps_git_from_looking(top: Path) -> None:
    head = make_repository(top)
    git(top, "config", "filter.a=b.clean", "false")

    state = state_of(top)

    assert (state.commit, state.dirty) == (head, None)
    (missing,) = state.missing
    assert "content filter whose name has a `=`" in missing


def test_git_that_hangs_is_given_up_and_ended(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = make_repository(top)
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\necho $$ >>{tmp_path}/pids\nsleep 100 & sleep 100\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")

    state = state_of(top, limit_seconds=0.3)

    assert (state.commit, state.branch, state.dirty) == (head, "main", None)
    assert state.missing == ("What is changed is not known: git did not answer in time.",)
    for pid in (tmp_path / "pids").read_text().split():
        deadline = time.monotonic() + 10
        while Path(f"/proc/{pid}").exists():
            assert time.monotonic() < deadline, "git goes on running"
            time.sleep(0.01)


def test_what_the_environment_says_of_another_repository_does_not_count(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = make_repository(top)
    make_repository(tmp_path / "other", {"other.py": "\n"})
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")

    state = state_of(top)

    assert (state.commit, state.missing) == (head, ())
