"""Tokens as deploy makes them: by botocore's signer, in aws-iam-authenticator's form."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from accounts import REGION
from botocore.credentials import Credentials
from botocore.signers import RequestSigner

from rehearsal.authenticator import ADMINISTRATORS, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts import Account

HERE = "127.0.0.1"
ROLE = "arn:aws:iam::123456789012:role/deployer"
SESSION = "arn:aws:sts::123456789012:assumed-role/deployer/somebody"
POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKS{}Policy"
CLUSTER = "one"


@pytest.fixture(scope="module")
def webhook(account: Account) -> Iterator[str]:
    vpc = account("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = account("ec2").create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]
    account("eks").create_cluster(
        name=CLUSTER,
        roleArn="arn:aws:iam::123456789012:role/cluster",
        resourcesVpcConfig={"subnetIds": [subnet["SubnetId"]]},
    )
    with serve(HERE, account.amazon.url, REGION) as url:
        yield url


@pytest.fixture
def entry(account: Account, webhook: str) -> Iterator[None]:
    """Lets the role in, and out again."""
    del webhook
    which = {"clusterName": CLUSTER, "principalArn": ROLE}
    account("eks").create_access_entry(**which)
    account("eks").associate_access_policy(
        **which, policyArn=POLICY.format("ClusterAdmin"), accessScope={"type": "cluster"}
    )
    yield
    account("eks").delete_access_entry(**which)


def token(
    account: Account,
    *,
    cluster: str = CLUSTER,
    url: str | None = None,
    action: str = "GetCallerIdentity",
    headers: dict[str, str] | None = None,
) -> str:
    session = account.session
    signer = RequestSigner(
        account("sts").meta.service_model.service_id,
        REGION,
        "sts",
        "v4",
        session.get_credentials() or Credentials("", ""),
        session.events,
    )
    request = {
        "method": "GET",
        "url": f"{url or account.amazon.url}/?Action={action}&Version=2011-06-15",
        "body": {},
        "headers": {"x-k8s-aws-id": cluster} if headers is None else headers,
        "context": {},
    }
    signed = signer.generate_presigned_url(
        request, region_name=REGION, expires_in=60, operation_name=""
    )
    return encoded(signed)


def encoded(url: str) -> str:
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def decoded(text: str) -> str:
    body = text.removeprefix("k8s-aws-v1.")
    return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()


def review(webhook: str, text: str) -> dict[str, Any]:
    """What the API server is told."""
    asked = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": text},
    }
    told = httpx.post(webhook, json=asked, trust_env=False).raise_for_status().json()
    assert (told["apiVersion"], told["kind"]) == (asked["apiVersion"], asked["kind"])
    return dict(told["status"])


def test_an_administrator_is_let_in(account: Account, webhook: str, entry: None) -> None:
    del entry
    status = review(webhook, token(account))
    assert status["authenticated"]
    assert status["user"]["username"] == SESSION
    assert ADMINISTRATORS in status["user"]["groups"]


def test_sts_own_address_is_known_too(account: Account, webhook: str, entry: None) -> None:
    """Such a token was signed for another host than the stand-in's, so its signature is wrong."""
    del entry
    status = review(webhook, token(account, url=f"https://sts.{REGION}.amazonaws.com"))
    assert status["error"] == "STS knows no such signature for a cluster that is there"


def test_another_policy_makes_no_administrator(account: Account, webhook: str) -> None:
    which = {"clusterName": CLUSTER, "principalArn": ROLE}
    account("eks").create_access_entry(**which)
    account("eks").associate_access_policy(
        **which, policyArn=POLICY.format("View"), accessScope={"type": "cluster"}
    )
    told = account("eks").list_associated_access_policies(**which)["associatedAccessPolicies"]
    groups = review(webhook, token(account))["user"]["groups"]
    account("eks").delete_access_entry(**which)
    assert [each["policyArn"] for each in told] == [POLICY.format("View")]
    assert ADMINISTRATORS not in groups


def test_without_an_entry_nobody_is_let_in(account: Account, webhook: str) -> None:
    status = review(webhook, token(account))
    assert status == {
        "authenticated": False,
        "error": f"{ROLE} has no access entry in {CLUSTER}",
    }


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"cluster": "two"}, "STS knows no such signature"),
        ({"url": "http://127.0.0.1:1"}, "127.0.0.1:1/ is not STS"),
        ({"action": "AssumeRole"}, "something else than GetCallerIdentity"),
        ({"headers": {}}, "x-k8s-aws-id is not signed"),
    ],
)
def test_wrong_requests_are_refused(
    account: Account, webhook: str, entry: None, change: dict[str, Any], told: str
) -> None:
    del entry
    status = review(webhook, token(account, **change))
    assert not status["authenticated"]
    assert told in status["error"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ((r"X-Amz-Date=\d{8}T", "X-Amz-Date=20200101T"), "the token is from 20200101T"),
        ((r"X-Amz-Date=\w+", "X-Amz-Date=yesterday"), "X-Amz-Date is 'yesterday'"),
        ((r"X-Amz-Signature=\w{4}", "X-Amz-Signature=0000"), "STS knows no such signature"),
        ((r"$", "&Anything=else"), "the request has ['anything']"),
    ],
)
def test_changed_tokens_are_refused(
    account: Account, webhook: str, entry: None, change: tuple[str, str], told: str
) -> None:
    del entry
    changed = re.sub(*change, decoded(token(account)))
    status = review(webhook, encoded(changed))
    assert not status["authenticated"]
    assert told in status["error"]


@pytest.mark.parametrize("text", ["", "something", "k8s-aws-v1.!", "k8s-aws-v1.AAAA"])
def test_other_tokens_are_refused(webhook: str, text: str) -> None:
    assert not review(webhook, text)["authenticated"]
