"""k8s/overlays/local with the images that the tests have pushed."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import yaml

from project import ROOT, TAG

if TYPE_CHECKING:
    from pathlib import Path

    from cluster import Cluster

LOCAL = ROOT / "k8s/overlays/local"
SERVICES = ("trainer", "inference", "frontend")
# The overlay has them in the nodes already; these come from the cluster's registry.
PULLED = {
    "op": "replace",
    "path": "/spec/template/spec/containers/0/imagePullPolicy",
    "value": "IfNotPresent",
}
SUSPENDED = """
apiVersion: batch/v1
kind: Job
metadata: {name: ml-training-job, namespace: ml-pipeline}
spec: {suspend: true}
"""


def write_overlay(folder: Path, cluster: Cluster) -> None:
    """A kustomization in a new folder, and beside it, in `suspended`, one that does not train."""
    images, patches = [], []
    for service in SERVICES:
        name = f"ml-pipeline/{service}"
        images.append({"name": name, "newName": cluster.push(f"{name}:{TAG}"), "newTag": TAG})
    for kind in ("Deployment", "Job"):
        target = {"kind": kind, "namespace": "ml-pipeline"}
        patches.append({"target": target, "patch": json.dumps([PULLED])})
    _write(folder, LOCAL, images=images, patches=patches)
    _write(folder.with_name("suspended"), folder, patches=[{"patch": SUSPENDED}])


def _write(folder: Path, resource: Path, **more: list[Any]) -> None:
    folder.mkdir()
    content = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(resource, folder)],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(content | more))
