"""The `eks` command: the pipeline on Amazon EKS."""

from __future__ import annotations

import argparse
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.cli import INTERRUPTED, Parser, add_training, add_version
from deploy.console import say, tell
from deploy.eks import syntax
from deploy.eks.deployment import Deployment
from deploy.eks.options import (
    EXAMPLE_REGION,
    NAME,
    Options,
    add_settings,
    find_region,
    given,
    told_region,
)
from deploy.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

EXIT_CODES = """exit codes:
  0 done   1 failed, or refused   2 bad usage, or something is not installed or not allowed
  75 Amazon or the cluster does not answer; try again   130 interrupted
  (./noxw itself ends with 1 for each but 0)
"""
# Each command imports what it needs when it runs: before each call to the cluster, kubectl runs
# `token`, which is not to wait for the others.


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code; a fault is one line on stderr."""
    arguments = build_parser().parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a stop is told like Ctrl-C
    try:
        from deploy.eks.account import told_in_one_line  # noqa: PLC0415

        with told_in_one_line("AWS"):
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
        prog="eks",
        description="The pipeline on Amazon EKS.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, command: Callable[[argparse.Namespace], None], text: str, *examples: str
    ) -> argparse.ArgumentParser:
        program = f"./noxw -s {name}_eks --"
        lines = "\n".join(f"  {program} {example}".rstrip() for example in examples)
        sub = commands.add_parser(
            name,
            prog=program,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=f"examples:\n{lines}\n\n{EXIT_CODES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        sub.set_defaults(command=command)
        _add_deployment(sub)
        return sub

    _add_deploy(
        add(
            "deploy",
            _deploy,
            "deploy to Amazon EKS, or bring a deployment up to date; a second time changes nothing",
            "--name ml-pipeline --region us-west-2",
            "--plan",
            "--yes --certificate-arn arn:aws:acm:us-west-2:111122223333:certificate/…",
            "--serving-max 10 --data s3://my-bucket/photos.zip",
        )
    )
    _add_destroy(
        add(
            "destroy",
            _destroy,
            "delete a deployment, and see that nothing of it is left",
            "--name ml-pipeline --region us-west-2",
            "--keep-data",
        )
    )
    add(
        "status",
        _status,
        "show a deployment's versions, replicas, health and URL",
        "--name ml-pipeline --region us-west-2",
    )
    add_training(
        add(
            "train",
            _train,
            "train in a new Job on spot; nothing, when that was done before",
            "--retrain",
            "--data s3://my-bucket/photos.zip --set EPOCHS=40",
            "--data https://example.com/photos.tar --no-follow",
        ),
        "a preset (digits, flowers), https://… or s3://bucket/key (default: digits)",
    )
    add_version(
        add("rollback", _rollback, "make an earlier version of the model the current one", "", "3")
    )
    token = commands.add_parser("token", prog="eks token", allow_abbrev=False)  # not in the help
    token.set_defaults(command=_token)
    _add_deployment(token)
    return parser


def find_deployment(arguments: argparse.Namespace, otherwise: str | None = None) -> Deployment:
    """Which deployment is meant.

    Args:
        arguments: of the command.
        otherwise: the region when none is told; None when one has to be.

    Raises:
        UsageError: no region is told.
    """
    return Deployment(arguments.name, find_region(arguments.region, otherwise))


def _add_deployment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", type=syntax.name, default=NAME, help="default: %(default)s")
    parser.add_argument(
        "--region",
        type=syntax.region,
        help="of Amazon's (default: the environment's AWS_REGION or AWS_DEFAULT_REGION)",
    )


def _add_deploy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--plan",
        action="store_true",
        help="only tell all that would be done; without credentials, without asking anybody",
    )
    _add_yes(parser)
    parser.add_argument(
        "--data",
        help="what to train on: a preset (digits, flowers), https://… or s3://bucket/key "
        "(default: what was trained on before, at first the bundled digits)",
    )
    parser.add_argument(
        "--chart-mirror",
        type=Path,
        metavar="FOLDER",
        help="has the charts as archives, for networks without a way to their repositories",
    )
    add_settings(parser)


def _add_destroy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keep-data", action="store_true", help="keep the file system and its backups"
    )
    _add_yes(parser)


def _add_yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="ask nobody; for machines")


def _deploy(arguments: argparse.Namespace) -> None:
    from deploy.eks.deploy import deploy  # noqa: PLC0415

    # A plan is the same everywhere, unless it is asked for a region.
    region = EXAMPLE_REGION if arguments.plan else None
    deploy(
        Options(
            find_deployment(arguments, region),
            given(arguments),
            arguments.data,
            arguments.yes,
            arguments.chart_mirror,
            arguments.plan,
            arguments.plan and told_region(arguments.region) is None,
        )
    )


def _destroy(arguments: argparse.Namespace) -> None:
    from deploy.eks.account import open_account  # noqa: PLC0415
    from deploy.eks.destruction import destroy  # noqa: PLC0415

    deployment = find_deployment(arguments)
    account = open_account(deployment.region)
    destroy(account, deployment, keep_data=arguments.keep_data, yes=arguments.yes)


def _status(arguments: argparse.Namespace) -> None:
    from deploy.eks.account import open_account  # noqa: PLC0415
    from deploy.eks.status import show  # noqa: PLC0415

    deployment = find_deployment(arguments)
    show(open_account(deployment.region), deployment)


def _train(arguments: argparse.Namespace) -> None:
    from deploy.eks.account import open_account  # noqa: PLC0415
    from deploy.eks.training import Training, train  # noqa: PLC0415

    deployment = find_deployment(arguments)
    settings = dict(arguments.settings or ())
    training = Training(arguments.data, arguments.retrain, settings, arguments.follow)
    train(open_account(deployment.region), deployment, training)


def _rollback(arguments: argparse.Namespace) -> None:
    from deploy.eks.account import open_account  # noqa: PLC0415
    from deploy.eks.models import rollback  # noqa: PLC0415

    deployment = find_deployment(arguments)
    rollback(open_account(deployment.region), deployment, arguments.version)


def _token(arguments: argparse.Namespace) -> None:
    import boto3  # noqa: PLC0415

    from deploy.eks.tokens import credential  # noqa: PLC0415

    deployment = find_deployment(arguments)
    session = boto3.Session(region_name=deployment.region)
    now = datetime.now(UTC)
    tell(credential(session, deployment.region, deployment.name, now))
