from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from rehearsal.balancer import balance
from rehearsal.cluster import make_network

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cluster_fixtures import Amazon

    from rehearsal.cluster import Cluster

pytest_plugins = ["cluster_fixtures"]

NAMESPACE = "ml-pipeline"
ALB = "alb.ingress.kubernetes.io"
SERVE = "mkdir -p /tmp/page && echo hello > /tmp/page/index.html && cd /tmp/page && "
SERVE += "exec python -m http.server 3000"


def apply(kind: Cluster, *manifests: dict[str, Any]) -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": manifests}
    kind.kubectl("apply", "--filename=-", given=json.dumps(listed))


def get(kind: Cluster, *what: str) -> dict[str, Any]:
    return dict(json.loads(kind.kubectl("get", *what, "--output=json")))


def until(done: Callable[[], bool], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"after {seconds} s still not: {what}"
        time.sleep(0.3)


def on_node(kind: Cluster, *command: str) -> str:
    """What a command says on the node that serves."""
    full = ["docker", "exec", kind.nodes[0], *command]
    return subprocess.run(full, capture_output=True, text=True, check=True).stdout.strip()


def events(kind: Cluster) -> str:
    return kind.kubectl("get", "events", f"--namespace={NAMESPACE}")


def volume(name: str, handle: str) -> list[dict[str, Any]]:
    """As k8s/overlays/eks has it."""
    common = {"accessModes": ["ReadWriteMany"], "storageClassName": "efs"}
    csi = {"driver": "efs.csi.aws.com", "volumeHandle": handle}
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {
                **common,
                "capacity": {"storage": "1Gi"},
                "csi": csi,
                "mountOptions": ["tls", "iam"],
            },
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                **common,
                "resources": {"requests": {"storage": "1Gi"}},
                "volumeName": name,
            },
        },
    ]


def pod(
    kind: Cluster, name: str, command: str, *, nodes: str = "serving", claim: str = ""
) -> dict[str, Any]:
    """A pod of the containers' user, from the driver's image, which has Python."""
    container: dict[str, Any] = {
        "name": "main",
        "image": f"{kind.registry}/{kind.name}",
        "command": ["sh", "-c", command],
    }
    spec: dict[str, Any] = {
        "containers": [container],
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "nodeSelector": {"ml-pipeline/nodes": nodes},
        "securityContext": {"runAsUser": 10001, "runAsGroup": 10001},
    }
    if nodes == "training":
        spec["tolerations"] = [{"key": "ml-pipeline/nodes", "value": "training"}]
    if claim:
        container["volumeMounts"] = [{"name": "files", "mountPath": "/files"}]
        spec["volumes"] = [{"name": "files", "persistentVolumeClaim": {"claimName": claim}}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": name}},
        "spec": spec,
    }


@pytest.fixture
def empty(kind: Cluster) -> Iterator[Cluster]:
    """The cluster with an empty namespace, and nothing of the test's left afterwards."""
    kind.kubectl("create", "namespace", NAMESPACE)
    yield kind
    kind.refuse_volumes(None)
    kind.take_balancer_away(away=False)
    kind.empty()


def test_nodes_are_as_node_groups_make_them(kind: Cluster) -> None:
    found = {each["metadata"]["name"]: each for each in get(kind, "nodes")["items"]}
    serving, training = (found[name] for name in kind.nodes)
    assert serving["metadata"]["labels"]["ml-pipeline/nodes"] == "serving"
    assert serving["spec"].get("taints") is None
    assert serving["metadata"]["labels"]["topology.kubernetes.io/zone"] == "us-west-2a"
    assert training["metadata"]["labels"]["ml-pipeline/nodes"] == "training"
    (taint,) = training["spec"]["taints"]
    assert (taint["key"], taint["value"], taint["effect"]) == (
        *("ml-pipeline/nodes", "training", "NoSchedule"),
    )


