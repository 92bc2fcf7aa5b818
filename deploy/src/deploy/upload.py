"""Data of this machine that is to be copied to where the pods of a kind cluster see it."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

from deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

PRESETS = ("digits", "flowers")  # the trainer's
MANIFESTS = (".csv", ".jsonl", ".ndjson")  # the trainer's too
POD_FOLDER = "/src/data/uploads"
MOST_LETTERS = 48  # of a name that is changed; the trainer takes 64 of it


@dataclass(frozen=True, slots=True)
class Upload:
    """What is to be copied.

    Attributes:
        path: a folder or a file of this machine.
        name: what it is called in the cluster.
        files: path here, path below `name` (empty when `path` is the file), bytes.
        unreadable: files that cannot be looked at, such as links that lead nowhere.
    """

    path: Path
    name: str
    files: tuple[tuple[Path, str, int], ...]
    unreadable: int

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(size for _, _, size in self.files)

    @property
    def pod_path(self) -> str:
        """Where the trainer finds it."""
        return f"{POD_FOLDER}/{self.place}/{self.name}"

    @property
    def place(self) -> str:
        """A folder of its own, so that folders of the same name do not replace one another."""
        return _digest(os.fsencode(self.path))


def local_path(data: str) -> Path | None:
    """The path that `--data` names on this machine; None when the trainer is to find it.

    Raises:
        UsageError: it names nothing.
    """
    if data in PRESETS or "://" in data or data.startswith("/src/"):
        return None
    path = Path(data).expanduser()
    # Unlike Path's own, these say no to what cannot be looked at, such as too long a name.
    if data and (os.path.isdir(path) or os.path.isfile(path)):  # noqa: PTH112, PTH113
        return path
    fault = f"no file or folder at {Path.cwd() / path}" if data else "names nothing"
    raise UsageError(
        f"--data {data!r}: {fault}; give a folder, an archive, a URL or a preset; presets are "
        f"{', '.join(PRESETS)}"
    )


def plan(path: Path) -> Upload:
    """What copying this path means.

    Raises:
        UsageError: there is nothing in it, or it cannot be read.
    """
    path = path.resolve()
    name = safe_name(path.name)
    if path.is_file():
        return Upload(path, name, ((path, "", path.stat().st_size),), 0)
    files, unreadable = [], 0
    for found in sorted(_files(path)):
        try:
            status = found.stat()
        except OSError:
            unreadable += 1
            continue
        if S_ISREG(status.st_mode):
            files.append((found, found.relative_to(path).as_posix(), status.st_size))
    if not files:
        raise UsageError(f"--data {path}: no file in it; put a sub-folder a class there")
    return Upload(path, name, tuple(files), unreadable)


def safe_name(text: str) -> str:
    """A file name for what is called `text`; the trainer names the dataset for it.

    Its suffixes stay as they are. What has letters beyond ASCII gets a digest of its name, so that
    two names remain two.
    """
    suffixes = "".join(re.findall(r"(?:\.[A-Za-z0-9]+)+\Z", text))
    stem = text.removesuffix(suffixes)
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")
    if not stem.isascii():
        safe = f"{safe[:MOST_LETTERS].rstrip('-._') or 'dataset'}-{_digest(os.fsencode(text))}"
    return f"{safe or 'dataset'}{suffixes}"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:8]


def _files(root: Path) -> Iterator[Path]:
    """Files below a folder, but for hidden ones; as the trainer reads a folder.

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
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder, name) for name in names if not name.startswith("."))


def _refuse(error: OSError) -> None:
    raise UsageError(f"{error.filename}: cannot be read ({error.strerror})") from error
