"""Files fetched over HTTP: resumed, retried, checked, and complete or absent."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

import httpcore
import httpx
import stamina

from trainer.answers import check_redirect, gives_the_rest, retry_after
from trainer.connections import GuardedBackend, GuardedTransport, Pace
from trainer.errors import DataError, TemporaryError
from trainer.storage import writing
from trainer.urls import public_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trainer.addresses import Reach

CONNECTIONS = 8
ATTEMPTS = 5
REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Download:
    """A URL, and the file that is to hold what it gives.

    Attributes:
        most_bytes: a longer answer is refused.
        sha256: what the file must hash to, where that is known.
        place: what named the URL, for messages ("flowers.csv line 3").
    """

    url: str
    path: Path
    most_bytes: int
    sha256: str | None = None
    place: str = ""

    def __str__(self) -> str:
        """What messages begin with."""
        return f"{self.place}: {public_url(self.url)}" if self.place else public_url(self.url)


@dataclass(slots=True)
class Budget:
    """Bytes that may still be received by all downloads together.

    Attributes:
        left: bytes.
        on_bytes: told the bytes received so far, after every part.
    """

    left: int
    on_bytes: Callable[[int], None] | None = None
    received: int = 0
    _lock: Lock = field(default_factory=Lock)

    def spend(self, count: int) -> None:
        """Take bytes off.

        Raises:
            DataError: more than what is left.
        """
        with self._lock:
            self.left -= count
            self.received += count
            if self.left < 0:
                raise DataError("the downloads are larger than is permitted in all")
            if self.on_bytes:
                self.on_bytes(self.received)


@contextmanager
def open_client(reach: Reach, pace: Pace | None = None) -> Iterator[httpx.Client]:
    """A client that reaches only the addresses that `reach` permits, and no proxy."""
    pace = pace or Pace()
    with httpx.Client(
        transport=GuardedTransport(GuardedBackend(reach, pace), CONNECTIONS),
        timeout=httpx.Timeout(pace.read_seconds, connect=pace.connect_seconds, pool=None),
        headers={"Accept-Encoding": "identity", "User-Agent": "ml-pipeline-trainer"},
        event_hooks={"response": [check_redirect]},
        follow_redirects=True,
        max_redirects=REDIRECTS,
        trust_env=False,
    ) as client:
        yield client


def fetch(client: httpx.Client, download: Download, budget: Budget) -> None:
    """Make `download.path` hold what the URL gives.

    A file that is there already is kept when its hash fits, or when the server says that it has
    not changed. What an interrupted download left is resumed.

    Raises:
        DataError: the server refuses the URL for good, the answer is too large, or its hash is
            another one.
        AddressError: the URL leads to an address out of reach.
        TemporaryError: the server or the network fails, also after several attempts; or the
            folder cannot be written.
    """
    if download.sha256 and download.path.exists() and hash_file(download.path) == download.sha256:
        return
    with writing(download.path.parent):
        download.path.parent.mkdir(parents=True, exist_ok=True)
        for attempt in stamina.retry_context(
            on=_delay, attempts=ATTEMPTS, timeout=None, wait_initial=0.5, wait_max=30
        ):
            with attempt, _translated(download):
                _attempt(client, download, budget)


def hash_file(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        # Typed for binary files in general, which the type of open() is one of.
        reader: Any = file
        return hashlib.file_digest(reader, "sha256").hexdigest()


class _RetryError(TemporaryError):
    def __init__(self, message: str, seconds: float | None = None) -> None:
        super().__init__(message)
        self.seconds = seconds


def _delay(error: Exception) -> bool | float:
    if not isinstance(error, _RetryError):
        return False
    return True if error.seconds is None else error.seconds


@contextmanager
def _translated(download: Download) -> Iterator[None]:
    try:
        yield
    except (httpcore.TimeoutException, httpcore.NetworkError) as error:
        reason = str(error) or "no answer in time"
        raise _RetryError(f"{download}: {reason}; retry later") from error
    except httpcore.ProtocolError as error:
        raise _RetryError(f"{download}: the connection was cut off; retry later") from error
    except httpx.TooManyRedirects as error:
        raise DataError(f"{download}: more than {REDIRECTS} redirects") from error
    except (
        httpcore.UnsupportedProtocol,
        httpx.InvalidURL,
        httpx.RequestError,
        UnicodeError,
    ) as error:
        raise DataError(f"{download}: no usable http or https URL") from error
    except DataError as error:
        prefix = str(download)
        if str(error).startswith(prefix):
            raise
        raise type(error)(f"{prefix}: {error}") from error


def _attempt(client: httpx.Client, download: Download, budget: Budget) -> None:
    part, note = _beside(download, ".part"), _beside(download, ".http.json")
    with client.stream("GET", download.url, headers=_conditions(download)) as response:
        if response.status_code == httpx.codes.NOT_MODIFIED and download.path.exists():
            return
        _check_status(response, download)
        resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
        start = part.stat().st_size if resumed and part.exists() else 0
        if resumed and not gives_the_rest(response, start, _noted(download)[0]):
            part.unlink(missing_ok=True)
            raise _RetryError(f"{download}: the server resumed at another place; retry later")
        _check_size(start + int(response.headers.get("Content-Length", 0)), download)
        headers = response.headers
        note.write_text(json.dumps([headers.get("ETag"), headers.get("Last-Modified")]))
        with part.open("ab" if resumed else "wb") as file:
            for data in response.iter_raw():
                budget.spend(len(data))
                _check_size(file.tell() + len(data), download)
                file.write(data)
    _check_hash(download, part, resumed=resumed)
    part.replace(download.path)


def _conditions(download: Download) -> dict[str, str]:
    part = _beside(download, ".part")
    etag, modified = _noted(download)
    if part.exists():
        # RFC 9110, 13.1.5: a weak entity tag must not be used here.
        unchanged = etag if etag and not etag.startswith("W/") else modified
        return (
            {"Range": f"bytes={part.stat().st_size}-", "If-Range": unchanged} if unchanged else {}
        )
    if download.sha256 or not download.path.exists():  # a file of another hash is of no use
        return {}
    headers = {"If-None-Match": etag, "If-Modified-Since": modified}
    return {name: value for name, value in headers.items() if value}


def _noted(download: Download) -> tuple[str | None, str | None]:
    """ETag and Last-Modified of what lies beside, if they can be sent back."""
    try:
        etag, modified = json.loads(_beside(download, ".http.json").read_bytes())
    except (FileNotFoundError, ValueError, TypeError):
        return None, None
    return _sendable(etag), _sendable(modified)


def _sendable(value: object) -> str | None:
    return value if isinstance(value, str) and value.isascii() else None


def _check_status(response: httpx.Response, download: Download) -> None:
    status = response.status_code
    if status in (200, 206):
        return
    if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
        _beside(download, ".part").unlink(missing_ok=True)
        raise _RetryError(f"{download}: the server cannot resume; retry later")
    message = f"{download}: the server answers {status} {response.reason_phrase}".rstrip()
    if status in (408, 425, 429) or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise _RetryError(f"{message}; retry later", retry_after(response))
    raise DataError(f"{message}; correct the URL, or remove it")


def _check_size(count: int, download: Download) -> None:
    if count > download.most_bytes:
        _beside(download, ".part").unlink(missing_ok=True)
        raise DataError(f"{download}: larger than {download.most_bytes:,} bytes")


def _check_hash(download: Download, part: Path, *, resumed: bool) -> None:
    if download.sha256 is None or (found := hash_file(part)) == download.sha256:
        return
    part.unlink()
    if resumed:
        raise _RetryError(f"{download}: the resumed file is damaged; retry later")
    raise DataError(
        f"{download}: its sha256 is {found}, not {download.sha256}; the file was changed or damaged"
    )


def _beside(download: Download, suffix: str) -> Path:
    return download.path.with_name(download.path.name + suffix)
