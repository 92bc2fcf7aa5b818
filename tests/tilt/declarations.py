"""What a Tiltfile declares: images, resources and buttons."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[2]
SERVICES = {"trainer", "inference", "frontend"}
Value = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Image:
    """What docker_build declares."""

    ref: str
    context: Path
    build_args: Mapping[str, str]
    target: str
    arguments: Sequence[str] | None
    steps: Sequence[Value]

    def synced(self) -> list[tuple[Path, str]]:
        """Paths of the tree, and where they are in the container."""
        return [(ROOT / step["sync"][0], step["sync"][1]) for step in self.steps if "sync" in step]

    def rebuilt_for(self) -> list[Path]:
        steps = (listed(step["fall_back_on"]) for step in self.steps if "fall_back_on" in step)
        return [ROOT / path for paths in steps for path in paths]


@dataclass(frozen=True, slots=True)
class Resource:
    """What k8s_resource, dc_resource or local_resource declares."""

    name: str
    labels: Sequence[str]
    after: Sequence[str] = ()
    workload: str = ""
    objects: Sequence[str] = ()
    manual: bool = False
    ports: Mapping[int, int] = field(default_factory=dict)
    command: str | Sequence[str] = ""
    files: Sequence[str] = ()
    service: str = ""


@dataclass(frozen=True, slots=True)
class Button:
    """A button, and the command that it starts."""

    resource: str
    text: str
    command: Sequence[str]


def listed(value: str | Sequence[str]) -> list[str]:
    """Tilt takes one for a list of one."""
    return [value] if isinstance(value, str) else list(value)
