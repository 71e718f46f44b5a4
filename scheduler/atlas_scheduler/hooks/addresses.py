"""Which addresses of the network webhooks may never reach, whatever name led there."""

from __future__ import annotations

import ipaddress

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
# What is global to Python differs between its releases; these must not be, in any of them.
_SPECIAL = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15"),
        *("240.0.0.0/4", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32"),
        *("2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fec0::/10"),
    )
)
_OF_CLOUDS = frozenset({ipaddress.IPv4Address("168.63.129.16")})
"""Public addresses by which a cloud answers its own machines."""


def refusal(address: str) -> str | None:
    """Say why an address is not for webhooks; None when it is.

    Args:
        address: as a resolver gives it: numeric, for IPv6 perhaps with a zone.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    for one in (*_embedded(found), found):
        if one in _OF_CLOUDS:
            return "it belongs to the machine's cloud"
        if one.is_loopback or one.is_unspecified:
            return "it is this machine"
        if one.is_link_local:
            return "it is link-local, where clouds keep credentials"
        is_special = any(one.version == net.version and one in net for net in _SPECIAL)
        if one.is_multicast or not one.is_global or is_special:
            return "it is in a private or reserved network"
    return None


def _embedded(address: _Address) -> list[ipaddress.IPv4Address]:
    """IPv4 addresses that packets to an IPv6 address may be led to."""
    if address.version == 4 or address.is_loopback or address.is_unspecified:
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64 or address in _COMPATIBLE:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in found if one is not None]
