"""What a training is given by `--data`: something of this machine, or what the trainer fetches."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from deploy import addresses, jobs, pods, sending, upload
from deploy.console import Progress, say
from deploy.errors import DataInUseError, UsageError

if TYPE_CHECKING:
    from deploy.kubectl import Kubectl
    from deploy.target import Target
    from deploy.upload import Upload


def plan(data: str | None, target: Target) -> Upload | None:
    """What of this machine is to be copied; None when the trainer finds the data itself.

    Raises:
        UsageError: it cannot be copied, or the trainer could not fetch it.
    """
    path = None if data is None else upload.local_path(data)
    if path is None:
        if data and "://" in data and target.is_fenced:
            addresses.check_reachable(data)
        return None
    context = target.kubectl.context
    if not context.startswith("kind-"):
        raise UsageError(
            f"--data {path}: data of this machine is copied into kind clusters only, which "
            f"{context} is not; give a URL or a preset"
        )
    return upload.plan(path)


def bring(planned: Upload, cluster: Kubectl) -> str:
    """Copies it, and tells where the trainer finds it.

    Raises:
        DataInUseError: what it takes the place of is being read.
    """
    check_unused(planned, cluster)
    node = cluster.find("nodes")[0]["metadata"]["name"]  # the name of its container, with kind
    megabytes = f"{planned.size / 1e6:,.1f} MB"
    say(f"copying {planned.path} into {node}; files: {len(planned.files):,}, {megabytes}")
    if planned.unreadable:
        say(f"left out, since they cannot be read: {planned.unreadable:,}")
    if planned.name.lower().endswith(upload.MANIFESTS):
        say("the manifest alone is copied: its rows need a url")
    with closing(Progress(f"copying {planned.name}")) as progress:
        sending.send(planned, node, progress)
    return planned.pod_path


def check_unused(planned: Upload, cluster: Kubectl) -> None:
    """Sees that no training reads the copy that was made before.

    Raises:
        DataInUseError: one does.
    """
    for job in cluster.find("jobs"):
        name = job["metadata"]["name"]
        if not jobs.run_number(name) or pods.is_done(job):
            continue
        if planned.pod_path in jobs.trainer(job).get("args", []):
            raise DataInUseError(
                f"{name} trains on the copy of {planned.path} that this would replace; try again "
                f"when it has ended, or end it: {cluster.shown('delete', 'job', name)}"
            )
