"""The cluster that the tests on Kubernetes share, and what runs there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from cluster import kept_cluster, new_cluster, require_kind
from overlay import write_overlay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cluster import Cluster
    from kubectl import Kubectl


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("kind")
    group.addoption("--keep-cluster", action="store_true", help="leave it running, for --cluster")
    group.addoption("--cluster", metavar="NAME", help="one that --keep-cluster has left running")


@pytest.fixture(scope="session")
def kind() -> None:
    """What clusters are made with; where it is missing, the tests skip, or fail if told to."""
    require_kind()


@pytest.fixture(scope="session")
def began(kind: None, images: None) -> float:
    """When the cluster was asked for, with the images built."""
    del kind, images
    return time.monotonic()


@pytest.fixture(scope="session")
def cluster(
    began: float, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    del began
    folder = tmp_path_factory.mktemp("cluster")
    name: str | None = pytestconfig.getoption("--cluster")
    with kept_cluster(name, folder) if name else new_cluster(folder) as cluster:
        try:
            yield cluster
        finally:
            if not pytestconfig.getoption("--keep-cluster"):
                cluster.remove()


@pytest.fixture(scope="session")
def overlay(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that is applied to the cluster."""
    folder = tmp_path_factory.mktemp("overlays").resolve() / "local"
    write_overlay(folder, cluster)
    return folder


@pytest.fixture(scope="session")
def applied(cluster: Cluster, overlay: Path) -> Kubectl:
    """All objects, on empty volumes; the training Job does not begin yet."""
    kubectl = cluster.kubectl()
    cluster.make_folders()
    kubectl.kustomize("apply", overlay.with_name("suspended"))
    return kubectl


@pytest.fixture(scope="session")
def deployed(applied: Kubectl, overlay: Path) -> Kubectl:
    """All three services, with a model of the digits that was trained there."""
    applied.kustomize("apply", overlay)
    applied.wait("condition=complete", "job/ml-training-job", seconds=280)
    applied.wait_for_rollout("ml-backend")
    applied.wait_for_rollout("ml-frontend")
    return applied


@pytest.fixture(scope="session")
def page_url(cluster: Cluster) -> str:
    return cluster.page_url
