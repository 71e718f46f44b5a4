"""What every test shares: asyncio for async tests, and the rule for tests that need Docker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import cache

import pytest
from hypothesis import settings


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def pytest_configure() -> None:
    """Try the same examples in every run, unless more are asked for, and hear Ctrl-C.

    A shell that runs the tests in the background has it ignored, which programs that the tests
    start would inherit.
    """
    if os.environ.get("ATLAS_HYPOTHESIS") != "thorough":
        settings.load_profile("ci")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests marked `docker` where no engine answers; fail them where one is required."""
    if item.get_closest_marker("docker") is None:
        return
    problem = _engine_problem()
    if problem is None:
        return
    if os.environ.get("ATLAS_REQUIRE_DOCKER") == "1":
        pytest.fail(f"ATLAS_REQUIRE_DOCKER is 1 and {problem}", pytrace=False)
    pytest.skip(problem)


@cache
def _engine_problem() -> str | None:
    # In a process of its own, because a failed attempt of the SDK leaks its socket.
    ask = "import docker; docker.from_env(timeout=10).ping()"
    asked = subprocess.run(
        [sys.executable, "-c", ask], capture_output=True, text=True, timeout=60, check=False
    )
    if asked.returncode == 0:
        return None
    return f"no Docker engine answers: {asked.stderr.strip().splitlines()[-1]}"
