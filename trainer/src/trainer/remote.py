"""Archives and manifests that are fetched, and the images that a manifest names."""

from __future__ import annotations

import hashlib
import os
import re
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

from trainer import archives, manifests
from trainer.addresses import AddressError
from trainer.downloads import CONNECTIONS, Budget, Download, fetch, hash_file, open_client
from trainer.errors import DataError
from trainer.storage import locked, writing
from trainer.urls import unsigned_url

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from concurrent.futures import Future

    from trainer.addresses import Reach
    from trainer.connections import Pace
    from trainer.manifests import Row

MOST_ARCHIVE_BYTES = 200 * 2**30
MOST_MANIFEST_BYTES = 2**30
MOST_BYTES_IN_ALL = 2**40


@dataclass(frozen=True, slots=True)
class Access:
    """How remote data is fetched.

    Attributes:
        folder: keeps what is fetched.
        allow_private: whether the user's own URLs and manifests may lead to private addresses.
        on_bytes: told the bytes received so far.
        pace: when a server is given up.
    """

    folder: Path
    allow_private: bool = False
    on_bytes: Callable[[int], None] | None = None
    pace: Pace | None = None

    def path(self, url: str) -> Path:
        """Where a URL's content is kept: by hash, with its name for people to see.

        Signed anew, it is found again, as a whole or to be resumed.
        """
        name = PurePosixPath(urlsplit(url).path).name[-64:]
        safe = re.sub(r"[^A-Za-z0-9._-]", "-", name)
        digest = hashlib.sha256(unsigned_url(url).encode()).hexdigest()
        return self.folder / f"{digest[:16]}-{safe}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from writing the same files."""
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / ".lock"):
            yield

    def budget(self) -> Budget:
        """Bytes that all downloads of one source may have."""
        return Budget(MOST_BYTES_IN_ALL, self.on_bytes)


def fetch_archive(url: str, access: Access, sha256: str | None = None) -> Path:
    """The file that holds a URL's content."""
    path = access.path(url)
    _fetch_named(Download(url, path, MOST_ARCHIVE_BYTES, sha256), access)
    return path


def fetch_manifest(url: str, access: Access) -> tuple[list[Row], Iterator[Path | None]]:
    """The rows of a manifest at a URL, and the files of its images in their order.

    Images of a manifest at a public address are fetched from public addresses only, whatever
    the user permits: its author is not the user.
    """
    path = access.path(url)
    found = _fetch_named(Download(url, path, MOST_MANIFEST_BYTES), access)
    name = PurePosixPath(urlsplit(url).path).name
    rows = manifests.read_manifest(name, path.read_bytes())
    reach: Reach = "public" if found == "public" else "any"
    downloads = [
        _row_download(row, row.url or urljoin(url, quote(row.path or "")), name, access)
        for row in rows
    ]
    return rows, _fetch_all(downloads, access, reach)


def fetch_rows(rows: list[Row], manifest: Path, access: Access) -> Iterator[Path | None]:
    """The files of a local manifest's images in their order; what is remote is fetched.

    Raises:
        DataError: local files are missing, changed, or outside the manifest's folder.
    """
    root = Path(os.path.realpath(manifest.parent))
    local = {row.line: _local_path(row, root, manifest.name) for row in rows if row.path}
    missing = [row for row in rows if row.line in local and not _is_file(local[row.line])]
    if missing:
        raise DataError(
            f"{manifest.name} line {missing[0].line}: there is no {missing[0].path}; "
            f"{len(missing)} of {len(rows)} images are missing"
        )
    downloads = [_row_download(row, row.url, manifest.name, access) for row in rows if row.url]
    fetched = _fetch_all(downloads, access, "any" if access.allow_private else "public")
    return _in_order(rows, local, fetched, manifest.name)


def _in_order(
    rows: list[Row], local: dict[int, Path], fetched: Iterator[Path | None], name: str
) -> Iterator[Path | None]:
    for row in rows:
        if row.line not in local:
            yield next(fetched)
            continue
        _check_hash(row, local[row.line], name)
        yield local[row.line]
    # Failures are told when the downloads have ended.
    yield from fetched


def _check_hash(row: Row, path: Path, name: str) -> None:
    if row.sha256 is None:
        return
    try:
        found = hash_file(path)
    except OSError as error:
        reason = f"{row.path} cannot be read ({error.strerror})"
        raise DataError(f"{name} line {row.line}: {reason}") from error
    if found != row.sha256:
        raise DataError(f"{name} line {row.line}: {row.path} has another sha256")


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - Path's raises on names that are too long


def _local_path(row: Row, root: Path, name: str) -> Path:
    # Unlike Path.resolve(), this does not raise on links that lead to each other.
    path = Path(os.path.realpath(root / (row.path or "")))
    if not path.is_relative_to(root):
        raise DataError(f"{name} line {row.line}: {row.path} leads out of the manifest's folder")
    return path


def _row_download(row: Row, url: str, name: str, access: Access) -> Download:
    most = archives.Limits().file_bytes
    folder = access.folder / "images"
    path = folder / hashlib.sha256(f"{url} {row.sha256}".encode()).hexdigest()
    return Download(url, path, most, row.sha256, f"{name} line {row.line}")


def _fetch_named(download: Download, access: Access) -> Reach:
    """Fetch what the user named, and tell which kind of address it is at.

    A private address is tried only after the public attempt was refused, and then with public
    ones out of reach: so no public host can lead to a private one.
    """
    budget = access.budget()
    with access.locked():
        try:
            with open_client("public", access.pace) as client:
                fetch(client, download, budget)
        except AddressError:
            if not access.allow_private:
                raise
            with open_client("private", access.pace) as client:
                fetch(client, download, budget)
            return "private"
    return "public"


def _fetch_all(downloads: list[Download], access: Access, reach: Reach) -> Iterator[Path | None]:
    """Fetch concurrently, a bounded number ahead; None stands for a file that failed.

    Raises:
        DataError: some cannot be had; told after all were tried, with the first and the count.
        TemporaryError: the network fails; told at once.
    """
    if not downloads:
        return
    failures: list[DataError] = []
    budget = access.budget()
    with (
        access.locked(),
        ThreadPoolExecutor(CONNECTIONS) as pool,
        open_client(reach, access.pace) as client,
        closing(_ahead(pool, downloads, lambda each: fetch(client, each, budget))) as results,
    ):
        for download, result in zip(downloads, results, strict=True):
            try:
                result.result()
            except DataError as error:
                failures.append(error)
                yield None
            else:
                yield download.path
    if failures:
        raise DataError(
            f"{failures[0]} ({len(failures)} of {len(downloads)} images cannot be fetched)"
        )


def _ahead(
    pool: ThreadPoolExecutor, downloads: list[Download], task: Callable[[Download], None]
) -> Generator[Future[None]]:
    """Results in order; one URL in two rows is fetched once."""
    started: dict[Path, Future[None]] = {}
    waiting: deque[Future[None]] = deque()
    try:
        for download in downloads:
            if download.path not in started:
                started[download.path] = pool.submit(task, download)
            waiting.append(started[download.path])
            if len(waiting) > 4 * CONNECTIONS:
                yield waiting.popleft()
        yield from waiting
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
