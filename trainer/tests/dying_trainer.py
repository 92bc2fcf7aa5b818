"""Does one thing in one process after another, each killed one line of the trainer later."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sample_model import NAME, publish_sample

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

import trainer
from trainer.repository import prune, rollback

ACTIONS: dict[str, Callable[[Path], object]] = {
    "publish": publish_sample,
    "prune": lambda model_dir: prune(model_dir, NAME, 1),
    "rollback": lambda model_dir: rollback(model_dir, NAME),
}
SOURCES = (str(Path(trainer.__file__).parent), shutil.__file__)


def main(action: str, base: Path, runs: Path) -> None:
    """Copy `base` to `runs`/<n>/model and be killed before line n of the action there."""
    for line in range(1, 10_000):
        model_dir = runs / str(line) / "model"
        shutil.copytree(base, model_dir)
        child = os.fork()
        if child == 0:
            sys.settrace(_killer(line))
            ACTIONS[action](model_dir)
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            return


def _killer(lines: int) -> Any:  # noqa: ANN401 -- a trace function returns itself
    left = lines

    def trace(frame: FrameType, event: str, _argument: object) -> Any:  # noqa: ANN401 -- the same
        nonlocal left
        if not frame.f_code.co_filename.startswith(SOURCES):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    return trace


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
