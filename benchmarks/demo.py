"""The demo from a fresh clone's point of view: how long, and how good."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from figures import Figure, write_figures

MOST_SECONDS, LEAST_ACCURACY = 75, 0.985


def main() -> None:
    """Runs it with environments that are made and folders that are empty."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {
            "MODEL_DIR": str(folder / "model"),
            "DATA_DIR": str(folder / "data"),
            "IMAGES_DIR": str(folder / "imgs"),
        }
        command = ["./noxw", "-s", "demo", "--", "--once"]
        ports = ["--port", free_port(), "--inference-port", free_port()]
        started = time.monotonic()
        subprocess.run(
            command + ports, env=os.environ | environment, check=True, stdout=subprocess.DEVNULL
        )
        seconds = time.monotonic() - started
        manifest = json.loads((folder / "model/digits/1/manifest.json").read_text())
    accuracy = manifest["metrics"]["accuracy"]
    write_figures(
        [
            Figure(
                "`./noxw -s demo -- --once` on the digits, environments already made",
                f"{seconds:.0f} s",
                f"at most {MOST_SECONDS} s",
                seconds <= MOST_SECONDS,
            ),
            Figure(
                f"test accuracy on the digits ({manifest['dataset']['test']} images)",
                f"{accuracy:.2%}",
                f"at least {LEAST_ACCURACY:.1%}",
                accuracy >= LEAST_ACCURACY,
                f"calibration error {manifest['metrics']['calibration_error']:.2%}",
            ),
        ]
    )


def free_port() -> str:
    """A port that nothing listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return str(probe.getsockname()[1])


if __name__ == "__main__":
    main()
