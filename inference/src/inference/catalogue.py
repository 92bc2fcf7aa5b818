"""What the service knows of its model's folder: an immutable picture, taken at the last poll."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inference.manifest import Manifest
    from inference.model import Model


@dataclass(frozen=True, slots=True)
class Version:
    """A version in the repository: `manifest` can be `None` only when there is a `fault`."""

    manifest: Manifest | None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that requests are answered from.

    Attributes:
        name: of the model.
        model: what is served.
        versions: by number, the newest first.
        training: training.json as the trainer wrote it.
        fault: why the repository, or its pointer, cannot be read.
    """

    name: str
    model: Model | None = None
    versions: Mapping[int, Version] = field(default_factory=lambda: MappingProxyType({}))
    training: bytes | None = None
    fault: str | None = None

    def manifest(self, version: int) -> Manifest | None:
        """The manifest of a version, if there is a sound one."""
        found = self.versions.get(version)
        return found.manifest if found else None

    def listing(self) -> dict[str, object]:
        """The answer to `GET /models`."""
        answer: dict[str, object] = {
            "name": self.name,
            "current": self.model.manifest.version if self.model else None,
            "versions": [self._entry(number, found) for number, found in self.versions.items()],
        }
        return answer if self.fault is None else {**answer, "reason": self.fault}

    def _entry(self, number: int, found: Version) -> dict[str, object]:
        manifest = found.manifest
        entry: dict[str, object] = {
            "version": number,
            "created": manifest.created if manifest else None,
            "accuracy": manifest.accuracy if manifest else None,
            "labels": list(manifest.labels) if manifest else [],
            "images": manifest.images if manifest else None,
        }
        if self.model and self.model.manifest.version == number:
            return {**entry, "state": "serving"}
        if found.fault is not None:
            return {**entry, "state": "failed", "reason": found.fault}
        return {**entry, "state": "available"}
