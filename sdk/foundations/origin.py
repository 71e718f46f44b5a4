"""Collects who submits a directory and from where, while the directory is packed."""

from __future__ import annotations

import os
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import foundations
from foundations.git.files import Repository
from foundations.provenance import GitState, Origin
from foundations.submitter import current_user

_MORE_SECONDS = 0.2
"""How much longer than git's own limit is waited for: it may hang where no signal reaches it."""
_MOST_KNOWN = 64


@dataclass(frozen=True, slots=True)
class _Known:
    """An answer of git's, and in which state of the directory it was given."""

    signature: tuple[object, ...]
    bundle: str
    state: GitState


_known: dict[tuple[int, Path], _Known] = {}
"""The last answer for each directory, by process and path: a search loop asks git only once."""


class Inquiry:
    """Asks git about a directory in the background, unless there is nothing to ask."""

    def __init__(self, directory: Path) -> None:
        """Begin to ask about a directory."""
        self._directory = directory
        self._repository = Repository.around(directory)
        self._signature: tuple[object, ...] = ()
        self._earlier: _Known | None = None
        self._asking: _Asking | None = None
        if self._repository is not None:
            self._signature = self._repository.signature()
            earlier = _known.get((os.getpid(), directory))
            if earlier is not None and earlier.signature == self._signature:
                self._earlier = earlier
            else:
                self._asking = _Asking(directory, self._repository)

    def origin(self, bundle: str | None) -> Origin:
        """Say where the directory comes from; waits for git, within its limit.

        Args:
            bundle: digest of what was packed. Equal content and an unchanged repository are the
                same state, and git is not asked again. None when nothing was packed.
        """
        return here(self._directory, git=self._state(bundle))

    def _state(self, bundle: str | None) -> GitState | None:
        if self._repository is None:
            return None
        if self._earlier is not None and self._earlier.bundle == bundle:
            return self._earlier.state
        asking = self._asking or _Asking(self._directory, self._repository)
        state = asking.answer()
        if bundle is not None and not state.missing:
            if len(_known) >= _MOST_KNOWN:
                _known.clear()
            _known[os.getpid(), self._directory] = _Known(self._signature, bundle, state)
        return state


class _Asking:
    """One thread that asks git; it is left to itself when it takes too long."""

    def __init__(self, directory: Path, repository: Repository) -> None:
        self._directory = directory
        self._repository = repository
        self._state: GitState | None = None
        self._begin = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="git", daemon=True)
        self._thread.start()

    def answer(self) -> GitState:
        from foundations.git.state import GIT_SECONDS, known_without_git

        end = self._begin + GIT_SECONDS + _MORE_SECONDS
        self._thread.join(max(0.0, end - time.monotonic()))
        if self._state is None:
            why = "git did not answer in time"
            return known_without_git(self._directory, self._repository, why=why)
        return self._state

    def _run(self) -> None:
        # Loaded here because most submissions come from no repository or while files are packed.
        from foundations.git.state import read_git_state

        self._state = read_git_state(self._directory, self._repository)


def here(directory: Path, *, git: GitState | None = None) -> Origin:
    """Say who submits a directory from this machine."""
    return Origin(
        user=current_user(),
        host=socket.gethostname(),
        directory=os.fsencode(directory).decode("utf-8", "replace"),
        client_version=foundations.__version__,
        git=git,
    )
