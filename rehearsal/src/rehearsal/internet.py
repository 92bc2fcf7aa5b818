"""The internet as far as a rehearsal needs it: a proxy that knows the load balancers' host names.

`HTTP_PROXY` leads there. What asks for another host is refused, so that nothing leaves this machine
unseen.
"""

from __future__ import annotations

import ipaddress
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from rehearsal.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

CLIENT = "203.0.113.7"  # where all clients are: RFC 5737 has it for documentation
SECONDS = 60.0
_HOP = {  # RFC 9110, 7.6.1: for the next hop alone
    *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
    *("te", "trailer", "transfer-encoding", "upgrade"),
}


@dataclass(frozen=True, slots=True)
class Site:
    """What a host name leads to.

    Attributes:
        url: of the pods, on this machine.
        ports: that are listened at for HTTP.
        redirect: the port of HTTPS that all is sent to, 0 for none.
        cidrs: whence clients are let in.
    """

    url: str
    ports: tuple[int, ...]
    redirect: int
    cidrs: tuple[str, ...]

    def lets_in(self, client: str) -> bool:
        """Whether the load balancer's security group has this client."""
        address = ipaddress.ip_address(client)
        return any(address in ipaddress.ip_network(each) for each in self.cidrs)


@dataclass(frozen=True, slots=True)
class Internet:
    """The host names that there are; they come and go while requests are answered."""

    sites: dict[str, Site] = field(default_factory=dict)


class Proxy(ThreadingHTTPServer):
    """A proxy on this machine.

    Args:
        internet: that it leads to.
        client: that asks the pages.
    """

    def __init__(self, internet: Internet, client: httpx.Client) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.internet = internet
        self.client = client


@contextmanager
def serve(internet: Internet) -> Iterator[str]:
    """Answers as a proxy on this machine.

    Yields:
        Its URL.
    """
    # No connection is kept: one that the page has just closed would be met sooner or later.
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(trust_env=False, timeout=SECONDS, limits=limits) as client:
        server = Proxy(internet, client)
        with serving(server):
            yield f"http://127.0.0.1:{server.server_port}"


class Handler(BaseHTTPRequestHandler):
    """One client's connection."""

    protocol_version = "HTTP/1.1"
    server: Proxy

    def do_GET(self) -> None:
        """Passes a request of any method on, or tells why not."""
        url = urlsplit(self.path)
        port = url.port or 80
        body = self._body()  # which must be read before anything is answered
        site = self.server.internet.sites.get(url.hostname or "")
        if url.scheme != "http" or site is None:
            self._tell(HTTPStatus.BAD_GATEWAY, f"{self.path}: there is no such host here")
        elif port not in site.ports or not site.lets_in(CLIENT):
            self._tell(HTTPStatus.GATEWAY_TIMEOUT, f"{url.netloc}: does not answer {CLIENT}")
        elif site.redirect:
            location = f"https://{url.hostname}:{site.redirect}{_target(self.path)}"
            self._answer(HTTPStatus.MOVED_PERMANENTLY, [("Location", location)], b"")
        else:
            self._forward(site, port, body)

    do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = do_GET  # noqa: N815

    def do_CONNECT(self) -> None:
        """There is no HTTPS here."""
        self._tell(HTTPStatus.BAD_GATEWAY, f"{self.path}: there is no HTTPS here")

    def log_message(self, *_: object) -> None:
        """Who asks gets told."""

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers

    def _forward(self, site: Site, port: int, body: bytes) -> None:
        """As an Application Load Balancer does."""
        added = [
            ("X-Forwarded-For", CLIENT),
            ("X-Forwarded-Proto", "http"),
            ("X-Forwarded-Port", str(port)),
        ]
        headers = [*_passed_on(self.headers.items()), *added]
        url = f"{site.url}{_target(self.path)}"
        # A request of its own, since the client's own would have headers that nobody sent.
        request = httpx.Request(self.command, url, content=body, headers=headers)
        try:
            with closing(self.server.client.send(request, stream=True)) as answer:
                told = b"".join(answer.iter_raw())
        except httpx.ConnectError:  # no pod is there to take the connection
            self._tell(HTTPStatus.SERVICE_UNAVAILABLE, "no target is registered")
        except httpx.TimeoutException:
            self._tell(HTTPStatus.GATEWAY_TIMEOUT, "the page does not answer in time")
        except httpx.HTTPError as error:
            self._tell(HTTPStatus.BAD_GATEWAY, f"the page breaks off: {error}")
        else:
            self._answer(answer.status_code, _passed_on(answer.headers.items()), told)

    def _tell(self, status: HTTPStatus, text: str) -> None:
        self._answer(status, [("Content-Type", "text/plain")], f"{text}\n".encode())

    def _answer(self, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if "content-length" not in {name.lower() for name, _ in headers}:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _target(path: str) -> str:
    """The path and the query of a URL."""
    url = urlsplit(path)
    return f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"


def _passed_on(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [each for each in headers if each[0].lower() not in _HOP]
