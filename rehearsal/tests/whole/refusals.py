"""A cluster that refuses an object, as a policy of its owner's would."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rehearsal.errors import RehearsalError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.cluster import Cluster

NAME = "rehearsal-refusal"
NAMESPACE = "ml-pipeline"
SECONDS, PAUSE = 60.0, 0.5
LEAVING = "has(object.metadata.deletionTimestamp)"  # whose finalizers may be taken away
OTHER = "object.metadata.name != '{name}'"


@contextmanager
def refused(cluster: Cluster, group: str, resource: str, name: str, reason: str) -> Iterator[None]:
    """Has the API server refuse an object, from when it does until afterwards.

    Args:
        cluster: whose API server.
        group: of the API, such as apps.
        resource: such as deployments.
        name: of the only one that is refused.
        reason: that it tells.
    """
    policies = described(group, resource, name, reason)
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": policies})
    cluster.kubectl("apply", "--filename=-", given=listed)
    try:
        _wait(cluster, f"{resource}.{group}/{name}", reason)
        yield
    finally:
        cluster.kubectl("delete", "--filename=-", given=listed)


def described(group: str, resource: str, name: str, reason: str) -> list[dict[str, Any]]:
    """The policy, and where it holds.

    https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
    """
    rule = {
        "apiGroups": [group],
        "apiVersions": ["*"],
        "operations": ["CREATE", "UPDATE"],
        "resources": [resource],
    }
    here = {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}}
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [
            {"expression": f"{LEAVING} || {OTHER.format(name=name)}", "message": reason}
        ],
    }
    binding = {
        "policyName": NAME,
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": here},
    }
    api = "admissionregistration.k8s.io/v1"
    return [
        {"apiVersion": api, "kind": kind, "metadata": {"name": NAME}, "spec": spec}
        for kind, spec in (
            ("ValidatingAdmissionPolicy", policy),
            ("ValidatingAdmissionPolicyBinding", binding),
        )
    ]


def _wait(cluster: Cluster, which: str, reason: str) -> None:
    """Until the API server has heard of it, which takes a moment."""
    until = time.monotonic() + SECONDS
    probe = ("annotate", which, f"--namespace={NAMESPACE}", "--dry-run=server", "probe=1")
    while True:
        try:
            cluster.kubectl(*probe)
        except RehearsalError as error:
            if reason in str(error):
                return
            raise
        assert time.monotonic() < until, f"{which} is still taken"
        time.sleep(PAUSE)
