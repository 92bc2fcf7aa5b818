"""Keeps the catalogue true to the model repository, and the served model to its pointer.

All reading of the volume for that is done in one thread, since a network file system blocks
rather than fails; requests see the last catalogue meanwhile. A version that fails any step is
reported once, and the last good model goes on serving, from memory.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from inference import model
from inference.catalogue import Catalogue, Version
from inference.logs import fields
from inference.manifest import RepositoryError
from inference.memory import release_free_memory
from inference.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inference.manifest import Manifest, Pointer
    from inference.metrics import Metrics
    from inference.repository import Mark
    from inference.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Read:
    """A manifest that was read, or why it could not be."""

    mark: Mark
    version: Version


@dataclass(frozen=True, slots=True)
class _Failure:
    """A version that could not be loaded; `mark` is `None` where the volume was at fault."""

    pointer: Pointer
    mark: Mark | None
    reason: str


class Watcher:
    """Polls the repository until it is stopped.

    Attributes:
        catalogue: replaced as a whole by each poll.
        looked: set once the first poll is over.
    """

    def __init__(self, settings: Settings, metrics: Metrics, threads: int) -> None:
        self.catalogue = Catalogue(settings.model_name)
        self.looked = threading.Event()
        self._place = f"{settings.model_name!r} in {settings.model_dir}"
        self._waiting = False
        self._repository = Repository(settings.model_dir / settings.model_name)
        self._seconds = settings.model_poll_seconds
        self._metrics = metrics
        self._threads = threads
        self._stop = threading.Event()
        self._polling = threading.Lock()
        self._read: dict[int, _Read] = {}
        self._failure: _Failure | None = None
        self._reported: frozenset[str] = frozenset()

    def start(self) -> None:
        """Begin to poll; the thread dies with the process, even when the volume hangs."""
        threading.Thread(target=self._run, name="watcher", daemon=True).start()

    def stop(self) -> None:
        """Poll no more; a poll that is under way is not waited for."""
        self._stop.set()

    def poll(self) -> None:
        """Look at the repository once."""
        with self._polling:
            before = self.catalogue
            try:
                self.catalogue = self._next(before)
                self._metrics.polled.set_to_current_time()
            except OSError as error:
                self.catalogue = replace(before, fault=_reason(error))
            self._report(before, self.catalogue)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.poll()
            except Exception:
                log.exception("the model repository could not be polled")
            self.looked.set()
            self._stop.wait(self._seconds)

    def _next(self, before: Catalogue) -> Catalogue:
        versions = self._versions()
        training = self._training(before.training)
        try:
            pointer = self._repository.pointer()
            served = self._served(pointer, before.model)
            fault = None
        except RepositoryError as error:
            served, fault = before.model, str(error)
        return Catalogue(
            name=before.name,
            model=served,
            versions=_merged(versions, served, self._failure),
            training=training,
            fault=fault,
        )

    def _versions(self) -> dict[int, Version]:
        """Every version's manifest, read again only when it changed."""
        self._read = {number: self._manifest(number) for number in self._repository.versions()}
        return {number: read.version for number, read in self._read.items()}

    def _manifest(self, number: int) -> _Read:
        mark: Mark = ()
        try:
            mark = self._repository.manifest_mark(number)
            known = self._read.get(number)
            if known is not None and known.mark == mark:
                return known
            return _Read(mark, Version(self._repository.manifest(number)))
        except RepositoryError as error:
            return _Read(mark, Version(None, str(error)))
        except OSError as error:  # perhaps half-copied: the empty mark has it read again
            return _Read((), Version(None, _reason(error)))

    def _training(self, before: bytes | None) -> bytes | None:
        try:
            return self._repository.training()
        except (OSError, RepositoryError) as error:
            log.debug("training.json was passed over", extra=fields(reason=str(error)))
            return before

    def _served(self, pointer: Pointer | None, serving: model.Model | None) -> model.Model | None:
        """The model that the pointer names, or the one before where that cannot be loaded."""
        if pointer is None or (serving and _names(pointer, serving.manifest)):
            self._failure = None
            return serving
        if self._failure and not self._worth_trying(pointer, self._failure):
            return serving
        try:
            loaded = self._load(pointer)
        except OSError as error:
            self._failure = _Failure(pointer, None, _reason(error))
            return serving
        except RepositoryError as error:
            self._failure = _Failure(pointer, self._mark(pointer), str(error))
            return serving
        self._failure = None
        return loaded

    def _worth_trying(self, pointer: Pointer, failure: _Failure) -> bool:
        """Only another pointer or changed files give hope; a fault of the volume left no mark."""
        return failure.pointer != pointer or failure.mark != self._mark(pointer)

    def _mark(self, pointer: Pointer) -> Mark | None:
        try:
            return self._repository.mark(pointer.version)
        except OSError:
            return None

    def _load(self, pointer: Pointer) -> model.Model:
        manifest = self._repository.manifest(pointer.version)
        if manifest.sha256 != pointer.manifest_sha256:
            raise RepositoryError("manifest.json does not have the sha256 that current.json says")
        content = self._repository.verified_model(manifest)
        loaded = model.load(content, manifest, self._threads)
        del content
        release_free_memory()
        return loaded

    def _report(self, before: Catalogue, catalogue: Catalogue) -> None:
        """Tell of a swap, and of each fault when it appears, not at every poll."""
        if catalogue.model and catalogue.model is not before.model:
            manifest = catalogue.model.manifest
            self._metrics.serving(catalogue.name, manifest)
            log.info("serving", extra=fields(model=catalogue.name, version=manifest.version))
        faults = {
            number: found.fault for number, found in catalogue.versions.items() if found.fault
        }
        lines = {f"version {number}: {fault}" for number, fault in faults.items()}
        if catalogue.fault:
            lines.add(catalogue.fault)
        for line in sorted(lines - self._reported):
            self._metrics.load_failures.inc()
            log.error("model repository: %s", line, extra=fields(model=catalogue.name))
        self._reported = frozenset(lines)
        waiting = catalogue.model is None and not lines
        if waiting and not self._waiting:
            log.warning("nothing is published under %s yet: waiting for it", self._place)
        # A fault that comes and goes meanwhile does not begin another wait.
        self._waiting = waiting or (self._waiting and catalogue.model is None)


def _names(pointer: Pointer, manifest: Manifest) -> bool:
    return (pointer.version, pointer.manifest_sha256) == (manifest.version, manifest.sha256)


def _merged(
    versions: dict[int, Version], served: model.Model | None, failure: _Failure | None
) -> Mapping[int, Version]:
    """The versions found, with the one that failed and the one in memory, the newest first."""
    merged = dict(versions)
    if failure:
        found = merged.get(failure.pointer.version, Version(None))
        merged[failure.pointer.version] = replace(found, fault=found.fault or failure.reason)
    if served:
        merged[served.manifest.version] = Version(served.manifest)
    return MappingProxyType(dict(sorted(merged.items(), reverse=True)))


def _reason(error: OSError) -> str:
    name = f"{error.filename}: " if error.filename else ""
    return f"{name}{error.strerror or error}"
