"""Which engine a test's jobs run on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.driver import Scheduler

Make = Callable[..., Scheduler]
"""Makes a home with a server of the test's own, not started yet; takes what `Scheduler` takes."""

_DOCKER = pytest.param("docker", marks=pytest.mark.docker)
ENGINES = ["process", _DOCKER]
on_docker = pytest.mark.parametrize("engine", [_DOCKER], indirect=True)
on_processes = pytest.mark.parametrize("engine", ["process"], indirect=True)
