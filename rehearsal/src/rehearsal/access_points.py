"""Tells the nodes which access points of file systems Amazon knows; they cannot reach it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from rehearsal.credentials import credentials
from rehearsal.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from types_boto3_efs import EFSClient

NAME = "file-driver"  # as the recorder shows who called


class RefusedError(Exception):
    """Why an access point may not be mounted, in the words of the mount program."""


@dataclass(frozen=True, slots=True)
class AccessPoints:
    """The access points of a region.

    Attributes:
        client: of Amazon EFS.
        zones: of the nodes, by their names.
        refusal: a file; while it is there, nothing is mounted, and it tells why.
    """

    client: EFSClient
    zones: Mapping[str, str]
    refusal: Path

    def find(self, file_system: str, name: str, node: str) -> dict[str, Any]:
        """What the driver needs to mount an access point.

        Raises:
            RefusedError: it may not be mounted.
        """
        if self.refusal.is_file():
            raise RefusedError(self.refusal.read_text().strip())
        self._check_target(file_system, node)
        try:
            found = self.client.describe_access_points(AccessPointId=name)["AccessPoints"]
        except ClientError as error:
            raise RefusedError(_denied(name)) from error
        if not found or found[0]["FileSystemId"] != file_system:
            raise RefusedError(_denied(name))
        root, user = found[0].get("RootDirectory", {}), found[0].get("PosixUser", {})
        owner = root.get("CreationInfo")
        return {
            "file_system": file_system,
            "path": root.get("Path", "/"),
            "uid": owner["OwnerUid"] if owner else user.get("Uid", 0),
            "gid": owner["OwnerGid"] if owner else user.get("Gid", 0),
            "permissions": owner["Permissions"] if owner else "",
        }

    def _check_target(self, file_system: str, node: str) -> None:
        """A node finds a file system by the name of the mount target in its own zone."""
        name = f"{file_system}.efs.{self.client.meta.region_name}.amazonaws.com"
        try:
            targets = self.client.describe_mount_targets(FileSystemId=file_system)["MountTargets"]
        except ClientError as error:
            reason = f'Failed to resolve "{name}" - check that your file system ID is correct'
            raise RefusedError(reason) from error
        zone = self.zones.get(node)
        if zone not in {each.get("AvailabilityZoneName") for each in targets}:
            raise RefusedError(f'Failed to resolve "{name}" - no mount target in {zone}')


def _denied(name: str) -> str:
    return f"mount.nfs4: access denied by server: there is no access point {name}"


def open_efs(aws: str, region: str) -> EFSClient:
    """A client under the driver's own name."""
    who = credentials(NAME, aws, region)
    return boto3.Session(
        aws_access_key_id=who["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=who["AWS_SECRET_ACCESS_KEY"],
        region_name=region,
    ).client("efs", endpoint_url=aws)


@contextmanager
def serve(points: AccessPoints, address: str) -> Iterator[str]:
    """Answers `GET /{file system}/{access point}?node={node}`.

    Args:
        points: those there are.
        address: of this machine, that the nodes can reach.

    Yields:
        The URL.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            file_system, _, name = url.path.strip("/").partition("/")
            (node,) = parse_qs(url.query).get("node", [""])
            try:
                status, told = HTTPStatus.OK, json.dumps(points.find(file_system, name, node))
            except RefusedError as error:
                status, told = HTTPStatus.FORBIDDEN, str(error)
            except (BotoCoreError, ClientError) as error:
                status, told = HTTPStatus.BAD_GATEWAY, str(error)
            body = told.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """What happens is told by the driver."""

    server = ThreadingHTTPServer((address, 0), Handler)
    with serving(server):
        yield f"http://{address}:{server.server_port}"
