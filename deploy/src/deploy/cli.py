"""The `deploy` command: trainings and models in a Kubernetes cluster."""

from __future__ import annotations

import argparse
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from deploy import commands
from deploy.commands import PROGRAM
from deploy.console import say
from deploy.errors import DeployError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parents[3]
INTERRUPTED = 130
EXIT_CODES = """exit codes:
  0 done   1 the Job failed, or was refused   2 bad usage, or something is not installed or applied
  75 the cluster does not answer, or a training reads the data; try again   130 interrupted
"""
DATA = (
    "a preset (digits, flowers), a URL, or a folder or an archive of this machine, which is copied "
    "into the kind cluster (default: the bundled digits)"
)
_SETTING = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code; a fault is one line on stderr."""
    arguments = build_parser().parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a stop is told like Ctrl-C
    try:
        arguments.command(arguments)
    except DeployError as error:
        say(f"deploy: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        say("deploy: interrupted")
        return INTERRUPTED
    return 0


def build_parser() -> argparse.ArgumentParser:
    """All sub-commands with their options, help and examples."""
    parser = Parser(
        prog=PROGRAM,
        description="Trains models in a Kubernetes cluster, and manages what was published there. "
        "Each command is a Job, made of the overlay's training Job.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands_of = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, command: Callable[[argparse.Namespace], None], text: str, *examples: str
    ) -> argparse.ArgumentParser:
        lines = "\n".join(f"  {PROGRAM} {example}" for example in examples)
        sub = commands_of.add_parser(
            name,
            aliases=["run"] if name == "train" else [],  # the trainer's own name for it
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=f"examples:\n{lines}\n\n{EXIT_CODES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        sub.set_defaults(command=command)
        _add_target(sub)
        return sub

    add_training(
        add(
            "train",
            commands.train,
            "train in a new Job; nothing, when that was done before",
            "train --retrain",
            "train --data ~/photos --set EPOCHS=40",
            "train --data flowers --no-follow",
        ),
        DATA,
    )
    add("list", commands.show, "list the published versions", "list")
    add_version(
        add(
            "rollback",
            commands.rollback,
            "make an earlier version the current one",
            "rollback",
            "rollback 3",
        )
    )
    _add_keep(
        add("prune", commands.prune, "remove old versions, never the current", "prune --keep 3")
    )
    add(
        "break",
        commands.break_model,
        "a drill: publish a version that cannot be loaded, and make it the current one",
        "break",
    )
    return parser


class Parser(argparse.ArgumentParser):
    """Tells what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Ends the process, without the usage in front."""
        self.exit(UsageError.exit_code, f"deploy: {message}; --help tells the options\n")


def add_training(parser: argparse.ArgumentParser, data: str) -> None:
    """The options of a training.

    Args:
        parser: of the command.
        data: what `--data` may be.
    """
    parser.add_argument("--data", help=data)
    parser.add_argument(
        "--retrain", action="store_true", help="train even if this data and these settings were"
    )
    parser.add_argument(
        "--set",
        dest="settings",
        action="append",
        type=setting,
        metavar="NAME=VALUE",
        help="a setting for this training alone, such as EPOCHS=40; may be given several times",
    )
    parser.add_argument(
        "--follow",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="show the log, and end as the training does (default: do)",
    )


def add_version(parser: argparse.ArgumentParser) -> None:
    """Which version is meant."""
    parser.add_argument(
        "version", nargs="?", type=number, help="default: the one before the current one"
    )


def _add_keep(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keep", type=number, required=True, help="how many of the newest to keep")


def _add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--context", default="kind-ml-pipeline", help="of the kubeconfig (default: %(default)s)"
    )
    parser.add_argument(
        "--overlay",
        type=Path,
        metavar="FOLDER",
        default=ROOT / "k8s/overlays/local",
        help="what was applied to the cluster (default: k8s/overlays/local)",
    )
    parser.add_argument(
        "--image",
        help="the trainer's (default: what trains in the cluster, else the overlay's)",
    )
    parser.add_argument("--model-name", metavar="NAME", help="in place of the setting MODEL_NAME")


def setting(text: str) -> tuple[str, str]:
    """A setting from the command line."""
    parts = _SETTING.fullmatch(text)
    if not parts:
        raise argparse.ArgumentTypeError(f"{text!r} is no setting; write NAME=VALUE")
    return parts[1], parts[2]


def number(text: str) -> int:
    """A whole number from 1 on."""
    if not re.fullmatch(r"[1-9][0-9]{0,9}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)
