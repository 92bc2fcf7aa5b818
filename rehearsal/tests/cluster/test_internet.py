from __future__ import annotations

import gzip
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import httpx
import pytest

from rehearsal import internet
from rehearsal.internet import Internet, Site
from rehearsal.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "k8s-page-1.us-west-2.elb.amazonaws.com"
ANYBODY = ("0.0.0.0/0",)


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        names = (
            "Host",
            "X-Forwarded-For",
            "X-Forwarded-Proto",
            "Accept-Encoding",
            "Proxy-Connection",
        )
        told = [self.path, *(f"{name}={self.headers[name]}" for name in names), body.decode()]
        packed = gzip.compress("\n".join(told).encode())
        self.send_response(201)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(packed)))
        self.end_headers()
        self.wfile.write(packed)

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "12345")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def page() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def hosts() -> Internet:
    return Internet()


@pytest.fixture
def client(hosts: Internet) -> Iterator[httpx.Client]:
    with internet.serve(hosts) as proxy, httpx.Client(proxy=proxy, trust_env=False) as made:
        yield made


def test_a_load_balancer_leads_to_the_page(
    client: httpx.Client, hosts: Internet, page: str
) -> None:
    hosts.sites[HOST] = Site(page, (80,), 0, ANYBODY)
    for content in (b"body", iter([b"bo", b"dy"])):  # of a known length, and in chunks
        answer = client.post(f"http://{HOST}/a/b?c=d", content=content)
        assert answer.status_code == 201
        assert answer.text.splitlines() == [
            "/a/b?c=d",
            f"Host={HOST}",
            "X-Forwarded-For=203.0.113.7",
            "X-Forwarded-Proto=http",
            "Accept-Encoding=gzip, deflate",
            "Proxy-Connection=None",
            "body",
        ]
    head = client.head(f"http://{HOST}/")
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, "12345", b"")


def test_other_hosts_are_refused(client: httpx.Client, hosts: Internet, page: str) -> None:
    assert client.get("http://example.org/").status_code == 502
    with pytest.raises(httpx.ProxyError, match="502"):
        client.get("https://example.org/")
    hosts.sites[HOST] = Site(page, (80,), 0, ANYBODY)
    assert client.head(f"http://{HOST}/").status_code == 200
    del hosts.sites[HOST]
    assert client.head(f"http://{HOST}/").status_code == 502


def test_http_is_sent_to_https(client: httpx.Client, hosts: Internet, page: str) -> None:
    hosts.sites[HOST] = Site(page, (80,), 443, ANYBODY)
    answer = client.get(f"http://{HOST}/a?b=c")
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"https://{HOST}:443/a?b=c"


def test_clients_from_elsewhere_get_no_answer(
    client: httpx.Client, hosts: Internet, page: str
) -> None:
    hosts.sites[HOST] = Site(page, (80,), 0, ("198.51.100.0/24",))
    assert client.get(f"http://{HOST}/").status_code == 504
    hosts.sites[HOST] = Site(page, (80,), 0, ("198.51.100.0/24", "203.0.113.0/24"))
    assert client.get(f"http://{HOST}:8080/").status_code == 504
    assert client.head(f"http://{HOST}/").status_code == 200


def test_without_pods_there_is_no_page(client: httpx.Client, hosts: Internet) -> None:
    hosts.sites[HOST] = Site("http://127.0.0.1:9", (80,), 0, ANYBODY)
    assert client.get(f"http://{HOST}/").status_code == 503
