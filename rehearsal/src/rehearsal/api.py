"""The cluster's API, for who watches it; kubectl would be a new process each time."""

from __future__ import annotations

import base64
import ssl
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Manifest = dict[str, Any]

NOT_FOUND = 404
SECONDS = 15.0
MANAGER = "rehearsal"


@dataclass(frozen=True, slots=True)
class Api:
    """What the administrator may do, by the paths of the API."""

    client: httpx.Client

    def find(self, path: str) -> Manifest | None:
        """An object or a list, or None when there is none.

        Raises:
            httpx.HTTPError: the API does not answer, or it refuses.
        """
        answer = self.client.get(path)
        if answer.status_code == NOT_FOUND:
            return None
        return dict(answer.raise_for_status().json())

    def apply(self, path: str, manifest: Mapping[str, Any]) -> None:
        """Makes an object, or makes it what the manifest says."""
        self.client.patch(
            path,
            json=manifest,
            params={"fieldManager": MANAGER, "force": "true"},
            headers={"Content-Type": "application/apply-patch+yaml"},
        ).raise_for_status()

    def merge(self, path: str, change: Mapping[str, Any]) -> None:
        """Changes parts of an object."""
        headers = {"Content-Type": "application/merge-patch+json"}
        self.client.patch(path, json=change, headers=headers).raise_for_status()

    def create(self, path: str, manifest: Mapping[str, Any]) -> None:
        """Adds an object to a list."""
        self.client.post(path, json=manifest).raise_for_status()

    def delete(self, path: str) -> None:
        """Removes an object, if there is one."""
        answer = self.client.delete(path)
        if answer.status_code != NOT_FOUND:
            answer.raise_for_status()


@contextmanager
def open_api(kubeconfig: Path) -> Iterator[Api]:
    """The API of the one cluster of a kubeconfig, which has certificates in it, as kind's."""
    told = yaml.safe_load(kubeconfig.read_text())
    (cluster,), (user,) = told["clusters"], told["users"]
    authority = base64.b64decode(cluster["cluster"]["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    # OpenSSL takes them from a file alone.
    identity = kubeconfig.with_name("administrator.pem")
    identity.touch(mode=0o600)
    identity.write_bytes(
        base64.b64decode(user["user"]["client-certificate-data"])
        + base64.b64decode(user["user"]["client-key-data"])
    )
    context.load_cert_chain(identity)
    url = cluster["cluster"]["server"]
    with httpx.Client(base_url=url, verify=context, timeout=SECONDS, trust_env=False) as client:
        yield Api(client)
