"""Sends a version's files, by the names that its manifest lists and no others."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, BinaryIO

from starlette.responses import Response, StreamingResponse

from inference.errors import BrokenOffError, NotFoundError, TimedOutError
from inference.manifest import RepositoryError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.requests import Request

    from inference.manifest import File, Manifest
    from inference.repository import Repository
    from inference.volume import VolumeReader

_BLOCK = 256 * 1024

#: Of a 304, which must not tell a length: uvicorn would wait for the bytes, and break off.
_NOT_MODIFIED = ("etag", "cache-control")

#: By the end of a name; what has none of these is sent as bytes to be kept.
TYPES = {
    ".bmp": "image/bmp",
    ".csv": "text/csv; charset=utf-8",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
    ".webp": "image/webp",
}
OTHER_TYPE = "application/octet-stream"


async def file_response(
    request: Request, manifest: Manifest, name: str, repository: Repository, reader: VolumeReader
) -> Response:
    """The file, or 304 to a client that has it already.

    Raises:
        NotFoundError: the manifest lists no file of that name, or it is not there as listed.
        TimedOutError: the volume fails or does not answer.
    """
    listed = manifest.files.get(name)
    if listed is None:
        raise NotFoundError(f"version {manifest.version} has no file {name:.130}")
    headers = _headers(name, listed)
    if _is_known(headers["etag"], request):
        kept = {name: headers[name] for name in _NOT_MODIFIED}
        return Response(status_code=304, headers=kept)
    if request.method == "HEAD":
        return Response(headers=headers)
    file, begin = await _open(repository, manifest.version, name, listed, reader)
    return StreamingResponse(_blocks(file, begin, listed.bytes, reader), headers=headers)


def _is_known(etag: str, request: Request) -> bool:
    """Whether the client has it; RFC 9110, section 13.1.2: compared weakly, and `*` is anything."""
    known = ",".join(request.headers.getlist("if-none-match"))
    return known.strip() == "*" or etag in known


def _headers(name: str, listed: File) -> Mapping[str, str]:
    suffix = name[name.rfind(".") :].lower() if "." in name else ""
    return {
        "content-type": TYPES.get(suffix, OTHER_TYPE),
        "content-length": str(listed.bytes),
        "etag": f'"{listed.sha256}"',
        "cache-control": "public, max-age=31536000, immutable",
        "content-security-policy": "default-src 'none'; sandbox",
        "x-content-type-options": "nosniff",
    }


async def _open(
    repository: Repository, version: int, name: str, listed: File, reader: VolumeReader
) -> tuple[BinaryIO, bytes]:
    """The file and its first block: a fault after that can only break the answer off."""

    def read() -> tuple[BinaryIO, bytes]:
        file = repository.open(version, name, listed)
        return file, file.read(_BLOCK)

    try:
        return await reader.run(read)
    except (RepositoryError, FileNotFoundError) as error:
        raise NotFoundError(f"{name} of version {version} is not there as published") from error
    except OSError as error:
        raise TimedOutError("the model volume cannot be read: try again later") from error


async def _blocks(
    file: BinaryIO, begin: bytes, size: int, reader: VolumeReader
) -> AsyncIterator[bytes]:
    with contextlib.closing(file):
        yield begin
        left = size - len(begin)
        while left > 0:
            try:
                block = await reader.run(lambda: file.read(_BLOCK))
            except (OSError, TimedOutError) as error:
                raise BrokenOffError(f"the model volume cannot be read on: {error}") from error
            if not block:
                raise BrokenOffError(f"the file ends {left} bytes before it should")
            yield block[:left]
            left -= len(block)
