from __future__ import annotations

import boto3
import pytest
from botocore import exceptions

from deploy.eks.account import told_in_one_line
from deploy.errors import DeployError, NotAllowedError, UnreachableError, UsageError


def refusal(code: str, status: int = 400) -> exceptions.ClientError:
    return exceptions.ClientError(
        {
            "Error": {"Code": code, "Message": "it says so"},
            "ResponseMetadata": {"HTTPStatusCode": status},  # type: ignore[typeddict-item]
        },
        "Do",
    )


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (exceptions.NoCredentialsError(), UsageError, "no AWS credentials were found"),
        (exceptions.PartialCredentialsError(provider="env", cred_var="KEY"), UsageError, "KEY"),
        (exceptions.ProfileNotFound(profile="nope"), UsageError, "nope"),
        (exceptions.SSOTokenLoadError(error_msg="p"), UsageError, "`aws sso login`"),
        (exceptions.EndpointConnectionError(endpoint_url="u"), UnreachableError, "try again"),
        (exceptions.ParamValidationError(report="x"), DeployError, "Do: "),
        (refusal("ExpiredToken"), UsageError, "expired: it says so (ExpiredToken); renew them"),
        (refusal("InvalidClientTokenId"), UsageError, "AWS refuses the credentials: it says so"),
        (
            refusal("AccessDenied"),
            NotAllowedError,
            "deploy/deployer-policy.json has what is needed",
        ),
        (refusal("Throttling"), UnreachableError, "it says so (Throttling); try again"),
        (refusal("InternalFailure", 500), UnreachableError, "try again"),
        (refusal("ValidationError"), DeployError, "Do: it says so (ValidationError)"),
    ],
)
def test_faults_in_one_line(error: Exception, kind: type[DeployError], told: str) -> None:
    with pytest.raises(DeployError) as caught, told_in_one_line("Do"):
        raise error
    assert type(caught.value) is kind
    assert told in str(caught.value)


def test_an_endpoint_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "foo")
    with pytest.raises(UsageError, match="AWS_ENDPOINT_URL: Invalid endpoint: foo"):
        make_client()
    with pytest.raises(ValueError, match="mine"), told_in_one_line("Do"):
        raise ValueError("mine")


def make_client() -> None:
    with told_in_one_line("Do"):
        boto3.Session(region_name="us-west-2").client("sts")
