"""Waiting for something that takes minutes, and telling how far it is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.console import say
from deploy.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Patience:
    """How something is waited for.

    Attributes:
        seconds: after which it is given up.
        every: seconds from one look to the next.
        repeat: seconds after which it is told again that nothing is new.
    """

    seconds: float
    every: float = 5.0
    repeat: float = 30.0


def wait_until_done(what: str, look: Callable[[], str | None], patience: Patience) -> float:
    """Looks again and again, and tells each piece of news once.

    Args:
        what: is waited for, such as "stack ml-pipeline".
        look: gives None when it is done, else the last that happened.
        patience: how long.

    Returns:
        The seconds that it took.

    Raises:
        DeployError: it took too long.
    """
    began = told = time.monotonic()
    last = ""
    while (news := look()) is not None:
        now = time.monotonic()
        if now - began > patience.seconds:
            raise DeployError(f"{what}: not done within {patience.seconds:.0f} s; last: {news}")
        if news != last or now - told > patience.repeat:
            say(f"  {what}, {now - began:.0f} s: {news}")
            last, told = news, now
        time.sleep(patience.every)
    return time.monotonic() - began
