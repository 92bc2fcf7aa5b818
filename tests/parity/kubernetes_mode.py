"""The services as an overlay of k8s/ and the images define them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, TypeAlias

import rendering
from built_image import built_image
from manifests import of_kind, quantity
from service import COMPONENTS, Service
from sources import health_request, nginx_routes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from built_image import BuiltImage

JSON: TypeAlias = dict[str, Any]
COMPONENT = "app.kubernetes.io/component"
# In Docker's words: a pod that somebody has stopped is gone, and stays so.
RESTARTS = {"Always": "unless-stopped", "OnFailure": "on-failure", "Never": "no"}
PULLS = {"Always": "always", "IfNotPresent": "missing", "Never": "never"}
RETRIES = 6  # a Job's default
# https://kubernetes.io/docs/concepts/workloads/pods/probes/
PROBE_DEFAULTS = {"periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 3}
NAMES = {"cpu": "cpus"}  # of resources, as compose has them


def render(overlay: Path = rendering.LOCAL) -> dict[str, Service]:
    """The services by component; their images must have been built."""
    objects = rendering.render(overlay)
    owners = {component: each for each in objects if (component := component_of(each))}
    return {
        component: service(component, owners[component], objects, built_image(component))
        for component in COMPONENTS
        if component in owners
    }


def component_of(owner: JSON) -> str | None:
    """The component that an object's pods are; nothing for an object that makes none."""
    template: JSON = owner.get("spec", {}).get("template", {})
    labels: dict[str, str] = template.get("metadata", {}).get("labels", {})
    return labels.get(COMPONENT)


