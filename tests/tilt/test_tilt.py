"""Tilt itself, on the cluster of the tests: `tilt ci` is green, and changed code is live soon.

The Tiltfile allows one context alone. A developer's cluster of that name stays as it is: Tilt gets
a kubeconfig of its own here, in which the context of the tests' cluster has that name.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest

from declarations import ROOT
from demo_process import free_ports
from engine import run, wait_until, with_engine
from tiltfile import CONTEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cluster import Cluster

SECONDS = 600.0
PYTHON_SECONDS = 5.0
PAGE_SECONDS = 2.0
SOURCES = ("trainer", "inference", "frontend", "k8s")
GENERATED = shutil.ignore_patterns("node_modules", "dist", "__pycache__", ".*_cache")


@dataclass(frozen=True, slots=True)
class Place:
    """A file of the tree, and where its text is served: by a port's variable and a path."""

    file: str
    port: str
    path: str


SERVER = Place("inference/src/inference/openapi.py", "INFERENCE_PORT", "/openapi.json")
PAGE = Place("frontend/src/app/App.tsx", "FRONTEND_PORT", "/src/app/App.tsx")


@dataclass(frozen=True, slots=True)
class Tilt:
    """The program, in a copy of the tree.

    Attributes:
        environment: leads it to the cluster of the tests, and to ports that are free.
    """

    tree: Path
    environment: dict[str, str]

    def start(self, *arguments: str, **other: str) -> subprocess.CompletedProcess[str]:
        """The program, however it ends; with variables other than its own."""
        return subprocess.run(
            command(*arguments),
            cwd=self.tree,
            env=with_engine(self.environment | other),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def __call__(self, *arguments: str) -> str:
        """What it writes; its failure fails the test."""
        done = self.start(*arguments)
        assert done.returncode == 0, f"tilt {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def up(self, log: Path) -> Iterator[None]:
        """`tilt up`, which Ctrl-C ends."""
        with log.open("w") as output:
            process = subprocess.Popen(
                command("up", "--stream"),
                cwd=self.tree,
                env=with_engine(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(SECONDS)

    def serves(self, text: str, place: Place) -> bool:
        """Whether the text is in what is answered there."""
        url = f"http://127.0.0.1:{self.environment[place.port]}{place.path}"
        try:
            return text in httpx.get(url, trust_env=False).text
        except httpx.TransportError:
            return False

    def seconds_until_live(self, place: Place, old: str, new: str) -> float:
        """How long it takes until a changed file is seen."""
        file = self.tree / place.file
        content = file.read_text(encoding="utf-8")
        assert old in content
        file.write_text(content.replace(old, new), encoding="utf-8")
        return wait_until(lambda: self.serves(new, place), new)


def command(*arguments: str) -> list[str]:
    return ["tilt", *arguments]


@pytest.fixture(scope="module")
def program() -> None:
    if shutil.which("tilt") is None:
        pytest.skip("there is no tilt on the PATH, https://docs.tilt.dev/install.html")


@pytest.fixture(scope="module")
def tilt(
    program: None, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tilt]:
    del program
    folder = tmp_path_factory.mktemp("tilt")
    kubeconfig = shutil.copy(cluster.kubeconfig, folder / "kubeconfig")
    names = ("FRONTEND_PORT", "INFERENCE_PORT", "TILT_PORT")
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    run(
        *("kubectl", f"--kubeconfig={kubeconfig}", "config", "rename-context"),
        *(f"kind-{cluster.name}", CONTEXT),
    )
    given = {"KUBECONFIG": str(kubeconfig), "TILT_WEB_MODE": "prod", "TILT_DISABLE_ANALYTICS": "1"}
    tilt = Tilt(copy_sources(folder / "tree"), given | ports)
    cluster.empty_folders()
    try:
        yield tilt
    finally:
        tilt("down", "--delete-namespaces")
        wait_until(lambda: is_empty(cluster), "a cluster without the product")
        cluster.empty_folders()


def copy_sources(tree: Path) -> Path:
    """What Tilt reads, to be changed."""
    for name in SOURCES:
        shutil.copytree(ROOT / name, tree / name, ignore=GENERATED)
    shutil.copy(ROOT / "Tiltfile", tree)
    return tree


def is_empty(cluster: Cluster) -> bool:
    left = ("namespaces,persistentvolumes", "--selector=app.kubernetes.io/name=ml-pipeline")
    return cluster.kubectl()("get", *left, "--output=name") == ""


def test_ci_is_green(tilt: Tilt, report: Callable[[str, str, str], None]) -> None:
    began = time.monotonic()
    output = tilt("ci")
    assert "SUCCESS. All workloads are healthy." in output
    report("tilt ci, from nothing to a model", f"{time.monotonic() - began:.0f} s", "green")


def test_changed_code_is_live_soon(
    tilt: Tilt, tmp_path: Path, report: Callable[[str, str, str], None]
) -> None:
    with tilt.up(tmp_path / "log"):
        wait_until(lambda: tilt.serves("published last", SERVER), "a model server", SECONDS)
        wait_until(lambda: tilt.serves("no model yet", PAGE), "a page", SECONDS)
        first = tilt.seconds_until_live(SERVER, "published last", "published first")
        second = tilt.seconds_until_live(SERVER, "published first", "published next")
        page = tilt.seconds_until_live(PAGE, "no model yet", "no model so far")
    measured, wanted = f"{first:.1f} s, then {second:.1f} s", f"<= {PYTHON_SECONDS:.0f} s"
    report("tilt: a Python file is live in the pod", measured, wanted)
    report("tilt: a file of the page is served", f"{page:.1f} s", f"<= {PAGE_SECONDS:.0f} s")
    assert max(first, second) <= PYTHON_SECONDS
    assert page <= PAGE_SECONDS


def test_another_context_is_refused(tilt: Tilt, cluster: Cluster) -> None:
    done = tilt.start("ci", KUBECONFIG=str(cluster.kubeconfig))
    assert done.returncode != 0
    assert f"kubectl config use-context {CONTEXT}" in done.stdout + done.stderr
