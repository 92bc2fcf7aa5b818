"""A model server and a Prometheus that reads it, as real processes."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from configuration import MONITORING, ROOT, program
from demo_process import free_ports
from engine import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

STOP_SECONDS = 60.0
GOLDEN = ROOT / "tests/contract/golden"
NAME = "golden"


def copy_models(folder: Path) -> Path:
    """The golden models in a folder of one's own, of which version 2 is served."""
    return Path(shutil.copytree(GOLDEN / "model/good", folder, dirs_exist_ok=True))


def serve(models: Path, version: int) -> None:
    """Have another version served."""
    folder = models / NAME
    digest = hashlib.sha256((folder / str(version) / "manifest.json").read_bytes()).hexdigest()
    current = {"format": 1, "version": version, "manifest_sha256": digest}
    (folder / "current.new").write_text(json.dumps(current))
    (folder / "current.new").replace(folder / "current.json")


@contextmanager
def running_inference(folder: Path, models: Path) -> Iterator[str]:
    """Serves the golden model; its URL."""
    (port,) = free_ports(1)
    environ = {
        "MODEL_DIR": str(models),
        "MODEL_NAME": NAME,
        "MODEL_POLL_SECONDS": "0.5",
        "PORT": str(port),
    }
    url = f"http://127.0.0.1:{port}"
    with _running([str(ROOT / ".nox/env_inference/bin/inference")], folder, environ):
        wait_until(lambda: get(f"{url}/ready").is_success, "a model is served")
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
        wait_until(lambda: get(f"{url}/-/ready").is_success, "Prometheus is ready")
        yield url


def get(url: str, **parameters: str) -> httpx.Response:
    """The answer, or a 503 where nothing listens yet."""
    try:
        return httpx.get(url, params=parameters, trust_env=False)
    except httpx.TransportError:
        return httpx.Response(503)


@contextmanager
def _running(command: list[str], folder: Path, environ: dict[str, str]) -> Iterator[None]:
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)
