"""What the engine that answers can do: tests of what it cannot skip, and say why."""

from __future__ import annotations

from functools import cache

import docker
import pytest

from atlas_scheduler.engine.facts import EngineFacts


@cache
def engine_facts() -> EngineFacts:
    """Ask the engine once."""
    client = docker.from_env(timeout=60)
    try:
        return EngineFacts.from_info(client.info())
    finally:
        client.close()


def needs_limits(*resources: str) -> None:
    """Go on only where the engine can limit all of `memory`, `cpus` and `processes` asked for.

    Where it cannot, it must have said so.
    """
    facts = engine_facts()
    for resource in resources:
        if not getattr(facts, f"limits_{resource}"):
            said = " ".join(facts.notes(gpus_here=0, gpus_usable=0))
            assert "Limits on" in said, "an engine without limits must be told of"
            pytest.skip(f"this engine cannot limit {resource} here: {said}")


def needs_measures() -> None:
    """Go on only where the engine knows what containers use. Where it does not, it must say so."""
    facts = engine_facts()
    if not facts.measures:
        said = " ".join(facts.notes(gpus_here=0, gpus_usable=0))
        assert "is not known here" in said
        pytest.skip(f"this engine cannot tell what containers use: {said}")


def image_names(name: str) -> tuple[str, ...]:
    """The names by which the engine may call an image that was asked for by `name`."""
    if engine_facts().is_podman:
        return name, f"localhost/{name}", f"docker.io/library/{name}"
    return (name,)
