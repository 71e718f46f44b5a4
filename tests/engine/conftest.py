"""Engines to test: each on its own home, and everything it started removed afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.engine.rig import DockerRig, ProcessRig, Rig


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    rig = DockerRig(tmp_path) if request.param == "docker" else ProcessRig(tmp_path)
    yield rig
    await rig.close()


@pytest.fixture
async def docker_rig(tmp_path: Path) -> AsyncIterator[DockerRig]:
    rig = DockerRig(tmp_path)
    yield rig
    await rig.close()


@pytest.fixture
async def process_rig(tmp_path: Path) -> AsyncIterator[ProcessRig]:
    rig = ProcessRig(tmp_path)
    yield rig
    await rig.close()
