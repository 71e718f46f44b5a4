"""Looks at every container that the servers of the tests make, as soon as it is there."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import docker
from docker.errors import NotFound

from tests.engine.policy import assert_closed

LABEL = "atlas.instance"


@dataclass(frozen=True)
class Problem:
    """What is wrong with a container."""

    instance: str
    """Whose it is: other tests make some that a server would not."""
    said: str


@contextmanager
def inspected() -> Iterator[list[Problem]]:
    """Compare containers with the policy until this is left; gives what is wrong with them."""
    problems: list[Problem] = []
    client = docker.from_env()
    events = client.events(decode=True, filters={"event": "create", "label": LABEL})
    watching = threading.Thread(target=_watch, args=(client, events, problems))
    watching.start()
    try:
        yield problems
    finally:
        events.close()
        watching.join()
        client.close()


def _watch(client: docker.DockerClient, events: Any, problems: list[Problem]) -> None:
    for event in events:
        try:
            container = client.api.inspect_container(event["id"])
            assert_closed(container)
        except NotFound:
            continue  # it has ended and is gone
        except AssertionError as error:
            where = traceback.extract_tb(error.__traceback__)[-1].line
            told = event["Actor"]["Attributes"]
            problems.append(Problem(told[LABEL], f"{told.get('name')}: {where} {error}"))
