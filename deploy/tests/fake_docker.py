"""Stands for `docker exec` into a node, which is a folder of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    state = Path(os.environ["FAKE_CLUSTER"])
    if (state / "no-node").exists():
        sys.exit("Error response from daemon: No such container: the-node")
    if (state / "no-reader").exists():
        os.close(sys.stdin.fileno())
        (state / "closed").touch()
        sys.exit(1)
    if (state / "slow-reader").exists():
        (state / "waits").touch()
        signal.pause()
    verb, interactive, node, shell, option, script, name, folder, *rest = sys.argv[1:]
    here = f"{state}/{node}{folder}"
    Path(here).parent.mkdir(parents=True, exist_ok=True)
    rest[2] = str(os.getuid())  # only root may give files away
    sys.exit(subprocess.run([shell, option, script, name, here, *rest], check=False).returncode)
