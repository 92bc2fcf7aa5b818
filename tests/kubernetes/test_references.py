"""What an object names or selects is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from manifests import name, namespace, of_kind, pods, quantity, selects
from rendering import sets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from manifests import Pod

SETS = sets()
#: Where a cluster's own parts are, to which no policy of ours applies.
SYSTEM = "kube-system"
#: What is in every cluster.
THERE = {
    "clusterrole/system:auth-delegator",
    "role/extension-apiserver-authentication-reader",
    f"namespace/{SYSTEM}",
}


def _taken(
    selector: dict[str, Any], of: dict[str, Any], objects: list[dict[str, Any]]
) -> list[Pod]:
    """The pods in an object's namespace that its selector takes."""
    return [
        pod
        for pod in pods(objects)
        if pod.namespace == namespace(of) and selects(selector, pod.labels)
    ]


def _deployment(each: dict[str, Any], objects: list[dict[str, Any]]) -> Iterator[str]:
    taken = {pod.owner for pod in _taken(each["spec"]["selector"], each, objects)}
    if taken != {name(each)}:
        yield f"selects the pods of {sorted(taken)}"


def _service(each: dict[str, Any], objects: list[dict[str, Any]]) -> Iterator[str]:
    taken = _taken({"matchLabels": each["spec"]["selector"]}, each, objects)
    if len(taken) != 1:
        yield f"sends to the pods of {[pod.owner for pod in taken]}"
    for port in each["spec"]["ports"]:
        if not all(port["targetPort"] in pod.ports for pod in taken):
            yield f"sends to a port that is not there: {port['targetPort']}"


def _network_policy(each: dict[str, Any], objects: list[dict[str, Any]]) -> Iterator[str]:
    spec = each["spec"]
    taken = _taken(spec["podSelector"], each, objects)
    if not taken:
        yield "is for no pod"
    for rule in spec.get("ingress", []):
        yield from _missing_ports(rule, taken)
        yield from (f"lets nobody in: {peer}" for peer in _unknown(rule, "from", each, objects))
    for rule in spec.get("egress", []):
        near = [peer for peer in rule.get("to", []) if peer.keys() == {"podSelector"}]
        others = [pod for peer in near for pod in _taken(peer["podSelector"], each, objects)]
        yield from _missing_ports(rule, others)
        yield from (f"lets out to nobody: {peer}" for peer in _unknown(rule, "to", each, objects))


def _missing_ports(rule: dict[str, Any], taken: list[Pod]) -> Iterator[str]:
    for port in rule.get("ports", []):
        if not all(port["port"] in pod.ports for pod in taken):
            yield f"is for a port that is not there: {port['port']}"


