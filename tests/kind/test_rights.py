"""What pods may do to the cluster, and what the cluster lets pods be."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kubectl import Kubectl, Manifest

ACCOUNTS = ("ml-training", "ml-backend", "ml-frontend")
NOBODY = "system:serviceaccount:ml-pipeline:nobody"  # has what every account has
CONTAINER_FAULTS: dict[str, dict[str, Any]] = {
    "privileged": {"privileged": True, "allowPrivilegeEscalation": True},
    "allowPrivilegeEscalation": {"allowPrivilegeEscalation": True},
    "unrestricted capabilities": {"capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]}},
    "runAsUser=0": {"runAsUser": 0},
    "runAsNonRoot": {"runAsNonRoot": False},
    "seccompProfile": {"seccompProfile": {"type": "Unconfined"}},
}
POD_FAULTS: dict[str, dict[str, Any]] = {
    "host namespaces": {"hostNetwork": True},
    "restricted volume types": {"volumes": [{"name": "model", "hostPath": {"path": "/"}}]},
}


@pytest.fixture(scope="module")
def pod(applied: Kubectl) -> Manifest:
    """The model server's, by itself."""
    template = applied.get("deployment", "ml-backend")["spec"]["template"]
    spec = template["spec"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tried"}, "spec": spec}


@pytest.mark.parametrize("account", ACCOUNTS)
def test_an_account_has_no_rights_of_its_own(applied: Kubectl, account: str) -> None:
    assert applied.get("serviceaccount", account)["automountServiceAccountToken"] is False
    assert rights(applied, f"system:serviceaccount:ml-pipeline:{account}") == rights(
        applied, NOBODY
    )


def test_rights_are_told(applied: Kubectl) -> None:
    """Or the test above would pass whatever the rights are."""
    kube_system = applied.within("kube-system")
    other = rights(kube_system, "system:serviceaccount:kube-system:metrics-server")
    assert other > rights(kube_system, NOBODY)


def test_a_pod_has_no_token(deployed: Kubectl) -> None:
    for component in ("inference", "frontend"):
        pod, *_ = deployed.pods(component)
        mounted = [each["mountPath"] for each in pod["spec"]["containers"][0]["volumeMounts"]]
        assert not [path for path in mounted if path.startswith("/var/run/secrets")]


def test_the_products_own_pod_is_accepted(applied: Kubectl, pod: Manifest) -> None:
    assert refusal(applied, pod) == ""


@pytest.mark.parametrize(("fault", "change"), CONTAINER_FAULTS.items(), ids=CONTAINER_FAULTS)
def test_a_container_that_may_do_more_is_refused(
    applied: Kubectl, pod: Manifest, fault: str, change: dict[str, Any]
) -> None:
    wrong = copy.deepcopy(pod)
    wrong["spec"]["containers"][0]["securityContext"] |= change
    refused = refusal(applied, wrong)
    assert 'violates PodSecurity "restricted:latest"' in refused
    assert fault in refused


@pytest.mark.parametrize(("fault", "change"), POD_FAULTS.items(), ids=POD_FAULTS)
def test_a_pod_that_sees_the_host_is_refused(
    applied: Kubectl, pod: Manifest, fault: str, change: dict[str, Any]
) -> None:
    refused = refusal(applied, pod | {"spec": pod["spec"] | change})
    assert 'violates PodSecurity "restricted:latest"' in refused
    assert fault in refused


def rights(kubectl: Kubectl, user: str) -> set[str]:
    """What a user may do in the namespace, a line each."""
    lines = kubectl("auth", "can-i", "--list", "--no-headers", f"--as={user}").splitlines()
    return {" ".join(line.split()) for line in lines}


def refusal(kubectl: Kubectl, pod: Manifest) -> str:
    """What the API server has against a pod."""
    return kubectl.start("create", "--dry-run=server", "--filename=-", given=json.dumps(pod)).stderr
