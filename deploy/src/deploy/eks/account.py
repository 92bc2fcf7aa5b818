"""The account: clients of its services, and their faults in one line."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

import boto3
from botocore import exceptions
from botocore.config import Config

from deploy.errors import DeployError, NotAllowedError, UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 5}
)
CREDENTIALS = "AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, give credentials"
SILENCES = (
    exceptions.EndpointConnectionError,
    exceptions.ConnectionClosedError,
    exceptions.ConnectTimeoutError,
    exceptions.ReadTimeoutError,
    exceptions.ProxyConnectionError,
)
BAD_CREDENTIALS = (
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.ProfileNotFound,
    exceptions.ConfigNotFound,
    exceptions.ConfigParseError,
    exceptions.InvalidConfigError,
)
# Codes of the services' common errors.
REFUSED_CREDENTIALS = frozenset(
    {"AuthFailure", "InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException"}
)
BUSY = frozenset(
    {"RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException"}
)
NOT_ALLOWED = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}
)


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
        NotAllowedError: they do not allow it.
        UnreachableError: the service does not answer, or not now.
        DeployError: the service refuses for another reason.
    """
    try:
        yield
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        raise as_fault(what, error) from error
    except ValueError as error:
        if not str(error).startswith("Invalid endpoint"):
            raise
        raise UsageError(f"AWS_ENDPOINT_URL: {error}; it is a URL, or not set") from error


def as_fault(what: str, error: Exception) -> DeployError:
    """What a fault of the SDK's is to the user.

    Args:
        what: was done.
        error: a `BotoCoreError` or a `ClientError`.
    """
    if isinstance(error, exceptions.ClientError):
        return _refusal(what, error)
    if isinstance(error, SILENCES):
        return UnreachableError(f"{what}: AWS does not answer ({error}); try again")
    if isinstance(error, exceptions.NoCredentialsError):
        return UsageError(f"no AWS credentials were found; {CREDENTIALS}")
    if isinstance(error, exceptions.SSOError):
        return UsageError(f"the AWS credentials: {error}; `aws sso login` renews them")
    if isinstance(error, BAD_CREDENTIALS):
        return UsageError(f"the AWS credentials: {error}; {CREDENTIALS}")
    return DeployError(f"{what}: {error}")


def _refusal(what: str, error: exceptions.ClientError) -> DeployError:
    told = error.response.get("Error", {})
    code, message = told.get("Code", "an error"), told.get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    fault = f"{what}: {message} ({code})"
    if code in {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}:
        return UsageError(f"the AWS credentials have expired: {message} ({code}); renew them")
    if code in REFUSED_CREDENTIALS:
        return UsageError(f"AWS refuses the credentials: {message} ({code}); {CREDENTIALS}")
    if code in BUSY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return UnreachableError(f"{fault}; try again")
    if code in NOT_ALLOWED:
        return NotAllowedError(f"{fault}; deploy/deployer-policy.json has what is needed")
    return DeployError(fault)


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
    except exceptions.ClientError as error:
        if role.startswith("AWSReservedSSO_"):  # whose path holds a region that only IAM knows
            raise UsageError(f"the role {role} may not be asked for; give --admin-arn") from error
        partition, number = arn.split(":")[1], arn.split(":")[4]
        return f"arn:{partition}:iam::{number}:role/{role}"
