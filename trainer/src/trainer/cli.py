"""The `trainer` command."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from trainer import commands, hints, logs
from trainer.errors import SettingsError, TemporaryError, TrainerError
from trainer.options import QUANTIZATIONS
from trainer.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.settings import Settings

EXIT_CODES = """exit codes:
  0 done   2 bad usage or settings   3 bad data   4 the exported model failed its check
  75 temporary: network, server or volume; try again   130 interrupted
"""
DATA_HELP = (
    "a preset (digits, flowers), a folder with one sub-folder a class, a zip or tar archive of "
    "one, a CSV or JSON-lines manifest with path or url, label and sha256, or a URL of these"
)
INTERRUPTED = 130

_log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code; a fault is one line on stderr."""
    arguments = build_parser().parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a stop is told like Ctrl-C
    try:
        settings = read_settings(os.environ, _given(arguments))
    except SettingsError as error:  # also of how to log, so that it is told without
        sys.stderr.write(f"trainer: {error}\n")
        return error.exit_code
    logs.configure(settings)
    try:
        arguments.command(arguments, settings)
    except TrainerError as error:
        _log.error("%s", error)
        return error.exit_code
    except KeyboardInterrupt:
        _log.error("interrupted; the same command goes on from the last finished epoch")
        return INTERRUPTED
    except OSError as error:  # one that no command could tell better
        _log.error("%s; see that it is there and healthy, then try again", error)
        return TemporaryError.exit_code
    return 0


def build_parser() -> argparse.ArgumentParser:
    """All sub-commands with their options, help and examples."""
    parser = argparse.ArgumentParser(
        prog=hints.command(),
        description="Trains an image classifier and publishes it. Settings are environment "
        "variables (MODEL_NAME, MODEL_DIR, DATA_DIR, IMAGES_DIR, DATASET, EPOCHS, IMAGE_SIZE, "
        "SEED, MAX_PIXELS, LOG_LEVEL, LOG_FORMAT); an option goes before its variable.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands_of = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str,
        command: Callable[[argparse.Namespace, Settings], object],
        text: str,
        example: str,
    ) -> argparse.ArgumentParser:
        sub = commands_of.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=f"example:\n  {hints.command()} {example}\n\n{EXIT_CODES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.set_defaults(command=command)
        return sub

    run = add(
        "run",
        commands.run,
        "prepare, fit, export, check and publish; nothing, when that was done before",
        "run --data ~/photos --epochs 40",
    )
    run.add_argument(
        "--switch",
        action="store_true",
        help="when that was done before, make its version the current one, also after a rollback",
    )
    _add_data(run)
    _add_training(run)
    _add_quantize(run)
    _add_model(run)
    prepare = add(
        "prepare",
        commands.prepare,
        "read and check images, split them and cache them resized",
        "prepare --data flowers --image-size 160",
    )
    _add_data(prepare)
    _add_size(prepare)
    fit = add(
        "fit",
        commands.fit,
        "train on a prepared dataset, or go on with an interrupted training",
        "fit --dataset flowers --epochs 60 --tensorboard .local/tensorboard",
    )
    _add_dataset(fit)
    _add_training(fit)
    _add_model(fit)
    export = add(
        "export",
        commands.export,
        "turn the last trained model into ONNX, check it and write its reports",
        "export --dataset flowers --quantize int8",
    )
    _add_dataset(export)
    _add_quantize(export)
    _add_model(export)
    publish = add(
        "publish",
        commands.publish,
        "publish what was exported last as the next version, and make it the current one",
        "publish --dataset flowers --model-name flowers",
    )
    _add_dataset(publish)
    _add_model(publish)
    _add_model(add("list", commands.show, "list the published versions", "list"))
    rollback = add(
        "rollback", commands.rollback, "make an earlier version the current one", "rollback 3"
    )
    rollback.add_argument(
        "version", nargs="?", type=int, help="default: the one before the current one"
    )
    _add_model(rollback)
    prune = add("prune", commands.prune, "remove old versions, never the current", "prune --keep 3")
    prune.add_argument("--keep", type=int, required=True, help="how many of the newest to keep")
    _add_model(prune)
    return parser


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", help=f"{DATA_HELP} (default: {commands.DEFAULT_DATA})")
    parser.add_argument(
        "--allow-private",
        action="store_true",
        help="let a local manifest, or --data itself, lead to private addresses",
    )
    _add_dataset(parser)


def _add_dataset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", metavar="NAME", help="name below the data folder [DATASET]")


def _add_size(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--image-size", metavar="N", help="height and width in pixels [IMAGE_SIZE] (default: 128)"
    )


def _add_training(parser: argparse.ArgumentParser) -> None:
    _add_size(parser)
    parser.add_argument("--epochs", metavar="N", help="at most [EPOCHS] (default: 60)")
    parser.add_argument("--seed", metavar="N", help="[SEED] (default: 0)")
    parser.add_argument(
        "--augment",
        choices=("photo", "glyph", "none"),
        help="what may be done to training images: photos may be mirrored, turned and recoloured, "
        "glyphs only moved a little (default: photo)",
    )
    parser.add_argument(
        "--retrain", action="store_true", help="train even if this data and these settings were"
    )
    parser.add_argument(
        "--tensorboard", metavar="FOLDER", type=Path, help="write event files there"
    )


def _add_quantize(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--quantize",
        choices=QUANTIZATIONS,
        help="publish a smaller and faster model of 8-bit integers, if its top class is the float "
        "model's on 99 %% of the validation images; else nothing, and the exit code is 4",
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model-name", metavar="NAME", help="name below the model folder [MODEL_NAME]"
    )


def _given(arguments: argparse.Namespace) -> dict[str, str]:
    """Options that stand for environment variables, as those."""
    names = ("dataset", "epochs", "image_size", "model_name", "seed")
    given = {name.upper(): getattr(arguments, name, None) for name in names}
    return {name: value for name, value in given.items() if value is not None}
