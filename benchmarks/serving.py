"""The model server's start-up time and memory."""

from __future__ import annotations

import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from figures import Figure, spread, write_figures
from prepare import read_photos

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = Path(".nox/env_inference/bin/inference")
STARTS, MOST_SECONDS = 7, 1.0
PHOTOS, CONCURRENCY, MOST_MEGABYTES = 1000, 8, 140


def main(data: str, model_dir: str, model_name: str) -> None:
    """Starts the server several times, then classifies photos with it."""
    with tempfile.TemporaryDirectory() as folder:
        photos = read_photos(data, Path(folder))
    environment = {"MODEL_DIR": model_dir, "MODEL_NAME": model_name, "LOG_LEVEL": "warning"}
    starts = [time_start(environment) for _ in range(STARTS + 1)][1:]
    before, after, rate = measure_memory(environment, photos)
    seconds = statistics.median(starts)
    write_figures(
        [
            Figure(
                "inference from process start to /ready with a model",
                spread(starts, "s"),
                f"at most {MOST_SECONDS} s",
                seconds <= MOST_SECONDS,
            ),
            Figure(
                f"resident memory of inference after {PHOTOS} photos at concurrency {CONCURRENCY}",
                f"{after:.0f} MB",
                f"at most {MOST_MEGABYTES} MB",
                after <= MOST_MEGABYTES,
                f"{before:.0f} MB before the first; {rate:.0f} photos/s, client and server on "
                f"the same {len(os.sched_getaffinity(0))} cores",
            ),
        ]
    )


@contextmanager
def server(environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A running server and its URL."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    process = subprocess.Popen([PROGRAM], env=os.environ | environment | {"PORT": port})
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def time_start(environment: dict[str, str]) -> float:
    """Seconds from the start of the process until /ready says 200."""
    started = time.perf_counter()
    with server(environment) as (process, url):
        wait_until_ready(process, url)
        return time.perf_counter() - started


def wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    """Asks /ready until it says 200; a server that ends instead ends this, too."""
    with httpx.Client(base_url=url) as client:
        while process.poll() is None:
            try:
                if client.get("/ready").is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.005)
    raise SystemExit("the model server has ended; why is above")


def measure_memory(environment: dict[str, str], photos: list[bytes]) -> tuple[float, float, float]:
    """Resident megabytes before and after the photos, and photos a second."""
    chosen = random.Random(0).choices(photos, k=PHOTOS)  # noqa: S311 - a repeatable choice
    with server(environment) as (process, url):
        wait_until_ready(process, url)
        before = resident_megabytes(process.pid)
        started = time.perf_counter()
        with (
            httpx.Client(base_url=url, timeout=60) as client,
            ThreadPoolExecutor(CONCURRENCY) as pool,
        ):
            list(pool.map(lambda photo: classify(client, photo), chosen))
        rate = PHOTOS / (time.perf_counter() - started)
        return before, resident_megabytes(process.pid), rate


def classify(client: httpx.Client, photo: bytes) -> None:
    """One photo as a raw body."""
    client.post(
        "/predict", content=photo, headers={"Content-Type": "image/jpeg"}
    ).raise_for_status()


def resident_megabytes(pid: int) -> float:
    """Resident memory as the system counts it, in units of a million bytes."""
    asked = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)],  # noqa: S607 - everybody's own ps
        capture_output=True,
        text=True,
        check=True,
    )
    return int(asked.stdout) * 1024 / 1e6


if __name__ == "__main__":
    main(*sys.argv[1:])
