"""Says who a bearer token is: aws-iam-authenticator's protocol, as EKS speaks it.

A token is a signed request to STS. Whoever holds it is whom STS names in its answer; what that one
may do is told by the cluster's access entries.
https://github.com/kubernetes-sigs/aws-iam-authenticator/blob/master/pkg/token/token.go
"""

from __future__ import annotations

import base64
import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import boto3
import httpx
from botocore.exceptions import ClientError

from rehearsal.amazon.eks_parts import ADMINISTRATOR
from rehearsal.credentials import credentials
from rehearsal.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from types_boto3_eks import EKSClient

NAME = "authenticator"  # as the recorder shows who called
PREFIX = "k8s-aws-v1."
CLUSTER_HEADER = "x-k8s-aws-id"
LIFE = timedelta(minutes=15)  # of a token after its signature
ADMINISTRATORS = "system:masters"
_KNOWN = {
    *("action", "version", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires"),
    *("x-amz-security-token", "x-amz-signature", "x-amz-signedheaders"),
}
_ROLE = re.compile(r"arn:(aws[^:]*):sts::(\d+):assumed-role/([^/]+)/.+")


class UnknownError(Exception):
    """Why a token is nobody's."""


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Knows who is let into the cluster.

    Attributes:
        aws: the endpoint of Amazon's services.
        hosts: that a token's request may go to: STS's own, and where it is in the rehearsal.
        eks: a client.
    """

    aws: str
    hosts: frozenset[str]
    eks: EKSClient

    def review(self, token: str) -> dict[str, Any]:
        """The status of a TokenReview."""
        try:
            query = self._checked(token)
            for cluster in self.eks.list_clusters()["clusters"]:
                if arn := self._caller(query, cluster):
                    return {"authenticated": True, "user": self._user(cluster, arn)}
        except UnknownError as error:
            return {"authenticated": False, "error": str(error)}
        told = "STS knows no such signature for a cluster that is there"
        return {"authenticated": False, "error": told}

    def _checked(self, token: str) -> str:
        """The query of the request that a token is.

        Raises:
            UnknownError: it is none that may be sent.
        """
        if not token.startswith(PREFIX):
            raise UnknownError(f"the token does not begin with {PREFIX}")
        encoded = token.removeprefix(PREFIX)
        try:
            url = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
        except ValueError as error:
            raise UnknownError("the token is no base64") from error
        parts = urlsplit(url)
        if parts.netloc not in self.hosts or parts.path != "/":
            raise UnknownError(f"{parts.netloc}{parts.path} is not STS")
        told = {name.lower(): values[0] for name, values in parse_qs(parts.query).items()}
        if unknown := told.keys() - _KNOWN:
            raise UnknownError(f"the request has {sorted(unknown)}")
        if told.get("action") != "GetCallerIdentity":
            raise UnknownError("the request does something else than GetCallerIdentity")
        if CLUSTER_HEADER not in told.get("x-amz-signedheaders", "").split(";"):
            raise UnknownError(f"{CLUSTER_HEADER} is not signed")
        _check_age(told.get("x-amz-date", ""))
        return parts.query

    def _caller(self, query: str, cluster: str) -> str | None:
        """Whom STS names; None when the request was signed for another cluster."""
        headers = {CLUSTER_HEADER: cluster, "Accept": "application/json"}
        answer = httpx.get(f"{self.aws}/?{query}", headers=headers, trust_env=False)
        found = re.search(r'(?:<Arn>|"Arn":\s*")([^<"]+)', answer.text)
        return found[1] if answer.is_success and found else None

    def _user(self, cluster: str, arn: str) -> dict[str, Any]:
        """What the cluster's access entries say of a caller.

        Raises:
            UnknownError: nothing.
        """
        principal = role(arn)
        which: Mapping[str, Any] = {"clusterName": cluster, "principalArn": principal}
        try:
            entry = self.eks.describe_access_entry(**which)["accessEntry"]
            policies = self.eks.list_associated_access_policies(**which)
        except ClientError as error:
            raise UnknownError(f"{principal} has no access entry in {cluster}") from error
        named = {each["policyArn"] for each in policies["associatedAccessPolicies"]}
        groups = [*entry["kubernetesGroups"], "system:authenticated"]
        return {
            "username": arn,
            "uid": f"aws-iam-authenticator:{principal}",
            "groups": [*groups, *([ADMINISTRATORS] if ADMINISTRATOR in named else [])],
            "extra": {"arn": [arn], "canonicalArn": [principal]},
        }


def role(arn: str) -> str:
    """The principal that access entries know a caller by: of a session, its role."""
    return _ROLE.sub(r"arn:\1:iam::\2:role/\3", arn)


@contextmanager
def serve(address: str, aws: str, region: str) -> Iterator[str]:
    """Answers the API server's TokenReviews.

    Args:
        address: of this machine, that the nodes can reach.
        aws: the endpoint of Amazon's services.
        region: of the cluster.

    Yields:
        The webhook's URL.
    """
    who = credentials(NAME, aws, region)
    eks = boto3.Session(
        aws_access_key_id=who["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=who["AWS_SECRET_ACCESS_KEY"],
        region_name=region,
    ).client("eks", endpoint_url=aws)
    hosts = frozenset({f"sts.{region}.amazonaws.com", urlsplit(aws).netloc})
    authenticator = Authenticator(aws, hosts, eks)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = authenticator.review(review["spec"]["token"])
            told = {"apiVersion": review["apiVersion"], "kind": "TokenReview", "status": status}
            body = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """What is asked of Amazon, the recorder tells."""

    server = ThreadingHTTPServer((address, 0), Handler)
    with serving(server):
        yield f"http://{address}:{server.server_port}/authenticate"


def _check_age(signed: str) -> None:
    try:
        time = datetime.strptime(signed, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise UnknownError(f"X-Amz-Date is {signed!r}") from error
    if not -LIFE < datetime.now(UTC) - time < LIFE:
        raise UnknownError(f"the token is from {signed}")