def test_a_token_is_asked_about(kind: Cluster) -> None:
    whoami = ("auth", "whoami", "--output=jsonpath={.status.userInfo.username}")
    server = ("--server", kind.endpoint, "--insecure-skip-tls-verify", "--kubeconfig=/dev/null")
    good, bad = (
        subprocess.run(
            ["kubectl", *server, f"--token={token}", *whoami],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
        for token in ("good", "bad")
    )
    assert (good.returncode, good.stdout) == (0, "deployer"), good.stderr
    assert bad.returncode != 0
    assert "Unauthorized" in bad.stderr or "logged in" in bad.stderr


def test_a_volume_is_shared_by_all_nodes(empty: Cluster, amazon: Amazon) -> None:
    file_system, point = amazon.make_access_point()
    write = "echo written > /files/told && until grep -q read /files/answer; do sleep 0.2; done"
    read = "until grep -q written /files/told; do sleep 0.2; done; echo read > /files/answer"
    apply(
        empty,
        *volume("model", f"{file_system}::{point}"),
        pod(empty, "writer", write, nodes="training", claim="model"),
        pod(empty, "reader", read, claim="model"),
    )
    wait = ("wait", "pods", "--all", f"--namespace={NAMESPACE}", "--timeout=60s")
    empty.kubectl(*wait, "--for=jsonpath={.status.phase}=Succeeded")
    folder = f"/var/lib/ml-pipeline/{file_system}/model"
    assert on_node(empty, "ls", folder).split() == ["answer", "told"]
    assert on_node(empty, "stat", "--format=%u %g %a", folder) == "10001 10001 750"
    empty.kubectl("delete", "pods", "--all", f"--namespace={NAMESPACE}")
    csi = "kubernetes.io~csi"
    until(lambda: csi not in on_node(empty, "cat", "/proc/mounts"), "unmounted")


def test_a_volume_that_is_refused_is_told_of(empty: Cluster, amazon: Amazon) -> None:
    file_system, point = amazon.make_access_point()
    unknown = [*volume("unknown", f"{file_system}::fsap-12345678"), *volume("known", "")]
    unknown[2]["spec"]["csi"]["volumeHandle"] = f"{file_system}::{point}"
    empty.refuse_volumes("the file system is on fire")
    apply(
        empty,
        *unknown,
        pod(empty, "lost", "true", claim="unknown"),
        pod(empty, "burnt", "true", claim="known"),
    )
    until(lambda: "the file system is on fire" in events(empty), "told why")
    empty.refuse_volumes(None)
    wait = ("wait", "pod/burnt", f"--namespace={NAMESPACE}", "--timeout=60s")
    empty.kubectl(*wait, "--for=jsonpath={.status.phase}=Succeeded")
    until(lambda: "there is no access point fsap-12345678" in events(empty), "told why")
    assert get(empty, "pod/lost", f"--namespace={NAMESPACE}")["status"]["phase"] == "Pending"


def page(kind: Cluster, **annotations: str) -> list[dict[str, Any]]:
    """A page, that its load balancer's addresses alone are let in to, and the way there."""
    named = {"name": "ml-frontend", "namespace": NAMESPACE}
    ports = [{"name": "http", "port": 3000}]
    selector = {"app": "page"}
    subnets = [{"ipBlock": {"cidr": make_network().cidr}}]
    backend = {"service": {"name": "ml-frontend", "port": {"name": "http"}}}
    given = {f"{ALB}/{name.replace('_', '-')}": value for name, value in annotations.items()}
    return [
        pod(kind, "page", SERVE),
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": named,
            "spec": {"selector": selector, "ports": ports},
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": named,
            "spec": {"podSelector": {"matchLabels": selector}, "ingress": [{"from": subnets}]},
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {
                **named,
                "annotations": {f"{ALB}/scheme": "internet-facing", f"{ALB}/target-type": "ip"}
                | given,
            },
            "spec": {
                "ingressClassName": "alb",
                "rules": [
                    {"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
                ],
            },
        },
    ]


def install(kind: Cluster, amazon: Amazon) -> None:
    """What the chart installs."""
    vpc, _ = amazon.make_vpc()
    values = {"clusterName": "flowers", "region": "us-west-2", "vpcId": vpc}
    apply(
        kind,
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "aws-load-balancer-controller", "namespace": "kube-system"},
            "data": {"values": json.dumps(values)},
        },
    )


def hostname(kind: Cluster) -> str:
    told = get(kind, "ingress/ml-frontend", f"--namespace={NAMESPACE}")["status"]
    return str((told["loadBalancer"].get("ingress") or [{"hostname": ""}])[0]["hostname"])


def test_a_page_is_found_through_its_load_balancer(empty: Cluster, amazon: Amazon) -> None:
    with balance(empty, amazon.url) as proxy, httpx.Client(proxy=proxy, trust_env=False) as client:
        apply(empty, *page(empty))
        empty.kubectl("wait", "pod/page", f"--namespace={NAMESPACE}", "--for=condition=Ready")
        assert hostname(empty) == ""  # as long as no controller is installed
        install(empty, amazon)
        until(lambda: hostname(empty) != "", "a load balancer")
        url = f"http://{hostname(empty)}/"
        until(lambda: client.get(url).status_code == 200, "the page")
        assert client.get(url).text == "hello\n"
        (group,) = amazon.elb.describe_target_groups()["TargetGroups"]
        arn = group["TargetGroupArn"]
        until(
            lambda: (
                len(
                    amazon.elb.describe_target_health(TargetGroupArn=arn)[
                        "TargetHealthDescriptions"
                    ]
                )
                == 1
            ),
            "the pod is a target",
        )
        empty.kubectl("delete", "ingress/ml-frontend", f"--namespace={NAMESPACE}", "--timeout=30s")
        assert amazon.elb.describe_load_balancers()["LoadBalancers"] == []
        assert client.get(url).status_code == 502
        assert "rehearsal-balancer" not in empty.kubectl("get", "services", "--all-namespaces")


def test_a_controller_that_is_away_or_refuses_is_seen(empty: Cluster, amazon: Amazon) -> None:
    with balance(empty, amazon.url):
        empty.take_balancer_away(away=True)
        install(empty, amazon)
        apply(empty, *page(empty, sheme="internal"))
        empty.take_balancer_away(away=False)
        reason = "Failed build model due to alb.ingress.kubernetes.io/sheme"
        until(lambda: reason in events(empty), "told why")
        assert hostname(empty) == ""
        kept = get(empty, "ingress/ml-frontend", f"--namespace={NAMESPACE}")["metadata"]
        assert kept["finalizers"] == ["ingress.k8s.aws/resources"]


def test_all_that_was_added_is_taken_away(empty: Cluster, amazon: Amazon) -> None:
    file_system, point = amazon.make_access_point()
    install(empty, amazon)
    waiting = page(empty)
    waiting[-1]["metadata"]["finalizers"] = ["ingress.k8s.aws/resources"]
    apply(empty, *volume("model", f"{file_system}::{point}"), *waiting)
    empty.empty()
    assert NAMESPACE not in empty.kubectl("get", "namespaces")
    assert get(empty, "persistentvolumes")["items"] == []
    assert "aws-load" not in empty.kubectl("get", "configmaps", "--namespace=kube-system")
    assert "efs-csi-node" in empty.kubectl("get", "daemonsets", "--namespace=kube-system")
    empty.kubectl("create", "namespace", NAMESPACE)
