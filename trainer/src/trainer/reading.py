"""One image after another: loaded, hashed, decoded, and its original kept."""

from __future__ import annotations

import errno
import hashlib
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import get_ident
from typing import TYPE_CHECKING

from trainer.recipes import TooManyPixelsError, UnreadableImageError, open_image, render
from trainer.storage import writing

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from trainer.sources import Item

_BATCH_ITEMS = 16
_BATCH_BYTES = 4 * 2**20
_SUFFIXES = {
    "JPEG": "jpg",
    "MPO": "jpg",
    "PNG": "png",
    "WEBP": "webp",
    "GIF": "gif",
    "BMP": "bmp",
}


@dataclass(frozen=True, slots=True)
class Record:
    """What became of one item.

    Attributes:
        label: None where the folder in the name says it.
        sha256: of the image's bytes; None if it could not be used.
        path: of its original, below the folder of images.
        kind: why it could not be used, in a word or two to count by.
        reason: the same, in detail.
    """

    name: str
    label: str | None
    sha256: str | None = None
    path: str = ""
    kind: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reader:
    """How images are read.

    Attributes:
        images_dir: keeps the originals.
        size: height and width, in pixels.
        max_pixels: an image of more is not decoded.
        known: the originals' paths of images whose pixels are there already, by sha256.
    """

    images_dir: Path
    size: tuple[int, int]
    max_pixels: int
    known: Mapping[str, str]

    def read(self, item: Item) -> tuple[Record, NDArray[np.uint8] | None]:
        """Read one image; its pixels `[height, width, 3]` unless they are known or it is unusable.

        Raises:
            TemporaryError: the disk of the originals is full, read-only or failing.
        """
        try:
            data = item.load()
            sha256 = hashlib.sha256(data).hexdigest()
            path, pixels = self.known.get(sha256), None
            if path is None:
                image = open_image(data, self.max_pixels)
                path = f"{sha256[:2]}/{sha256}.{_SUFFIXES[str(image.format)]}"
                pixels = render(image, *self.size)
        except TooManyPixelsError as error:
            return Record(item.name, item.label, kind="too large", reason=str(error)), None
        except UnreadableImageError as error:
            return Record(item.name, item.label, kind="unreadable", reason=str(error)), None
        except OSError as error:
            reason = error.strerror or str(error)
            return Record(item.name, item.label, kind="unreadable", reason=reason), None
        with writing(self.images_dir):
            _keep(f"{self.images_dir}/{path}", data)
        return Record(item.name, item.label, sha256, path), pixels


def read_in_order(
    reader: Reader, items: Iterable[Item], workers: int
) -> Generator[tuple[Record, NDArray[np.uint8] | None]]:
    """Read in parallel, a bounded number ahead.

    Threads do, since Pillow and hashlib let go of the interpreter while they work, and they need
    no copy of the pixels from process to process.
    """
    waiting: deque[Future[list[tuple[Record, NDArray[np.uint8] | None]]]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for batch in _batches(items):
            waiting.append(pool.submit(lambda items: [reader.read(item) for item in items], batch))
            if len(waiting) > 2 * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Some at a time, since waking a thread costs as much as a tenth of decoding a photo."""
    batch: list[Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == _BATCH_ITEMS or sum(each.held for each in batch) > _BATCH_BYTES:
            yield batch
            batch = []
    yield batch


def _keep(path: str, data: bytes) -> None:
    """Write a file unless it is there; with the system's own calls, for their speed."""
    try:
        if os.stat(path).st_size == len(data):  # noqa: PTH116
            return
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
    temporary = f"{path}.{os.getpid()}-{get_ident()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        _write(descriptor, data)
        os.rename(temporary, path)  # noqa: PTH104
    except OSError:
        os.unlink(temporary)  # noqa: PTH108
        raise


def _write(descriptor: int, data: bytes) -> None:
    try:
        if os.write(descriptor, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(descriptor)
