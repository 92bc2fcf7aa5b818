"""The page's files, as they are served."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
ASSET = re.compile(r'"(/assets/[^"]+-[A-Za-z0-9_-]{8}\.(?:js|css))"')


@pytest.fixture(scope="module")
def site(base_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base_url, trust_env=False) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/api/ready", "/nothing"])
def test_security_headers(site: httpx.Client, path: str) -> None:
    headers = site.get(path).headers
    assert HEADERS.items() <= headers.items()
    assert headers["permissions-policy"].startswith("camera=()")
    assert "x-powered-by" not in headers


def test_content_security_policy(site: httpx.Client) -> None:
    policy = site.get("/").headers["content-security-policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'self'"
    assert rules["object-src"] == rules["base-uri"] == rules["frame-ancestors"] == "'none'"
    assert "script-src" not in rules
    assert "unsafe" not in policy


def test_the_page_is_asked_for_again_and_its_files_are_kept(site: httpx.Client) -> None:
    page = site.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] in {"no-cache", "no-store"}
    assets = ASSET.findall(page.text)
    assert {path.rpartition(".")[2] for path in assets} == {"js", "css"}
    for path in assets:
        answer = site.get(path)
        assert answer.is_success
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_a_stranger_is_not_found(site: httpx.Client) -> None:
    assert site.get("/nothing").status_code == httpx.codes.NOT_FOUND
    assert site.get("/assets/nothing.js").status_code == httpx.codes.NOT_FOUND
    assert site.get("/package.json").status_code == httpx.codes.NOT_FOUND
