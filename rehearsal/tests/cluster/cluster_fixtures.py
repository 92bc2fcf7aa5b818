"""Amazon's services without a deployment, for one test; and a cluster, where kind is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from rehearsal import cluster as clusters
from rehearsal.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

    from rehearsal.cluster import Cluster

REGION = "us-west-2"


class Amazon:
    """The services, and a network to put things into."""

    def __init__(self, url: str) -> None:
        session = boto3.Session(
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - any will do
            region_name=REGION,
        )
        self.url = url
        self.acm = session.client("acm", endpoint_url=url)
        self.ec2 = session.client("ec2", endpoint_url=url)
        self.efs = session.client("efs", endpoint_url=url)
        self.elb = session.client("elbv2", endpoint_url=url)
        self.waf = session.client("wafv2", endpoint_url=url)

    def make_vpc(self) -> tuple[str, list[str]]:
        """A VPC with two subnets for load balancers, in two zones."""
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            self.ec2.create_subnet(
                VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}"
            )["Subnet"]["SubnetId"]
            for number, zone in enumerate("ab")
        ]
        self.ec2.create_tags(
            Resources=subnets, Tags=[{"Key": "kubernetes.io/role/elb", "Value": "1"}]
        )
        return vpc, subnets

    def make_access_point(self) -> tuple[str, str]:
        """A file system that both zones reach, and an access point of the containers' user."""
        _, subnets = self.make_vpc()
        name = self.efs.create_file_system(CreationToken=os.urandom(8).hex())["FileSystemId"]
        for each in subnets:
            self.efs.create_mount_target(FileSystemId=name, SubnetId=each)
        point = self.efs.create_access_point(
            ClientToken=os.urandom(8).hex(),
            FileSystemId=name,
            PosixUser={"Uid": 10001, "Gid": 10001},
            RootDirectory={
                "Path": "/model",
                "CreationInfo": {"OwnerUid": 10001, "OwnerGid": 10001, "Permissions": "0750"},
            },
        )
        return name, point["AccessPointId"]


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def clients(moto: str) -> Amazon:
    return Amazon(moto)


@pytest.fixture
def amazon(clients: Amazon) -> Amazon:
    """As a new account has it."""
    httpx.post(f"{clients.url}/moto-api/reset", trust_env=False).raise_for_status()
    return clients


def unmet(reason: str) -> NoReturn:
    if os.environ.get("REQUIRE_KIND") == "1":
        pytest.fail(f"{reason}, and REQUIRE_KIND=1")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def kind(moto: str) -> Iterator[Cluster]:
    """A cluster whose API server knows the token `good`, an administrator's."""
    for program in ("docker", "kind", "ctlptl", "kubectl"):
        if shutil.which(program) is None:
            unmet(f"there is no {program} on the PATH")
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:  # noqa: S607
        unmet("there is no Docker engine that answers `docker info`")
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder:
        address = clusters.make_network().gateway
        with (
            token_reviews(address) as webhook,
            clusters.new_cluster(Path(folder), webhook, moto, REGION) as made,
        ):
            yield made
        assert {each.name for each in Path(folder).iterdir()} >= {"files"}
        assert list((Path(folder) / "files").iterdir()) == []


@contextmanager
def token_reviews(address: str) -> Iterator[str]:
    """Tells an API server who a token is."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status: dict[str, object] = {"authenticated": False}
            if asked["spec"]["token"] == "good":  # noqa: S105 - of the test
                user = {"username": "deployer", "groups": ["system:masters"]}
                status = {"authenticated": True, "user": user}
            body = json.dumps({**asked, "status": status}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((address, 0), Handler)
    with serving(server):
        yield f"http://{address}:{server.server_port}/"
