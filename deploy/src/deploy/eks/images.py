"""The images of the three services: built as compose.yaml says, pushed when they have changed."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from deploy.console import say
from deploy.eks import registry
from deploy.eks.deployment import ROOT
from deploy.eks.processes import answer, ended_after, started
from deploy.errors import DeployError, UsageError
from deploy.kubectl import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from deploy.eks.account import Account

SERVICES = ("trainer", "inference", "frontend")
BUILD_SECONDS = 3600.0
# One manifest an image, whichever way Docker builds: no attestations beside it.
PLAIN = MappingProxyType({"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"})
SECONDS_BETWEEN_LINES, MOST_SHOWN = 10.0, 120
LAST_LINES = 15  # told when a build fails
EMULATION = "`docker run --privileged --rm tonistiigi/binfmt --install all`"
_BAKE = ("docker", "buildx", "bake", "--file", "compose.yaml")
_ABSENT = re.compile(r": not found\s*$")


@dataclass(frozen=True, slots=True)
class Image:
    """An image as it has to be.

    Attributes:
        service: of `SERVICES`.
        repository: its URI.
        tag: tells all that the image is made of.
    """

    service: str
    repository: str
    tag: str

    @property
    def name(self) -> str:
        """By which it is pushed."""
        return f"{self.repository}:{self.tag}"


@dataclass(frozen=True, slots=True)
class Pushed:
    """The images in their repositories.

    Attributes:
        images: each service's, by digest.
        new: services whose image was built and pushed just now.
    """

    images: Mapping[str, str]
    new: tuple[str, ...]


def push(account: Account, values: Mapping[str, str], seconds: float = BUILD_SECONDS) -> Pushed:
    """Builds and pushes what the repositories lack.

    Args:
        account: whose registry it is.
        values: the stack's parameters and outputs.
        seconds: after which a build is given up.

    Raises:
        DeployError: an image cannot be built or pushed.
    """
    platform = f"linux/{values['Architecture']}"
    wanted = describe(platform, {each: repository(values, each) for each in SERVICES})
    with registry.signed_in(account, {each.repository for each in wanted}) as environment:
        digests = _digests(wanted, environment)
        missing = [each for each in wanted if digests[each.service] is None]
        if missing:
            say(f"  building and pushing {', '.join(each.service for each in missing)}")
            _build(missing, platform, {**environment, **PLAIN}, seconds)
            digests |= _digests(missing, environment)
    lost = [each.name for each in wanted if digests[each.service] is None]
    if lost:
        raise DeployError(f"{lost[0]}: the registry does not have it, though it was pushed")
    found = {each.service: f"{each.repository}@{digests[each.service]}" for each in wanted}
    return Pushed(found, tuple(each.service for each in missing))


def repository(values: Mapping[str, str], service: str) -> str:
    """The URI of a service's repository."""
    return values[f"{service.title()}RepositoryUri"]


def describe(platform: str, repositories: Mapping[str, str]) -> list[Image]:
    """The images as compose.yaml, the environment and the sources have them now.

    Args:
        platform: such as linux/amd64.
        repositories: their URIs by service.

    Raises:
        UsageError: the sources are not a clone of the repository, or Docker has no buildx.
    """
    targets = json.loads(_asked(*_BAKE, "--print", *SERVICES))["target"]
    return [
        Image(each, repositories[each], content_tag(ROOT, targets[each], platform))
        for each in SERVICES
    ]


def content_tag(root: Path, target: Mapping[str, Any], platform: str) -> str:
    """A tag that is another one when anything is that the image is made of.

    What is in git's view of the service's folder counts, also what was not committed yet.

    Args:
        root: of the repository.
        target: of buildx: context, Dockerfile and build arguments.
        platform: such as linux/amd64.
    """
    context = target["context"]
    listed = _asked(
        *("git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"),
        *("--", context),
    )
    recipe = {key: value for key, value in target.items() if key != "tags"}
    digest = hashlib.sha256(json.dumps([platform, recipe], sort_keys=True).encode())
    for name in sorted(set(filter(None, listed.split("\0")))):
        path = root / name
        if path.is_file():
            digest.update(f"\0{name}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]


def _digests(wanted: Sequence[Image], environment: Mapping[str, str]) -> dict[str, str | None]:
    with ThreadPoolExecutor(len(SERVICES)) as pool:
        found = pool.map(lambda each: _digest(each, environment), wanted)
        return {each.service: digest for each, digest in zip(wanted, found, strict=True)}


def _digest(image: Image, environment: Mapping[str, str]) -> str | None:
    """The digest under which the registry has it; None when it has not."""
    command = ("docker", "buildx", "imagetools", "inspect", image.name)
    told = answer([*command, "--format", "{{json .Manifest.Digest}}"], environment)
    if told.returncode == 0:
        return str(json.loads(told.stdout))
    if _ABSENT.search(told.stderr):
        return None
    raise DeployError(f"{image.name}: {one_line(told.stderr)}")


def _build(
    images: Sequence[Image], platform: str, environment: Mapping[str, str], seconds: float
) -> None:
    names = [f"--set={each.service}.tags={each.name}" for each in images]
    options = ("--progress=plain", "--push", f"--set=*.platform={platform}", *names)
    last: deque[str] = deque(maxlen=LAST_LINES)
    began = told = time.monotonic()
    command = [*_BAKE, *options, *(each.service for each in images)]
    with started(command, environment, ROOT) as process, ended_after(process, seconds):
        for line in process.stdout or ():
            last.append(line.rstrip())
            now = time.monotonic()
            if now - told > SECONDS_BETWEEN_LINES and line.startswith("#"):
                say(f"  images, {now - began:.0f} s: {line.strip()[:MOST_SHOWN]}")
                told = now
    if time.monotonic() - began > seconds:
        raise DeployError(
            f"docker: not done within {seconds:.0f} s; last: {(last or ['nothing'])[-1]}"
        )
    if process.returncode:
        for line in last:
            say(f"  {line}")
        raise DeployError(f"docker: {one_line(chr(10).join(last))}; {_remedy(last)}")


def _remedy(last: Iterable[str]) -> str:
    if any("exec format error" in line for line in last):
        return f"this machine lacks that architecture: {EMULATION} adds it"
    return "its last lines are above"


def _asked(*command: str) -> str:
    told = answer(command, {}, ROOT)
    if told.returncode:
        raise UsageError(f"{command[0]}: {one_line(told.stderr)}")
    return told.stdout
