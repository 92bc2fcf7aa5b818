"""From labelled images to a prepared dataset."""

from __future__ import annotations

import logging
import os
import shutil
from collections import Counter
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from trainer.cpu import available_cores
from trainer.dataset import (
    COLUMNS,
    FORMAT,
    cache_path,
    commit,
    hash_examples,
    read_cache,
    read_dataset,
    to_csv,
)
from trainer.errors import DataError, SettingsError
from trainer.reading import Reader, read_in_order
from trainer.remote import Access
from trainer.selection import select
from trainer.sources import open_source
from trainer.split import SPLITS
from trainer.storage import locked, sync_folder, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

    from trainer.dataset import (
        Dataset,
        Example,
    )
    from trainer.reading import Record
    from trainer.selection import Selection
    from trainer.settings import Settings
    from trainer.sources import Source

    Progress = Callable[[int, int | None], None]

DOWNLOADS = "downloads"

_LOG = logging.getLogger(__name__)
_PROGRESS_SECONDS = 0.1


def prepare(  # noqa: PLR0913 - what a command line gives
    data: str,
    settings: Settings,
    *,
    size: int,
    allow_private: bool = False,
    on_progress: Progress | None = None,
    on_download: Progress | None = None,
) -> Dataset:
    """Read, check, split and cache labelled images.

    A failure changes nothing of a dataset that was prepared before under the same name.

    Args:
        data: a preset's name, a path, or a URL.
        settings: where things are; without `settings.dataset` it is named for the source.
        size: height and width of the cached pixels.
        allow_private: whether the user's own URLs and manifests may lead to private addresses.
        on_progress: told images done and in all, the latter None where it is not known.
        on_download: told bytes received, and None.

    Raises:
        DataError: the images cannot be used.
        SettingsError: there is no such data, or the name is no dataset's.
        TemporaryError: the network, a server or a disk fails.
    """
    told = _throttled(on_download)
    downloads = settings.data_dir / DOWNLOADS
    access = Access(downloads, allow_private, lambda count: told(count, None))
    source = open_source(data, access)
    name = settings.dataset or source.name
    if name.lower() == DOWNLOADS:  # there are file systems for which these are the same
        raise SettingsError(
            f"{name!r} is no dataset's name, since downloads are kept there; "
            "give another by --dataset"
        )
    with _staging(settings.data_dir, name) as staging:
        known = _Known(settings.data_dir / name, (size, size))
        reader = Reader(settings.images_dir, (size, size), settings.max_pixels, known.paths)
        with writing(staging), (staging / "pixels").open("wb") as file:
            records, rows = _read(source, reader, file, _throttled(on_progress))
        selection = select(source.text, records)
        dataset = _publish(staging, source, selection, _Pixels(staging / "pixels", rows, known))
    for warning in dataset.warnings:
        _LOG.warning("%s: %s", source.text, warning)
    return dataset


class _Known:
    """Images whose pixels an earlier preparation has cached at the same size."""

    def __init__(self, folder: Path, size: tuple[int, int]) -> None:
        self.folder = folder
        self.size = size
        self.paths: dict[str, str] = {}
        self.rows: dict[str, int] = {}
        self.created: dict[str, str] = {}
        self.sha256 = ""
        try:
            dataset = read_dataset(folder)
            self.created[dataset.sha256] = dataset.created
            self.pixels = read_cache(dataset, size)
        except DataError:
            return  # nothing to go on from
        self.sha256 = dataset.sha256
        for row, each in enumerate((*dataset.train, *dataset.val, *dataset.test)):
            self.paths[each.sha256] = each.path
            self.rows[each.sha256] = row

    def pixels_of(self, sha256: str) -> NDArray[np.uint8]:
        """Pixels of one known image, `[height, width, 3]`."""
        row: NDArray[np.uint8] = self.pixels[self.rows[sha256]]
        return row


