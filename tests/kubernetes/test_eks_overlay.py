"""The overlay for Amazon EKS: what its load balancer, volumes and nodes need of one another."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from manifests import name, of_kind, pods
from rendering import EKS, ROOT, render

if TYPE_CHECKING:
    from manifests import Pod

ALB = "alb.ingress.kubernetes.io"
NODES = "ml-pipeline/nodes"


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    return render(EKS)


@pytest.fixture(scope="module")
def page(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """The spec of the page's pods."""
    return _pod("deployment/ml-frontend", objects).spec


@pytest.fixture(scope="module")
def balancer(objects: list[dict[str, Any]]) -> dict[str, str]:
    """The Ingress' annotations, without what all begin with."""
    (ingress,) = of_kind("Ingress", objects)
    given = ingress["metadata"]["annotations"]
    assert all(key.startswith(f"{ALB}/") for key in given)
    assert all(isinstance(value, str) for value in given.values())
    return {key.partition("/")[2]: value for key, value in given.items()}


def test_the_balancer_sends_to_pods_from_the_internet(balancer: dict[str, str]) -> None:
    assert balancer.items() >= {"scheme": "internet-facing", "target-type": "ip"}.items()


def test_http_is_led_to_https_with_a_modern_policy(balancer: dict[str, str]) -> None:
    assert json.loads(balancer["listen-ports"]) == [{"HTTP": 80}, {"HTTPS": 443}]
    assert balancer["ssl-redirect"] == "443"
    assert balancer["certificate-arn"].startswith("arn:aws:acm:")
    assert re.fullmatch(r"ELBSecurityPolicy-TLS13-1-[23](-\w+)*-\d{4}-\d\d", balancer["ssl-policy"])


def test_headers_that_are_none_are_dropped(balancer: dict[str, str]) -> None:
    attributes = _attributes(balancer["load-balancer-attributes"])
    assert attributes["routing.http.drop_invalid_header_fields.enabled"] == "true"


def test_a_resting_connection_is_closed_by_the_balancer_first(balancer: dict[str, str]) -> None:
    attributes = _attributes(balancer["load-balancer-attributes"])
    idle = int(attributes["idle_timeout.timeout_seconds"])
    assert idle < _nginx_seconds("keepalive_timeout")


def test_what_was_begun_is_answered_before_a_page_ends(
    balancer: dict[str, str], page: dict[str, Any]
) -> None:
    """A target is to be out of use by the end of preStop; what it still answers is waited for."""
    attributes = _attributes(balancer["target-group-attributes"])
    delay = int(attributes["deregistration_delay.timeout_seconds"])
    before = page["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert delay >= _nginx_seconds("worker_shutdown_timeout")
    assert before + delay <= page["terminationGracePeriodSeconds"]


def test_the_balancer_asks_for_health_as_kubernetes_does(
    balancer: dict[str, str], page: dict[str, Any]
) -> None:
    probe = page["containers"][0]["readinessProbe"]
    assert balancer["healthcheck-path"] == probe["httpGet"]["path"]
    assert balancer["healthcheck-timeout-seconds"] == str(probe["timeoutSeconds"])
    assert int(balancer["healthcheck-timeout-seconds"]) < int(
        balancer["healthcheck-interval-seconds"]
    )


def test_a_page_is_ready_when_the_balancer_says_so(objects: list[dict[str, Any]]) -> None:
    (namespace,) = of_kind("Namespace", objects)
    labels = namespace["metadata"]["labels"]
    assert labels["elbv2.k8s.aws/pod-readiness-gate-inject"] == "enabled"


def test_subnets_alone_are_let_in_to_the_page(objects: list[dict[str, Any]]) -> None:
    (policy,) = (each for each in objects if name(each) == "networkpolicy/ml-frontend")
    (rule,) = policy["spec"]["ingress"]
    assert rule["from"]
    assert all(peer.keys() == {"ipBlock"} for peer in rule["from"])
    assert "0.0.0.0/0" not in [peer["ipBlock"]["cidr"] for peer in rule["from"]]
    assert policy["spec"]["egress"], "the base's"


def test_volumes_are_access_points_by_tls_and_a_role(objects: list[dict[str, Any]]) -> None:
    volumes = [each["spec"] for each in of_kind("PersistentVolume", objects)]
    assert {each["csi"]["driver"] for each in volumes} == {"efs.csi.aws.com"}
    handles = {each["csi"]["volumeHandle"] for each in volumes}
    # https://github.com/kubernetes-sigs/aws-efs-csi-driver, parseVolumeId
    assert all(re.fullmatch("fs-[0-9a-f]{8,40}::fsap-[0-9a-f]{8,40}", each) for each in handles)
    assert len(handles) == len(volumes) == 3
    assert all(set(each["mountOptions"]) >= {"tls", "iam"} for each in volumes)
    assert {each["persistentVolumeReclaimPolicy"] for each in volumes} == {"Retain"}


def test_the_class_makes_no_volume(objects: list[dict[str, Any]]) -> None:
    (storage,) = of_kind("StorageClass", objects)
    assert storage["provisioner"] == "efs.csi.aws.com"
    assert "provisioningMode" not in storage.get("parameters", {})
    assert storage["reclaimPolicy"] == "Retain"


def test_a_training_runs_on_its_own_nodes_and_is_not_moved(objects: list[dict[str, Any]]) -> None:
    training = _pod("job/ml-training-job", objects)
    assert training.spec["nodeSelector"] == {NODES: "training"}
    assert training.spec["tolerations"] == [
        {"key": NODES, "operator": "Equal", "value": "training", "effect": "NoSchedule"}
    ]
    (job,) = of_kind("Job", objects)
    annotations = job["spec"]["template"]["metadata"]["annotations"]
    assert annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"


@pytest.mark.parametrize("owner", ["deployment/ml-backend", "deployment/ml-frontend"])
def test_a_service_is_spread_over_its_nodes_and_their_zones(
    owner: str, objects: list[dict[str, Any]]
) -> None:
    pod = _pod(owner, objects)
    assert pod.spec["nodeSelector"] == {NODES: "serving"}
    assert "tolerations" not in pod.spec
    spread = {each["topologyKey"]: each for each in pod.spec["topologySpreadConstraints"]}
    assert spread.keys() == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    for each in spread.values():
        assert each["labelSelector"]["matchLabels"].items() <= pod.labels.items()


def test_every_image_is_named_by_its_digest(objects: list[dict[str, Any]]) -> None:
    images = [each["image"] for pod in pods(objects) for each in pod.containers]
    assert all(re.search(r"@sha256:[0-9a-f]{64}$", image) for image in images), images


def _pod(owner: str, objects: list[dict[str, Any]]) -> Pod:
    (pod,) = (each for each in pods(objects) if each.owner == owner)
    return pod


def _attributes(text: str) -> dict[str, str]:
    return dict(each.split("=", 1) for each in text.split(","))


def _nginx_seconds(directive: str) -> int:
    text = (ROOT / "frontend/nginx/nginx.conf").read_text(encoding="utf-8")
    (seconds,) = re.findall(rf"^\s*{directive} (\d+)s;", text, re.MULTILINE)
    return int(seconds)
