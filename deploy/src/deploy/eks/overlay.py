"""The deployment's own overlay: k8s/overlays/eks, with what the stack tells."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import yaml

from deploy.eks.deployment import NAMESPACE, ROOT, TAG
from deploy.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from deploy.kubectl import Manifest

EKS = ROOT / "k8s/overlays/eks"
BASE = "../../../../../k8s/overlays/eks"  # from `Deployment.folder / "overlay"`
EXAMPLE = "111122223333.dkr.ecr.us-west-2.amazonaws.com/ml-pipeline/{}"  # an image in EKS
VOLUMES = {"imgs": "ImgsAccessPointId", "data": "DataAccessPointId", "model": "ModelAccessPointId"}
COMPONENTS = ("trainer", "inference", "frontend")

_ALB = "alb.ingress.kubernetes.io"
_LONGEST = 32  # characters of a load balancer's name, says Elastic Load Balancing
_HEADER = (
    "# Written by `./noxw -s deploy_eks`, anew each time: changes belong into k8s/overlays/eks.\n"
)


def write(folder: Path, values: Mapping[str, str], images: Mapping[str, str]) -> None:
    """Writes the overlay, for `kubectl kustomize`.

    Args:
        folder: is made, and has nothing else.
        values: the stack's parameters and outputs.
        images: each component's, by digest.

    Raises:
        DeployError: a value is missing, or an image has no digest.
    """
    folder.mkdir(parents=True, exist_ok=True)
    base = os.path.relpath(EKS, folder.resolve())
    written = documents(values, images, base)
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    for path in folder.iterdir():
        if path.name not in written:
            path.unlink()


def documents(
    values: Mapping[str, str], images: Mapping[str, str], base: str = BASE
) -> dict[str, str]:
    """The overlay's files, by name; the same values give the same text.

    Args:
        values: the stack's parameters and outputs.
        images: each component's, by digest.
        base: the way to k8s/overlays/eks from the folder that has the files.

    Raises:
        DeployError: a value is missing, or an image has no digest.
    """
    patches = {_file_name(each): each for each in _patches(values)}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [base],
        "images": [_image(component, images) for component in COMPONENTS],
        "patches": [{"path": name} for name in patches],
    }
    files = {"kustomization.yaml": kustomization, **patches}
    return {name: _HEADER + yaml.safe_dump(each, sort_keys=False) for name, each in files.items()}


def _patches(values: Mapping[str, str]) -> list[Manifest]:
    volumes = (_volume(name, output, values) for name, output in VOLUMES.items())
    return [*volumes, _policy(_value(values, "PublicSubnetCidrs")), _ingress(values)]


def _volume(name: str, output: str, values: Mapping[str, str]) -> Manifest:
    handle = f"{_value(values, 'FileSystemId')}::{_value(values, output)}"
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"ml-pipeline-{name}"},
        "spec": {"csi": {"driver": "efs.csi.aws.com", "volumeHandle": handle}},
    }


def _policy(subnets: str) -> Manifest:
    """The load balancer's subnets are let in to the page."""
    rule = {
        "from": [{"ipBlock": {"cidr": cidr}} for cidr in _listed(subnets)],
        "ports": [{"protocol": "TCP", "port": "http"}],
    }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "ml-frontend", "namespace": NAMESPACE},
        "spec": {"ingress": [rule]},
    }


def _ingress(values: Mapping[str, str]) -> Manifest:
    annotations = {f"{_ALB}/{key}": value for key, value in _annotations(values).items()}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "ml-frontend", "namespace": NAMESPACE, "annotations": annotations},
    }


def _annotations(values: Mapping[str, str]) -> dict[str, str | None]:
    """Those of the load balancer that a deployment has its own of; None takes one away."""
    name = _value(values, "ClusterName")
    return {
        "load-balancer-name": name[:_LONGEST].rstrip("-"),
        "tags": f"{TAG}={name}",
        "inbound-cidrs": ",".join(_listed(_value(values, "ClientCidrs"))),
        # Without this word the controller keeps the one that was there before.
        "wafv2-acl-arn": values.get("WebAclArn") or "none",
        **_encryption(values.get("CertificateArn", "")),
    }


def _encryption(certificate: str) -> dict[str, str | None]:
    if certificate:
        return {"certificate-arn": certificate}
    return {
        "listen-ports": '[{"HTTP": 80}]',
        "ssl-redirect": None,
        "certificate-arn": None,
        "ssl-policy": None,
    }


def _file_name(manifest: Manifest) -> str:
    return f"{manifest['metadata']['name']}-{manifest['kind'].lower()}.yaml"


def _image(component: str, images: Mapping[str, str]) -> dict[str, str]:
    uri, at, digest = images.get(component, "").partition("@")
    if not at:
        raise DeployError(f"the image of {component} has no digest; ./noxw -s deploy_eks pushes it")
    return {"name": EXAMPLE.format(component), "newName": uri, "digest": digest}


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _value(values: Mapping[str, str], name: str) -> str:
    if not values.get(name):
        raise DeployError(f"the stack tells no {name}; ./noxw -s deploy_eks brings it up to date")
    return values[name]
