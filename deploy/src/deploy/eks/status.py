"""How a deployment is: what `status_eks` shows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deploy import pods
from deploy.console import tell
from deploy.eks import cluster, reasons, targets, verification
from deploy.errors import DeployError
from deploy.jobs import NODES, run_number
from deploy.log import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import httpx

    from deploy.eks.account import Account
    from deploy.eks.deployment import Deployment, Stack
    from deploy.kubectl import Kubectl, Manifest

AT_REST = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})
GROUPS = ("serving", "training")
TITLE_LETTERS = 10


@dataclass(frozen=True, slots=True)
class Part:
    """What is told of one thing.

    Attributes:
        title: what it is.
        lines: what it is like.
        is_well: whether it is as it should be.
    """

    title: str
    lines: Sequence[str]
    is_well: bool = True


def show(account: Account, deployment: Deployment) -> None:
    """Tells on stdout how everything is.

    Raises:
        DeployError: something is not well.
        UsageError: there is no such deployment.
        UnreachableError: AWS does not answer.
    """
    stack = targets.find_stack(account, deployment)
    tell(f"{deployment.name} in {deployment.region}")
    ill = []
    for part in _parts(stack, lambda: cluster.connect(account, deployment)):
        for title, line in zip([part.title, *[""] * len(part.lines)], part.lines, strict=False):
            tell(f"{title:{TITLE_LETTERS}}{printable(line)}".rstrip())
        ill += [] if part.is_well else [part.title]
    if ill:
        raise DeployError(f"{deployment.name} is not well: {', '.join(ill)}")
    tell("all is well")


def _parts(stack: Stack, connect: Callable[[], Kubectl]) -> Iterator[Part]:
    yield Part("stack", [stack.status], stack.status in AT_REST)
    try:
        kubectl = connect()
        yield Part("cluster", [f"Kubernetes {kubectl.server_version()}"])
    except DeployError as error:
        yield Part("cluster", [str(error)], is_well=False)
        return
    looks: dict[str, Callable[[Kubectl], Iterator[Part]]] = {
        "page": _page,
        "pods": _pods,
        "training": _training,
        "nodes": _nodes,
    }
    for title, look in looks.items():
        try:
            yield from look(kubectl)
        except DeployError as error:
            yield Part(title, [str(error)], is_well=False)


def _page(kubectl: Kubectl) -> Iterator[Part]:
    url = verification.url_of(verification.find_ingress(kubectl))
    if url is None:
        raise DeployError("the load balancer has no address yet; deploy again, which waits for it")
    with verification.open_client(url) as client:
        answers = [_answer(client, path) for path in ("/", "/api/ping", "/api/ready")]
        yield Part("page", [url, *filter(None, answers)], not any(answers))
        if not any(answers[:2]):
            yield _model(verification.get_document(client, "/api/models"))


def _answer(client: httpx.Client, path: str) -> str:
    """What is wrong with an answer; empty for nothing."""
    try:
        verification.get(client, path)
    except DeployError as error:
        return str(error)
    return ""


def _model(models: Mapping[str, Any]) -> Part:
    served = models.get("current")
    told = f"version {served} of {models.get('name')} is served" if served else "none is served"
    if reason := models.get("reason"):
        told = f"{told}; {reason}"
    head = ("version", "state", "created", "accuracy", "images")
    rows = [_version(each) for each in models.get("versions") or []]
    return Part("model", [told, *(table(head, rows) if rows else [])], bool(served))


def _version(entry: Mapping[str, Any]) -> tuple[str, ...]:
    accuracy, images = entry.get("accuracy"), entry.get("images")
    state = f"{entry.get('state')}: {entry['reason']}" if "reason" in entry else entry.get("state")
    return (
        str(entry.get("version")),
        str(state),
        str(entry.get("created") or "-"),
        "-" if accuracy is None else f"{accuracy:.1%}",
        "-" if images is None else f"{images:,}",
    )


def _pods(kubectl: Kubectl) -> Iterator[Part]:
    found = kubectl.find("deployments")
    scalers = {
        each["spec"]["scaleTargetRef"]["name"]: each
        for each in kubectl.find("horizontalpodautoscalers")
    }
    rows = [_replicas(each, scalers.get(each["metadata"]["name"])) for each in found]
    lines = table(("deployment", "ready", "autoscaler"), rows) if rows else ["none is deployed"]
    well = [reasons.is_rolled_out(each) for each in found]
    yield Part("pods", lines, bool(well) and all(well))


def _replicas(deployment: Manifest, scaler: Manifest | None) -> tuple[str, ...]:
    ready = deployment.get("status", {}).get("readyReplicas", 0)
    count = f"{ready}/{reasons.wanted_replicas(deployment)}"
    return deployment["metadata"]["name"], count, _scaling(scaler) if scaler else "-"


def _scaling(scaler: Manifest) -> str:
    """Its limits, and how far what it measures is from where it adds pods."""
    spec, status = scaler["spec"], scaler.get("status", {})
    current = {
        each["resource"]["name"]: each["resource"]["current"].get("averageUtilization")
        for each in status.get("currentMetrics") or []
        if "resource" in each
    }
    measured = [
        f"{name} {current.get(name) if current.get(name) is not None else '?'}% of {target}%"
        for name, target in _targets(spec)
    ]
    return f"{spec.get('minReplicas', 1)} to {spec['maxReplicas']}; {', '.join(measured)}"


def _targets(spec: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for each in spec.get("metrics") or []:
        target = each.get("resource", {}).get("target", {}).get("averageUtilization")
        if target is not None:
            yield each["resource"]["name"], target


def _training(kubectl: Kubectl) -> Iterator[Part]:
    found = [job for job in kubectl.find("jobs") if run_number(job["metadata"]["name"])]
    told = [_state(job) for job in pods.in_order(found)[-1:]]
    yield Part("training", told or ["no Job; one is removed a day after its end"])


def _state(job: Manifest) -> str:
    name, status = job["metadata"]["name"], job.get("status", {})
    if pods.condition(job, "Complete"):
        return f"{name}: done at {status.get('completionTime', '?')}"
    if failed := pods.condition(job, "Failed"):
        return f"{name}: failed, {failed.get('reason')}: {failed.get('message', '')}"
    if not status.get("ready"):
        return f"{name}: waits for its pod since {status.get('startTime', 'now')}"
    return f"{name}: runs since {status.get('startTime', '?')}"


def _nodes(kubectl: Kubectl) -> Iterator[Part]:
    found = kubectl.find("nodes")
    made = Counter(_group(each) for each in found)
    ready = Counter(_group(each) for each in found if pods.holds(each, "Ready"))
    groups = [*GROUPS, *sorted(made.keys() - set(GROUPS))]
    told = [f"{group} {ready[group]} of {made[group]} ready" for group in groups]
    yield Part("nodes", [", ".join(told)], made == ready and made["serving"] > 0)


def _group(node: Manifest) -> str:
    return str(node["metadata"].get("labels", {}).get(NODES, "others"))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines whose columns stand one below the other."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    ]
