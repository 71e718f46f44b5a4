"""A server that is started apart: what is told when it does not come up."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_scheduler.process import start_detached
from foundations.autostart import start_server
from foundations.errors import AtlasError, Unreachable
from foundations.home import Home


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with a mistake in server.yaml, and the log of an earlier server."""
    monkeypatch.delenv("FOUNDATIONS_JOB_ID", raising=False)
    home = Home(tmp_path / "home")
    home.create()
    home.logs.mkdir(exist_ok=True)
    home.server_log.write_text('{"event": "of yesterday"}\nError: of yesterday\n')
    home.server_config.parent.mkdir(exist_ok=True)
    home.server_config.write_text("engin: docker\n")
    return home


def test_a_server_that_ends_at_once_is_told_by_what_it_said_this_time(broken: Home) -> None:
    with pytest.raises(AtlasError) as caught:
        start_detached(broken)
    first, second, last = str(caught.value).splitlines()
    assert first == f"The Atlas server for {broken.root} ended at once:"
    assert second.startswith(f"  {broken.server_config}, line 1: unknown key `engin`. Did you mean")
    assert last == f"Its log is {broken.server_log}."


def test_a_command_that_needs_it_says_the_same(broken: Home) -> None:
    with pytest.raises(Unreachable) as caught:
        start_server(broken)
    first, second, _ = str(caught.value).splitlines()
    assert first == f"The Atlas server for {broken.root} ended at once:"
    assert "unknown key `engin`" in second
