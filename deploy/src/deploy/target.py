"""Where Jobs are made, and what they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy import addresses, jobs
from deploy.errors import UsageError
from deploy.kubectl import Kubectl, render

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

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
    namespace = jobs.find_training_job(manifests)["metadata"].get("namespace", "default")
    return target_of(manifests, Kubectl(arguments.context, namespace))


def target_of(manifests: Sequence[Manifest], kubectl: Kubectl) -> Target:
    """What the manifests of an overlay have for trainings.

    Raises:
        UsageError: there is no training Job among them.
    """
    job = jobs.find_training_job(manifests)
    needed = jobs.config_maps(job)
    maps = [each for each in manifests if each["kind"] == "ConfigMap"]
    data = [each.get("data") or {} for each in maps if each["metadata"]["name"] in needed]
    settings = frozenset().union(*data)
    return Target(kubectl, job, settings, addresses.is_fenced(manifests))


def chosen_settings(chosen: Mapping[str, str], known: frozenset[str]) -> dict[str, str]:
    """Settings for one Job.

    Raises:
        UsageError: one is no setting.
    """
    for name in chosen:
        if name not in known:
            names = ", ".join(sorted(known))
            raise UsageError(f"--set {name}: there is no such setting, but {names}")
    return dict(chosen)


def check_applied(target: Target, remedy: str) -> None:
    """Sees that the pod will find its settings.

    Args:
        target: whose cluster is asked.
        remedy: how they are applied.

    Raises:
        UsageError: it would wait for them in vain.
        UnreachableError: there is no cluster.
    """
    for name in jobs.config_maps(target.job):
        if target.kubectl.get("configmap", name) is None:
            raise UsageError(
                f"the cluster lacks the ConfigMap {name}: settings were changed, or nothing was "
                f"applied yet; {remedy}"
            )


def choose_image(target: Target, given: str | None) -> str:
    """The image: the one that is given, else the one in use in the cluster, else the overlay's.

    Tilt and tests give images names of their own, which only what they applied tells.
    """
    rendered = str(jobs.trainer(target.job)["image"])
    return given or jobs.image_in_use(target.kubectl.find("jobs")) or rendered
