"""Trains in a folder and is killed in the middle of an epoch."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tiny_training import Notes, options, task

from trainer.training import fit


def main(folder: Path, last: int) -> None:
    """Be killed at the first step of epoch `last`."""

    def die(number: int, _step: int) -> None:
        if number == last:
            os.kill(os.getpid(), signal.SIGKILL)

    fit(task(), options(), folder, Notes(die))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
