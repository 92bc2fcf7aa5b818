"""The steps of a deployment: what is said of each, and of the one that fails."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.console import say
from deploy.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NEXT_TIME = "the same command goes on from there"


@dataclass(frozen=True, slots=True)
class Done:
    """What a step did.

    Attributes:
        told: what is said of it; empty when there was nothing to do.
        is_change: whether anything is other than it was.
    """

    told: str = ""
    is_change: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the work, which does nothing when it was done before.

    Attributes:
        name: in one word.
        run: does it.
    """

    name: str
    run: Callable[[], Done]


@dataclass(frozen=True, slots=True)
class Planned:
    """A step of a deployment, before it is known what it does.

    Attributes:
        name: in one word.
        seconds: after which it is given up.
    """

    name: str
    seconds: float


STEPS = (
    Planned("preflight", 120),
    Planned("stack", 3600),
    Planned("images", 3600),
    Planned("cluster", 300),
    Planned("controllers", 300),
    Planned("storage", 120),
    Planned("training", 1800),
    Planned("backend", 300),
    Planned("frontend", 300),
    Planned("autoscaling", 300),
    Planned("ingress", 600),
    Planned("verification", 300),
)


def take(steps: Sequence[Step]) -> bool:
    """Takes all steps in their order.

    Returns:
        Whether anything was changed.

    Raises:
        DeployError: a step failed; which one, and what to do, is told.
    """
    titles = [f"step {n}/{len(steps)} {each.name}" for n, each in enumerate(steps, start=1)]
    changes = [_take_one(title, each) for title, each in zip(titles, steps, strict=True)]
    return any(changes)


def _take_one(title: str, step: Step) -> bool:
    began = time.monotonic()
    say(title)
    try:
        done = step.run()
    except DeployError as error:
        raise type(error)(f"{title}: {error}; {NEXT_TIME}") from error
    except KeyboardInterrupt:
        say(f"{title}: interrupted; {NEXT_TIME}")
        raise
    seconds = time.monotonic() - began
    say(
        f"{title}: done in {seconds:.0f} s, {done.told}" if done.told else f"{title}: nothing to do"
    )
    return done.is_change
