from __future__ import annotations

import pytest

from trainer.urls import is_http, public_url, unsigned_url


def test_public_url() -> None:
    assert public_url("https://user:pw@h.test:8080/a?b=c#d") == "https://h.test:8080/a"
    assert public_url("http://h:port/") == "(malformed URL)"
    assert public_url("http://h.test/\udcff") == "(malformed URL)"


def test_a_signature_makes_no_other_url() -> None:
    signed = "https://h.test/a.zip?X-Amz-Date=1&versionId=7&x-amz-signature=0f"
    assert unsigned_url(signed) == "https://h.test/a.zip?versionId=7"
    assert unsigned_url(signed) != unsigned_url("https://h.test/a.zip?versionId=8")
    for url in ("https://h.test/a.zip", "https://h.test/a?id=1&b"):
        assert unsigned_url(url) == url


@pytest.mark.parametrize(
    ("url", "usable"),
    [
        ("https://h.test/a?b", True),
        ("HTTP://127.0.0.1:80", True),
        ("ftp://h.test/", False),
        ("http:///a", False),
        ("http://h.test:0/", False),
        ("http://h.test:99999/", False),
        ("http://[x/", False),
        ("http://h.test/\udcff", False),
        ("", False),
    ],
)
def test_what_can_be_fetched(url: str, *, usable: bool) -> None:
    assert is_http(url) is usable
