from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import sys
from datetime import UTC, datetime
from urllib.parse import parse_qs, quote, urlsplit

import boto3
import pytest

from deploy.eks import tokens
from deploy.errors import UsageError

REGION, KEY, SECRET = "eu-central-1", "AKIDEXAMPLE", "the-secret"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def signed_url(token: str) -> str:
    assert token.startswith("k8s-aws-v1.")
    assert "=" not in token
    encoded = token.removeprefix("k8s-aws-v1.")
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()


def make(token: str | None = None) -> str:
    return signed_url(tokens.token(boto3.Session(KEY, SECRET, token), REGION, "trial"))


def expected_signature(url: str, headers: dict[str, str], secret: str) -> str:
    """As Amazon works it out: Signature Version 4, with the signature in the query."""
    parts = urlsplit(url)
    query = {name: value for name, [value] in parse_qs(parts.query).items()}
    del query["X-Amz-Signature"]
    told = "&".join(f"{quote(k, safe='')}={quote(query[k], safe='')}" for k in sorted(query))
    names = query["X-Amz-SignedHeaders"].split(";")
    listed = "".join(f"{name}:{headers[name]}\n" for name in names)
    nothing = hashlib.sha256(b"").hexdigest()
    request = "\n".join(["GET", "/", told, listed, ";".join(names), nothing])
    _, date, region, service, end = query["X-Amz-Credential"].split("/")
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, end):
        key = hmac.digest(key, part.encode(), "sha256")
    scope = f"{date}/{region}/{service}/{end}"
    hashed = hashlib.sha256(request.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{query['X-Amz-Date']}\n{scope}\n{hashed}"
    return hmac.digest(key, text.encode(), "sha256").hex()


def test_a_token_is_a_request_that_amazon_can_check() -> None:
    url = make()
    parts, query = urlsplit(url), parse_qs(urlsplit(url).query)
    assert parts.scheme == "https"
    assert parts.netloc == "sts.eu-central-1.amazonaws.com"
    assert query["Action"] == ["GetCallerIdentity"]
    assert query["X-Amz-Expires"] == ["60"]
    assert query["X-Amz-SignedHeaders"] == ["host;x-k8s-aws-id"]
    headers = {"host": parts.netloc, "x-k8s-aws-id": "trial"}
    assert query["X-Amz-Signature"] == [expected_signature(url, headers, SECRET)]


def test_a_token_is_for_one_cluster() -> None:
    url = make()
    headers = {"host": urlsplit(url).netloc, "x-k8s-aws-id": "other"}
    signature = parse_qs(urlsplit(url).query)["X-Amz-Signature"]
    assert signature != [expected_signature(url, headers, SECRET)]


def test_temporary_credentials_tell_their_session() -> None:
    assert parse_qs(urlsplit(make("the+session")).query)["X-Amz-Security-Token"] == ["the+session"]


def test_amazon_may_be_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:5005")
    assert make().startswith("http://127.0.0.1:5005/?Action=GetCallerIdentity")


def test_kubectl_gets_it_with_the_time_of_its_end() -> None:
    told = json.loads(tokens.credential(boto3.Session(KEY, SECRET), REGION, "trial", NOW))
    assert told["kind"] == "ExecCredential"
    assert told["apiVersion"] == "client.authentication.k8s.io/v1"
    assert told["status"]["expirationTimestamp"] == "2026-01-02T03:18:05Z"
    assert signed_url(told["status"]["token"])


def test_without_credentials_there_is_none() -> None:
    with pytest.raises(UsageError, match=r"no AWS credentials were found; .*AWS_PROFILE"):
        tokens.token(boto3.Session(), REGION, "trial")


def test_the_plug_in_prints_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-m", "deploy.eks", "token", "--name=trial", f"--region={REGION}"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert signed_url(json.loads(done.stdout)["status"]["token"])
    assert done.stderr == ""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("deploy: no AWS credentials were found")
