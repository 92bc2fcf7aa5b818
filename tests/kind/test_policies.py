"""Who reaches whom, tried from pods that are none of the product's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine import unmet
from kubectl import as_list
from probing import METADATA, policy, prober, reached, wait_until_reached
from project import TAG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster import Cluster
    from kubectl import Kubectl
    from probing import Targets

ABROAD = "ml-pipeline-tests"  # a namespace that nothing is said of
SERVE = ("python", "-m", "http.server")
TRAINER = {"app.kubernetes.io/component": "trainer"}
LET_OUT = {"tests": "let-out"}


@pytest.fixture(scope="module")
def image(cluster: Cluster) -> str:
    """One with Python, which the nodes have."""
    return f"{cluster.registry}/ml-pipeline/inference:{TAG}"


@pytest.fixture(scope="module")
def abroad(deployed: Kubectl, cluster: Cluster, image: str) -> Iterator[Kubectl]:
    """A namespace of strangers; in it the pod `foreign`, and on its node a metadata service."""
    kubectl = deployed.within(ABROAD)
    node = {"nodeName": cluster.nodes[0]}
    serving = (*SERVE, "80", f"--bind={METADATA}")
    root: dict[str, Any] = {"hostNetwork": True, "securityContext": {"runAsUser": 0}} | node
    cluster.on_node("ip", "address", "replace", f"{METADATA}/32", "dev", "lo")
    metadata = prober("metadata", image, *serving, spec=root)
    metadata["spec"]["containers"][0]["securityContext"] = {}
    kubectl("create", "namespace", ABROAD)
    try:
        kubectl.apply(metadata, prober("foreign", image, spec=node))
        kubectl.wait("condition=Ready", "pod/foreign", "pod/metadata")
        yield kubectl
    finally:
        kubectl("delete", "namespace", ABROAD)
        cluster.on_node("ip", "address", "delete", f"{METADATA}/32", "dev", "lo")


@pytest.fixture(scope="module")
def strangers(deployed: Kubectl, cluster: Cluster, image: str) -> Iterator[Kubectl]:
    """Pods in the product's namespace that no Deployment or Job has made."""
    node = {"nodeName": cluster.nodes[0]}
    made = (
        policy("let-out", LET_OUT, {"egress": [{}]}),
        prober("let-out", image, labels=LET_OUT, spec=node),
        prober("unlabelled", image, spec=node),
        prober(
            "training", image, labels=TRAINER, spec=node | {"serviceAccountName": "ml-training"}
        ),
    )
    deployed.apply(*made)
    try:
        deployed.wait("condition=Ready", "pod/let-out", "pod/unlabelled", "pod/training")
        yield deployed
    finally:
        deployed("delete", "--filename=-", given=as_list(made))


@pytest.fixture(scope="module", autouse=True)
def enforced(abroad: Kubectl, image: str) -> None:
    """Two pods that differ in a policy: where that makes no difference, nothing can be told."""
    serving = (*SERVE, "8000", "--directory=/app")
    closed = {"tests": "closed"}
    abroad.apply(
        policy("closed", closed, {"ingress": []}),
        prober("open", image, *serving),
        prober("closed", image, *serving, labels=closed),
    )
    abroad.wait("condition=Ready", "pod/open", "pod/closed")
    address = {name: abroad.get("pod", name)["status"]["podIP"] for name in ("open", "closed")}
    wait_until_reached(abroad, "foreign", {"open": (address["open"], 8000)})
    closed_port = {"closed": (address["closed"], 8000)}
    if "closed" in reached(abroad, "foreign", closed_port):
        unmet("this cluster does not enforce a NetworkPolicy", "REQUIRE_KIND")


@pytest.fixture(scope="module")
def targets(deployed: Kubectl) -> Targets:
    """What there is to reach, by its address."""
    backend, *_ = deployed.pods("inference")
    service = {
        name: deployed.get("service", name)["spec"]["clusterIP"]
        for name in ("ml-backend", "ml-frontend")
    }
    default = deployed.within("default")
    service["API"] = default.get("service", "kubernetes")["spec"]["clusterIP"]
    (slice_,) = default.find("endpointslices", "kubernetes.io/service-name=kubernetes")
    return {
        "backend": (service["ml-backend"], 5000),
        "backend's pod": (backend["status"]["podIP"], 5000),
        "page": (service["ml-frontend"], 3000),
        "API server": (slice_["endpoints"][0]["addresses"][0], slice_["ports"][0]["port"]),
        "API server's service": (service["API"], 443),
        "metadata": (METADATA, 80),
    }


def test_from_another_namespace(abroad: Kubectl, targets: Targets) -> None:
    elsewhere = {"API server", "API server's service", "metadata", "dns"}  # are there, for others
    assert reached(abroad, "foreign", targets) == {"page"} | elsewhere


def test_from_a_pod_without_labels(strangers: Kubectl, targets: Targets) -> None:
    assert reached(strangers, "unlabelled", targets) == set()


def test_from_a_pod_that_is_let_out(strangers: Kubectl, targets: Targets) -> None:
    assert {"page", "backend", "backend's pod"} & reached(strangers, "let-out", targets) == {"page"}


def test_from_the_trainer(strangers: Kubectl, targets: Targets) -> None:
    assert reached(strangers, "training", targets) == {"dns"}


def test_from_the_model_server(deployed: Kubectl, targets: Targets) -> None:
    pod, *_ = deployed.pods("inference")
    others = {name: address for name, address in targets.items() if "backend" not in name}
    assert reached(deployed, pod["metadata"]["name"], others) == set()
