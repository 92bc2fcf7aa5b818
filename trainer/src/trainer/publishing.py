"""Publishing a version: staged, made durable, renamed to its number, then made current."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from typing import TYPE_CHECKING

from trainer import hints, timestamp
from trainer.errors import DataError
from trainer.storage import sync_folder, write_durably, writing
from trainer.versions import (
    FILE_NAME,
    FORMAT,
    MANIFEST,
    MANIFEST_LIMIT,
    MODEL,
    POINTER,
    NewerFormatError,
    Pointer,
    encode_json,
    numbers,
    read_pointer,
)
from trainer.volume import locked, model_folder, remove_stale, staging

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trainer.runs import Run
    from trainer.settings import Settings

_RESERVED = {"format", "name", "version", "created", "files"}
_TAKEN = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}
_CHUNK = 2**20  # bytes copied at a time


def publish_run(run: Run, settings: Settings) -> int:
    """Publishes what was exported, and returns its version.

    Raises:
        DataError: nothing was exported.
        TemporaryError: the model volume cannot be written.
    """
    files = {path.name: path for path in sorted(run.export_folder.glob("[!.]*"))}
    if not (MODEL in files and run.draft.is_file()):
        export_first = hints.command("export", model_name=settings.model_name)
        raise DataError(f"{run.folder}: nothing exported; `{export_first}` first")
    content = json.loads(run.draft.read_bytes())
    return publish(settings.model_dir, settings.model_name, files, content)


def publish(
    model_dir: Path, name: str, files: Mapping[str, Path], manifest: Mapping[str, object]
) -> int:
    """Publish files as the next version of a model and make it the current one.

    Until the last step the version that was current goes on being so, even if this process is
    killed or the volume fails; a number is never given to a folder that is not whole.

    Args:
        model_dir: the model repository.
        name: the model's.
        files: name in the version -> the file to copy; `model.onnx` is among them.
        manifest: everything but format, name, version, created and files.

    Returns:
        The version's number: one more than the highest that was ever current or is there.

    Raises:
        DataError: a file to copy is missing, current.json is of a newer format, or there are so
            many classes that the manifest grows too large.
        SettingsError: the name is no model name.
        TemporaryError: the volume is full, read-only or failing.
        ValueError: the files' names or the manifest break the contract.
    """
    folder = model_folder(model_dir, name)
    _check(files, manifest)
    with writing(folder, "publish"):
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(model_dir)
        _current_number(folder)  # a newer format is refused before anything is copied
        remove_stale(folder)
        with staging(folder) as staged, staging(folder) as pointer:
            staged.mkdir()
            listed = {file: _copy(source, staged / file) for file, source in files.items()}
            with locked(folder):
                return _commit(staged, pointer, {**manifest, "files": listed})


def _check(files: Mapping[str, Path], manifest: Mapping[str, object]) -> None:
    if given := _RESERVED & manifest.keys():
        raise ValueError(f"the manifest must leave {', '.join(sorted(given))} to publish()")
    if MODEL not in files or MANIFEST in files:
        raise ValueError(f"publish {MODEL}, and leave {MANIFEST} to publish()")
    for file, source in files.items():
        if not FILE_NAME.fullmatch(file):
            raise ValueError(f"{file!r}: use letters, digits, dots, dashes and underscores")
        if not (os.access(source, os.R_OK) and source.is_file()):
            raise DataError(f"{source}: cannot be read; export the model again, then publish")


def _copy(source: Path, target: Path) -> dict[str, int | str]:
    """Copy durably; the manifest's entry is of the bytes that were written."""
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("xb") as writer:
        while chunk := reader.read(_CHUNK):
            digest.update(chunk)
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
        return {"bytes": writer.tell(), "sha256": digest.hexdigest()}


def _commit(staged: Path, pointer: Path, content: Mapping[str, object]) -> int:
    folder = staged.parent
    while True:
        number = max((*numbers(folder), _current_number(folder))) + 1
        digest = _write_manifest(staged, number, content)
        # Written ahead: the disk may be full, and then no version must be left without a pointer.
        write_durably(pointer, Pointer(number, digest).encode())
        if _rename_to_free(staged, folder / str(number)):
            break
    sync_folder(folder)
    pointer.replace(folder / POINTER)
    sync_folder(folder)
    return number


def _current_number(folder: Path) -> int:
    try:
        pointer = read_pointer(folder)
    except NewerFormatError:
        raise
    except DataError:
        return 0  # this publication mends it
    return pointer.version if pointer else 0


def _write_manifest(staged: Path, number: int, content: Mapping[str, object]) -> str:
    head = {"format": FORMAT, "name": staged.parent.name, "version": number}
    data = encode_json({**head, "created": timestamp.now(), **content})
    if len(data) > MANIFEST_LIMIT:
        raise DataError(f"{MANIFEST} would be {len(data):,} bytes, readers take {MANIFEST_LIMIT:,}")
    write_durably(staged / MANIFEST, data)
    sync_folder(staged)
    return hashlib.sha256(data).hexdigest()


def _rename_to_free(staged: Path, target: Path) -> bool:
    """False when another publisher, on a volume whose locks do not reach us, took the number."""
    try:
        staged.rename(target)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    return True
