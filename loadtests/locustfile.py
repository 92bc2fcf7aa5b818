"""For locust's web interface: `locust -f locustfile.py --host http://localhost:3000`."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

from locust import events

from loadtests.mix import read_mix
from loadtests.shape import steady
from loadtests.target import PAGE
from loadtests.visitor import Traffic, Visitor

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from locust.env import Environment

__all__ = ["Visitor"]

PHOTOS = Path(__file__).parent / "photos"


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def add_options(parser: ArgumentParser) -> None:
    """Adds what the interface's form asks for, too."""
    parser.add_argument("--photos", default=str(PHOTOS), help="folder of photos to send")
    parser.add_argument(
        "--model",
        choices=["closed", "open"],
        default="closed",
        help="closed: users wait for answers; open: each user sends at a constant rate",
    )
    parser.add_argument(
        "--rate", type=float, default=1.0, help="requests a second of each user, if open"
    )


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def set_traffic(environment: Environment, **_: object) -> None:
    """Takes the options as they are when a run starts."""
    options = environment.parsed_options
    if options is None:  # only where locust is a library
        return
    deck = itertools.cycle(read_mix(Path(options.photos), PAGE))
    shape = steady(options.rate) if options.model == "open" else None
    Visitor.traffic = Traffic(deck, shape)
