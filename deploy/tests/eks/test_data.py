from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto import mock_aws
from moto.core.botocore_stubber import MockRawResponse

from deploy.eks import data
from deploy.eks.account import Account
from deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

ELSEWHERE = "eu-west-1"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    with mock_aws():
        session = boto3.Session(region_name="us-west-2")
        s3 = session.client("s3", region_name=ELSEWHERE)
        where = {"LocationConstraint": ELSEWHERE}
        s3.create_bucket(Bucket="photos", CreateBucketConfiguration=where)
        s3.put_object(Bucket="photos", Key="my pets.zip", Body=b"PK")
        yield Account(session, "us-west-2")


def test_an_object_of_s3_is_signed_for_where_it_is(account: Account) -> None:
    given = data.plan("s3://photos/my pets.zip", account, is_fenced=True)
    assert given.argument == "$(TRAINING_DATA)"
    url = urlsplit(given.secrets["TRAINING_DATA"])
    assert (url.scheme, url.hostname) == ("https", f"photos.s3.{ELSEWHERE}.amazonaws.com")
    assert url.path == "/my%20pets.zip"
    query = parse_qs(url.query)
    assert ELSEWHERE in query["X-Amz-Credential"][0]
    assert query["X-Amz-Expires"] == ["3600"]
    assert given.identity == data.plan("s3://photos/my pets.zip", account, is_fenced=True).identity


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("s3://photos/gone.zip", "there is no such object"),
        ("s3://no-such-bucket/x.zip", "there is no such object"),
        ("s3://photos", "it names no object"),
        ("s3://photos/folder/", "it names no object"),
        ("~/photos", "data of this machine is not copied to EKS"),
        ("http://10.0.0.1/x.zip", "a training cannot reach 10.0.0.1"),
    ],
)
def test_what_no_training_can_have(account: Account, named: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        data.plan(named, account, is_fenced=True)


def test_an_object_that_may_not_be_read(account: Account) -> None:
    def refuse(**_: object) -> Any:  # noqa: ANN401 - what botocore takes for an answer
        return AWSResponse(
            "https://photos.s3.amazonaws.com", 403, HTTPHeaders(), MockRawResponse(b"")
        )

    account.session.events.register_first("before-send.s3.HeadObject", refuse)
    with pytest.raises(UsageError, match="they need s3:GetObject"):
        data.plan("s3://photos/my pets.zip", account, is_fenced=True)


def test_a_bucket_whose_name_no_certificate_has(account: Account) -> None:
    s3 = account.session.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket="my.photos")
    s3.put_object(Bucket="my.photos", Key="x.zip", Body=b"PK")
    given = data.plan("s3://my.photos/x.zip", account, is_fenced=True)
    url = given.secrets["TRAINING_DATA"]
    assert url.startswith("https://s3.amazonaws.com/my.photos/x.zip?")


@pytest.mark.parametrize("named", ["flowers", "/src/data/mine.zip", "https://example.com/x.zip"])
def test_what_the_trainer_finds_itself(account: Account, named: str) -> None:
    given = data.plan(named, account, is_fenced=True)
    assert (given.argument, given.secrets) == (named, {})
    assert given.identity


@pytest.mark.parametrize(
    "url", ["https://example.com/x.zip?token=t", "https://me:pw@example.com/x"]
)
def test_a_url_that_may_be_a_password_is_a_secret(account: Account, url: str) -> None:
    given = data.plan(url, account, is_fenced=True)
    assert (given.argument, given.secrets) == ("$(TRAINING_DATA)", {"TRAINING_DATA": url})


def test_no_data_is_nothing(account: Account) -> None:
    assert data.plan(None, account, is_fenced=True) == data.Given()
