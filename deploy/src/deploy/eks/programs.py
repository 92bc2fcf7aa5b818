"""The programs of this machine that a deployment needs, and their versions."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.eks.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 20.0  # in which a program that is well tells its version
DISK_BYTES = 15 * 10**9  # what three images and the layers they are built of take, and some more
HELM = (3, 14)
INSTALL = {
    "docker": "https://docs.docker.com/engine/install/",
    "helm": "https://helm.sh/docs/intro/install/",
    "kubectl": "https://kubernetes.io/docs/tasks/tools/",
}
_VERSION = re.compile(r"v?(\d+)\.(\d+)")


def check(kubernetes: str, architecture: str) -> Iterator[Finding]:
    """What is missing or does not fit.

    Args:
        kubernetes: the cluster's version, such as 1.35.
        architecture: of the images, amd64 or arm64.
    """
    yield from _check_docker(architecture)
    yield from _check_kubectl(kubernetes)
    yield from _check_helm()


def _check_docker(architecture: str) -> Iterator[Finding]:
    if not shutil.which("docker"):
        yield _missing("docker")
        return
    told = _answer("docker", "info", "--format", "{{json .}}")
    with suppress(ValueError):
        info = json.loads(told or "")
        if info.get("ServerVersion"):
            yield from _check_buildx(architecture)
            yield from _check_disk(info.get("DockerRootDir") or "")
            return
    yield Finding(
        "docker: the engine does not answer, but it builds the images",
        "start Docker, and see that `docker info` shows a server",
    )


def _check_buildx(architecture: str) -> Iterator[Finding]:
    if _answer("docker", "buildx", "version") is None:
        yield Finding(
            "docker: it has no buildx, which builds and pushes the images",
            "install the plug-in: https://docs.docker.com/build/concepts/overview/#buildx",
        )
        return
    builder = _answer("docker", "buildx", "inspect") or ""
    platforms = re.findall(r"^Platforms:\s*(.*)$", builder, re.MULTILINE)
    if platforms and f"linux/{architecture}" not in re.split(r"[,*\s]+", ",".join(platforms)):
        yield Finding(
            f"docker: its builder does not build for linux/{architecture}",
            f"docker run --privileged --rm tonistiigi/binfmt --install {architecture}",
        )


def _check_disk(root: str) -> Iterator[Finding]:
    """Docker's disk, where it is one of this machine."""
    if root and Path(root).exists():
        free = shutil.disk_usage(root).free
        if free < DISK_BYTES:
            yield Finding(
                f"{free / 1e9:.0f} GB are free in {root}, but building the images may take "
                f"{DISK_BYTES / 1e9:.0f} GB",
                "make room: `docker system df` shows what Docker keeps",
                is_fatal=False,
            )


def _check_kubectl(kubernetes: str) -> Iterator[Finding]:
    if not shutil.which("kubectl"):
        yield _missing("kubectl")
        return
    told = _answer("kubectl", "version", "--client", "--output", "json") or ""
    found = re.search(r'"gitVersion":\s*"([^"]+)"', told)
    version, wanted = _version(found[1] if found else ""), _version(kubernetes)
    if version is None:
        yield Finding("kubectl: it does not tell its version", f"install it: {INSTALL['kubectl']}")
    elif wanted and (version[0] != wanted[0] or abs(version[1] - wanted[1]) > 1):
        yield Finding(
            f"kubectl: it is {version[0]}.{version[1]}, but Kubernetes {kubernetes} is supported "
            "from one minor version before to one after",
            f"install kubectl {kubernetes}: {INSTALL['kubectl']}",
        )


def _check_helm() -> Iterator[Finding]:
    if not shutil.which("helm"):
        yield _missing("helm")
        return
    version = _version(_answer("helm", "version", "--template", "{{.Version}}") or "")
    if version is None:
        yield Finding("helm: it does not tell its version", f"install it: {INSTALL['helm']}")
    elif version < HELM:
        needed = ".".join(map(str, HELM))
        yield Finding(
            f"helm: it is {version[0]}.{version[1]}, but {needed} or later is needed",
            f"install it: {INSTALL['helm']}",
        )


def _missing(program: str) -> Finding:
    return Finding(f"{program}: it is not on the PATH", f"install it: {INSTALL[program]}")


def _version(text: str) -> tuple[int, int] | None:
    found = _VERSION.search(text)
    return (int(found[1]), int(found[2])) if found else None


def _answer(*command: str) -> str | None:
    """What a program prints; None when it fails or does not end."""
    with suppress(OSError, subprocess.TimeoutExpired):
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=SECONDS,
            encoding="utf-8",
            errors="replace",
        )
        if answer.returncode == 0:
            return answer.stdout
    return None
