"""Which network addresses may be reached.

Data from the internet names hosts. None of them may make the trainer, which often runs inside a
private network, talk to that network.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Literal

from trainer.errors import DataError, TemporaryError

if TYPE_CHECKING:
    from collections.abc import Callable

Address = IPv4Address | IPv6Address
Reach = Literal["public", "private", "any"]

_GLOBAL_UNICAST = IPv6Network("2000::/3")  # RFC 4291, section 2.4: all that is allotted
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052, section 2.1


class AddressError(DataError):
    """A host has an address that must not be reached."""


def addresses_of(
    host: str,
    port: int,
    reach: Reach,
    resolve: Callable[[str, int], list[Address]] | None = None,
) -> list[Address]:
    """The addresses of a host, every one of them checked.

    Args:
        host: a name or a literal address.
        port: the port to be connected to.
        reach: the kind of addresses that may be reached.
        resolve: replaces the system's resolver.

    Raises:
        AddressError: any of the addresses is outside `reach`.
        DataError: there is no such host.
        TemporaryError: the resolver does not answer.
    """
    addresses = (resolve or _resolve)(host, port)
    for address in addresses:
        is_literal = host.strip("[]") == str(address)
        place = f"{host} is" if is_literal else f"{host} is at {address}, which is"
        if reach == "public" and not is_public(address):
            raise AddressError(
                f"{place} no public address; --allow-private permits that for your own data"
            )
        if reach == "private" and is_public(address):
            raise AddressError(f"{place} public, yet leads to a private address")
    return addresses


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet, also behind IPv6 transition schemes."""
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast
    embedded = address.ipv4_mapped or address.sixtofour
    if address in _NAT64:
        embedded = IPv4Address(int(address) & 0xFFFF_FFFF)
    if embedded is not None:
        return is_public(embedded)
    return address in _GLOBAL_UNICAST and address.is_global


def _resolve(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_NONAME:
            raise DataError(f"{host}: no such host; check its spelling, and the network") from error
        raise TemporaryError(f"{host}: the name server does not answer; retry later") from error
    except (OSError, UnicodeError) as error:
        raise DataError(f"{host!r}: no valid host name") from error
    return [ip_address(entry[4][0]) for entry in found]
