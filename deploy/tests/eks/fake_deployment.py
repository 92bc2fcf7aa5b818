"""A deployment whose stack and cluster are pretended, with k8s/overlays/eks applied to it."""

from __future__ import annotations

import shutil
from functools import cache
from typing import TYPE_CHECKING

import boto3
import fake_cluster
import pytest

from deploy import jobs
from deploy.eks import cluster, deployment, overlay, record, stacks
from deploy.eks.account import Account
from deploy.eks.deployment import Deployment, Stack
from deploy.kubectl import render

if TYPE_CHECKING:
    from pathlib import Path

    from fake_cluster import Cluster

MINE = Deployment("ml-pipeline", "us-west-2")
IMAGE = f"1.dkr.ecr.us-west-2.amazonaws.com/ml-pipeline/trainer@sha256:{'a' * 64}"
VALUES = {
    "ClusterName": "ml-pipeline",
    "FileSystemId": "fs-0123456789abcdef0",
    "ImgsAccessPointId": "fsap-1",
    "DataAccessPointId": "fsap-2",
    "ModelAccessPointId": "fsap-3",
    "PublicSubnetCidrs": "10.0.0.0/20",
    "ClientCidrs": "0.0.0.0/0",
}

needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="it renders overlays")


def open_account() -> Account:
    return Account(boto3.Session(region_name=MINE.region), MINE.region)


def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A deployment after its first training."""
    found = fake_cluster.install(tmp_path, monkeypatch)
    monkeypatch.setattr(deployment, "ROOT", tmp_path)
    stack = Stack(MINE.name, "UPDATE_COMPLETE", VALUES)
    monkeypatch.setattr(stacks, "find", lambda *_: stack)
    monkeypatch.setattr(cluster, "connect", lambda *_: found.kubectl)
    for name in _config_maps():
        found.has("ConfigMap", name)
    record.write(found.kubectl, record.Record(IMAGE, "training"))
    return found


@cache
def _config_maps() -> tuple[str, ...]:
    return jobs.config_maps(jobs.find_training_job(render(overlay.EKS)))
