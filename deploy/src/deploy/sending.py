"""An upload, on its way into the node of a kind cluster: a tar archive, made while it is sent."""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from deploy.errors import DeployError, UsageError
from deploy.kubectl import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from deploy.upload import Upload

    Tell = Callable[[int, int, int, int], None]  # files and bytes so far, then of how many

NODE_FOLDER = "/var/lib/ml-pipeline/data/uploads"
USER = 10001  # the containers'
CHUNK = 1 << 16

# Beside the old one until it is whole, which is counted: tar takes a stream that ends between two
# files for a whole one. What is given is an argument, so that no name can be a command.
_RECEIVE = """
set -e
install -d -o "$4" -g "$4" "$1" "$1/$2"
staging=$(mktemp -d "$1/.incoming-XXXXXXXX")
trap 'rm -rf "$staging"' EXIT
tar --extract --touch --numeric-owner --directory "$staging" --file -
[ "$(find "$staging" -type f -printf x | wc -c)" -eq "$5" ]
rm -rf "$1/$2/$3"
mv "$staging/$3" "$1/$2/$3"
"""


def send(upload: Upload, node: str, tell: Tell) -> None:
    """Copies it into the node's container, in the place of what was there under this name.

    Raises:
        DeployError: the node takes it not.
        UsageError: docker is not installed, or a file cannot be read.
    """
    arguments = (NODE_FOLDER, upload.place, upload.name, str(USER), str(len(upload.files)))
    command = ["docker", "exec", "--interactive", node, "sh", "-c", _RECEIVE, "receive"]
    with tempfile.TemporaryFile() as told:  # however much that is, nothing waits for its reader
        with _started([*command, *arguments], told) as (process, pipe):
            for part in _archive(upload, tell):
                pipe.write(part)
        if process.returncode != 0:
            told.seek(0)
            fault = one_line(told.read().decode(errors="replace"))
            raise DeployError(f"{node}: cannot take the data: {fault}")


@contextmanager
def _started(
    command: list[str], errors: IO[bytes]
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """A process that is written to. That it takes no more is no fault; its exit code tells."""
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(command, stdin=pipe, stdout=subprocess.DEVNULL, stderr=errors)
    except OSError as error:
        raise UsageError(f"docker: cannot be started ({error.strerror}); install it") from error
    with process:
        if process.stdin is None:
            raise AssertionError("there is a pipe")
        try:
            yield process, process.stdin
        except BrokenPipeError:
            pass
        except BaseException:
            process.kill()
            raise
        finally:  # what is left in its buffer must not hide what was raised
            with suppress(BrokenPipeError):
                process.stdin.close()


def _archive(upload: Upload, tell: Tell) -> Iterator[bytes]:
    size = 0
    for name in _folders(upload):
        yield _header(name, tarfile.DIRTYPE, 0o755, 0)
    for count, (path, below, length) in enumerate(upload.files, 1):
        yield _header(f"{upload.name}/{below}".rstrip("/"), tarfile.REGTYPE, 0o644, length)
        yield from _content(path, length)
        yield bytes(-length % tarfile.BLOCKSIZE)
        size += length
        tell(count, size, len(upload.files), upload.size)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _folders(upload: Upload) -> Iterable[str]:
    """All folders, each before what is in it."""
    paths = [Path(upload.name, below) for _, below, _ in upload.files if below]
    parents = {parent.as_posix() for path in paths for parent in path.parents}
    return sorted(parents - {"."})


def _header(name: str, kind: bytes, mode: int, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.uid, member.gid, member.size = kind, mode, USER, USER, size
    return member.tobuf(tarfile.PAX_FORMAT, errors="surrogateescape")


def _content(path: Path, length: int) -> Iterator[bytes]:
    """The first bytes of a file, as many as it had when it was looked at."""
    try:
        with path.open("rb") as file:
            while length:
                chunk = file.read(min(length, CHUNK))
                if not chunk:
                    raise UsageError(f"{path}: cannot be read (it has become shorter)")
                length -= len(chunk)
                yield chunk
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
