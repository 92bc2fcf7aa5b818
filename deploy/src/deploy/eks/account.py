"""The account: clients of its services, and their faults in one line."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore import exceptions
from botocore.config import Config

from deploy.errors import DeployError, UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 5}
)
CREDENTIALS = "`aws configure`, AWS_PROFILE or AWS_ACCESS_KEY_ID give credentials"


@dataclass(frozen=True, slots=True)
class Account:
    """Credentials and a region; make clients with `session.client(..., config=CONFIG)`."""

    session: boto3.Session
    region: str


def open_account(region: str) -> Account:
    """The credentials of this machine, found as every SDK of Amazon's finds them."""
    return Account(boto3.Session(region_name=region), region)


@contextmanager
def told_in_one_line(what: str) -> Iterator[None]:
    """Turns the SDK's faults into the user's.

    Args:
        what: is done, such as "CreateChangeSet".

    Raises:
        UsageError: there are no credentials, or they are not valid.
        UnreachableError: the service does not answer.
        DeployError: the service refuses.
    """
    try:
        yield
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
        raise UsageError(f"no AWS credentials were found; {CREDENTIALS}") from error
    except (
        exceptions.EndpointConnectionError,
        exceptions.ConnectTimeoutError,
        exceptions.ReadTimeoutError,
        exceptions.ProxyConnectionError,
    ) as error:
        raise UnreachableError(f"{what}: AWS does not answer ({error}); try again") from error
    except exceptions.ClientError as error:
        told = error.response.get("Error", {})
        code, message = told.get("Code", "an error"), told.get("Message", "")
        if code in {"ExpiredToken", "InvalidClientTokenId", "UnrecognizedClientException"}:
            raise UsageError(f"AWS refuses the credentials ({code}); {CREDENTIALS}") from error
        raise DeployError(f"{what}: {message} ({code})") from error
    except exceptions.BotoCoreError as error:
        raise DeployError(f"{what}: {error}") from error


def caller(account: Account) -> str:
    """The role or user that is at work, as an access entry of a cluster names it.

    Raises:
        UsageError: it is neither, such as the account's root.
    """
    with told_in_one_line("GetCallerIdentity"):
        arn = account.session.client("sts", config=CONFIG).get_caller_identity()["Arn"]
    kind, _, rest = arn.split(":", 5)[5].partition("/")
    if kind == "user":
        return arn
    if kind != "assumed-role":
        raise UsageError(f"{arn} can be no administrator of a cluster; give --admin-arn")
    role = rest.rpartition("/")[0]
    try:  # a session does not tell its role's path, which an access entry has to have
        iam = account.session.client("iam", config=CONFIG)
        return iam.get_role(RoleName=role)["Role"]["Arn"]
    except exceptions.ClientError:
        partition, number = arn.split(":")[1], arn.split(":")[4]
        return f"arn:{partition}:iam::{number}:role/{role}"
