"""What checkov finds, by a configuration of its rules."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def scan(configuration: Path, folder: Path) -> dict[str, Any]:
    """The checks that passed, failed and were skipped, of all files in a folder."""
    command = [
        "checkov",
        f"--config-file={configuration}",
        f"--directory={folder}",
        "--output=json",
    ]
    own = {"HOME": str(folder), "PATH": os.environ["PATH"]}  # no key, and no file, of the user's
    done = subprocess.run(command, env=own, capture_output=True, text=True, check=False)
    assert done.stderr == "", done.stderr
    results: dict[str, Any] = json.loads(done.stdout)["results"]
    return results


def broken(results: dict[str, Any]) -> list[str]:
    """A line for each rule that is broken, and by what."""
    return [
        f"{each['resource']}: {each['check_id']} {each['check_name']}"
        for each in results["failed_checks"]
    ]
