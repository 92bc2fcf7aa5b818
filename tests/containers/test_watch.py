"""Live reload: a change of the code is seen soon, in the images that were there before."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import Error as PlaywrightError

from engine import run, wait_until, with_engine
from project import ROOT, compose_project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

    from project import Project

SECONDS = 10.0
WANTED = f"<= {SECONDS:.0f} s, no image built"
BUILD_SECONDS = 300.0
LOAD_SECONDS = 5.0
STOP_SECONDS = 30.0
INTERRUPTED = 130
SERVICES = ("trainer", "inference", "frontend")
FILES = ("compose.yaml", "compose.dev.yaml")
SETTINGS = ("compose.env", "k8s/base/settings.env")
ELSEWHERE = shutil.ignore_patterns("node_modules", "dist", "__pycache__", ".*_cache", ".hypothesis")


@dataclass(frozen=True, slots=True)
class Change:
    """A file below the tree, and what is written in place of what."""

    name: str
    old: str
    new: str

    def make(self, tree: Path) -> None:
        path = tree / self.name
        text = path.read_text(encoding="utf-8")
        assert self.old in text, f"{self.name} has no {self.old!r}"
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


LABEL = Change("frontend/src/app/App.tsx", "There is no model yet", "A model is still to come")
WAIT = Change("inference/src/inference/errors.py", "retry_after = 5\n", "retry_after = 7\n")
EXIT = Change("trainer/src/trainer/errors.py", "exit_code = 2\n", "exit_code = 9\n")


@pytest.fixture(scope="module")
def project(images: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The services in live reload, of a copy; the trainer fails by its setting."""
    del images
    folder = tmp_path_factory.mktemp("watch")
    files = copy_sources(folder / "tree")
    with compose_project(TAG=f"watch-{uuid.uuid4().hex}", EPOCHS="none") as installed:
        project = replace(installed, files=files)
        try:
            with watching(project, folder / "log"):
                yield project
        finally:
            project.compose("down", "--rmi=all", "--volumes", "--timeout=1")


def copy_sources(tree: Path) -> tuple[Path, ...]:
    """Copies what the services are made of; returns the compose files."""
    for service in SERVICES:
        shutil.copytree(ROOT / service, tree / service, ignore=ELSEWHERE)
    (tree / "k8s/base").mkdir(parents=True)
    for name in SETTINGS:
        shutil.copy(ROOT / name, tree / name)
    return tuple(Path(shutil.copy(ROOT / name, tree)) for name in FILES)


@contextmanager
def watching(project: Project, log: Path) -> Iterator[None]:
    """`docker compose watch`, which Ctrl-C ends."""
    with log.open("w") as output:
        process = subprocess.Popen(
            project.command("watch"),
            env=with_engine(project.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    try:
        wait_until(lambda: begins(process, log), "a watch", BUILD_SECONDS)
        yield
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        code = process.wait(STOP_SECONDS)
    assert code == INTERRUPTED, log.read_text()


def begins(process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    return "Watch enabled" in log.read_text()


def test_a_label_changes_in_the_open_page(
    project: Project, browser: Browser, report: Callable[[str, str, str], None]
) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        wait_until(lambda: opened(page, project.page_url), f"a page that says {LABEL.old!r}")
        heading = page.get_by_role("heading", name=LABEL.new)
        seconds = seconds_until_seen(project, LABEL, heading.is_visible)
    report("watch: a label of the page changes", f"{seconds:.1f} s", WANTED)


def test_a_constant_of_the_model_server_changes(
    project: Project, report: Callable[[str, str, str], None]
) -> None:
    url = f"{project.inference_url}/ready"
    wait_until(lambda: seconds_to_wait(url) == "5", "an answer without a model")
    seconds = seconds_until_seen(project, WAIT, lambda: seconds_to_wait(url) == "7")
    report("watch: a constant of inference changes", f"{seconds:.1f} s", WANTED)


def test_a_trainer_that_failed_tries_again(
    project: Project, report: Callable[[str, str, str], None]
) -> None:
    wait_until(lambda: ended(project, 2), "a trainer that has failed")
    seconds = seconds_until_seen(project, EXIT, lambda: ended(project, 9))
    report("watch: a constant of the trainer changes", f"{seconds:.1f} s", WANTED)


def seconds_until_seen(project: Project, change: Change, condition: Callable[[], bool]) -> float:
    """How long it takes; no image is built, and no container writes into the tree."""
    tree = project.files[0].parent
    before = image_ids(project), owned_files(tree)
    change.make(tree)
    seconds = wait_until(condition, f"{change.new.strip()} from {change.name}", SECONDS)
    assert (image_ids(project), owned_files(tree)) == before
    return seconds


def image_ids(project: Project) -> set[str]:
    """Of the containers, and of what their tags name now."""
    found = [project.inspect(service) for service in SERVICES]
    tags = [container["Config"]["Image"] for container in found]
    tagged = run("docker", "image", "inspect", "--format={{.Id}}", *tags)
    return {container["Image"] for container in found} | set(tagged.split())


def owned_files(tree: Path) -> dict[Path, int]:
    """All files and folders with their owners."""
    return {path: path.stat().st_uid for path in tree.rglob("*")}


def opened(page: Page, url: str) -> bool:
    """Whether it was loaded whole: Chromium gives up loading when a container starts or ends."""
    try:
        page.goto(url)
        page.get_by_role("heading", name=LABEL.old).wait_for(timeout=LOAD_SECONDS * 1000)
    except PlaywrightError:
        return False
    return True


def seconds_to_wait(url: str) -> str | None:
    header: str | None = answer(url).headers.get("Retry-After")
    return header


def answer(url: str) -> httpx.Response:
    """An empty 503 while nobody listens."""
    try:
        return httpx.get(url, trust_env=False)
    except httpx.TransportError:
        return httpx.Response(httpx.codes.SERVICE_UNAVAILABLE)


def ended(project: Project, code: int) -> bool:
    state = project.inspect("trainer")["State"]
    return (state["Status"], state["ExitCode"]) == ("exited", code)
