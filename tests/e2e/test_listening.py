"""`atlas-server start --listen`: what it refuses, and who is let in."""

from __future__ import annotations

import json
import socket
import ssl
from contextlib import closing
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from foundations import Client
from foundations.errors import NotAuthorised
from foundations.transport.trust import Trust
from tests.e2e.driver import Scheduler
from tests.e2e.engines import Make, on_processes

pytestmark = on_processes


def listening(scheduler: Scheduler) -> list[str]:
    found: list[str] = json.loads(scheduler.server("status", "--json").out)["listening"]
    return found


def nothing_was_started(scheduler: Scheduler) -> bool:
    return not (
        scheduler.is_running or scheduler.home.socket.exists() or scheduler.home.database.exists()
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--detach", "--listen", "0.0.0.0:0"], "There are three ways out"),
        (["--listen", "127.0.0.1:0", "--listen", "gpu-box"], "`gpu-box` is no IP address"),
        (["--listen", "https://127.0.0.1:0"], "There is no certificate for `https://127.0.0.1:0`"),
        (
            ["--listen", "127.0.0.1:0", "--listen", "192.0.2.1:5000", "--insecure-http"],
            "This machine has no address 192.0.2.1",
        ),
    ],
)
def test_a_start_that_cannot_listen_everywhere_starts_nothing(
    make: Make, options: list[str], expected: str
) -> None:
    scheduler = make()

    done = scheduler.server("start", *options, code=1)

    assert expected in done.err
    assert "Traceback" not in done.err
    assert nothing_was_started(scheduler)


def test_a_port_that_is_taken_and_a_certificate_that_is_none_are_told(make: Make) -> None:
    scheduler = make()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        told = scheduler.server("start", "--listen", address, code=1).err
    assert (
        told == f"Error: Another program listens on {address}. Stop it, or listen on another "
        "port.\n"
    )
    broken = scheduler.root / "broken.pem"
    broken.write_text("nothing")
    scheduler.write_settings(
        listen=["127.0.0.1:0"], tls={"certificate": str(broken), "key": str(broken)}
    )
    told = scheduler.server("start", code=1).err
    assert f"Error: The certificate {broken} with the key {broken} cannot be used" in told
    assert nothing_was_started(scheduler)


def test_by_tcp_nobody_comes_in_without_a_token_also_on_the_machine_itself(make: Make) -> None:
    scheduler = make(listen=["127.0.0.1:0", "[::1]:0"])
    done = scheduler.server("start", "--detach")
    urls = listening(scheduler)

    assert [urlsplit(url).hostname for url in urls] == ["127.0.0.1", "::1"]
    assert [line for line in done.lines if line.startswith("Listening:")] == [
        f"Listening: {url}" for url in urls
    ]
    assert "  Nobody can come in there yet: atlas-server token create NAME" in done.lines
    for url in urls:
        with Client(url) as client, pytest.raises(NotAuthorised, match="foundations login"):
            client.info()
        with Client(url, token="atlas_wrong") as client, pytest.raises(NotAuthorised):
            client.info()
    with scheduler.client() as client:
        assert client.info().listening == urls
    scheduler.server("stop")
    for url in urls:
        parts = urlsplit(url)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((parts.hostname, parts.port), 5)


def test_what_the_command_line_names_replaces_what_the_file_names(make: Make) -> None:
    scheduler = make(listen=["127.0.0.1:0", "127.0.0.1:0"])
    scheduler.server("start", "--detach", "--listen", "0.0.0.0:0", "--insecure-http")
    (url,) = listening(scheduler)
    assert url.startswith("http://0.0.0.0:")


def test_tls_init_makes_a_certificate_that_clients_pin_and_renews_it(make: Make) -> None:
    scheduler = make(listen=["0.0.0.0:0"])
    done = scheduler.server("tls-init", "--name", "gpu-box.lab")
    made = json.loads(scheduler.server("tls-init", "--json").out)
    assert made["fingerprint"] in done.out
    assert "gpu-box.lab" in made["names"]
    assert not made["is_new_authority"]
    kept = scheduler.home.tls
    assert {path.stat().st_mode & 0o777 for path in kept.iterdir()} == {0o600}
    assert kept.stat().st_mode & 0o777 == 0o700

    scheduler.start()
    (url,) = listening(scheduler)
    near = url.replace("0.0.0.0", "127.0.0.1")
    pin = Trust(fingerprint=made["fingerprint"].replace(":", "").lower())
    with Client(near, trust=pin) as client, pytest.raises(NotAuthorised):
        client.health()
    assert_no_old_tls(urlsplit(near).port or 0, Path(made["ca"]))


def test_a_renewed_certificate_is_shown_without_a_restart(make: Make) -> None:
    scheduler = make(listen=["127.0.0.1:0"])
    scheduler.server("tls-init")
    scheduler.start()
    (url,) = listening(scheduler)
    port = urlsplit(url).port or 0
    trust = ssl.create_default_context(cafile=scheduler.home.tls / "ca.pem")
    first = shown(port)
    with closing(HTTPSConnection("127.0.0.1", port, timeout=20, context=trust)) as old:
        assert status(old) == 200
        kept = old.sock
        scheduler.server("tls-init", "--name", "gpu-box.lab")

        second = shown(port)
        assert second != first
        assert status(old) == 200
        assert old.sock is kept, "a connection that is there goes on"
    assert "gpu-box.lab" in scheduler.server("status").out
    with closing(HTTPSConnection("127.0.0.1", port, timeout=20, context=trust)) as new:
        assert status(new, host="gpu-box.lab") == 200
        assert status(new, host="other.lab") == 403

    (scheduler.home.tls / "server.pem").write_text("no certificate")
    assert shown(port) == second
    told = scheduler.server("status").out
    assert "server.key cannot be used" in told
    assert "The one before is shown on." in told
    assert "is not used" in scheduler.server("logs").out


def shown(port: int) -> str:
    """The certificate that a new connection is shown."""
    return ssl.get_server_certificate(("127.0.0.1", port), timeout=20)


def status(connection: HTTPSConnection, host: str = "127.0.0.1") -> int:
    """The status of an answer to somebody who needs no token."""
    connection.request("GET", "/healthz", headers={"Host": host})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def assert_no_old_tls(port: int, authority: Path) -> None:
    context = ssl.create_default_context(cafile=authority)
    with (
        socket.create_connection(("127.0.0.1", port), 5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        assert connection.version() in ("TLSv1.2", "TLSv1.3")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(authority)
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", port), 5) as plain, pytest.raises(ssl.SSLError):
        old.wrap_socket(plain, server_hostname="127.0.0.1")


def test_a_name_that_is_none_gets_no_certificate(make: Make) -> None:
    scheduler = make()
    told = scheduler.server("tls-init", "--name", "https://x", code=1).err
    assert told == (
        "Error: `https://x` is neither a host name nor an IP address. Give it without scheme and "
        "port.\n"
    )
    assert not (scheduler.home.tls / "server.pem").exists()
    assert not (scheduler.home.tls / "ca.pem").exists()
