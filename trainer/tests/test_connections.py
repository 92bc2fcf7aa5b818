"""The guard where connections are made, against real servers.

Every address of a test is private, so 127.0.0.1 is declared public here, and nothing else.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import httpcore
import httpx
import pytest

from trainer import addresses
from trainer.addresses import AddressError
from trainer.connections import Pace
from trainer.downloads import open_client

if TYPE_CHECKING:
    from http_server import Handler, Server


@pytest.fixture
def public_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "is_public", lambda address: str(address) == "127.0.0.1")


def test_private_address_by_literal(server: Server) -> None:
    with open_client("public") as client, pytest.raises(AddressError):
        client.get(server.add("/", b"secret"))
    assert not server.requests


@pytest.mark.usefixtures("public_loopback")
def test_private_address_by_redirect(server: Server) -> None:
    secret = server.url("/secret", host="127.0.0.2")
    url = server.add("/", lambda handler: handler.send(302, b"", Location=secret))
    with open_client("public") as client, pytest.raises(AddressError, match=r"127\.0\.0\.2"):
        client.get(url)
    assert [path for path, _ in server.requests] == ["/"]


@pytest.mark.usefixtures("public_loopback")
def test_private_address_by_resolution(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["127.0.0.1", "127.0.0.2"])

    def resolve(host: str, port: int, **_options: object) -> list[object]:
        assert host == "rebinding.test"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    server.add("/", lambda handler: handler.send(200, b"", Connection="close"))
    connected = []
    connect = socket.create_connection

    def watched(
        address: tuple[str, int], timeout: float | None, source_address: tuple[str, int] | None
    ) -> socket.socket:
        connected.append(address[0])
        monkeypatch.undo()
        return connect(address, timeout, source_address)

    monkeypatch.setattr(socket, "create_connection", watched)
    with open_client("public") as client:
        answer = client.get(f"http://rebinding.test:{server.port}/")
    # The name was looked up once, and the address that was checked is the one connected to.
    assert connected == ["127.0.0.1"]
    assert answer.status_code == 200
    assert server.requests[0][1]["Host"] == f"rebinding.test:{server.port}"


def test_proxy_of_the_environment_is_ignored(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with open_client("any") as client:
        assert client.get(server.add("/", b"direct")).content == b"direct"


def test_server_that_says_nothing(server: Server) -> None:
    url = server.add("/", wait_for_the_client)
    with (
        open_client("any", Pace(read_seconds=0.05)) as client,
        pytest.raises(httpcore.ReadTimeout),
    ):
        client.get(url)


@pytest.mark.parametrize("part", ["headers", "body"])
def test_server_that_crawls(server: Server, part: str) -> None:
    def crawl(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"\r\n" if part == "body" else b"X: "))
        handler.connection.settimeout(0.01)
        while True:
            handler.wfile.write(b"x")
            try:
                if not handler.connection.recv(1):
                    return
            except TimeoutError:
                continue

    url = server.add("/", crawl)
    pace = Pace(read_seconds=5, grace_seconds=0.1, bytes_per_second=10_000)
    with open_client("any", pace) as client, pytest.raises(httpcore.ReadTimeout, match="too slow"):
        client.get(url)


def test_endless_redirects(server: Server) -> None:
    url = server.add("/", lambda handler: handler.send(302, b"", Location="/"))
    with open_client("any") as client, pytest.raises(httpx.TooManyRedirects):
        client.get(url)
    assert len(server.requests) == 6


def wait_for_the_client(handler: Handler) -> None:
    handler.connection.settimeout(5)
    handler.connection.recv(1)
    handler.close_connection = True
