"""Training Jobs, made of the one that is applied."""

from __future__ import annotations

import copy
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kubectl import Kubectl, Manifest

EPOCH = re.compile(r"epoch (\d+) of \d+:")


@contextmanager
def training_job(kubectl: Kubectl, name: str, *arguments: str, **settings: str) -> Iterator[str]:
    """A Job that trains a model of its own name; removed in the end."""
    settings = {"MODEL_NAME": name, **settings}
    kubectl.apply(_named(kubectl.get("job", "ml-training-job"), name, arguments, settings))
    try:
        yield name
    finally:
        kubectl("delete", "job", name)


def pods_of(kubectl: Kubectl, job: str) -> list[Manifest]:
    """The Job's pods, the oldest first."""
    found = kubectl.find("pods", f"batch.kubernetes.io/job-name={job}")
    return sorted(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))


def epochs_of(kubectl: Kubectl, pod: Manifest) -> list[int]:
    """The epochs that it has finished."""
    log = kubectl.start("logs", pod["metadata"]["name"]).stdout
    return [int(number) for number in EPOCH.findall(log)]


def condition_of(kubectl: Kubectl, job: str, kind: str) -> str:
    """Why a Job is in a condition such as Failed; empty if it is not."""
    conditions = kubectl.get("job", job)["status"].get("conditions", [])
    held = [each for each in conditions if each["type"] == kind and each["status"] == "True"]
    return "".join(each["reason"] for each in held)


def exit_code(pod: Manifest) -> int:
    (status,) = pod["status"]["containerStatuses"]
    return int(status["state"]["terminated"]["exitCode"])


def _named(job: Manifest, name: str, arguments: tuple[str, ...], env: dict[str, str]) -> Manifest:
    template = copy.deepcopy(job["spec"]["template"])
    for label in ("batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid"):
        template["metadata"]["labels"].pop(label, None)
    for label in ("job-name", "controller-uid"):
        template["metadata"]["labels"].pop(label, None)
    (container,) = template["spec"]["containers"]
    container["args"] = list(arguments)
    container["env"] = [{"name": key, "value": value} for key, value in env.items()]
    kept = ("activeDeadlineSeconds", "backoffLimit", "podFailurePolicy")
    spec = {key: job["spec"][key] for key in kept} | {"template": template}
    return {
        "apiVersion": job["apiVersion"],
        "kind": "Job",
        "metadata": {"name": name},
        "spec": spec,
    }
