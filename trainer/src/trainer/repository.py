"""The model repository: what is published, which version is current, and changes to both.

Only the trainer writes to it. Nothing in a published version changes again.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trainer import hints
from trainer.errors import DataError, SettingsError
from trainer.publishing import publish
from trainer.storage import replace_file, staging_path, sync_folder, writing
from trainer.versions import (
    POINTER,
    NewerFormatError,
    Pointer,
    Version,
    numbers,
    read_pointer,
    read_version,
    verified,
)
from trainer.volume import locked, model_folder, remove, remove_stale

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "Version",
    "check_model",
    "current",
    "find_by_fingerprint",
    "prune",
    "publish",
    "rollback",
    "versions",
]


def check_model(model_dir: Path, name: str) -> None:
    """See that the model has a folder, whether anything is published in it or not.

    Raises:
        SettingsError: it has none, or there is no repository; the message tells which models
            there are.
        TemporaryError: the volume failed.
    """
    with writing(model_dir, "list models"):
        if model_folder(model_dir, name).is_dir():
            return
        there = model_dir.is_dir()
        names = sorted(path.name for path in model_dir.glob("*") if path.is_dir() and numbers(path))
    publishes = hints.command("run", model_name=name)
    if not there:
        raise SettingsError(
            f"MODEL_DIR={str(model_dir)!r}: no such folder; name the one that models are published "
            f"to, or `{publishes}` makes it"
        )
    told = f"no model {name!r} in {model_dir}"
    if names:
        raise SettingsError(f"{told}; published are {', '.join(names)}: choose with --model-name")
    raise SettingsError(f"{told}, where nothing is published yet; `{publishes}` publishes")


def versions(model_dir: Path, name: str) -> tuple[Version, ...]:
    """All versions of a model, newest first; broken ones come with their problem.

    Sizes are compared with the manifest, contents are not read. When current.json cannot be read
    no version is the current one: `current` tells why.

    Raises:
        SettingsError: the name is no model name.
        TemporaryError: the volume failed.
    """
    folder = model_folder(model_dir, name)
    with writing(folder, "list versions"):
        try:
            pointer = read_pointer(folder)
        except DataError:
            pointer = None
        found = [read_version(folder, number, pointer) for number in numbers(folder)]
        # `prune` may have taken one away since its number was read.
        return tuple(version for version in found if os.path.lexists(version.folder))


def current(model_dir: Path, name: str) -> Version | None:
    """The version that current.json names, with its problem if it has one; None without pointer.

    Raises:
        DataError: current.json cannot be understood.
        SettingsError: the name is no model name.
        TemporaryError: the volume failed.
    """
    folder = model_folder(model_dir, name)
    with writing(folder, "read the current version"):
        pointer = read_pointer(folder)
        return read_version(folder, pointer.version, pointer) if pointer else None


def find_by_fingerprint(model_dir: Path, name: str, fingerprint: str) -> Version | None:
    """The newest whole version that was trained with this data and these settings.

    Args:
        model_dir: the model repository.
        name: the model's.
        fingerprint: the manifest's `training.fingerprint`; its files' SHA-256 are verified.

    Raises:
        SettingsError: the name is no model name.
        TemporaryError: the volume failed.
    """
    for version in versions(model_dir, name):
        training = version.manifest.get("training")
        if isinstance(training, dict) and training.get("fingerprint") == fingerprint:
            candidate = verified(version)
            if candidate.problem is None:
                return candidate
    return None


def rollback(model_dir: Path, name: str, version: int | None = None) -> int:
    """Make another version the current one; nothing but the pointer changes.

    Args:
        model_dir: the model repository.
        name: the model's.
        version: older or newer; by default the last one before the current.

    Returns:
        The number of the version that is current now.

    Raises:
        DataError: the version or current.json is broken; the pointer stays where it was.
        SettingsError: there is no such version, or none before the current one.
        TemporaryError: the volume is full, read-only or failing.
    """
    folder = model_folder(model_dir, name)
    with writing(folder, "roll back"):
        number = _number_to_roll_back_to(folder, version)
        with locked(folder):
            target = verified(read_version(folder, number, None))
            if target.problem is not None:
                shown = hints.command("list", model_name=name)
                raise DataError(
                    f"version {number} of {name} is broken ({target.problem}): choose another, "
                    f"`{shown}` shows them"
                )
            replace_file(folder / POINTER, Pointer(number, target.manifest_sha256).encode())
    return number


def prune(model_dir: Path, name: str, keep: int) -> tuple[int, ...]:
    """Remove old versions, each as a whole: all but the newest `keep` and the current one.

    The newest one always stays, so that no number is ever given twice.

    Returns:
        The numbers of the versions that were removed, oldest first.

    Raises:
        DataError: current.json cannot be understood, so any version might be the current one.
        SettingsError: `keep` is less than 1, or the name is no model name.
        TemporaryError: the volume is read-only or failing.
    """
    if keep < 1:
        raise SettingsError(f"--keep {keep}: keep at least 1 version")
    folder = model_folder(model_dir, name)
    with writing(folder, "prune"):
        if not folder.is_dir():
            return ()
        remove_stale(folder)
        with locked(folder):
            pointer = read_pointer(folder)
            spared = pointer.version if pointer else None
            old = sorted(number for number in numbers(folder)[keep:] if number != spared)
            removed = [_withdraw(folder, number) for number in old]
            sync_folder(folder)
    for path in removed:
        remove(path)
    return tuple(old)


def _number_to_roll_back_to(folder: Path, wanted: int | None) -> int:
    taken = numbers(folder)
    if wanted is not None:
        _refuse_newer_format(folder)
        if wanted not in taken:
            shown = hints.command("list", model_name=folder.name)
            raise SettingsError(f"{folder} has no version {wanted}: `{shown}` shows them")
        return wanted
    pointer = read_pointer(folder)
    if pointer is None:
        raise SettingsError(f"{folder} has no current version: name one to roll back to")
    before = [number for number in taken if number < pointer.version]
    if not before:
        raise SettingsError(f"{folder} has no version before the current one, {pointer.version}")
    return before[0]


def _refuse_newer_format(folder: Path) -> None:
    try:
        read_pointer(folder)
    except NewerFormatError:
        raise
    except DataError:
        return  # naming a version is how a broken pointer is mended


def _withdraw(folder: Path, number: int) -> Path:
    # Renamed first: no reader ever sees a numbered folder with some of its files gone.
    path = staging_path(folder)
    (folder / str(number)).rename(path)
    return path
