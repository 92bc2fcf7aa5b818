"""The `loadtests` command: sends photos, judges the answers, ends with a code that tells it."""

from __future__ import annotations

import argparse
import itertools
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from loadtests.errors import BAD_USAGE, LoadError
from loadtests.figures import FIGURES, judge, measure
from loadtests.mix import read_mix
from loadtests.report import add_verdicts, faults, text_table
from loadtests.target import PATIENCE_SECONDS, check_host, wait_until_ready
from loadtests.thresholds import read_thresholds

if TYPE_CHECKING:
    from collections.abc import Sequence

PROJECT = Path(__file__).resolve().parents[2]
REPORTS = PROJECT.parent / ".local" / "load"
PASSED, FAILED, INTERRUPTED = 0, 1, 130
USERS, RATE = 8, 10.0
MOST_USERS, MOST_RATE, MOST_SECONDS = 1000, 1000.0, 86_400.0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    try:
        return load(parse(argv))
    except LoadError as error:
        say(f"loadtests: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        say("loadtests: stopped; nothing was judged")
        return INTERRUPTED


def load(arguments: argparse.Namespace) -> int:
    """Loads the host and tells the verdict.

    Raises:
        LoadError: something given cannot be used, or the host is not ready.
    """
    thresholds = read_thresholds(arguments.thresholds)[arguments.model]
    host = check_host(arguments.host)
    report = prepare_report(arguments.report, arguments.model)
    prefix = wait_until_ready(host, arguments.patience)
    from loadtests.run import run  # noqa: PLC0415 - locust takes a second, and gevent's patches
    from loadtests.visitor import Traffic  # noqa: PLC0415

    deck = itertools.cycle(read_mix(arguments.photos, prefix))
    rate = arguments.rate if arguments.model == "open" else None
    what = f"{rate:g} requests/s" if rate else f"{arguments.users} users"
    title = f"{host}, {arguments.model} model: {what} for {arguments.duration:g} s"
    say(title)
    outcome = run(host, Traffic(deck, rate), arguments.users, arguments.duration)
    verdicts = judge(measure(outcome.samples, outcome.seconds, rate), thresholds)
    save(report, add_verdicts(outcome.page, title, verdicts))
    kept = all(verdict.kept for verdict in verdicts)
    tell(
        "",
        f"{len(outcome.samples)} requests in {outcome.seconds:.1f} s",
        *faults(outcome.samples),
        "",
        text_table(verdicts),
        "",
        f"report: {report}",
        f"next: {next_step(arguments.model, kept=kept)}",
    )
    return PASSED if kept else FAILED


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The options, of which some go with one model only."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.model == "open" and arguments.users is not None:
        parser.error("--users goes with --model closed; the open model has a --rate")
    if arguments.model == "closed" and arguments.rate is not None:
        parser.error("--rate goes with --model open; the closed model has --users")
    if arguments.users is None:
        arguments.users = 1 if arguments.model == "open" else USERS
    arguments.rate = arguments.rate or RATE
    return arguments


def build_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = Parser(
        prog="./noxw -s load --",
        description="Sends real photos to the page, checks the answers and measures how long they "
        "take. Ends with 0 when all thresholds are kept, 1 when not, 2 for bad usage, 75 when "
        "the host cannot be reached or has no model.",
        epilog="examples:\n"
        "  ./noxw -s load\n"
        "  ./noxw -s load -- --model open --rate 20 --duration 300\n"
        "  ./noxw -s load -- --host http://localhost:5000 --users 16   (the model server itself)",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--host",
        default="http://localhost:3000",
        help="base URL of the page, or of the model server (default: %(default)s)",
    )
    parser.add_argument(
        "--model",
        choices=tuple(FIGURES),
        default="closed",
        help="closed: users who wait for answers; open: a constant rate, whatever is still "
        "unanswered (default: %(default)s)",
    )
    parser.add_argument("--users", type=users, help=f"of the closed model (default: {USERS})")
    parser.add_argument(
        "--rate", type=rate, help=f"requests a second of the open model (default: {RATE:g})"
    )
    parser.add_argument("--duration", type=seconds, default=60.0, help="seconds (default: 60)")
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


def number(text: str, most: float) -> float:
    """A number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0, {most:g} at most")
    return value


def prepare_report(given: Path | None, model: str) -> Path:
    """Where the report goes; its folder is there, so that a run is not made for nothing.

    Raises:
        LoadError: the folder cannot be made.
    """
    path = given or REPORTS / f"{time.strftime('%Y-%m-%dT%H-%M-%S')}-{model}.html"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise LoadError(f"--report {path}: it is a folder; name a file")
    except OSError as error:
        raise LoadError(f"--report {path}: {error.strerror}") from error
    return path


def save(path: Path, page: str) -> None:
    """Writes the report.

    Raises:
        LoadError: it cannot be written.
    """
    try:
        path.write_text(page, "utf-8")
    except OSError as error:
        raise LoadError(f"--report {path}: {error.strerror}") from error


def next_step(model: str, *, kept: bool) -> str:
    """What makes sense after a run."""
    if not kept:
        return "look into the report, then into the server's /metrics"
    if model == "closed":
        return "./noxw -s load -- --model open --rate 10"
    return "the same with a higher --rate, until it fails: that is the capacity"


def tell(*lines: str) -> None:
    """Tells the result, on stdout."""
    sys.stdout.write("\n".join(lines) + "\n")


def say(text: str) -> None:
    """Tells the user, on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
