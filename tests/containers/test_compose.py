"""`docker compose up`, as its user types it."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from engine import run, start, unmet, wait_until
from pictures import plain_png
from project import ROOT, compose_project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from project import Project

SERVICES = ("trainer", "inference", "frontend")
POLL_SECONDS = 5.0
UP_AGAIN_SECONDS = 60.0
GREYS = {"dark": range(100), "light": range(156, 256)}
SUITE = ("test_api.py", "test_hardening.py", "test_page.py", "test_browser.py")
INTERRUPTED = 130
NGINX_ERROR = re.compile(r"\d{4}/\d\d/\d\d [\d:]{8} \[\w+\] ")  # which has no other format
EPOCH = re.compile(r'"epoch (\d+) of 400: ')


@pytest.fixture(scope="module")
def project(images: None) -> Iterator[Project]:
    """All three services, after `up --wait` on empty volumes."""
    del images
    with compose_project(EPOCHS="12", MODEL_NAME="digits") as project:
        done = project.start("up", "--wait")
        assert done.returncode == 0, done.stderr + project.compose("logs")
        yield project


@pytest.fixture(scope="module")
def page(project: Project) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=project.page_url, timeout=30, trust_env=False) as client:
        yield client


def test_it_is_ready_within_a_poll(
    page: httpx.Client, report: Callable[[str, str, str], None]
) -> None:
    seconds = wait_until(lambda: page.get("/api/ready").is_success, "ready", POLL_SECONDS + 1)
    report("ready after up --wait", f"{seconds:.1f} s", f"<= {POLL_SECONDS} s, a poll")
    assert page.get("/api/ready").json()["model"] == {"name": "digits", "version": 1}


def test_the_suite_of_every_mode_passes(project: Project) -> None:
    files = [str(ROOT / "tests/e2e" / name) for name in SUITE]
    command = (sys.executable, "-m", "pytest", "-rs", f"--base-url={project.page_url}", *files)
    done = start(*command, environment=os.environ, seconds=300)
    assert done.returncode == 0, done.stdout
    if "SKIPPED" in done.stdout:
        unmet(f"the suite has left something out:\n{done.stdout}", "REQUIRE_BROWSER")


def test_a_second_up_trains_nothing(
    project: Project, report: Callable[[str, str, str], None]
) -> None:
    project.compose("stop")
    began = time.monotonic()
    project.compose("up", "--wait")
    seconds = time.monotonic() - began
    report("up --wait again, with a model", f"{seconds:.1f} s", f"<= {UP_AGAIN_SECONDS} s")
    assert seconds <= UP_AGAIN_SECONDS
    assert "nothing to do" in project.compose("logs", "--tail=1", "trainer")
    answer = httpx.get(f"{project.page_url}/api/ready", trust_env=False)
    assert answer.json()["model"]["version"] == 1


def test_a_failed_training_fails_up(images: None) -> None:
    del images
    with compose_project(EPOCHS="none") as failing:
        done = failing.start("up", "--wait")
        assert done.returncode != 0
        assert 'service "trainer" didn\'t complete successfully: exit 2' in done.stderr
        logged = failing.compose("logs", "--no-log-prefix", "trainer")
    assert logged == "trainer: EPOCHS='none': use a whole number from 1 to 100000"


@pytest.fixture
def pictures() -> Iterator[Path]:
    """A folder of one's own pictures that the containers' user may read."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for label, greys in GREYS.items():
            (folder / label).mkdir()
            for grey in greys:
                (folder / label / f"{grey}.png").write_bytes(plain_png(16, grey, grey, grey))
        yield folder