def _unknown(
    rule: dict[str, Any], key: str, each: dict[str, Any], objects: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Peers in the policy's own namespace that no pod is."""
    return [
        peer
        for peer in rule.get(key, [])
        if peer.keys() == {"podSelector"} and not _taken(peer["podSelector"], each, objects)
    ]


def _autoscaler(each: dict[str, Any], objects: list[dict[str, Any]]) -> Iterator[str]:
    target = each["spec"]["scaleTargetRef"]
    found = [
        other for other in of_kind(target["kind"], objects) if name(other) == _reference(target)
    ]
    if [namespace(other) for other in found] != [namespace(each)]:
        yield f"scales what is not there: {target['name']}"
    if any("replicas" in other["spec"] for other in found):
        yield f"and {target['name']} both say how many there are"


def _disruption_budget(each: dict[str, Any], objects: list[dict[str, Any]]) -> Iterator[str]:
    if not _taken(each["spec"]["selector"], each, objects):
        yield "is for no pod"


def _binding(each: dict[str, Any], objects: list[dict[str, Any]]) -> Iterator[str]:
    named = {_reference(each["roleRef"]), *map(_reference, each["subjects"])}
    yield from (f"names {other}" for other in named - set(map(name, objects)) - THERE)


def _volume(each: dict[str, Any], objects: list[dict[str, Any]]) -> Iterator[str]:
    reference = each["spec"]["claimRef"]
    claims = [
        claim["spec"].get("volumeName")
        for claim in of_kind("PersistentVolumeClaim", objects)
        if claim["metadata"]["name"] == reference["name"]
        and namespace(claim) == reference["namespace"]
    ]
    if claims != [each["metadata"]["name"]]:
        yield f"is kept for a claim that is for {claims}"


def _api_service(each: dict[str, Any], objects: list[dict[str, Any]]) -> Iterator[str]:
    service = each["spec"]["service"]
    places = {(name(other), namespace(other)) for other in objects}
    if (f"service/{service['name']}", service["namespace"]) not in places:
        yield f"is served by what is not there: {service['name']}"


def _claim(each: dict[str, Any], objects: list[dict[str, Any]]) -> Iterator[str]:
    names = [other["metadata"]["name"] for other in of_kind("StorageClass", objects)]
    if (wanted := each["spec"].get("storageClassName")) and wanted not in names:
        yield f"is of a class that is not there: {wanted}"
    for volume in of_kind("PersistentVolume", objects):
        if volume["metadata"]["name"] == each["spec"].get("volumeName"):
            yield from _unlike(each, volume)


def _unlike(claim: dict[str, Any], volume: dict[str, Any]) -> Iterator[str]:
    """What keeps a claim from its volume."""
    asked, given = claim["spec"], volume["spec"]
    for key in ("accessModes", "storageClassName"):
        if asked[key] != given[key]:
            yield f"asks for {key} {asked[key]}, and the volume has {given[key]}"
    if quantity(asked["resources"]["requests"]["storage"]) > quantity(given["capacity"]["storage"]):
        yield "asks for more than the volume has"


def _ingress(each: dict[str, Any], objects: list[dict[str, Any]]) -> Iterator[str]:
    services = {
        (other["metadata"]["name"], namespace(other)): other["spec"]["ports"]
        for other in of_kind("Service", objects)
    }
    for backend in _backends(each):
        asked = backend["service"]
        ports = services.get((asked["name"], namespace(each)), [])
        if asked["port"]["name"] not in [port["name"] for port in ports]:
            yield f"sends to what is not there: {asked}"


def _backends(ingress: dict[str, Any]) -> list[dict[str, Any]]:
    return [path["backend"] for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]


def _reference(reference: dict[str, Any]) -> str:
    return f"{reference['kind'].lower()}/{reference['name']}"


CHECKS: dict[str, Callable[[dict[str, Any], list[dict[str, Any]]], Iterator[str]]] = {
    "APIService": _api_service,
    "ClusterRoleBinding": _binding,
    "Deployment": _deployment,
    "HorizontalPodAutoscaler": _autoscaler,
    "Ingress": _ingress,
    "NetworkPolicy": _network_policy,
    "PersistentVolume": _volume,
    "PersistentVolumeClaim": _claim,
    "PodDisruptionBudget": _disruption_budget,
    "RoleBinding": _binding,
    "Service": _service,
}


@pytest.mark.parametrize("kind", CHECKS)
@pytest.mark.parametrize("together", SETS)
def test_what_an_object_names_is_there(together: str, kind: str) -> None:
    objects = SETS[together]()
    found = {name(each): list(CHECKS[kind](each, objects)) for each in of_kind(kind, objects)}
    assert {each: faults for each, faults in found.items() if faults} == {}


@pytest.mark.parametrize("kind", CHECKS)
def test_there_are_some(kind: str) -> None:
    assert any(of_kind(kind, SETS[together]()) for together in ("local", "eks"))


@pytest.mark.parametrize("together", SETS)
def test_what_a_pod_names_is_there(together: str) -> None:
    objects = SETS[together]()
    there = {(name(each), namespace(each)) for each in objects}
    named = {(other, pod.namespace) for pod in pods(objects) for other in _named(pod)}
    assert named - there == set()


@pytest.mark.parametrize("together", SETS)
def test_a_namespace_is_there(together: str) -> None:
    objects = SETS[together]()
    there = {name(each) for each in objects} | THERE
    assert {f"namespace/{namespace(each)}" for each in objects if namespace(each)} <= there


@pytest.mark.parametrize("direction", ["Ingress", "Egress"])
@pytest.mark.parametrize("together", SETS)
def test_a_pod_is_closed_unless_a_policy_opens_it(together: str, direction: str) -> None:
    objects = SETS[together]()
    closing = [
        each
        for each in of_kind("NetworkPolicy", objects)
        if direction in each["spec"]["policyTypes"] and direction.lower() not in each["spec"]
    ]
    closed = {
        pod.owner for each in closing for pod in _taken(each["spec"]["podSelector"], each, objects)
    }
    assert closed == {pod.owner for pod in pods(objects) if pod.namespace != SYSTEM}


def _named(pod: Pod) -> Iterator[str]:
    yield f"serviceaccount/{pod.spec['serviceAccountName']}"
    for volume in pod.spec.get("volumes", []):
        if "persistentVolumeClaim" in volume:
            yield f"persistentvolumeclaim/{volume['persistentVolumeClaim']['claimName']}"
    for container in pod.containers:
        for source in container.get("envFrom", []):
            yield f"configmap/{source['configMapRef']['name']}"
