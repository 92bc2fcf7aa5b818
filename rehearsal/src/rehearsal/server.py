"""Amazon's services at one address of this machine, with a role that deploys."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

import boto3
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import ThreadedWSGIServer

from rehearsal.amazon.ecr import Registry
from rehearsal.amazon.eks_parts import Clusters
from rehearsal.amazon.engine import Engine
from rehearsal.amazon.plug_in import TYPES, plug_in
from rehearsal.amazon.stacks import Stacks
from rehearsal.credentials import credentials
from rehearsal.faults import open_faults
from rehearsal.recording import open_recorder
from rehearsal.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from rehearsal.cluster import Cluster
    from rehearsal.faults import Faults

ADDRESS = "127.0.0.1"
ACCOUNT = "123456789012"  # moto's own
DEPLOYER = "deployer"  # the role, and how the recorder shows it
SETTER = "rehearsal"  # who makes the role
SESSION_SECONDS = 43200
_NOTHING = "none"  # a file that is not there
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@dataclass(frozen=True, slots=True)
class Amazon:
    """Amazon's services, as they run.

    Attributes:
        url: of all services.
        environment: of a program that deploys: the endpoint, a region, and a role's credentials.
        calls: the file of the recorder.
        faults: what is to fail.
    """

    url: str
    environment: Mapping[str, str]
    calls: Path
    faults: Faults
    clusters: Clusters
    registry: Registry

    def adopt(self, cluster: Cluster) -> None:
        """Has a cluster stand in for those of EKS, and its registry for ECR's."""
        self.clusters.endpoint = cluster.endpoint
        self.clusters.authority = cluster.authority
        self.clusters.empty = cluster.empty
        self.registry.host = cluster.registry


@contextmanager
def serve(folder: Path, region: str) -> Iterator[Amazon]:
    """Starts the services with an account that has nothing but a role.

    Args:
        folder: for the files of calls, faults and the server's own errors.
        region: such as us-west-2.
    """
    names: dict[str, str] = {}
    recorder = open_recorder(folder / "calls.jsonl", names)
    faults = open_faults(folder / "faults.jsonl")
    clusters = Clusters("https://127.0.0.1:1", "", lambda: None)
    registry = Registry("localhost:1")
    moto = DomainDispatcherApplication(create_backend_app)
    server = _Server(ADDRESS, 0, _Signed(moto), _Handler)
    server.errors = folder / "amazon.log"
    url = f"http://{ADDRESS}:{server.server_port}"
    engine = Engine(Stacks(ACCOUNT, region), TYPES, faults, url)
    with plug_in(engine, clusters, registry, recorder), serving(server):
        environment = _role(url, region, folder, names)
        yield Amazon(url, environment, recorder.path, faults, clusters, registry)


class _Signed:
    """For presigned URLs: moto looks for the service in a header, not in the query."""

    def __init__(self, application: DomainDispatcherApplication) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:  # noqa: ANN401 -- WSGI
        query = parse_qs(environ.get("QUERY_STRING", ""))
        if "X-Amz-Credential" in query and "HTTP_AUTHORIZATION" not in environ:
            scope = unquote(query["X-Amz-Credential"][0])
            environ["HTTP_AUTHORIZATION"] = f"AWS4-HMAC-SHA256 Credential={scope}, Signature=none"
        return self._application(environ, start_response)


class _Server(ThreadedWSGIServer):
    """Writes into a file what goes wrong, and nothing else.

    Attributes:
        errors: the file.
    """

    errors: Path

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 -- werkzeug's
        """Adds to the file."""
        if type == "error":
            with self.errors.open("a") as file:
                file.write(f"{message % args if args else message}\n")


class _Handler(MotoRequestHandler):
    def log_request(self, *_: object) -> None:
        """The recorder does."""


def _role(url: str, region: str, folder: Path, names: dict[str, str]) -> dict[str, str]:
    """Makes the role that deploys; the environment of who has taken it on."""
    own = credentials(SETTER, url, region)
    session = boto3.Session(own["AWS_ACCESS_KEY_ID"], own["AWS_SECRET_ACCESS_KEY"])
    iam = session.client("iam", endpoint_url=url, region_name=region)
    role = iam.create_role(RoleName=DEPLOYER, AssumeRolePolicyDocument=json.dumps(_TRUST))
    sts = session.client("sts", endpoint_url=url, region_name=region)
    given = sts.assume_role(
        RoleArn=role["Role"]["Arn"], RoleSessionName="somebody", DurationSeconds=SESSION_SECONDS
    )["Credentials"]
    names[given["AccessKeyId"]] = DEPLOYER
    return credentials(given["AccessKeyId"], url, region) | {
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
        "AWS_CONFIG_FILE": str(folder / _NOTHING),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / _NOTHING),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
