"""Tokens for the cluster: a signed request that the cluster sends to Amazon to learn who asks.

The protocol is aws-iam-authenticator's: https://github.com/kubernetes-sigs/aws-iam-authenticator
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from botocore.signers import RequestSigner

from deploy.eks.account import CONFIG, CREDENTIALS, told_in_one_line
from deploy.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    import boto3

PREFIX = "k8s-aws-v1."
CLUSTER_HEADER = "x-k8s-aws-id"
URL_SECONDS = 60  # what the authenticator's own clients sign for
# The server takes a token for 15 minutes after its signature; one less, for clocks that differ.
TOKEN_LIFE = timedelta(minutes=14)
_QUERY = "Action=GetCallerIdentity&Version=2011-06-15"


def token(session: boto3.Session, region: str, cluster: str) -> str:
    """A token for this cluster, made without asking anybody.

    Args:
        session: whose credentials sign.
        region: of the cluster.
        cluster: its name.

    Raises:
        UsageError: there are no credentials.
    """
    with told_in_one_line("the credentials"):
        client = session.client("sts", region_name=region, config=CONFIG)
        credentials = session.get_credentials()
        if credentials is None:
            raise UsageError(f"no AWS credentials were found; {CREDENTIALS}")
        signer = RequestSigner(
            client.meta.service_model.service_id, region, "sts", "v4", credentials, session.events
        )
        request = {
            "method": "GET",
            "url": f"{client.meta.endpoint_url}/?{_QUERY}",
            "body": {},
            "headers": {CLUSTER_HEADER: cluster},
            "context": {},
        }
        url = signer.generate_presigned_url(
            request, region_name=region, expires_in=URL_SECONDS, operation_name=""
        )
    return PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def credential(session: boto3.Session, region: str, cluster: str, now: datetime) -> str:
    """The token as kubectl takes it from a plug-in: an ExecCredential, as JSON.

    Args:
        session: whose credentials sign.
        region: of the cluster.
        cluster: its name.
        now: the time, with its zone.

    Raises:
        UsageError: there are no credentials.
    """
    expires = (now + TOKEN_LIFE).astimezone(UTC)
    status = {
        "expirationTimestamp": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "token": token(session, region, cluster),
    }
    version = "client.authentication.k8s.io/v1"
    return json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})