class _Pixels:
    """The rows of a new cache: some were just decoded, the others are those of the old one."""

    def __init__(self, path: Path, rows: dict[str, int], known: _Known) -> None:
        self.known = known
        self.rows = rows
        self.decoded = np.memmap(path, np.uint8, "r") if rows else np.empty(0, np.uint8)

    def write(self, path: Path, examples: tuple[Example, ...]) -> None:
        """Write an array file with a row for each of the examples."""
        shape = (*self.known.size, 3)
        decoded = self.decoded.reshape(-1, *shape)
        header = {"descr": "|u1", "fortran_order": False, "shape": (len(examples), *shape)}
        # Not a writable map, which dies of a full disk rather than raising.
        with path.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for each in examples:
                row = self.rows.get(each.sha256)
                pixels = self.known.pixels_of(each.sha256) if row is None else decoded[row]
                file.write(pixels.data)
            file.flush()
            os.fsync(file.fileno())


def _read(
    source: Source, reader: Reader, file: BinaryIO, on_progress: Progress
) -> tuple[list[Record], dict[str, int]]:
    """What became of each item; and the row that each newly decoded image has in the file."""
    records: list[Record] = []
    rows: dict[str, int] = {}
    with closing(read_in_order(reader, source.items, available_cores())) as results:
        for record, pixels in results:
            records.append(record)
            if pixels is not None and record.sha256 not in rows:
                rows[str(record.sha256)] = len(rows)
                file.write(pixels.data)
            on_progress(len(records), source.total)
    on_progress(len(records), len(records))
    return records, rows


def _publish(staging: Path, source: Source, selection: Selection, pixels: _Pixels) -> Dataset:
    folder, size = pixels.known.folder, pixels.known.size
    examples = tuple(each for split in SPLITS for each in selection.splits[split])
    sha256 = hash_examples(examples)
    cache = cache_path(folder, sha256, size)
    with writing(folder):
        if sha256 != pixels.known.sha256:
            pixels.write(staging / "cache", examples)
            cache.parent.mkdir(parents=True, exist_ok=True)
            (staging / "cache").replace(cache)
            sync_folder(cache.parent)
        created = pixels.known.created.get(sha256, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
        commit(folder, _about(folder.name, sha256, created, source, selection), _tables(selection))
        for other in cache.parent.iterdir():
            if sha256[:16] not in other.name:
                other.unlink()
    return read_dataset(folder)


def _about(
    name: str, sha256: str, created: str, source: Source, selection: Selection
) -> dict[str, object]:
    return {
        "format": FORMAT,
        "name": name,
        "sha256": sha256,
        "created": created,
        "source": source.text,
        "attribution": source.attribution,
        "classes": selection.classes,
        "counts": {
            split: dict(Counter(each.label for each in selection.splits[split])) for split in SPLITS
        },
        "dropped": dict(Counter(each.kind for each in selection.dropped)),
        "warnings": selection.warnings,
    }


def _tables(selection: Selection) -> dict[str, bytes]:
    tables = {
        f"{split}.csv": to_csv(COLUMNS, ((e.path, e.label, e.sha256) for e in examples))
        for split, examples in selection.splits.items()
    }
    dropped = ((each.name, each.label, each.kind, each.reason) for each in selection.dropped)
    return tables | {"dropped.csv": to_csv(("name", "label", "kind", "reason"), dropped)}


@contextmanager
def _staging(data_dir: Path, name: str) -> Iterator[Path]:
    """An empty folder of our own, which is gone afterwards."""
    staging = data_dir / f".staging-{name}"
    with writing(data_dir):
        data_dir.mkdir(parents=True, exist_ok=True)
    lock = data_dir / f".{name}.lock"
    with locked(lock):
        shutil.rmtree(staging, ignore_errors=True)  # of one that was killed
        with writing(data_dir):
            staging.mkdir()
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            if not (data_dir / name).exists():
                with suppress(OSError):
                    lock.unlink()


def _throttled(on_progress: Progress | None) -> Progress:
    """Pass progress on ten times a second at most, but always the end."""
    last = 0.0

    def told(done: int, total: int | None) -> None:
        nonlocal last
        if on_progress and (done == total or monotonic() - last >= _PROGRESS_SECONDS):
            last = monotonic()
            on_progress(done, total)

    return told
