"""Jobs as manifests: what a new one is made of. Nothing here asks the cluster."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from deploy.kubectl import Manifest

TRAINING_JOB, CONTAINER = "ml-training-job", "trainer"
COMPONENT = "app.kubernetes.io/component"
SHORT_SECONDS = 60  # for which a one-off Job stays when nobody is left to remove it
MOST_SECONDS = 300  # that a one-off Job may take
NODES = "ml-pipeline/nodes"  # the label that says what nodes are for
REQUESTS = MappingProxyType({"cpu": "50m", "memory": "128Mi"})  # of a command without TensorFlow

_NUMBERED = re.compile(rf"{TRAINING_JOB}(?:-([1-9][0-9]*))?")


@dataclass(frozen=True, slots=True)
class Change:
    """What is asked of the container.

    Attributes:
        arguments: in place of the image's own.
        env: goes before what the overlay sets.
        image: None for the overlay's.
        program: in place of the image's entry point; empty for that.
        secrets: variables whose values a Secret of the training Job's own name holds.
    """

    arguments: Sequence[str]
    env: Mapping[str, str]
    image: str | None = None
    program: Sequence[str] = ()
    secrets: Sequence[str] = ()


def find_training_job(manifests: Iterable[Manifest]) -> Manifest:
    """The training Job of a rendered overlay.

    Raises:
        UsageError: it has none.
    """
    for each in manifests:
        if each.get("kind") == "Job" and each["metadata"]["name"] == TRAINING_JOB:
            return each
    raise UsageError(f"the overlay has no Job {TRAINING_JOB}; k8s/overlays/local has one")


def next_name(taken: Iterable[str]) -> str:
    """A name for a new training Job: one more than the highest, from 2 on.

    The name without a number is the overlay's own: a Job cannot be changed, so that one of that
    name would have the next `kubectl apply -k` fail, and Tilt would take it for its own.
    """
    return f"{TRAINING_JOB}-{max([1, *filter(None, map(run_number, taken))]) + 1}"


def run_number(name: str) -> int | None:
    """Which training Job this is, from 1 on; None for another Job."""
    numbered = _NUMBERED.fullmatch(name)
    return int(numbered[1] or 1) if numbered else None


def training_arguments(data: str | None, *, retrain: bool) -> list[str]:
    """What the trainer is called with for a training."""
    named = [] if data is None else ["--data", data]
    return ["run", *named, *(["--retrain"] if retrain else [])]


def rollback_arguments(version: int | None) -> list[str]:
    """What the trainer is called with to go back; to the version before for None."""
    return ["rollback", *([] if version is None else [str(version)])]


def training_job(rendered: Manifest, name: str, change: Change) -> Manifest:
    """A training Job like the rendered one."""
    job = _changed(rendered, change)
    job["metadata"]["name"] = name
    trainer(job)["env"] += [
        {"name": each, "valueFrom": {"secretKeyRef": {"name": name, "key": each}}}
        for each in change.secrets
    ]
    return job


def secret(job: Manifest, values: Mapping[str, str]) -> Manifest:
    """The Secret that a Job's variables come from, which is removed with the Job.

    Args:
        job: as the cluster made it.
        values: by the names of the variables.
    """
    name, uid = job["metadata"]["name"], job["metadata"]["uid"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "ownerReferences": [owner]},
        "stringData": dict(values),
    }


def one_off_job(rendered: Manifest, command: str, change: Change) -> Manifest:
    """A Job for a command that needs nothing but the model volume, named by the cluster.

    Its component is another one, so that nothing that is meant for trainings, their way out to
    the network above all, is meant for it. Nor are the nodes for trainings, of which there may be
    none at the moment.
    """
    job = _changed(rendered, change)
    del job["metadata"]["name"]
    job["metadata"]["generateName"] = f"ml-model-{command}-"
    job["spec"] |= {
        "activeDeadlineSeconds": MOST_SECONDS,
        "backoffLimit": 0,
        "ttlSecondsAfterFinished": SHORT_SECONDS,
    }
    for metadata in (job["metadata"], job["spec"]["template"]["metadata"]):
        metadata.setdefault("labels", {})[COMPONENT] = "model"
    trainer(job).setdefault("resources", {})["requests"] = dict(REQUESTS)
    pod = job["spec"]["template"]["spec"]
    _drop_claims(pod, keep="model")
    pod.pop("tolerations", None)
    if NODES in pod.get("nodeSelector", {}):
        pod["nodeSelector"] |= {NODES: "serving"}
    return job


def trainer(job: Manifest) -> dict[str, Any]:
    """The trainer's container of a Job.

    Raises:
        UsageError: there is none.
    """
    for container in job["spec"]["template"]["spec"]["containers"]:
        if container["name"] == CONTAINER:
            return cast("dict[str, Any]", container)
    raise UsageError(f"the Job {TRAINING_JOB} has no container {CONTAINER}")


def image_in_use(jobs: Iterable[Manifest]) -> str | None:
    """The image of the Job that was applied, also when it failed, else of the newest success."""
    trainings = [job for job in jobs if run_number(job["metadata"]["name"])]
    applied = [job for job in trainings if job["metadata"]["name"] == TRAINING_JOB]
    succeeded = [job for job in trainings if job.get("status", {}).get("succeeded")]
    succeeded.sort(key=lambda job: str(job["metadata"]["creationTimestamp"]))
    chosen = [*succeeded, *applied][-1:]
    return str(trainer(chosen[0])["image"]) if chosen else None


def config_maps(job: Manifest) -> tuple[str, ...]:
    """The ConfigMaps without which the container cannot start."""
    container = trainer(job)
    sources = [each.get("configMapRef") for each in container.get("envFrom", [])]
    values = [each.get("valueFrom", {}) for each in container.get("env", [])]
    sources += [each.get("configMapKeyRef") for each in values]
    needed = {each["name"] for each in sources if each and not each.get("optional")}
    return tuple(sorted(needed))


def _changed(rendered: Manifest, change: Change) -> Manifest:
    job = copy.deepcopy(rendered)
    container = trainer(job)
    if change.image and change.image != container["image"]:
        container["image"] = change.image
        container["imagePullPolicy"] = "IfNotPresent"  # the overlay's own are never pulled
    if change.program:
        container["command"] = list(change.program)
    container["args"] = list(change.arguments)
    container["env"] = list(_merged(container.get("env", []), change.env))
    return job


def _merged(env: Sequence[Mapping[str, Any]], values: Mapping[str, str]) -> Iterator[Any]:
    yield from (each for each in env if each["name"] not in values)
    yield from ({"name": name, "value": value} for name, value in values.items())


def _drop_claims(spec: dict[str, Any], keep: str) -> None:
    """Takes the volumes away that are claimed, but for one, and where they are mounted."""
    kept = [
        volume
        for volume in spec.get("volumes", [])
        if volume.get("persistentVolumeClaim", {"claimName": keep})["claimName"] == keep
    ]
    spec["volumes"] = kept
    names = {volume["name"] for volume in kept}
    for container in (*spec["containers"], *spec.get("initContainers", [])):
        mounts = container.get("volumeMounts", [])
        container["volumeMounts"] = [mount for mount in mounts if mount["name"] in names]
