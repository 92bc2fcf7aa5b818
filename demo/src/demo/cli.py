"""The `demo` command: train, then serve the model and the page as plain processes."""

from __future__ import annotations

import argparse
import os
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NoReturn

from demo import client
from demo.errors import DemoError
from demo.ports import BAD_USAGE, HOST, LAST_PORT, check_ports
from demo.processes import GRACE_SECONDS, Service, processes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from demo.processes import Processes

START_SECONDS = 60.0
MOST_EPOCHS = 100_000


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    arguments = build_parser().parse_args(argv)
    try:
        with processes(arguments.grace) as running:
            check_ports(arguments.port, arguments.inference_port)
            if not arguments.check:
                serve(running, arguments)
    except DemoError as error:
        say(f"demo: {error}")
        return error.exit_code
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = Parser(
        prog="./noxw -s demo --",
        description="Trains an image classifier, then serves it and its page until Ctrl-C. What "
        "was trained before, on the same data with the same settings, is served at once.",
        epilog="examples:\n"
        "  ./noxw -s demo\n"
        "  ./noxw -s demo -- --data ~/photos --epochs 40\n"
        "  ./noxw -s demo -- --once",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--data",
        default="digits",
        help="a preset (digits, flowers), a folder with one sub-folder a class, an archive of one, "
        "a manifest, or a URL (default: %(default)s)",
    )
    parser.add_argument("--epochs", type=epochs, help="passes over the images, at most")
    parser.add_argument("--port", type=port, default=3000, help="of the page (default: 3000)")
    parser.add_argument(
        "--inference-port", type=port, default=5000, help="of the model server (default: 5000)"
    )
    parser.add_argument("--retrain", action="store_true", help="train even if it was done before")
    parser.add_argument(
        "--allow-private",
        action="store_true",
        help="fetch also from private addresses (this machine, your network), which are refused "
        "otherwise, when --data or a manifest of yours leads there",
    )
    parser.add_argument(
        "--once", action="store_true", help="classify one sample, print the answer and stop"
    )
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, default=Path(), help=argparse.SUPPRESS)
    parser.add_argument("--grace", type=float, default=GRACE_SECONDS, help=argparse.SUPPRESS)
    return parser


class Parser(argparse.ArgumentParser):
    """Tells what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Ends the process, without the usage in front."""
        self.exit(BAD_USAGE, f"demo: {message}; --help tells the options\n")


def serve(running: Processes, arguments: argparse.Namespace) -> None:
    """Trains, starts the services, and waits for the end.

    The model server's settings are checked first, so that no training is waited for in vain.
    """
    services = plan(arguments)
    running.run(services.check)
    say(f"1/2  preparing {arguments.data}, and training unless that was done before")
    running.run(services.trainer)
    say("2/2  starting the model server and the page")
    running.start(services.inference)
    running.start(services.page)
    url = f"http://localhost:{arguments.port}"
    running.wait_until(lambda: client.is_ready(url), f"{url} with a model", START_SECONDS)
    if arguments.once:
        told = client.classify_sample(url)
        say(
            f"{told.model} version {told.version}: {told.file}, a {told.label}, is "
            f"{told.answer} with {told.probability:.1%}"
        )
        return
    say(f"\nready: {url}\n\nCtrl-C stops it. Next: drop a picture of your own on the page.")
    running.watch()


@dataclass(frozen=True, slots=True)
class Plan:
    """The three services, and what checks the model server's settings."""

    check: Service
    trainer: Service
    inference: Service
    page: Service


def plan(arguments: argparse.Namespace) -> Plan:
    """How the services are called; what the environment sets goes before what is set here."""
    programs, local = arguments.root / ".nox", arguments.root / ".local"
    folders = {
        "MODEL_NAME": model_name(arguments.data),
        "MODEL_DIR": str(local / "model"),
        "DATA_DIR": str(local / "data"),
        "IMAGES_DIR": str(local / "imgs"),
        "LOG_FORMAT": "text",
    }
    shared = {name: os.environ.get(name) or value for name, value in folders.items()}
    quiet = {"LOG_LEVEL": os.environ.get("LOG_LEVEL") or "warning"}
    inference = Service(
        "the model server",
        (programs / "env_inference/bin/inference",),
        shared | quiet | {"HOST": HOST, "PORT": str(arguments.inference_port)},
    )
    return Plan(
        check=replace(inference, command=(*inference.command, "check")),
        trainer=Service(
            "the trainer",
            (programs / "env_trainer/bin/trainer", "run", *trainer_options(arguments)),
            shared,
        ),
        inference=inference,
        page=Service(
            "the page's server",
            (programs / "env_page/bin/page", "--folder", arguments.root / "frontend", "serve"),
            {
                "HOST": HOST,
                "PORT": str(arguments.port),
                "BACKEND_URL": f"http://{HOST}:{arguments.inference_port}",
            },
        ),
    )


def trainer_options(arguments: argparse.Namespace) -> tuple[str, ...]:
    """What is passed on to the trainer."""
    options = ["--switch", f"--data={arguments.data}"]
    if arguments.epochs is not None:
        options.append(f"--epochs={arguments.epochs}")
    if arguments.retrain:
        options.append("--retrain")
    if arguments.allow_private:
        options.append("--allow-private")
    return tuple(options)


def port(text: str) -> int:
    """A port number from the command line."""
    return number(text, "port", LAST_PORT)


def epochs(text: str) -> int:
    """A number of epochs from the command line."""
    return number(text, "number of epochs", MOST_EPOCHS)


def number(text: str, what: str, most: int) -> int:
    """A whole number from 1 on."""
    if not re.fullmatch(r"[1-9][0-9]{0,9}", text) or int(text) > most:
        raise argparse.ArgumentTypeError(f"{text!r} is no {what}; give one from 1 to {most}")
    return int(text)


def model_name(data: str) -> str:
    """A name for the model, so that what was trained on other data stays its own model."""
    path = re.split(r"[?#]", data)[0] if "://" in data else data
    stem = PurePosixPath(path).name.partition(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_")[:64] or "classifier"


def say(text: str) -> None:
    """Tells the user, on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