def test_ones_own_images(project: Project, page: httpx.Client, pictures: Path) -> None:
    mount = f"--volume={pictures}:/input:ro"
    options = ("--data", "/input", "--epochs", "2", "--image-size", "16")
    project.compose("run", "--rm", "--no-deps", mount, "trainer", "run", *options)
    wait_until(lambda: page.get("/api/ready").json()["model"]["version"] == 2, "version 2")
    assert page.get("/api/models/2").json()["labels"] == ["dark", "light"]
    again = replace(project, environment={**project.environment, "EPOCHS": "1"})
    done = again.start("up", "--wait")
    assert done.returncode == 0, done.stderr
    assert "version 2 of digits, trained on /input, stays" in project.compose("logs", "trainer")
    assert page.get("/api/ready").json()["model"]["version"] == 2


def test_a_stopped_training_goes_on(
    project: Project, report: Callable[[str, str, str], None]
) -> None:
    options = ("--epochs", "400", "--seed", "7", "--model-name", "stopped")
    name = f"{project.name}-stopped"
    named = ("--detach", "--no-deps", "--name", name)
    project.compose("run", *named, "trainer", "run", *options)
    wait_until(lambda: epochs(name) != [], "the first epoch", 120)
    began = time.monotonic()
    run("docker", "stop", name)
    report("trainer's end after SIGTERM", f"{time.monotonic() - began:.1f} s", "<= 30 s")
    assert run("docker", "inspect", "--format={{.State.ExitCode}}", name) == str(INTERRUPTED)
    before = epochs(name)
    run("docker", "start", name)
    wait_until(lambda: len(epochs(name)) > len(before), "the training goes on", 120)
    run("docker", "kill", name)
    after = epochs(name)
    run("docker", "rm", name)
    assert after == list(range(1, len(after) + 1))


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_may_do_little(project: Project, service: str) -> None:
    host: dict[str, Any] = project.inspect(service)["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert project.inspect(service)["Config"]["User"] == "10001:10001"
    for bindings in host["PortBindings"].values():
        assert [binding["HostIp"] for binding in bindings] == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("service", "cores", "mebibytes"),
    [("trainer", 2.0, 4096), ("inference", 1.0, 2048), ("frontend", 0.5, 512)],
)
def test_limits(project: Project, service: str, cores: float, mebibytes: int) -> None:
    host: dict[str, Any] = project.inspect(service)["HostConfig"]
    assert (host["NanoCpus"] / 1e9, host["Memory"] / 2**20) == (cores, mebibytes)


def test_the_model_server_cannot_write(project: Project) -> None:
    for path in ("/src/model/digits/current.json", "/src/model/new", "/app/new", "/home/new"):
        program = f"open({path!r}, 'a')"
        done = project.start("exec", "-T", "inference", "python", "-c", program)
        assert "Read-only file system" in done.stderr, path


@pytest.mark.parametrize("service", SERVICES)
def test_logs_are_json(project: Project, service: str) -> None:
    lines = project.compose("logs", "--no-log-prefix", service).splitlines()
    told = [json.loads(line) for line in lines if not NGINX_ERROR.match(line)]
    assert told
    assert all(isinstance(event, dict) for event in told)


def test_the_web_interface_of_the_load_test(project: Project) -> None:
    with_load = ("--profile", "load")
    project.compose(*with_load, "up", "--detach", "--wait", "--no-deps", "locust")
    answer = httpx.get(f"http://127.0.0.1:{project.environment['LOCUST_PORT']}", trust_env=False)
    assert answer.is_success
    assert "Locust" in answer.text
    project.compose(*with_load, "rm", "--stop", "--force", "locust")


@pytest.mark.parametrize("service", ["inference", "frontend"])
def test_a_stop_is_clean(project: Project, service: str) -> None:
    container = project.container(service)
    run("docker", "stop", container)
    assert run("docker", "inspect", "--format={{.State.ExitCode}}", container) == "0"
    run("docker", "start", container)


def epochs(container: str) -> list[int]:
    """The numbers of the epochs that its trainer has told of, in their order."""
    return [int(number) for number in EPOCH.findall(start("docker", "logs", container).stderr)]
