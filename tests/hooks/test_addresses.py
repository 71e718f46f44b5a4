"""Addresses that no webhook may reach."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.hooks.addresses import refusal

FORBIDDEN = [
    "0.0.0.0",
    "127.0.0.1",
    "127.255.255.254",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "169.254.170.2",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:a00:1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "2001:0:7f00:1::",
    "fec0::1",
    "64:ff9b:1::1",
    "192.88.99.1",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_an_address_that_is_not_for_webhooks_is_refused(address: str) -> None:
    assert refusal(address) is not None


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111"])
def test_a_public_address_is_not(address: str) -> None:
    assert refusal(address) is None


@given(st.ip_addresses(v=4))
def test_an_address_is_refused_in_every_form_of_the_other_protocol(
    address: ipaddress.IPv4Address,
) -> None:
    if refusal(str(address)) is None:
        return
    number = int(address)
    for form in ((0xFFFF << 32) | number, number, (0x64FF9B << 96) | number):
        assert refusal(str(ipaddress.IPv6Address(form))) is not None
