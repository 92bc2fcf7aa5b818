"""Where Jobs are made, and what they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy import addresses, jobs
from deploy.errors import UsageError
from deploy.kubectl import Kubectl, render

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from deploy.kubectl import Manifest


@dataclass(frozen=True, slots=True)
class Target:
    """A namespace of a cluster, and the Job that all others are made of.

    Attributes:
        job: the overlay's training Job.
        settings: names of all settings.
        is_fenced: whether a NetworkPolicy tells what a training may reach.
    """

    kubectl: Kubectl
    job: Manifest
    settings: frozenset[str]
    is_fenced: bool


def find_target(arguments: argparse.Namespace) -> Target:
    """The overlay's training Job, and the namespace that it belongs to.

    Raises:
        UsageError: it is no overlay, or has no such Job.
    """
    manifests = render(arguments.overlay)
    job = jobs.find_training_job(manifests)
    needed = jobs.config_maps(job)
    maps = [each for each in manifests if each["kind"] == "ConfigMap"]
    data = [each.get("data") or {} for each in maps if each["metadata"]["name"] in needed]
    namespace = job["metadata"].get("namespace", "default")
    settings = frozenset().union(*data)
    cluster = Kubectl(arguments.context, namespace)
    return Target(cluster, job, settings, addresses.is_fenced(manifests))


def chosen_settings(arguments: argparse.Namespace, target: Target) -> dict[str, str]:
    """Settings for this one Job.

    Raises:
        UsageError: one is no setting.
    """
    chosen: Mapping[str, str] = dict(getattr(arguments, "settings", None) or [])
    for name in chosen:
        if name not in target.settings:
            names = ", ".join(sorted(target.settings))
            raise UsageError(f"--set {name}: there is no such setting, but {names}")
    named = {"MODEL_NAME": arguments.model_name} if arguments.model_name else {}
    return {**chosen, **named}


def check_applied(target: Target, arguments: argparse.Namespace) -> None:
    """Sees that the pod will find its settings.

    Raises:
        UsageError: it would wait for them in vain.
        UnreachableError: there is no cluster.
    """
    for name in jobs.config_maps(target.job):
        if target.kubectl.get("configmap", name) is None:
            raise UsageError(
                f"the cluster lacks the ConfigMap {name} of {arguments.overlay}: settings were "
                "changed, or nothing was applied yet; apply them, with Tilt or with `kubectl "
                f"--context {arguments.context} apply -k {arguments.overlay}` (that it cannot "
                f"change the Job {jobs.TRAINING_JOB} is no matter)"
            )


def choose_image(target: Target, given: str | None) -> str:
    """The image: the one that is given, else the one in use in the cluster, else the overlay's.

    Tilt and tests give images names of their own, which only what they applied tells.
    """
    rendered = str(jobs.trainer(target.job)["image"])
    return given or jobs.image_in_use(target.kubectl.find("jobs")) or rendered
