"""Webhooks: signed, to the address that was checked, and to no other whatever is answered."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from atlas_scheduler.hook_settings import WebHook
from atlas_scheduler.hooks import HookFailed
from atlas_scheduler.hooks.webhook import WebHookSender, resolve
from tests.hooks.receiver import HOST, Receiver, receiver
from tests.hooks.samples import ended

pytestmark = pytest.mark.anyio
KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Receiver]:
    async with receiver(tmp_path) as opened:
        yield opened


class Names:
    """A resolver that answers what a test says, something else each time where it is told so."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def sender(
    there: Receiver,
    names: Any = None,
    *,
    may_be_private: bool = True,
    url: str | None = None,
    **settings: Any,
) -> WebHookSender:
    return WebHookSender(
        WebHook(url=url or there.url, ca_file=there.ca_file, **settings),
        may_be_private=may_be_private,
        resolver=names or Names(["127.0.0.1"]),
        seconds=lambda: 1_700_000_000.9,
    )


async def test_a_request_is_signed_and_says_which_job_ended(
    there: Receiver, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(KEY + "\n")
    secret.chmod(0o600)
    await sender(there, secret_file=secret).tell(ended())

    ((headers, body),) = there.requests
    assert headers[""] == "POST /atlas?room=1 HTTP/1.1"
    assert headers["Host"] == f"{HOST}:{there.port}"
    assert there.names == [HOST]
    assert headers["X-Atlas-Delivery"] == "7"
    assert headers["X-Atlas-Event"] == "job.ended"
    told = json.loads(body)
    assert (told["event"], told["seq"], told["sample"]) == ("job.ended", 7, False)
    assert (told["job"]["state"], told["job"]["exit_code"]) == ("failed", 3)
    signed = hmac.new(KEY.encode(), b"1700000000." + body, hashlib.sha256).hexdigest()
    assert headers["X-Atlas-Timestamp"] == "1700000000"
    assert headers["X-Atlas-Signature"] == f"v1={signed}"


async def test_without_a_key_there_is_no_signature(there: Receiver) -> None:
    await sender(there).tell(ended())
    assert "X-Atlas-Signature" not in there.requests[0][0]


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [(KEY, 0o640, "others can read"), ("short", 0o600, "fewer than 16 bytes")],
)
async def test_a_key_that_is_none_is_refused_and_nothing_sent(
    there: Receiver, tmp_path: Path, content: str, mode: int, reason: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(content)
    secret.chmod(mode)
    with pytest.raises(HookFailed, match=reason):
        await sender(there, secret_file=secret).tell(ended())
    assert there.connections == 0


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "localhost", "[::ffff:127.0.0.1]", "[::1]"],
)
async def test_this_machine_is_not_reached_by_any_of_its_spellings(
    there: Receiver, host: str
) -> None:
    url = f"https://{host}:{there.port}/"
    with pytest.raises(HookFailed, match="this machine"):
        await sender(there, resolve, may_be_private=False, url=url).tell(ended())
    assert there.connections == 0


@pytest.mark.parametrize("host", ["169.254.169.254", "2852039166", "[::ffff:a9fe:a9fe]"])
async def test_the_metadata_of_a_cloud_is_not_reached(there: Receiver, host: str) -> None:
    with pytest.raises(HookFailed, match="link-local"):
        await sender(there, resolve, may_be_private=False, url=f"https://{host}/").tell(ended())


async def test_one_forbidden_address_among_others_is_enough(there: Receiver) -> None:
    names = Names(["1.1.1.1", "10.0.0.1"])
    with pytest.raises(HookFailed, match=r"leads to 10\.0\.0\.1: it is in a private"):
        await sender(there, names, may_be_private=False).tell(ended())


async def test_a_name_is_looked_up_once_and_its_second_answer_is_never_used(
    there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atlas_scheduler.hooks.webhook.refusal", lambda _: None)
    names = Names(["127.0.0.1"], ["169.254.169.254"])

    def never(*_: object, **__: object) -> None:
        raise AssertionError("nothing else may look up names")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    await sender(there, names, may_be_private=False).tell(ended())
    assert names.asked == [HOST]
    assert there.connections == 1


async def test_a_rebinding_name_is_refused_at_the_next_request(there: Receiver) -> None:
    names = Names(["93.184.216.34"], ["127.0.0.1"])
    web = sender(there, names, may_be_private=False, timeout_seconds=0.05)
    with pytest.raises(HookFailed):
        await web.tell(ended())
    with pytest.raises(HookFailed, match="this machine"):
        await web.tell(ended())
    assert there.connections == 0


async def test_a_redirect_is_not_followed(there: Receiver) -> None:
    there.answer = b"HTTP/1.1 302 Found\r\nLocation: https://169.254.169.254/\r\n\r\n"
    names = Names(["127.0.0.1"])
    with pytest.raises(HookFailed, match="302: redirects are not followed"):
        await sender(there, names).tell(ended())
    assert (names.asked, there.connections) == ([HOST], 1)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 500 Oh\r\n\r\n", "the answer was 500"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "the answer was 404"),
        (b"SSH-2.0-OpenSSH\r\n", "not HTTP"),
        (b"HTTP/1.1 200" + b" x" * 100_000, "not HTTP"),
        (b"", "bytes"),
    ],
)
async def test_an_answer_that_is_no_yes_is_a_failure(
    there: Receiver, answer: bytes, reason: str
) -> None:
    there.answer = answer
    with pytest.raises(HookFailed, match=reason):
        await sender(there).tell(ended())


async def test_a_long_answer_is_not_read_to_its_end(there: Receiver) -> None:
    there.answer = b"HTTP/1.1 200 OK\r\n\r\n" + bytes(50 << 20)
    await sender(there).tell(ended())
    assert len(there.requests) == 1


async def test_who_does_not_answer_is_given_up(there: Receiver) -> None:
    there.is_silent = True
    with pytest.raises(HookFailed, match="no answer after"):
        await sender(there, timeout_seconds=0.2).tell(ended())


async def test_a_certificate_must_be_of_the_name_and_trusted(there: Receiver) -> None:
    other = sender(there, url=f"https://other.example.org:{there.port}/")
    with pytest.raises(HookFailed, match="not valid for"):
        await other.tell(ended())
    untrusting = WebHookSender(
        WebHook(url=there.url), may_be_private=True, resolver=Names(["127.0.0.1"])
    )
    with pytest.raises(HookFailed, match="certificate verify failed"):
        await untrusting.tell(ended())
    assert there.requests == []
