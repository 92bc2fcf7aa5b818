"""An HTTP transport that reaches checked addresses only, and leaves servers that crawl.

The guard sits where connections are made: whatever leads to a host (a manifest, a redirect, a
literal address), its addresses are resolved once and checked, and those are connected to. TLS
still verifies the host's name. Proxy variables of the environment are ignored, since a proxy
would resolve names by itself.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpcore
import httpx

from trainer.addresses import addresses_of

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator

    from trainer.addresses import Address, Reach

_MOST_HEAD_BYTES = 2**20  # also what the same packets hold of the body


@dataclass(frozen=True, slots=True)
class Pace:
    """When a connection is given up.

    Attributes:
        connect_seconds: for connecting, and again for TLS.
        read_seconds: for the next bytes to arrive.
        grace_seconds: of waiting, in all, before the speed is looked at.
        bytes_per_second: below this a server is too slow.
    """

    connect_seconds: float = 15
    read_seconds: float = 30
    grace_seconds: float = 60
    bytes_per_second: float = 1024


class GuardedTransport(httpx.BaseTransport):
    """HTTP/1.1 over a `GuardedBackend`; raises httpcore's exceptions."""

    def __init__(self, backend: GuardedBackend, connections: int) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=connections,
            network_backend=backend,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, as httpx asks of a transport."""
        url = request.url
        response = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        stream = response.extensions.get("network_stream")
        if isinstance(stream, _PacedStream):
            stream.end_head()
        return httpx.Response(response.status, headers=response.headers, stream=_Body(response))

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


@dataclass(frozen=True, slots=True)
class GuardedBackend(httpcore.NetworkBackend):
    """Connects to addresses within reach.

    Attributes:
        reach: the kind of addresses that may be reached.
        pace: when a connection is given up.
        resolve: replaces the system's resolver.
    """

    reach: Reach
    pace: Pace
    resolve: Callable[[str, int], list[Address]] | None = None
    _sockets: httpcore.SyncBackend = field(default_factory=httpcore.SyncBackend)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers, after all of them were checked."""
        failure: httpcore.NetworkError | httpcore.TimeoutException | None = None
        for address in addresses_of(host, port, self.reach, self.resolve):
            try:
                stream = self._sockets.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore.NetworkError, httpcore.TimeoutException) as error:
                failure = error
            else:
                return _PacedStream(stream, self.pace)
        raise failure or httpcore.ConnectError("no address")


class _PacedStream(httpcore.NetworkStream):
    """Counts bytes and the time spent waiting for them, headers and body alike.

    Also ends what goes on before an answer's body for ever, such as 100 Continue again and again.
    """

    def __init__(self, stream: httpcore.NetworkStream, pace: Pace) -> None:
        self._stream = stream
        self._pace = pace
        self._waited = 0.0
        self._received = 0
        self._head_left: float = _MOST_HEAD_BYTES

    def end_head(self) -> None:
        """What comes now is the body, or belongs to it."""
        self._head_left = math.inf

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        started = time.monotonic()
        data = self._stream.read(max_bytes, timeout)
        self._waited += time.monotonic() - started
        self._received += len(data)
        self._head_left -= len(data)
        if self._head_left < 0:
            raise httpcore.RemoteProtocolError("endless headers")
        if (
            self._waited > self._pace.grace_seconds
            and self._received < self._pace.bytes_per_second * self._waited
        ):
            raise httpcore.ReadTimeout("too slow")
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._head_left = _MOST_HEAD_BYTES
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, timeout)
        return _PacedStream(stream, self._pace)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return self._response.iter_stream()

    def close(self) -> None:
        self._response.close()