def service(component: str, owner: JSON, objects: list[JSON], image: BuiltImage) -> Service:
    """One service: what the pod says goes before what its image says."""
    pod = owner["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    security = pod.get("securityContext", {}) | container.get("securityContext", {})
    resources = container.get("resources", {})
    shared, own = config_maps(container, objects), variables(container)
    return Service(
        component=component,
        command=shlex.join(image.command(container.get("command"), container.get("args"))),
        settings=image.settings(shared | own),
        settable=frozenset((shared.keys() & image.reads.keys()) - own.keys()),
        ports=addresses(owner, container, objects),
        routes=nginx_routes() if component == "frontend" else None,
        stop=container.get("lifecycle", {}).get("stopSignal") or image.stop,
        grace_seconds=grace_seconds(pod, container),
        image=container["image"],
        user=user(security, image),
        read_only_root=security.get("readOnlyRootFilesystem", False),
        no_new_privileges=not security.get("allowPrivilegeEscalation", True),
        dropped_capabilities=frozenset(security.get("capabilities", {}).get("drop", [])),
        mounts=mounts(pod, container),
        temporary=temporary(pod, container),
        health=health(container),
        limits=amounts(resources.get("limits", {})),
        requests=amounts(resources.get("requests", {})),
        restart=restart(owner, pod),
        pull=PULLS[container.get("imagePullPolicy", "IfNotPresent")],
    )


def config_maps(container: JSON, objects: Iterable[JSON]) -> dict[str, str]:
    """What a container is given from ConfigMaps as a whole, the last one first."""
    given = {
        each["metadata"]["name"]: each.get("data", {}) for each in of_kind("ConfigMap", objects)
    }
    names = [each["configMapRef"]["name"] for each in container.get("envFrom", [])]
    return {variable: value for name in names for variable, value in given[name].items()}


def variables(container: JSON) -> dict[str, str]:
    """What a container is given by name; a reference as it is written."""
    return {
        each["name"]: str(each.get("value", each.get("valueFrom", "")))
        for each in container.get("env", [])
    }


def addresses(owner: JSON, container: JSON, objects: Iterable[JSON]) -> dict[str, str]:
    """Where the Services that select the pods are reached, by the port that they lead to."""
    labels = owner["spec"]["template"]["metadata"]["labels"]
    found: dict[str, list[str]] = {}
    for each in of_kind("Service", objects):
        selector = each["spec"].get("selector")
        if selector and selector.items() <= labels.items():
            for port in each["spec"]["ports"]:
                number = port_number(port.get("targetPort", port["port"]), container)
                found.setdefault(number, []).append(address(each, port))
    return {number: ", ".join(sorted(each)) for number, each in found.items()}


def address(service: JSON, port: JSON) -> str:
    inside = f"{service['metadata']['name']}:{port['port']}"
    return f"{inside}, a node's {port['nodePort']}" if "nodePort" in port else inside


def port_number(port: str | int, container: JSON) -> str:
    """The number of a port that may be named."""
    named = {each.get("name"): each["containerPort"] for each in container.get("ports", [])}
    return str(named.get(port, port))


def grace_seconds(pod: JSON, container: JSON) -> float:
    """From the signal on: what comes before it is taken from the same time."""
    before = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    return float(pod.get("terminationGracePeriodSeconds", 30) - before)


def user(security: JSON, image: BuiltImage) -> str:
    if "runAsUser" not in security:
        return image.user
    return f"{security['runAsUser']}:{security.get('runAsGroup', 0)}"


def mounts(pod: JSON, container: JSON) -> dict[str, str]:
    """The claim, or what else a volume is, and `ro` or `rw`, by path; not what is in memory."""
    return {
        mount["mountPath"]: access(mount, volume)
        for mount, volume in mounted(pod, container)
        if not is_memory(volume)
    }


def access(mount: JSON, volume: JSON) -> str:
    claim = volume.get("persistentVolumeClaim", {})
    source = claim.get("claimName") or next(key for key in volume if key != "name")
    return f"{source}, {'ro' if mount.get('readOnly') or claim.get('readOnly') else 'rw'}"


def temporary(pod: JSON, container: JSON) -> frozenset[str]:
    found = mounted(pod, container)
    return frozenset(mount["mountPath"] for mount, volume in found if is_memory(volume))


def is_memory(volume: JSON) -> bool:
    return bool(volume.get("emptyDir", {}).get("medium") == "Memory")


def mounted(pod: JSON, container: JSON) -> list[tuple[JSON, JSON]]:
    """Each mount with its volume."""
    volumes = {each["name"]: each for each in pod.get("volumes", [])}
    return [(each, volumes[each["name"]]) for each in container.get("volumeMounts", [])]


def health(container: JSON) -> dict[str, str] | None:
    """The startup and liveness probes in the terms of Docker's health check, times in seconds."""
    if "livenessProbe" not in container:
        return None
    live = PROBE_DEFAULTS | container["livenessProbe"]
    probes = [container[name] for name in ("startupProbe", "livenessProbe") if name in container]
    requests = dict.fromkeys(request(probe, container) for probe in probes)
    return {
        "request": ", then ".join(requests),
        "interval": f"{live['periodSeconds']:g}",
        "timeout": f"{live['timeoutSeconds']:g}",
        "startperiod": f"{start_period(container.get('startupProbe'), live):g}",
        "retries": str(live["failureThreshold"]),
    }


def start_period(startup: JSON | None, live: JSON) -> float:
    """How long Docker would not count failures, to give up a start as late as the startup probe.

    It counts them after that, and gives up when there are as many as it has retries.
    """
    if startup is None:
        return float(live.get("initialDelaySeconds", 0))
    probe = PROBE_DEFAULTS | startup
    given_up = probe["periodSeconds"] * probe["failureThreshold"]
    return float(given_up - live["periodSeconds"] * live["failureThreshold"])


def request(probe: JSON, container: JSON) -> str:
    """What a probe asks for, as in `GET /ping`; with the port where the container has another."""
    if "exec" in probe:
        return health_request(probe["exec"]["command"])
    asked = probe["httpGet"]
    port = port_number(asked["port"], container)
    own = {str(each["containerPort"]) for each in container.get("ports", [])}
    return f"GET {'' if port in own else f':{port}'}{asked.get('path', '/')}"


def amounts(resources: JSON) -> dict[str, str]:
    """Cores and bytes."""
    return {
        NAMES.get(name, name): f"{float(quantity(each)):.12g}" for name, each in resources.items()
    }


def restart(owner: JSON, pod: JSON) -> str:
    """What becomes of a container that has ended, in Docker's words."""
    if owner["kind"] == "Job" and (times := owner["spec"].get("backoffLimit", RETRIES)):
        return f"on-failure:{times}"  # in another pod
    return RESTARTS[pod.get("restartPolicy", "Always")]
