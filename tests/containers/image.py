"""An image as it is: what it says of itself, and the files in it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from engine import run, start
from project import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVICES = ("trainer", "inference", "frontend")
BASES = {"trainer": "PYTHON_IMAGE", "inference": "PYTHON_IMAGE", "frontend": "NGINX_IMAGE"}


@dataclass(frozen=True, slots=True)
class File:
    """A file or folder of an image.

    Attributes:
        mode: permission bits, setuid and setgid among them.
        owner: user and group, as numbers.
        kind: `f`, `d` or `l`, as find(1) has them.
        path: from the root.
    """

    mode: int
    owner: str
    kind: str
    path: PurePosixPath


@dataclass(frozen=True, slots=True)
class Image:
    """An image.

    Attributes:
        name: with its tag.
        config: as `docker image inspect` tells it.
        files: all of them.
    """

    name: str
    config: dict[str, Any]
    files: Sequence[File]

    def below(self, *folders: str) -> list[File]:
        """The files in some folders."""
        return [each for each in self.files if any(map(each.path.is_relative_to, folders))]

    def labels(self) -> dict[str, str]:
        """The labels of OCI, by the last part of their names."""
        prefix = "org.opencontainers.image."
        labels: dict[str, str] = self.config["Labels"]
        return {
            name.removeprefix(prefix): value
            for name, value in labels.items()
            if name.startswith(prefix)
        }


@cache
def read_image(name: str) -> Image:
    """An image that is here, or can be pulled."""
    if start("docker", "image", "inspect", name).returncode:
        run("docker", "pull", "--quiet", name)
    (found,) = json.loads(run("docker", "image", "inspect", name))
    sealed = ("docker", "run", "--rm", "--network=none", "--read-only", "--user=0:0")
    listing = run(
        *(*sealed, "--entrypoint=find", name),
        *("/", "-xdev", "-printf", r"%m %U:%G %y %p\n"),
    )
    return Image(name, found["Config"], [read_line(line) for line in listing.splitlines()])


def read_line(line: str) -> File:
    mode, owner, kind, path = line.split(" ", 3)
    return File(int(mode, 8), owner, kind, PurePosixPath(path))


def dockerfile_arguments(service: str) -> dict[str, str]:
    """The arguments of a Dockerfile that have a default."""
    text = (ROOT / service / "Dockerfile").read_text(encoding="utf-8")
    return dict(re.findall(r"^ARG ([A-Z_]+)=(\S+)$", text, re.MULTILINE))


def base_of(service: str) -> str:
    """The base image that the Dockerfile names."""
    return dockerfile_arguments(service)[BASES[service]]
