"""How long `docker compose up --wait` takes, from no images and with all there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from demo import free_port
from figures import Figure, write_figures

ROOT = Path(__file__).parents[1]
PROJECT = "ml-pipeline-bench"
COMPOSE = ("docker", "compose", f"--project-name={PROJECT}", "--env-file=/dev/null")
PORTS = ("FRONTEND_PORT", "INFERENCE_PORT")
FIRST_SECONDS, AGAIN_SECONDS = 360.0, 60.0
SERVICES = ("trainer", "inference", "frontend")


def main() -> None:
    """Measures with images, containers and volumes that nothing else uses, and removes them."""
    environment = {"TAG": "bench"} | {name: free_port() for name in PORTS}
    try:
        built = seconds(environment, "build", "--no-cache", "--quiet")
        trained = seconds(environment, "up", "--wait")
        compose(environment, "down")
        again = seconds(environment, "up", "--wait")
    finally:
        remove(environment)
    first = built + trained
    write_figures(
        [
            Figure(
                "`docker compose up --wait` from no images, with packages cached",
                f"{first:.0f} s",
                f"at most {FIRST_SECONDS:.0f} s",
                first <= FIRST_SECONDS,
                f"images {built:.0f} s, training and start {trained:.0f} s",
            ),
            Figure(
                "the same with images and a model",
                f"{again:.1f} s",
                f"at most {AGAIN_SECONDS:.0f} s",
                again <= AGAIN_SECONDS,
            ),
        ]
    )


def seconds(environment: dict[str, str], *arguments: str) -> float:
    """How long a command of compose takes."""
    began = time.perf_counter()
    compose(environment, *arguments)
    return time.perf_counter() - began


def compose(environment: dict[str, str], *arguments: str) -> None:
    """Runs compose; what it says goes to stderr.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    subprocess.run(
        [*COMPOSE, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=sys.stderr,
        check=True,
    )


def remove(environment: dict[str, str]) -> None:
    """Removes all there is; without a fault of its own, which would hide the one before it."""
    down = [*COMPOSE, "down", "--volumes"]
    images = [f"ml-pipeline/{service}:bench" for service in SERVICES]
    for command in (down, ["docker", "image", "rm", *images]):
        subprocess.run(
            command, cwd=ROOT, env=os.environ | environment, stdout=sys.stderr, check=False
        )


if __name__ == "__main__":
    main()
