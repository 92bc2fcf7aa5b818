"""The page's files as nginx sends them: headers, caching, compression."""

from __future__ import annotations

import gzip
import re

import httpx
import pytest

from page_sandbox import SECURITY_HEADERS

pytest_plugins = ["page_fixtures"]


@pytest.mark.parametrize(
    "path", ["/", "/favicon.svg", "/nothing", "/api/ping", "/api/nothing", "/" + 9000 * "x"]
)
def test_every_answer_has_the_security_headers(site: httpx.Client, path: str) -> None:
    headers = site.get(path).headers
    assert headers.keys() >= SECURITY_HEADERS
    assert headers["server"] == "nginx"


@pytest.mark.parametrize(
    "path", ["/nothing", "/.env", "/assets/", "/index.html.gz", "/package.json"]
)
def test_a_stranger_is_not_found(site: httpx.Client, path: str) -> None:
    answer = site.get(path)
    assert answer.status_code == httpx.codes.NOT_FOUND
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_refusal_says_what_it_refuses(site: httpx.Client) -> None:
    assert site.get("/nothing").text == "404: there is no /nothing here.\n"
    assert site.post("/").text == "405: this method is not allowed here.\n"
    other = {"If-Match": '"other"'}
    answer = site.get("/favicon.svg", headers=other)
    assert answer.text == "412: the file is not in the state that was asked for.\n"


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, 200),
        ("GET", {"Range": "bytes=99999-"}, 200),
        ("GET", {"If-Match": '"other"'}, 412),
        ("POST", {}, 405),
    ],
)
def test_a_header_is_sent_once(
    site: httpx.Client, method: str, headers: dict[str, str], status: int
) -> None:
    answer = site.request(method, "/favicon.svg", headers=headers)
    names = [name.lower() for name, _ in answer.headers.raw]
    assert answer.status_code == status
    assert len(names) == len(set(names)), names


def test_the_page_is_asked_for_anew_and_its_files_are_kept(site: httpx.Client) -> None:
    index = site.get("/")
    assert index.headers["cache-control"] == "no-cache"
    same = site.get("/", headers={"If-None-Match": index.headers["etag"]})
    assert same.status_code == httpx.codes.NOT_MODIFIED
    kept = "public, max-age=31536000, immutable"
    paths = re.findall(r'"(/assets/[^"]+)"', index.text)
    assert paths
    for path in paths:
        assert site.get(path).raise_for_status().headers["cache-control"] == kept
    assert site.get("/assets/nothing.js").headers["cache-control"] == "no-store"


def test_files_are_sent_as_they_were_compressed(site: httpx.Client) -> None:
    (path,) = re.findall(r'"(/assets/[^"]+\.js)"', site.get("/").text)
    plain = site.get(path, headers={"Accept-Encoding": "identity"})
    with site.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as packed:
        content = b"".join(packed.iter_raw())
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "Accept-Encoding"
    assert len(content) < len(plain.content) / 2
    assert gzip.decompress(content) == plain.content
