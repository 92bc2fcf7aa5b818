"""The `loadtests` command: sends photos, judges the answers, ends with a code that tells it."""

from __future__ import annotations

import itertools
import os
import shlex
import sys
import time
from typing import TYPE_CHECKING

from loadtests.errors import LoadError
from loadtests.mix import read_mix
from loadtests.options import HPA, PROJECT, parse
from loadtests.recording import record
from loadtests.replicas import NAME, NAMESPACE, check_at_rest
from loadtests.report import add_verdicts, text_table
from loadtests.result import conclude, conclude_drill
from loadtests.shape import burst, steady
from loadtests.target import check_host, wait_until_ready
from loadtests.thresholds import read_thresholds

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TextIO

    from loadtests.mix import Request
    from loadtests.result import Result
    from loadtests.shape import Shape

REPORTS = PROJECT.parent / ".local" / "load"
PICTURE = ".png"
PASSED, FAILED, INTERRUPTED = 0, 1, 130


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
        LoadError: something given cannot be used, or the host or the cluster is not ready.
    """
    thresholds = read_thresholds(arguments.thresholds, arguments.model)
    host = check_host(arguments.host)
    report = prepare_report(arguments.report, arguments.model)
    if arguments.model == HPA:
        check_at_rest(arguments.context)
    prefix = wait_until_ready(host, arguments.patience)
    shape = make_shape(arguments)
    title = f"{host}, {make_title(arguments, shape)}"
    say(title)
    deck = itertools.cycle(read_mix(arguments.photos, prefix))
    page, result = send(arguments, host, deck, shape, thresholds)
    page = add_verdicts(page, title, result.verdicts, result.picture)
    tell(
        "",
        *result.lines,
        "",
        text_table(result.verdicts),
        "",
        *save_all(report, page, result.picture),
        f"next: {next_step(arguments, kept=result.kept)}",
    )
    return PASSED if result.kept else FAILED


def make_shape(arguments: argparse.Namespace) -> Shape | None:
    """The rate over time; None where users wait for answers."""
    if arguments.model == HPA:
        return burst(arguments.rate, arguments.burst, arguments.phases)
    return steady(arguments.rate, arguments.duration) if arguments.model == "open" else None


def make_title(arguments: argparse.Namespace, shape: Shape | None) -> str:
    """What is done."""
    what = shape or f"{arguments.users} users for {arguments.duration:g} s"
    return (
        f"{'drill for the HPA' if arguments.model == HPA else f'{arguments.model} model'}: {what}"
    )


def send(
    arguments: argparse.Namespace,
    host: str,
    deck: Iterator[Request],
    shape: Shape | None,
    thresholds: Mapping[str, float],
) -> tuple[str, Result]:
    """Makes the run, with the replicas recorded beside a drill; returns locust's page, too."""
    from loadtests.run import run  # noqa: PLC0415 - locust takes a second, and gevent's patches
    from loadtests.visitor import Traffic  # noqa: PLC0415

    traffic = Traffic(deck, shape)
    if arguments.model != HPA or shape is None:
        outcome = run(host, traffic, arguments.users, arguments.duration)
        return outcome.page, conclude(outcome, shape, thresholds)
    with record(arguments.context) as recording:
        outcome = run(host, traffic, arguments.users, arguments.duration, recording.latest)
    return outcome.page, conclude_drill(outcome, shape, thresholds, recording)


def prepare_report(given: Path | None, model: str) -> Path:
    """Where the report goes; its folder is there, so that a run is not made for nothing.

    Raises:
        LoadError: the folder cannot be made, or the name is a picture's.
    """
    path = given or REPORTS / f"{time.strftime('%Y-%m-%dT%H-%M-%S')}-{model}.html"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise LoadError(f"--report {path}: it is a folder; name a file")
    except OSError as error:
        raise LoadError(f"--report {path}: {error.strerror}") from error
    if path.suffix == PICTURE:
        raise LoadError(
            f"--report {path}: it is a page; a drill's picture has this name; use .html"
        )
    return path


def save_all(report: Path, page: str, picture: bytes | None) -> list[str]:
    """Writes the page, and the picture beside it; returns what tells where they are.

    Raises:
        LoadError: they cannot be written.
    """
    paths = {"report": (report, page.encode())}
    if picture:
        paths["picture"] = (report.with_suffix(PICTURE), picture)
    for path, content in paths.values():
        try:
            path.write_bytes(content)
        except OSError as error:
            raise LoadError(f"--report {path}: {error.strerror}") from error
    return [f"{name}: {path}" for name, (path, _) in paths.items()]


def next_step(arguments: argparse.Namespace, *, kept: bool) -> str:
    """What makes sense after a run."""
    if arguments.model == HPA:
        asked = f"kubectl --context {arguments.context} -n {NAMESPACE}"
        return f"{asked} describe hpa {NAME}   (its events tell what made it scale)"
    if not kept:
        return "look into the report, then into the server's /metrics"
    if arguments.model == "closed":
        usual = parse([])
        carried = [
            f"--{name}={getattr(arguments, name)}"
            for name in ("host", "photos", "thresholds")
            if getattr(arguments, name) != getattr(usual, name)
        ]
        return shlex.join(
            ["./noxw", "-s", "load", "--", *carried, "--model", "open", "--rate", "10"]
        )
    return "the same with a higher --rate, until it fails: that is the capacity"


def tell(*lines: str) -> None:
    """Tells the result, on stdout."""
    _write(sys.stdout, "\n".join(lines) + "\n")


def say(text: str) -> None:
    """Tells the user, on stderr."""
    _write(sys.stderr, f"{text}\n")


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:  # as of `| head -1`: the verdict is the exit code all the same
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
