"""URLs that users and manifests give: whether they can be used, and how they may be shown."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx


def is_http(url: str) -> bool:
    """Whether this is a URL of http or https with a host."""
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return has_host and parts.scheme in ("http", "https") and url.isprintable()


def public_url(url: str) -> str:
    """A URL without what may be secret: credentials, query and fragment."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError):  # the latter from halves of characters
        return "(malformed URL)"
    return str(parsed.copy_with(username=None, password=None, query=None, fragment=None))


def unsigned_url(url: str) -> str:
    """The same for a URL of Amazon S3 whenever, and by whomever, it was signed.

    The parameters are those of "Authenticating Requests: Using Query Parameters" in Amazon's
    reference; others of the query may name something else.
    """
    start, mark, query = url.partition("?")
    kept = [each for each in query.split("&") if not each.lower().startswith("x-amz-")]
    return start + mark + "&".join(kept)
