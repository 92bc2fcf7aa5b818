"""Shows progress, and logs a line in the middle of it."""

from __future__ import annotations

import logging

from trainer import logs
from trainer.console import progress
from trainer.settings import Settings

logs.configure(Settings())
with progress("train") as tell:
    tell(1, 10, "epoch 1")
    for number in (1, 2, 3):
        logging.getLogger("trainer").info("log line %d is whole", number)
        tell(number * 3, 10, f"epoch {number}")
