"""Tells the images' sizes beside their budgets."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MEGABYTE = 1_000_000
ENFORCED = "amd64"  # other architectures' packages have other sizes


class ImagesError(Exception):
    """A fault that is told in one line."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How large an image may be.

    Attributes:
        service: folder with the Dockerfile.
        base: the Dockerfile's argument that names the base image.
        over_base: whether the most is of what comes on top of the base.
        most: bytes, uncompressed.
    """

    service: str
    base: str
    over_base: bool
    most: int


BUDGETS = (
    Budget("trainer", "PYTHON_IMAGE", over_base=False, most=1_600 * MEGABYTE),
    Budget("inference", "PYTHON_IMAGE", over_base=True, most=155 * MEGABYTE),
    Budget("frontend", "NGINX_IMAGE", over_base=True, most=5 * MEGABYTE),
)


@dataclass(frozen=True, slots=True)
class Size:
    """What an image has of its budget; sizes are bytes."""

    image: str
    architecture: str
    total: int
    over_base: int
    budget: Budget

    @property
    def fits(self) -> bool:
        """Whether it is within the budget."""
        return (self.over_base if self.budget.over_base else self.total) <= self.budget.most

    @property
    def verdict(self) -> str:
        """In a word."""
        if self.architecture != ENFORCED:
            return f"not enforced on {self.architecture}"
        return "fits" if self.fits else "too large"


def main() -> int:
    """Prints the table; 1 when an image is above its budget or cannot be looked at."""
    build_parser().parse_args()
    try:
        services = configured_services()
        sizes = [measure(budget, services[budget.service]) for budget in BUDGETS]
    except ImagesError as error:
        sys.stderr.write(f"images: {error}\n")
        return 1
    sys.stdout.write(table(sizes))
    return 0 if all(size.fits for size in sizes if size.architecture == ENFORCED) else 1


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    return argparse.ArgumentParser(
        prog="./noxw -s images --",
        description="Tells the images' sizes beside their budgets, uncompressed, as `docker image "
        "inspect` counts them; ends with 1 when one is above. The images are those that "
        "`docker compose build` makes: TAG and the bases are as in .env.",
    )


def configured_services() -> dict[str, dict[str, Any]]:
    """The services as compose.yaml, .env and the environment define them.

    Raises:
        ImagesError: compose cannot read them, or there is no Docker.
    """
    done = docker("compose", "config", "--format=json")
    if done.returncode:
        raise ImagesError(f"docker compose: {last_line(done.stderr)}")
    services: dict[str, dict[str, Any]] = json.loads(done.stdout)["services"]
    return services


def measure(budget: Budget, service: dict[str, Any]) -> Size:
    """The sizes of a service's image.

    Raises:
        ImagesError: the image or its base is not there.
    """
    image, base = service["image"], base_image(budget, service["build"].get("args", {}))
    total, architecture = inspect(image, "`docker compose build` makes it")
    base_bytes, _ = inspect(base, f"`docker pull {base}` fetches it")
    return Size(image, architecture, total, total - base_bytes, budget)


def base_image(budget: Budget, arguments: dict[str, str]) -> str:
    """The base, as the build's arguments or else the Dockerfile names it.

    Raises:
        ImagesError: neither does.
    """
    dockerfile = ROOT / budget.service / "Dockerfile"
    found = re.search(rf"^ARG {budget.base}=(\S+)$", dockerfile.read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise ImagesError(f"{dockerfile}: no ARG {budget.base} with a default; give it one")
    return arguments.get(budget.base, found[1])


def inspect(image: str, remedy: str) -> tuple[int, str]:
    """An image's bytes and its architecture.

    Raises:
        ImagesError: there is no such image, or no Docker engine.
    """
    done = docker("image", "inspect", image)
    if done.returncode and "no such image" in done.stderr.lower():
        raise ImagesError(f"there is no image {image}; {remedy}")
    if done.returncode:
        raise ImagesError(f"docker: {last_line(done.stderr)}")
    (found,) = json.loads(done.stdout)
    return int(found["Size"]), str(found["Architecture"])


def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Docker's command line, however it ends.

    Raises:
        ImagesError: it is not installed.
    """
    program = shutil.which("docker")
    if program is None:
        raise ImagesError("there is no `docker` on the PATH; install Docker")
    return subprocess.run(
        [program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def last_line(text: str) -> str:
    """Where Docker tells what is wrong."""
    return text.strip().rpartition("\n")[2]


def table(sizes: list[Size]) -> str:
    """The table's text."""
    head = ("image", "MB", "over base", "budget", "")
    rows = [head, *map(row, sizes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (zip(each, widths, strict=True) for each in rows)
    return "".join(
        "  ".join(text.ljust(width) for text, width in line).rstrip() + "\n" for line in lines
    )


def row(size: Size) -> tuple[str, str, str, str, str]:
    """An image's line."""
    most = f"{size.budget.most / MEGABYTE:.0f}"
    return (
        size.image,
        f"{size.total / MEGABYTE:.1f}",
        f"{size.over_base / MEGABYTE:.1f}",
        f"base + {most}" if size.budget.over_base else most,
        size.verdict,
    )


if __name__ == "__main__":
    sys.exit(main())
