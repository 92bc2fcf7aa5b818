"""What a training on EKS is given by `--data`: a preset, a URL, or an object of Amazon S3.

A URL may be as good as a password: one of S3 is signed, and others may have a token in their query.
Such a URL goes by a Secret of the Job, and is in no argument and no log.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import ClientError

from deploy import addresses, upload
from deploy.eks.account import CONFIG, told_in_one_line
from deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.eks.account import Account

VARIABLE = "TRAINING_DATA"
SIGNED_SECONDS = 3600  # for which a URL of S3 is good: twice what a training may take
_NONE: Mapping[str, str] = MappingProxyType({})
_KINDS = "an archive (zip, tar) with a folder a class, or a manifest (csv, jsonl)"


@dataclass(frozen=True, slots=True)
class Given:
    """What a training Job is called with, and what its Secret holds.

    Attributes:
        argument: of `--data`; None for none.
        secrets: by the names of variables.
        identity: the same for the same data; empty for none.
    """

    argument: str | None = None
    secrets: Mapping[str, str] = field(default_factory=lambda: _NONE)
    identity: str = ""


def plan(data: str | None, account: Account, *, is_fenced: bool) -> Given:
    """Sees that a training can have it.

    Args:
        data: as it was named.
        account: may read the object, if it is one of S3's.
        is_fenced: whether a NetworkPolicy tells what a training may reach.

    Raises:
        UsageError: it is not there, cannot be read, or is of this machine.
        UnreachableError: S3 does not answer.
    """
    check(data, is_fenced=is_fenced)
    if data is None:
        return Given()
    identity = hashlib.sha256(data.encode()).hexdigest()
    if data.startswith("s3://"):
        return _secret(sign(data, account), identity)
    if "://" in data and _may_be_secret(data):
        return _secret(data, identity)
    return Given(data, _NONE, identity)


def check(data: str | None, *, is_fenced: bool) -> None:
    """Sees that it is of a kind that a training can have, as far as that needs no account.

    Args:
        data: as it was named.
        is_fenced: whether a NetworkPolicy tells what a training may reach.

    Raises:
        UsageError: it is not.
    """
    if data is None or data in upload.PRESETS or data.startswith("/src/"):
        return
    if data.startswith("s3://"):
        _place(data)
    elif "://" not in data:
        raise UsageError(
            f"--data {data}: data of this machine is not copied to EKS; put it into S3 and give "
            f"s3://BUCKET/KEY, or give a URL or a preset ({', '.join(upload.PRESETS)})"
        )
    elif is_fenced:
        addresses.check_reachable(data)


def sign(data: str, account: Account) -> str:
    """A URL by which anybody reads the object for an hour, or as long as the credentials last.

    Raises:
        UsageError: it is not there, or may not be read.
        UnreachableError: S3 does not answer.
    """
    bucket, key = _place(data)
    client = _client(account, _region(account, bucket))
    place = {"Bucket": bucket, "Key": key}
    with told_in_one_line(f"--data {data}: HeadObject"):
        try:
            client.head_object(**place)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            raise _refusal(data, status, error) from error
        return str(
            client.generate_presigned_url("get_object", Params=place, ExpiresIn=SIGNED_SECONDS)
        )


def _place(data: str) -> tuple[str, str]:
    """The bucket and the key."""
    bucket, _, key = data.removeprefix("s3://").partition("/")
    if not bucket or not key or key.endswith("/"):
        raise UsageError(f"--data {data}: it names no object; give s3://BUCKET/KEY, {_KINDS}")
    return bucket, key


def _refusal(data: str, status: int, error: ClientError) -> Exception:
    reasons = {
        404: "there is no such object; `aws s3 ls` shows those there are",
        403: "these credentials may not read it; they need s3:GetObject, for an encrypted object "
        "kms:Decrypt, and s3:ListBucket to be told that there is none",
    }
    return UsageError(f"--data {data}: {reasons[status]}") if status in reasons else error


def _region(account: Account, bucket: str) -> str:
    """Where a bucket is, which S3 tells also those who may not look into it (HeadBucket)."""
    with told_in_one_line(f"--data s3://{bucket}: HeadBucket"):
        try:
            answer: Any = _client(account, account.region).head_bucket(Bucket=bucket)
        except ClientError as error:
            answer = error.response
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    return str(headers.get("x-amz-bucket-region") or account.region)


def _client(account: Account, region: str) -> Any:  # noqa: ANN401 - its types are not installed
    # Else a URL names S3 of any region, which answers it with a redirect that is not signed.
    config = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
    return account.session.client("s3", region_name=region, config=CONFIG.merge(config))


def _secret(url: str, identity: str) -> Given:
    return Given(f"$({VARIABLE})", MappingProxyType({VARIABLE: url}), identity)


def _may_be_secret(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return True
    return bool(parts.query or "@" in parts.netloc)
