"""Where labelled images come from: a preset, folder, archive or manifest, or a URL of these."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trainer import archives, manifests, remote
from trainer.digits import read_digits
from trainer.errors import DataError, SettingsError
from trainer.presets import DIGITS, PRESETS, find_preset
from trainer.recipes import UnreadableImageError
from trainer.urls import is_http, public_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trainer.presets import Preset
    from trainer.remote import Access

MOST_IMAGE_BYTES = archives.Limits().file_bytes

_IGNORED = {"__MACOSX", "Thumbs.db", "desktop.ini"}
_SUFFIXES = re.compile(r"(\.(tar|tgz|txz|tzst|zip|gz|xz|zst|csv|jsonl|ndjson))+$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Item:
    """One image that may be used.

    Attributes:
        name: what it is called where it comes from; below a folder or archive, its path there.
        label: its class; None where the folder in its name says it.
        load: gives its bytes; raises OSError or UnreadableImageError if it cannot.
        held: bytes that are in memory already.
    """

    name: str
    label: str | None
    load: Callable[[], bytes]
    held: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """Labelled images, and what is known about them.

    Attributes:
        name: fit for a dataset's folder.
        text: what was named, without credentials or query.
        attribution: authors and licence, where they are known.
        total: number of items, where it is known.
        items: to be read once.
    """

    name: str
    text: str
    attribution: str
    total: int | None
    items: Iterable[Item]


def open_source(data: str, access: Access) -> Source:
    """Decide what `data` names, and fetch it if it is remote.

    Args:
        data: a preset's name, a path, or an http or https URL.
        access: how remote data is fetched.

    Raises:
        SettingsError: there is nothing of this name.
        DataError: what is there cannot be used.
        TemporaryError: the network fails.
    """
    check_data(data)
    if preset := find_preset(data):
        return _preset(preset, access)
    if "://" in data:
        return _url(data, access)
    path = Path(data)
    if os.path.isdir(path):  # noqa: PTH112 - as in check_data
        return _folder(path)
    return _manifest(path, access) if _is_manifest(data) else _archive(path, data, "")


def check_data(data: str) -> None:
    """See that `data` can name something and, where it is local, that this is there.

    Raises:
        SettingsError: there is nothing of this name.
    """
    if find_preset(data):
        return
    if "://" in data:
        if not is_http(data):
            raise SettingsError(f"--data {public_url(data)!r}: no usable http or https URL")
        return
    # Unlike Path's own, these say no to what cannot be looked at, such as too long a name.
    if data and (os.path.isdir(data) or os.path.isfile(data)):  # noqa: PTH112, PTH113
        return
    fault = f"no file or folder at {Path.cwd() / data}" if data else "names nothing"
    raise SettingsError(
        f"--data {data!r}: {fault}; give a folder, an archive, a manifest, a URL or a preset; "
        f"presets are {', '.join(PRESETS)}"
    )


def _preset(preset: Preset, access: Access) -> Source:
    if preset.url is None:
        items = (Item(name, label, partial(_given, data)) for name, label, data in read_digits())
        return Source(DIGITS.name, DIGITS.name, DIGITS.attribution, None, items)
    path = remote.fetch_archive(preset.url, access, preset.sha256)
    source = _archive(path, preset.name, preset.attribution)
    return Source(preset.name, preset.name, preset.attribution, source.total, source.items)


def _url(url: str, access: Access) -> Source:
    name = source_name(url)
    if not _is_manifest(urlsplit(url).path):
        source = _archive(remote.fetch_archive(url, access), public_url(url), "")
        return Source(name, source.text, "", source.total, source.items)
    rows, files = remote.fetch_manifest(url, access)
    return Source(name, public_url(url), "", len(rows), _row_items(rows, files))


def _manifest(path: Path, access: Access) -> Source:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    rows = manifests.read_manifest(path.name, data)
    files = remote.fetch_rows(rows, path, access)
    return Source(dataset_name(path.name), str(path), "", len(rows), _row_items(rows, files))


def _row_items(rows: list[manifests.Row], files: Iterable[Path | None]) -> Iterator[Item]:
    for row, path in zip(rows, files, strict=True):
        if path is None:
            continue
        name = row.path or public_url(row.url or "")
        yield Item(f"line {row.line}: {name}", row.label, partial(_load, path))


def _archive(path: Path, text: str, attribution: str) -> Source:
    items = (
        Item(member.name, None, partial(_given, member.data), len(member.data))
        for member in archives.read_archive(path)
        if is_candidate(member.name)
    )
    return Source(dataset_name(path.name), text, attribution, None, items)


def _folder(root: Path) -> Source:
    paths = sorted(_files(root))
    items = [Item(name, None, partial(_load, root / name)) for name in paths if is_candidate(name)]
    return Source(source_name(str(root)), str(root), "", len(items), items)


def _files(root: Path) -> Iterator[str]:
    """Paths below a folder.

    Links are followed, also out of it: they are the user's own, and many datasets are made of
    them. A folder is read only once, however many links lead to it.
    """
    seen = set()
    for folder, folders, names in os.walk(root, onerror=_refuse, followlinks=True):
        place = os.stat(folder)  # noqa: PTH116 - os.walk gives text
        if (place.st_dev, place.st_ino) in seen:
            folders.clear()
            continue
        seen.add((place.st_dev, place.st_ino))
        yield from (Path(folder, name).relative_to(root).as_posix() for name in names)


def _refuse(error: OSError) -> None:
    raise DataError(
        f"{error.filename}: cannot be read ({error.strerror}); let the trainer's user read it"
    ) from error


def _given(data: bytes) -> bytes:
    return data


def _load(path: Path) -> bytes:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableImageError("no regular file")
    if status.st_size > MOST_IMAGE_BYTES:
        raise UnreadableImageError(f"larger than {MOST_IMAGE_BYTES:,} bytes")
    return path.read_bytes()


def _is_manifest(name: str) -> bool:
    return name.lower().endswith(manifests.SUFFIXES)


def is_candidate(name: str) -> bool:
    """Whether a path is no hidden file, nor one that a system leaves in folders of pictures."""
    return not any(part.startswith(".") or part in _IGNORED for part in _parts(name))


def source_name(data: str) -> str:
    """The name of the source that `open_source` makes of `data`, known before it is opened."""
    if "://" in data:
        return dataset_name(PurePosixPath(urlsplit(data).path).name)
    path = Path(data)
    return dataset_name((path.resolve() if path.is_dir() else path).name)


def dataset_name(text: str) -> str:
    """A folder name for what is called `text`."""
    stem = _SUFFIXES.sub("", text)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:64]
    return name or "dataset"


def folder_labels(names: list[str]) -> list[str | None]:
    """The class that each path's folder stands for; None for a file outside any class folder.

    The class is the first folder, below a folder common to all ("flower_photos/daisy/1.jpg");
    what lies deeper counts as that class.

    Raises:
        DataError: the folders are splits, not classes.
    """
    paths = [_parts(name) for name in names]
    while _has_top_folder(paths):
        paths = [parts[1:] for parts in paths]
    labels = [parts[0] if len(parts) > 1 else None for parts in paths]
    found = {label.lower() for label in labels if label}
    if found and found <= {"train", "training", "val", "valid", "validation", "test", "testing"}:
        raise DataError(
            f"the folders {', '.join(sorted(found))} are splits, not classes; put all images of "
            "a class into one folder, since the trainer splits by content"
        )
    return labels


def _has_top_folder(paths: list[tuple[str, ...]]) -> bool:
    tops = {parts[0] for parts in paths}
    return len(tops) == 1 and any(len(parts) > 2 for parts in paths)  # noqa: PLR2004 - top/class/image


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part for part in name.split("/") if part not in ("", "."))
