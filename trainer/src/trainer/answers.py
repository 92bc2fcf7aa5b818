"""What an HTTP server's answer says about how to go on."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from time import time
from typing import TYPE_CHECKING

from trainer.errors import DataError

if TYPE_CHECKING:
    import httpx

LONGEST_WAIT = 60.0


def gives_the_rest(response: httpx.Response, start: int, etag: str | None) -> bool:
    """Whether a partial answer goes from byte `start` to the end of the file that was begun.

    RFC 9110, 14.4 and 15.3.7; servers are known to get each of these wrong.
    """
    headers = response.headers
    pattern = r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})"
    given = re.fullmatch(pattern, headers.get("Content-Range", ""))
    if given is None:
        return False
    first, last, whole = (int(number) for number in given.groups())
    length = last + 1 - first
    return (
        first == start
        and last + 1 == whole
        and int(headers.get("Content-Length", length)) == length
        and headers.get("ETag", etag) == etag
    )


def retry_after(response: httpx.Response) -> float | None:
    """Seconds that the server asks to wait, at most `LONGEST_WAIT` (RFC 9110, 10.2.3)."""
    value = response.headers.get("Retry-After", "")
    if re.fullmatch(r"\d{1,9}", value):
        return min(float(value), LONGEST_WAIT)
    try:
        seconds = parsedate_to_datetime(value).timestamp() - time()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def check_redirect(response: httpx.Response) -> None:
    """Refuse to be led from https to http, or to another scheme.

    Raises:
        DataError: the redirect is not to be followed.
    """
    if response.has_redirect_location:
        target = response.url.join(response.headers["Location"])
        if target.scheme not in ("http", "https"):
            raise DataError(f"redirected to the unsupported scheme {target.scheme!r}")
        if response.url.scheme == "https" and target.scheme != "https":
            raise DataError("redirected from https to http, which is not followed")
