"""URLs of schedulers, and tokens."""

from __future__ import annotations

import pytest

from foundations.errors import ConfigError
from foundations.ssh.place import SshPlace
from foundations.transport.address import Address, bearer


def test_a_unix_socket_has_a_path_as_it_is() -> None:
    address = Address.parse("unix:///home/a b/%41?#/atlas.sock")
    assert address.socket == "/home/a b/%41?#/atlas.sock"
    assert address.origin == "http://atlas"
    assert address.is_local


@pytest.mark.parametrize(
    ("url", "origin", "local"),
    [
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000", True),
        ("http://localhost:5000/", "http://localhost:5000", True),
        ("https://[::1]:5000", "https://[::1]:5000", True),
        ("https://lab.example", "https://lab.example", False),
        ("http://lab.example:5000/atlas/", "http://lab.example:5000/atlas", False),
    ],
)
def test_a_network_address_has_an_origin(url: str, origin: str, local: bool) -> None:
    address = Address.parse(url)
    assert (address.origin, address.socket, address.is_local) == (origin, None, local)


def test_an_address_by_ssh_is_on_another_machine() -> None:
    address = Address.parse("ssh://me@lab:22")
    assert address.ssh == SshPlace("lab", "me", 22)
    assert (address.origin, address.socket, address.is_local) == ("http://atlas", None, False)


@pytest.mark.parametrize(
    "url",
    [
        "", "lab", "lab:5000", "ssh://", "ftp://lab", "unix://atlas.sock", "unix://",
        "http://", "http://:5000", "http://lab:port", "http://lab:99999", "http://[::1",
        "http://lab?x=1", "http://lab#x", "http://user:secret@lab", "http://user@lab",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_scheduler_is_a_config_error(url: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Address.parse(url)
    assert "secret" not in raised.value.message


def test_schemes_that_cannot_be_used_are_answered_with_those_that_can() -> None:
    with pytest.raises(ConfigError) as raised:
        Address.parse("ftp://lab")
    for scheme in ("unix://", "http://", "https://", "ssh://"):
        assert scheme in raised.value.message


def test_silence_says_where_why_and_what_to_do() -> None:
    text = Address.parse("unix:///run/atlas.sock").silence("no such file")
    assert text == (
        "The scheduler at unix:///run/atlas.sock does not answer (no such file). "
        "Start it with `atlas-server start`."
    )
    assert "on that machine" in Address.parse("http://lab:5000").silence("refused")


@pytest.mark.parametrize("token", ["", "a b", "a\n", "é", "a\x00"])
def test_what_can_be_no_token_is_a_config_error(token: str) -> None:
    with pytest.raises(ConfigError) as raised:
        bearer(token)
    assert token == "" or token not in raised.value.message


def test_a_token_is_carried_as_a_bearer() -> None:
    assert bearer("atlas_0123") == "Bearer atlas_0123"
