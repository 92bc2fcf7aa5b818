"""The command line: a rehearsal from nothing to a classified picture, and back to nothing."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rehearsal.credentials import REGION
from rehearsal.errors import RehearsalError
from rehearsal.processes import own_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rehearsal.stand_ins import Rehearsal

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = ROOT / ".nox/env_deploy/bin/eks"
WANTED_SECONDS = 480  # from nothing to a classified picture, on two cores
PROGRAMS = ("docker", "kind", "ctlptl", "kubectl", "helm")
INTERRUPTED = 130
EXAMPLES = """examples:
  ./noxw -s rehearse_eks                     deploy, look, destroy, and tell how long it took
  ./noxw -s rehearse_eks -- --keep           deploy, and leave it running until Ctrl-C
  ./noxw -s rehearse_eks -- serve            only the stand-ins, and what to type to meet them

Needs Docker, kind, ctlptl, kubectl and helm; nothing of Amazon's is called.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code; a fault is one line on stderr."""
    arguments = build_parser().parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what runs is taken away then, too
    try:
        return _serve() if arguments.command == "serve" else rehearse(keep=arguments.keep)
    except RehearsalError as error:
        say(f"rehearsal: {error}")
        return 1
    except KeyboardInterrupt:
        say("rehearsal: interrupted; all is taken away")
        return INTERRUPTED


def build_parser() -> argparse.ArgumentParser:
    """The options, with help and examples."""
    parser = argparse.ArgumentParser(
        prog="./noxw -s rehearse_eks --",
        description="Deploy to stand-ins for Amazon's services on this machine, and destroy.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "command",
        nargs="?",
        choices=("serve",),
        help="run the stand-ins alone (default: rehearse)",
    )
    parser.add_argument(
        "--keep", action="store_true", help="leave what is deployed running until Ctrl-C"
    )
    return parser


def rehearse(*, keep: bool) -> int:
    """Deploys, looks, and destroys; gives the first exit code that is not 0.

    Raises:
        RehearsalError: the stand-ins cannot be started.
    """
    began = time.monotonic()
    name = f"rehearsal-{os.getpid()}"
    with _started() as stand_in:
        ready = time.monotonic()
        code = run(stand_in, "deploy", "--yes", *stand_in.arguments, name=name)
        classified = time.monotonic()
        code = code or run(stand_in, "status", name=name)
        if keep:
            _wait(stand_in, name)
        ended = time.monotonic()
        destroyed = run(stand_in, "destroy", "--yes", name=name)
        gone = time.monotonic()
    if code or destroyed:
        return code or destroyed
    say(f"the stand-ins started in {ready - began:.0f} s")
    say(
        f"from nothing to a classified picture: {classified - began:.0f} s"
        f" (at most {WANTED_SECONDS} s are wanted)"
    )
    say(f"destroyed in {gone - ended:.0f} s, and nothing is left")
    say(f"all of it took {time.monotonic() - began:.0f} s")
    return 0


def check_programs() -> None:
    """Sees that all is there that a rehearsal needs.

    Raises:
        RehearsalError: something is not.
    """
    missing = [each for each in PROGRAMS if shutil.which(each) is None]
    if missing:
        raise RehearsalError(
            f"{', '.join(missing)}: not on the PATH; README.md tells what is needed"
        )


def run(stand_in: Rehearsal, command: str, *arguments: str, name: str) -> int:
    """Runs the real program against the stand-ins, and gives its exit code.

    Raises:
        RehearsalError: it is not installed.
    """
    if not PROGRAM.is_file():
        raise RehearsalError(f"{PROGRAM}: not installed; `./noxw -s env_deploy` does it")
    where = (f"--name={name}", f"--region={REGION}")
    say(f"$ ./noxw -s {command}_eks -- {shlex.join([*where, *arguments])}")
    environment = own_environment() | dict(stand_in.environment)
    with subprocess.Popen([PROGRAM, command, *where, *arguments], env=environment) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:  # which the terminal has sent to it as well
            process.send_signal(signal.SIGINT)
            process.wait()
            raise


def say(text: str) -> None:
    """Tells the user something."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def tell(text: str) -> None:
    """Gives a line of the result."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextmanager
def _started() -> Iterator[Rehearsal]:
    check_programs()
    say("nothing of Amazon's is called, and nothing is paid; names and addresses hold in here only")
    from rehearsal.stand_ins import stand_ins  # noqa: PLC0415 -- takes seconds, for moto

    with tempfile.TemporaryDirectory(prefix="ml-pipeline-rehearsal-") as folder:
        say("starting the stand-ins, which takes about a minute")
        with stand_ins(Path(folder)) as stand_in:
            yield stand_in


def _serve() -> int:
    with _started() as stand_in:
        _wait(stand_in, "rehearsal")
    return 0


def _wait(stand_in: Rehearsal, name: str) -> None:
    """Tells what to type in another shell, and waits for Ctrl-C."""
    for variable, value in sorted(stand_in.environment.items()):
        tell(f"export {variable}={shlex.quote(value)}")
    where = f"--name {name} --region {REGION}"
    tell(f"# ./noxw -s deploy_eks -- {where} --yes {shlex.join(stand_in.arguments)}")
    tell(f"# kubectl --kubeconfig={stand_in.cluster.kubeconfig} get pods --all-namespaces")
    tell(f"# calls: {stand_in.calls}; faults: {stand_in.faults.path}")
    say("running; Ctrl-C takes all away")
    try:
        signal.pause()
    except KeyboardInterrupt:
        say("")
