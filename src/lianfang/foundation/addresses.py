"""Which hosts the house may be sent to: named machines and this one, never a network's or a cloud's own services."""

from __future__ import annotations

import ipaddress

from lianfang.foundation.errors import BadInput

#: Where clouds tell a machine its own keys, outside of the link-local network (Alibaba Cloud; AWS by IPv6).
_METADATA = {ipaddress.ip_address(one) for one in ("100.100.100.200", "fd00:ec2::254")}


def check_host(host: str) -> None:
    """The host of a holder or of an authority, as it was written.

    Raises:
        BadInput: a link-local, multicast, unspecified or metadata address, or one written so that only a resolver
            sees which it is (``2852039166``, ``0x7f.1``).
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        last = host.rstrip(".").rpartition(".")[2].lower()
        if not last or last.isdigit() or last.startswith("0x"):
            raise BadInput("An address is written as four numbers, or as a name.", code="address") from None
        return
    _check(address)


def check_resolved(host: str) -> None:
    """The addresses that a name stands for now, before anything is sent there; what cannot be resolved passes.

    Raises:
        BadInput: one of them is none that the house may be sent to.
    """
    import socket

    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return
    for *_, where in found:
        _check(ipaddress.ip_address(str(where[0]).partition("%")[0]))


def _check(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_loopback:
        return
    if (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address.is_reserved
        or address in _METADATA
    ):
        raise BadInput("That address is no machine that may be asked.", code="address")
