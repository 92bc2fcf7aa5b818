"""Commands to type next, spelled the way the user called the trainer."""

from __future__ import annotations

import os
import shlex

from trainer.settings import Settings

PREFIX = "TRAINER_COMMAND"  # set by whatever starts the trainer under another name


def command(*arguments: str, model_name: str | None = None) -> str:
    """What to type for these arguments; a model other than the default one is named."""
    prefix = os.environ.get(PREFIX) or "trainer"
    if model_name not in {None, Settings().model_name}:
        arguments = (*arguments, "--model-name", str(model_name))
    return f"{prefix} {shlex.join(arguments)}".rstrip()
