"""A model server and a Prometheus that reads it, as real processes."""

from __future__ import annotations

import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from configuration import MONITORING, ROOT, program
from demo_process import free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DEADLINE = 60.0
GOLDEN = ROOT / "tests/contract/golden"


@contextmanager
def running_inference(folder: Path) -> Iterator[str]:
    """Serves the golden model; its URL."""
    (port,) = free_ports(1)
    environ = {
        "MODEL_DIR": str(GOLDEN / "model/good"),
        "MODEL_NAME": "golden",
        "PORT": str(port),
    }
    url = f"http://127.0.0.1:{port}"
    with _running([str(ROOT / ".nox/env_inference/bin/inference")], folder, environ):
        wait_until(lambda: get(f"{url}/ready").is_success)
        yield url


@contextmanager
def running_prometheus(folder: Path, target: str) -> Iterator[str]:
    """Reads a target instead of `inference:5000`, and every second; its URL."""
    (port,) = free_ports(1)
    settings: dict[str, Any] = yaml.safe_load((MONITORING / "prometheus.yml").read_bytes())
    settings["global"] = dict.fromkeys(settings["global"], "1s")
    settings["rule_files"] = [str(MONITORING / name) for name in settings["rule_files"]]
    targets = {"inference": target, "prometheus": f"127.0.0.1:{port}"}
    for job in settings["scrape_configs"]:
        job["static_configs"] = [{"targets": [targets[job["job_name"]]]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    command = [
        program("prometheus"),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    url = f"http://127.0.0.1:{port}"
    with _running(command, folder, {}):
        wait_until(lambda: get(f"{url}/-/ready").is_success)
        yield url


def get(url: str, **parameters: str) -> httpx.Response:
    """The answer, or a 503 where nothing listens yet."""
    try:
        return httpx.get(url, params=parameters, trust_env=False)
    except httpx.TransportError:
        return httpx.Response(503)


def wait_until(condition: Callable[[], bool]) -> None:
    """Looks until it holds, or fails after a minute."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "it did not come true within a minute"
        time.sleep(0.1)


@contextmanager
def _running(command: list[str], folder: Path, environ: dict[str, str]) -> Iterator[None]:
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(DEADLINE)
