"""Where the server listens beside its Unix socket, and whether it may."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.core.listening import ListenAddress, host_names, plan
from foundations.errors import ConfigError


def planned(*texts: str, certificate: bool = False, **options: Any) -> list[str]:
    options = {"insecure_http": False, "machine": "gpu-box", **options}
    return [one.url for one in plan(texts, has_certificate=certificate, **options)]


@pytest.mark.parametrize(
    ("text", "without", "with_certificate"),
    [
        ("127.0.0.1:5000", "http://127.0.0.1:5000", "https://127.0.0.1:5000"),
        ("127.9.9.9", "http://127.9.9.9:5000", "https://127.9.9.9:5000"),
        ("localhost:80", "http://127.0.0.1:80", "https://127.0.0.1:80"),
        ("[::1]:0", "http://[::1]:0", "https://[::1]:0"),
        ("[::1]", "http://[::1]:5000", "https://[::1]:5000"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000", "http://127.0.0.1:5000"),
    ],
)
def test_on_the_machine_itself_tls_is_used_where_there_is_a_certificate(
    text: str, without: str, with_certificate: str
) -> None:
    assert planned(text) == [without]
    assert planned(text, certificate=True) == [with_certificate]


@pytest.mark.parametrize("text", ["0.0.0.0:5000", "[::]:5000", "10.0.0.7:5000", "[fe80::1]:5000"])
def test_plain_http_leaves_the_machine_only_when_told(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        planned("127.0.0.1:5000", text)

    told = caught.value.message
    assert f"`{text}`" in told
    for way in (
        "scheduler_url: ssh://USER@gpu-box",
        "`atlas-server tls-init --name gpu-box`",
        "--insecure-http",
    ):
        assert way in told
    assert planned(text, insecure_http=True) == [f"http://{text}"]
    assert planned(text, certificate=True) == [f"https://{text}"]


def test_whoever_writes_http_gets_no_tls_and_needs_to_be_told_off_the_machine() -> None:
    with pytest.raises(ConfigError, match="three ways out"):
        planned("http://0.0.0.0:5000", certificate=True)
    assert planned("http://0.0.0.0:5000", certificate=True, insecure_http=True) == [
        "http://0.0.0.0:5000"
    ]


def test_tls_without_a_certificate_is_told_how_to_get_one() -> None:
    with pytest.raises(ConfigError, match="atlas-server tls-init --name gpu-box"):
        planned("https://0.0.0.0:5000", insecure_http=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "`` is no IP address"),
        ("gpu-box:5000", "`gpu-box` is no IP address"),
        ("127.1:5000", "`127.1` is no IP address"),
        ("ftp://127.0.0.1:5000", "Cannot listen on `ftp://127.0.0.1:5000`"),
        ("::1:5000", "an IPv6 address stands in brackets"),
        ("[::1:5000", "an IPv6 address stands in brackets"),
        ("[::1]5000", "an IPv6 address stands in brackets"),
        ("127.0.0.1:x", "a port is a number up to 65535"),
        ("127.0.0.1:65536", "a port is a number up to 65535"),
        ("127.0.0.1:-1", "a port is a number up to 65535"),
        ("127.0.0.1:\N{FULLWIDTH DIGIT FIVE}", "a port is a number up to 65535"),
        ("http://127.0.0.1:5000/", "a port is a number up to 65535"),
    ],
)
def test_what_is_no_address_is_told(text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        planned(text, insecure_http=True)
    assert expected in caught.value.message


def test_the_same_address_twice_is_a_mistake_unless_the_system_chooses_the_port() -> None:
    with pytest.raises(ConfigError, match="named twice"):
        planned("127.0.0.1:5000", "localhost")
    assert len(planned("127.0.0.1:0", "127.0.0.1:0")) == 2


@given(st.ip_addresses(), st.integers(0, 65_535), st.booleans())
def test_every_address_is_read_back_as_it_is_written(ip: Any, port: int, tls: bool) -> None:
    address = ListenAddress(ip, port, tls)
    assert ListenAddress.parse(address.url) == address


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_a_mistake(text: str) -> None:
    try:
        found = ListenAddress.parse(text)
    except ConfigError:
        return
    assert 0 <= found.port <= 65_535


def test_requests_may_name_addresses_that_are_listened_on_and_the_names_that_are_given() -> None:
    addresses = plan(
        ["0.0.0.0:5000", "10.0.0.7:5000", "[fe80::1]:1"],
        has_certificate=True,
        insecure_http=False,
        machine="x",
    )
    names = host_names(addresses, ["gpu-box", "gpu-box:5000", "::1", "10.0.0.7", "10.0.0.9"])
    assert names == (
        *("10.0.0.7", "[fe80::1]"),
        *("gpu-box", "gpu-box:5000", "[::1]", "10.0.0.9"),
    )
