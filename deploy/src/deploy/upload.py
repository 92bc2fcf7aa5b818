"""Data of this machine, copied to where the pods of a kind cluster see it."""

from __future__ import annotations

import os
import re
import subprocess
import tarfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import IO, TYPE_CHECKING

from deploy.errors import DeployError, UsageError
from deploy.kubectl import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Tell = Callable[[int, int, int, int], None]  # files and bytes so far, then of how many

PRESETS = ("digits", "flowers")  # the trainer's
NODE_FOLDER, POD_FOLDER = "/var/lib/ml-pipeline/data/uploads", "/src/data/uploads"
USER = 10001  # the containers'
MANIFESTS = (".csv", ".jsonl", ".ndjson")

# Beside the old one until it is whole, which is counted: tar takes a stream that ends between two
# files for a whole one. What is given is an argument, so that no name can be a command.
_RECEIVE = """
set -e
install -d -o "$3" -g "$3" "$1"
staging=$(mktemp -d "$1/.incoming-XXXXXXXX")
trap 'rm -rf "$staging"' EXIT
tar --extract --touch --numeric-owner --directory "$staging" --file -
[ "$(find "$staging" -type f -printf x | wc -c)" -eq "$4" ]
rm -rf "$1/$2"
mv "$staging/$2" "$1/$2"
"""


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
        return f"{POD_FOLDER}/{self.name}"


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
    """A file name for what is called `text`; the trainer names the dataset for it."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._") or "dataset"


def send(upload: Upload, node: str, tell: Tell) -> None:
    """Copies it into the node's container, in the place of what was there under this name.

    Raises:
        DeployError: the node takes it not.
        UsageError: docker is not installed, or a file cannot be read.
    """
    arguments = (NODE_FOLDER, upload.name, str(USER), str(len(upload.files)))
    command = ["docker", "exec", "--interactive", node, "sh", "-c", _RECEIVE, "receive"]
    try:
        process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise UsageError(f"docker: cannot be started ({error.strerror}); install it") from error
    with process:
        try:
            _write(upload, process.stdin, tell)
        except BrokenPipeError:
            pass  # the node's own words are told below
        except UsageError:
            process.kill()
            raise
        _, told = process.communicate()
    if process.returncode != 0:
        raise DeployError(
            f"{node}: cannot take the data: {one_line(told.decode(errors='replace'))}"
        )


def _write(upload: Upload, pipe: IO[bytes] | None, tell: Tell) -> None:
    size = 0
    with tarfile.open(fileobj=pipe, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for name in _folders(upload):
            archive.addfile(_member(name, tarfile.DIRTYPE, 0o755))
        for count, (path, below, length) in enumerate(upload.files, 1):
            member = _member(f"{upload.name}/{below}".rstrip("/"), tarfile.REGTYPE, 0o644)
            member.size = length
            with _reading(path) as file:
                archive.addfile(member, file)
            size += length
            tell(count, size, len(upload.files), upload.size)


@contextmanager
def _reading(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as file:
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:  # also when it has become shorter
        raise UsageError(f"{path}: cannot be read ({error.strerror or error})") from error


def _folders(upload: Upload) -> Iterable[str]:
    """All folders, each before what is in it."""
    paths = [Path(upload.name, below) for _, below, _ in upload.files if below]
    parents = {parent.as_posix() for path in paths for parent in path.parents}
    return sorted(parents - {"."})


def _member(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.uid, member.gid = kind, mode, USER, USER
    return member


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
