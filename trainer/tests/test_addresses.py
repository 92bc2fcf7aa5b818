"""Which addresses may be reached."""

from __future__ import annotations

import re
import socket
from ipaddress import ip_address

import pytest

from trainer.addresses import AddressError, addresses_of, is_public
from trainer.errors import DataError, TemporaryError


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - an address to refuse
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001::1",
        "2001:db8::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_private_addresses(address: str) -> None:
    assert not is_public(ip_address(address))
    with pytest.raises(AddressError, match="no public address; --allow-private"):
        addresses_of("host.test", 80, "public", lambda _host, _port: [ip_address(address)])


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"],
)
def test_public_addresses(address: str) -> None:
    assert is_public(ip_address(address))
    assert addresses_of("host.test", 80, "public", lambda *_: [ip_address(address)])
    with pytest.raises(AddressError, match="public, yet leads to a private"):
        addresses_of("host.test", 80, "private", lambda *_: [ip_address(address)])


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    both = [ip_address("8.8.8.8"), ip_address("10.0.0.1")]
    with pytest.raises(AddressError, match=r"host.test is at 10\.0\.0\.1"):
        addresses_of("host.test", 80, "public", lambda *_: both)
    assert addresses_of("host.test", 80, "any", lambda *_: both) == both


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "localhost", "[::1]"])
def test_other_spellings_of_this_machine(host: str) -> None:
    with pytest.raises(DataError):
        addresses_of(host, 80, "public")


def test_a_literal_address_is_named_once() -> None:
    for host in ("127.0.0.1", "::1", "[::1]"):
        with pytest.raises(AddressError, match=rf"^{re.escape(host)} is no public address; "):
            addresses_of(host, 80, "public", lambda host, _: [ip_address(host.strip("[]"))])


def test_unknown_host_and_silent_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for code, error in ((socket.EAI_NONAME, DataError), (socket.EAI_AGAIN, TemporaryError)):
        failure = socket.gaierror(code, "no")

        def fail(*_args: object, failure: OSError = failure, **_options: object) -> None:
            raise failure

        monkeypatch.setattr(socket, "getaddrinfo", fail)
        with pytest.raises(error, match=r"nowhere\.test"):
            addresses_of("nowhere.test", 80, "public")
