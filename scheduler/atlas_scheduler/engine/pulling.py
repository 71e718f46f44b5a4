"""Long requests to Docker that make an image: their progress, what they meet, what to do then."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from docker import APIClient
from docker.errors import APIError, DockerException
from docker.utils.config import find_config_file

from atlas_scheduler.engine.complaints import in_short, words_of
from atlas_scheduler.engine.daemon import Operation
from atlas_scheduler.engine.image_names import registry_of
from atlas_scheduler.engine.port import StartRefusedError
from atlas_scheduler.engine.progress import PullProgress, fault
from atlas_scheduler.engine.sharing import Tell
from atlas_scheduler.engine.silence import timed_out
from atlas_scheduler.engine.threads import in_thread
from foundations.errors import EngineDown

NOTHING_CAME = "nothing more came for too long"
_STORE_ERROR = re.compile(r"Credentials store error: \w+\(([\"'])(?P<words>.*)\1\)")
_NOT_LET_IN = ("unauthorized", "no basic auth credentials", "authentication required", "denied")
_TOO_MANY = ("toomanyrequests", "too many requests", "http 429", "rate limit")
_UNKNOWN = ("manifest unknown", "not found", "name unknown")
_NOT_REACHED = (
    *("no such host", "server misbehaving", "connection refused", "connection reset"),
    *("network is unreachable", "no route to host", "i/o timeout", "context deadline exceeded"),
    *("request canceled while waiting for connection", "tls handshake timeout"),
)
_NOT_TRUSTED = ("x509:", "server gave http response to https client")


def pull(
    operation: Operation, name: str, why: str, advice: str, tell: Tell, *, is_here: bool
) -> None:
    """Pull an image. Blocks.

    Args:
        operation: the request.
        name: of the image.
        why: says in the error why it is pulled.
        advice: where its name comes from.
        tell: hears the progress.
        is_here: whether the engine has an image of that name already.

    Raises:
        StartRefusedError: it cannot be had; the text holds the registry's words.
        EngineDown: the engine does not answer.
    """

    def ask(api: APIClient) -> str | None:
        try:
            events = api.pull(name, stream=True, decode=True)
        except APIError:
            raise
        except DockerException as error:  # a credential helper, asked before the engine
            return f"the credentials of its registry cannot be read: {_unwrapped(error)}"
        return play(events, PullProgress().line, tell)

    problem = problem_of(operation, ask)
    if problem is not None:
        raise StartRefusedError(
            f"The image {name!r} {why} and cannot be pulled: {problem.rstrip('.')}. "
            f"{_advice(name, problem, advice, is_here=is_here)}"
        )


async def bounded(
    operation: Operation, work: Callable[[], None], *, longest_seconds: float, late: str
) -> None:
    """Do the work of an operation in a thread, within the time that it may take in all.

    Raises:
        StartRefusedError: that time is over; the text is `late`. The operation was aborted.
    """
    try:
        async with asyncio.timeout(longest_seconds):
            await in_thread(work, name="image", abort=operation.abort)
    except TimeoutError:
        raise StartRefusedError(late) from None


def play(
    events: Iterable[Mapping[str, Any]],
    line_of: Callable[[Mapping[str, Any]], str | None],
    tell: Tell,
) -> str | None:
    """Follow progress events to the end; return the fault that ended them."""
    for event in events:
        problem = fault(event)
        if problem is not None:
            return in_short(problem)
        line = line_of(event)
        if line is not None:
            tell(line)
    return None


def problem_of(operation: Operation, ask: Callable[[APIClient], str | None]) -> str | None:
    """Run a pull or build; return what went wrong with it, if not with the engine itself."""
    try:
        return operation.run(ask)
    except APIError as error:
        return words_of(error)
    except EngineDown as error:
        if timed_out(error):
            return NOTHING_CAME
        raise


def _advice(name: str, problem: str, advice: str, *, is_here: bool) -> str:
    words = problem.lower()
    again = _advice_to_try_again(name, problem)
    if again is not None:
        return again
    if any(word in words for word in _NOT_LET_IN):
        return _advice_to_log_in(name)
    if "credentials of its registry" in words:
        return (
            "Docker's config.json of the user who runs the scheduler names that helper "
            "(`credsStore`, `credHelpers`): install it, or remove its line and log in again."
        )
    if any(word in words for word in _NOT_REACHED):
        unasked = (
            "`pull: missing` takes the image that it has"
            if is_here
            else "an image that is loaded or built there needs no registry"
        )
        return (
            f"The scheduler's machine does not reach {registry_of(name)}. Check {advice}, and that "
            f"machine's network; {unasked}."
        )
    if any(word in words for word in _NOT_TRUSTED):
        return (
            f"The Docker engine does not trust {registry_of(name)}: whoever runs the scheduler's "
            f"machine puts the registry's authority below /etc/docker/certs.d, or the registry "
            f"among `insecure-registries` of daemon.json."
        )
    if any(word in words for word in _UNKNOWN):
        return f"The registry does not have it. Check {advice}."
    return (
        f"Check {advice}, and whether the scheduler's machine reaches the registry and is logged "
        f"in there (`docker login`)."
    )


def _advice_to_try_again(name: str, problem: str) -> str | None:
    words = problem.lower()
    if problem == NOTHING_CAME:
        return (
            "Submit again: what came of it is kept. `docker: pull_idle_seconds` in "
            "config/server.yaml is the longest silence."
        )
    if words.endswith("eof"):
        return (
            f"The connection to {registry_of(name)} broke off, also when Docker tried again. "
            f"Submit again: what came of it is kept."
        )
    if any(word in words for word in _TOO_MANY):
        return "The registry takes no more requests for now: submit again later, or log in there."
    return None


def _unwrapped(error: DockerException) -> str:
    """Give what a credential helper says, without the names of the library's own errors."""
    found = _STORE_ERROR.fullmatch(str(error))
    return str(error) if found is None else found["words"]


def _advice_to_log_in(name: str) -> str:
    unread = _unread_credentials()
    if unread is not None:
        return (
            f"Nobody is logged in anywhere, because {unread} of the user who runs the scheduler "
            f"is no JSON: correct it, or remove it and log in again."
        )
    return (
        f"The user who runs the scheduler must be logged in there: `docker login "
        f"{registry_of(name)}` on its machine; jobs that are submitted after that can pull it. "
        f"A registry says the same of an image that does not exist."
    )


def _unread_credentials() -> str | None:
    """Name Docker's file of credentials where it is none, which Docker's tools pass over."""
    found = find_config_file()
    if found is None:
        return None
    path = Path(str(found))
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return str(path)
    except OSError:
        return None
    return None
