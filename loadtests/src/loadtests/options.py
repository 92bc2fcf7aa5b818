"""The command's options."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from loadtests.errors import BAD_USAGE
from loadtests.target import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

PROJECT = Path(__file__).resolve().parents[2]
HPA = "hpa"
PAGE, NODE_PORT = "http://localhost:3000", "http://localhost:30300"
MOST_USERS, MOST_RATE, MOST_SECONDS, MOST_FACTOR = 1000, 1000.0, 86_400.0, 100.0
PHASES = (60.0, 180.0, 300.0)
DEFAULTS = {
    "users": 8,
    "rate": 10.0,
    "duration": 60.0,
    "burst": 5.0,
    "phases": PHASES,
    "context": "kind-ml-pipeline",
}
BELONGINGS = {  # which options a model of load has
    "closed": ("users", "duration"),
    "open": ("rate", "duration"),
    HPA: ("rate", "burst", "phases", "context"),
}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The options, of which some go with one model only."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    for name, default in DEFAULTS.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, default)
        elif name not in BELONGINGS[arguments.model]:
            models = " or ".join(_option(each) for each in BELONGINGS if name in BELONGINGS[each])
            parser.error(f"--{name} goes with {models}, not with {_option(arguments.model)}")
    if arguments.host is None:
        arguments.host = NODE_PORT if arguments.model == HPA else PAGE
    if arguments.model != "closed":
        arguments.users = 1
    if arguments.model == HPA:
        arguments.duration = sum(arguments.phases)
    if arguments.model == HPA and arguments.rate * arguments.burst > MOST_RATE:
        parser.error(f"--rate times --burst is more than {MOST_RATE:g} requests a second")
    return arguments


def build_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = Parser(
        prog="./noxw -s load --",
        description="Sends real photos to the page, checks the answers and measures how long they "
        "take. Ends with 0 when all thresholds are kept, 1 when not, 2 for bad usage, 75 when "
        "the host or the cluster cannot be reached, or lacks the model or the HPA.",
        epilog="examples:\n"
        "  ./noxw -s load\n"
        "  ./noxw -s load -- --model open --rate 20 --duration 300\n"
        "  ./noxw -s load -- --hpa                         (how the HPA takes a burst)\n"
        "  ./noxw -s load -- --hpa --burst 8 --phases 30,120,240\n"
        "  ./noxw -s load -- --host http://localhost:5000 --users 16   (the model server itself)",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_models(parser)
    _add_drill(parser.add_argument_group("of the drill"))
    _add_files(parser)
    parser.add_argument(
        "--patience", type=seconds, default=PATIENCE_SECONDS, help=argparse.SUPPRESS
    )
    return parser


class Parser(argparse.ArgumentParser):
    """Tells what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Ends the process, without the usage in front."""
        self.exit(BAD_USAGE, f"loadtests: {message}; --help tells the options\n")


def users(text: str) -> int:
    """A number of users from the command line."""
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:9]) <= MOST_USERS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {MOST_USERS}")
    return int(text)


def rate(text: str) -> float:
    """Requests a second from the command line."""
    return number(text, MOST_RATE)


def seconds(text: str) -> float:
    """Seconds from the command line."""
    return number(text, MOST_SECONDS)


def factor(text: str) -> float:
    """How many times a burst's rate is the quiet one, from the command line."""
    return number(text, MOST_FACTOR, 1)


def phases(text: str) -> tuple[float, float, float]:
    """Seconds of the drill's phases from the command line."""
    lengths = [seconds(each) for each in text.split(",")]
    if len(lengths) != len(PHASES):
        raise argparse.ArgumentTypeError(f"{text!r} is not three numbers, as in 60,180,300")
    return lengths[0], lengths[1], lengths[2]


def number(text: str, most: float, least: float = 0) -> float:
    """A number above the least."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least < value <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above {least:g}, {most:g} at most")
    return value


def _option(model: str) -> str:
    return "--hpa" if model == HPA else f"--model {model}"


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host",
        help=f"base URL of the page, or of the model server (default: {PAGE}; with --hpa the port "
        f"of the kind cluster, {NODE_PORT})",
    )
    model = parser.add_mutually_exclusive_group()
    model.add_argument(
        "--model",
        choices=("closed", "open"),
        default="closed",
        help="closed: users who wait for answers; open: a constant rate, whatever is still "
        "unanswered (default: %(default)s)",
    )
    model.add_argument(
        "--hpa",
        action="store_const",
        const=HPA,
        dest="model",
        help="drill for the HPA on Kubernetes: the open model, quiet, in a burst, quiet again, "
        "while the replicas are recorded",
    )
    parser.add_argument("--users", type=users, help="of the closed model (default: 8)")
    parser.add_argument(
        "--rate",
        type=rate,
        help="requests a second of the open model, and of the drill while it is quiet (default: "
        "10)",
    )
    parser.add_argument("--duration", type=seconds, help="seconds of both models (default: 60)")


def _add_drill(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--burst", type=factor, help="so many times the --rate (default: 5)")
    group.add_argument(
        "--phases",
        type=phases,
        help="seconds quiet, in the burst, and quiet again (default: 60,180,300)",
    )
    group.add_argument("--context", help="the cluster's, for kubectl (default: kind-ml-pipeline)")


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--photos",
        type=Path,
        default=PROJECT / "photos",
        help="folder of JPEG, PNG or WebP files, of which the first 6 are sent, in several sizes "
        "(default: the bundled ones)",
    )
    parser.add_argument(
        "--thresholds",
        type=Path,
        default=PROJECT / "thresholds.toml",
        help="what must be kept (default: loadtests/thresholds.toml)",
    )
    parser.add_argument(
        "--report", type=Path, help="HTML file to write (default: .local/load/<time>-<model>.html)"
    )
