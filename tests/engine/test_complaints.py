"""What the Docker engine refuses is told in its own words, once, with what to do."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
import requests
from docker import APIClient
from docker.errors import APIError

import atlas_scheduler.engine
from atlas_scheduler.engine.complaints import in_short, words_of
from atlas_scheduler.engine.daemon import Operation
from atlas_scheduler.engine.port import StartRefusedError
from atlas_scheduler.engine.pulling import pull
from atlas_scheduler.engine.timed_calls import TimedCalls
from foundations.errors import EngineDown

T = TypeVar("T")


def api_error(explanation: str | None, status: int = 500) -> APIError:
    """The SDK's error of an answer."""
    answer = requests.Response()
    answer.status_code = status
    answer.url = "http+docker://localhost/v1.41/images/x/json"
    answer.reason = "Internal Server Error"
    return APIError("500 Server Error", response=answer, explanation=explanation)


class RefusingOperation(Operation):
    """A pull that the engine answers with an error."""

    def __init__(self, explanation: str) -> None:
        super().__init__(APIClient, address="unix:///run/nothing.sock")
        self._explanation = explanation

    def run(self, ask: Callable[[APIClient], T]) -> T:
        raise api_error(self._explanation)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "OCI runtime create failed: container_linux.go:380: starting container process caused: "
            'exec: "nosuch": executable file not found in $PATH: unknown',
            'exec: "nosuch": executable file not found in $PATH',
        ),
        (
            "failed to create shim task: OCI runtime create failed: runc create failed: unable to "
            'start container process: exec: "/x": stat /x: no such file or directory: unknown',
            'exec: "/x": stat /x: no such file or directory',
        ),
        (
            'Error: runc: exec failed: unable to start container process: exec: "x": executable '
            "file not found in $PATH: OCI runtime attempted to invoke a command that was not "
            "found\nError: read unixpacket @->/proc/self/fd/16/attach: connection reset by peer\n",
            'exec: "x": executable file not found in $PATH',
        ),
        (
            "manifest for localhost:5/x:2 not found: manifest unknown: manifest unknown",
            "manifest for localhost:5/x:2 not found: manifest unknown",
        ),
        (
            "lstat /var/lib/docker/overlay2/591c6bf3bc/merged/etc/passwd/x: not a directory",
            "lstat /etc/passwd/x: not a directory",
        ),
        (
            'error mounting "/srv" to rootfs at "/x": not a directory: unknown: Are you trying to '
            "mount a directory onto a file?",
            'error mounting "/srv" to rootfs at "/x": not a directory: Are you trying to mount a '
            "directory onto a file?",
        ),
        ("two\nlines.\n", "two lines"),
    ],
)
def test_what_the_engine_says_is_told_once_and_in_a_line(said: str, told: str) -> None:
    assert in_short(said) == told
    assert words_of(api_error(said)) == told


def test_an_engine_that_gives_no_reason_is_told_of_without_its_address() -> None:
    assert words_of(api_error(None)) == "it answers 500 and gives no reason"
    assert words_of(APIError("")) == "it gives no reason"
    assert len(words_of(api_error("x" * 5_000))) == 1_001


@pytest.mark.anyio
async def test_an_engine_that_fails_at_a_call_is_told_in_its_words() -> None:
    def call() -> None:
        raise api_error("devmapper: Thin Pool has 1 free data blocks.")

    with pytest.raises(EngineDown) as failure:
        await TimedCalls()(call)
    assert str(failure.value) == (
        "The Docker engine failed: devmapper: Thin Pool has 1 free data blocks."
    )


REGISTRY = 'Get "https://registry.lab:4290/v2/": '


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        (
            f"{REGISTRY}dial tcp: lookup registry.lab on 10.0.0.1:53: no such host",
            "The scheduler's machine does not reach registry.lab:4290. Check `worker: image:`, and "
            "that machine's network; an image that is loaded or built there needs no registry.",
        ),
        (
            f"{REGISTRY}net/http: request canceled while waiting for connection "
            "(Client.Timeout exceeded while awaiting headers)",
            "The scheduler's machine does not reach registry.lab:4290. Check `worker: image:`, and "
            "that machine's network; an image that is loaded or built there needs no registry.",
        ),
        (
            f"{REGISTRY}x509: certificate signed by unknown authority",
            "The Docker engine does not trust registry.lab:4290: whoever runs the scheduler's "
            "machine puts the registry's authority below /etc/docker/certs.d, or the registry "
            "among `insecure-registries` of daemon.json.",
        ),
        (
            f"{REGISTRY}http: server gave HTTP response to HTTPS client",
            "The Docker engine does not trust registry.lab:4290: whoever runs the scheduler's "
            "machine puts the registry's authority below /etc/docker/certs.d, or the registry "
            "among `insecure-registries` of daemon.json.",
        ),
        (
            "pull access denied for registry.lab:4290/x, repository does not exist or may require "
            "'docker login': denied: requested access to the resource is denied",
            "The user who runs the scheduler must be logged in there: `docker login "
            "registry.lab:4290` on its machine; jobs that are submitted after that can pull it. "
            "A registry says the same of an image that does not exist.",
        ),
        (
            "unexpected EOF",
            "The connection to registry.lab:4290 broke off, also when Docker tried again. Submit "
            "again: what came of it is kept.",
        ),
        (
            "toomanyrequests: You have reached your pull rate limit",
            "The registry takes no more requests for now: submit again later, or log in there.",
        ),
        (
            "manifest for registry.lab:4290/x:1 not found: manifest unknown",
            "The registry does not have it. Check `worker: image:`.",
        ),
    ],
)
def test_a_pull_that_fails_says_why_and_what_to_do(said: str, advice: str) -> None:
    name = "registry.lab:4290/x:1"
    why = "is not on this machine"
    with pytest.raises(StartRefusedError) as refusal:
        pull(RefusingOperation(said), name, why, "`worker: image:`", print, is_here=False)
    assert str(refusal.value) == (
        f"The image '{name}' is not on this machine and cannot be pulled: {said}. {advice}"
    )


def handlers_that_print_an_answer() -> Iterator[str]:
    """Name the places that write an error of the SDK as it is, with its address and status."""
    (directory,) = atlas_scheduler.engine.__path__
    for path in sorted(Path(directory).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ExceptHandler) or node.type is None or node.name is None:
                continue
            if not {"APIError", "NotFound"} & {
                one.id for one in ast.walk(node.type) if isinstance(one, ast.Name)
            }:
                continue
            for inner in ast.walk(node):
                if _prints(inner, node.name):
                    yield f"{path.name}:{inner.lineno}"  # type: ignore[attr-defined]  # an expression


def _prints(node: ast.AST, name: str) -> bool:
    written = node.value if isinstance(node, ast.FormattedValue) else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str":
        written = next(iter(node.args), None)
    return isinstance(written, ast.Name) and written.id == name


def test_no_handler_writes_the_sdks_error_as_it_is() -> None:
    assert list(handlers_that_print_an_answer()) == []
