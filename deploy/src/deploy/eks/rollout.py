"""What is applied to the cluster, stage by stage, and the waits between the stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy import jobs, pods, running
from deploy.console import say
from deploy.eks import reasons, record
from deploy.eks.data import Given
from deploy.eks.record import Record
from deploy.eks.waiting import Patience, wait_until_done
from deploy.errors import DeployError, UnreachableError
from deploy.follow import last_words
from deploy.jobs import Change
from deploy.log import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from deploy.follow import Outcome
    from deploy.kubectl import Kubectl, Manifest

CLAIM_SECONDS = 120.0
WEBHOOK_SECONDS = 120.0  # for which a controller that was just installed may not answer
LOOK_SECONDS = 2.0
SPECIFICATION, DATA = "ml-pipeline/specification", "ml-pipeline/data"  # a Record's, on its Job
NO_DATA = Given()
QUOTED_EVENTS, QUOTED_LINES = 5, 10


def apply(
    kubectl: Kubectl, manifests: Sequence[Manifest], seconds: float = WEBHOOK_SECONDS
) -> list[str]:
    """Makes the cluster's objects like these.

    Args:
        kubectl: of the cluster.
        manifests: none of them a Job, which cannot be changed.
        seconds: for which a controller's webhook may not answer.

    Returns:
        What was made or changed, such as "deployment.apps/ml-backend".

    Raises:
        DeployError: the cluster refuses one.
        UnreachableError: the cluster does not answer.
    """
    changed: list[str] = []

    def look() -> str | None:
        try:
            changed.extend(kubectl.apply(manifests))
        except DeployError as error:
            if "webhook" not in str(error):
                raise
            return str(error)
        return None

    wait_until_done("apply", look, Patience(seconds, LOOK_SECONDS))
    return changed


def wait_for_claims(kubectl: Kubectl, seconds: float = CLAIM_SECONDS) -> None:
    """Waits until all volumes are there.

    Raises:
        DeployError: one is not bound within the time.
    """

    def look() -> str | None:
        claims = kubectl.find("persistentvolumeclaims")
        unbound = [each for each in claims if each.get("status", {}).get("phase") != "Bound"]
        if not unbound:
            return None
        name = unbound[0]["metadata"]["name"]
        told = reasons.last_event(kubectl.events(name)) or "its volume is looked for"
        return f"{len(claims) - len(unbound)} of {len(claims)} bound; {name}: {told}"

    _wait(
        "volume claims",
        look,
        seconds,
        "check the EFS mount and permissions: `"
        + kubectl.shown("describe", "persistentvolumeclaims")
        + "`; a claim whose volume is of another access point is deleted, then deploy again",
    )


def wait_for_deployment(kubectl: Kubectl, name: str, seconds: float) -> None:
    """Waits until all pods of a Deployment are of its newest kind, and ready.

    Raises:
        DeployError: they are not within the time; what the pod says last was told before.
    """
    news = "it is not there"

    def look() -> str | None:
        nonlocal news
        deployment = kubectl.get("deployment", name)
        if deployment and reasons.is_rolled_out(deployment):
            return None
        news = _news(kubectl, deployment) if deployment else "it is not there"
        return news

    try:
        _wait(f"deployment {name}", look, seconds)
    except DeployError as error:
        _quote(kubectl, name)
        again = f"`{kubectl.shown('describe', f'deployment/{name}')}` tells more; deploy again"
        raise DeployError(f"{error}; {reasons.remedy(news, again)}") from error


def wait_for_scaler(kubectl: Kubectl, name: str, seconds: float) -> None:
    """Waits until a Deployment has as many pods ready as its autoscaler keeps at least.

    Raises:
        DeployError: it has not within the time.
    """

    def look() -> str | None:
        scaler, deployment = (
            kubectl.get(kind, name) for kind in ("horizontalpodautoscaler", "deployment")
        )
        least = scaler["spec"]["minReplicas"] if scaler else 1
        ready = deployment.get("status", {}).get("readyReplicas", 0) if deployment else 0
        return None if ready >= least else f"{ready} of {least} pods are ready"

    more = kubectl.shown("describe", f"horizontalpodautoscaler/{name}")
    _wait(f"autoscaler {name}", look, seconds, f"`{more}` tells more; deploy again")


def train(
    kubectl: Kubectl, job: Manifest, trainer_image: str, given: Given = NO_DATA
) -> str | None:
    """Trains, unless a training of the same specification and data has succeeded as the last one.

    A Job of the same specification that runs, or has just succeeded, is followed: it is that of a
    deployment which was stopped.

    Args:
        kubectl: of the cluster.
        job: the overlay's training Job.
        trainer_image: that of the Job, by digest; kept for commands.
        given: what it trains on; nothing for what was trained on before, else the bundled digits.

    Returns:
        What came of it; None when there was nothing to do.

    Raises:
        DeployError: the training failed.
        UnreachableError: the cluster is gone for too long.
    """
    wanted = Record(trainer_image, record.hash_of(job), given.identity)
    known = record.read(kubectl)
    if known and known.is_enough(wanted):
        return None
    found = _started(kubectl, wanted) or _created(kubectl, job, wanted, given)
    name = found["metadata"]["name"]
    outcome = running.follow_training(kubectl, name)
    if outcome.fault:
        raise DeployError(_told(kubectl, name, outcome))
    record.write(kubectl, _remembered(found))
    return running.published(outcome) or f"{name} is done, and had nothing to publish"


def _started(kubectl: Kubectl, wanted: Record) -> Manifest | None:
    """The newest Job that a deployment made, if it is what is wanted and no failure."""
    found = kubectl.find("jobs", {jobs.COMPONENT: "trainer"})
    made = [job for job in found if SPECIFICATION in job["metadata"].get("annotations", {})]
    for job in pods.in_order(made)[-1:]:
        if _remembered(job).is_enough(wanted) and not pods.condition(job, "Failed"):
            say(f"  {job['metadata']['name']} is there already, of an earlier run; it is followed")
            return job
    return None


def _created(kubectl: Kubectl, job: Manifest, wanted: Record, given: Given) -> Manifest:
    arguments = jobs.training_arguments(given.argument, retrain=False)
    change = Change(arguments, {}, secrets=tuple(given.secrets))
    notes = {SPECIFICATION: wanted.training, DATA: wanted.data}

    def make(taken: set[str]) -> Manifest:
        name = job["metadata"]["name"]  # if it is taken, by another specification or a failure
        made = jobs.training_job(job, jobs.next_name(taken) if name in taken else name, change)
        made["metadata"]["annotations"] = made["metadata"].get("annotations", {}) | notes
        return made

    created = running.create_free(kubectl, make, given.secrets)
    say(f"  {created['metadata']['name']} is created")
    return created


def _remembered(job: Manifest) -> Record:
    """What a Job's annotations tell of it."""
    notes = job["metadata"]["annotations"]
    return Record(jobs.trainer(job)["image"], notes[SPECIFICATION], notes.get(DATA, ""))


def _told(kubectl: Kubectl, name: str, outcome: Outcome) -> str:
    """Why a training failed, and what to do."""
    if not outcome.lines:
        remedy = (
            "it logged nothing: if its pod found no node, give more of --training-instance-types "
            "or a higher --training-max; if it could not mount, check the EFS mount and permissions"
        )
        return f"{name} failed, {outcome.fault}; {remedy}; then deploy again"
    again = (
        f"`{running.log_command(kubectl, name)}` has its log; check the EFS mount and permissions "
        "if it names a file; deploying again goes on from its last epoch"
    )
    remedy = reasons.remedy(str(outcome.fault), again)
    return f"{name} failed, {outcome.fault}: {last_words(outcome)}; {remedy}"


def _news(kubectl: Kubectl, deployment: Manifest) -> str:
    told = reasons.progress(deployment)
    pod = _unready(kubectl, deployment)
    if pod is not None:
        name = pod["metadata"]["name"]
        return f"{told}; {name}: {reasons.pod_reason(pod, kubectl.events(name))}"
    makers = kubectl.find("replicasets", _labels(deployment))
    events = [event for each in makers for event in kubectl.events(each["metadata"]["name"])]
    last = pods.last_warning(events)
    return f"{told}; {last}" if last else told


def _quote(kubectl: Kubectl, name: str) -> None:
    """Tells what the newest pod that is not ready says: its last events, and its log's end."""
    try:
        deployment = kubectl.get("deployment", name)
        pod = _unready(kubectl, deployment) if deployment else None
        if pod is None:
            return
        of = pod["metadata"]["name"]
        for event in kubectl.events(of)[-QUOTED_EVENTS:]:
            say(f"  event of {of}: {reasons.event_line(event)}")
        before = reasons.has_restarted(pod)
        for container in pod["spec"]["containers"]:
            for line in kubectl.last_lines(of, container["name"], QUOTED_LINES, previous=before):
                say(f"  log of {of}: {printable(line)}")
    except DeployError as error:  # such as a container that never ran; the wait's fault is told
        say(f"  no more is known: {error}")


def _unready(kubectl: Kubectl, deployment: Manifest) -> Manifest | None:
    return reasons.unready(kubectl.find("pods", _labels(deployment)))


def _labels(deployment: Manifest) -> dict[str, str]:
    return dict(deployment["spec"]["selector"]["matchLabels"])


def _wait(what: str, look: Callable[[], str | None], seconds: float, remedy: str = "") -> None:
    """Waits, also through moments in which the cluster does not answer."""

    def asked() -> str | None:
        try:
            return look()
        except UnreachableError as error:
            return str(error)

    try:
        wait_until_done(what, asked, Patience(seconds, LOOK_SECONDS))
    except DeployError as error:
        raise DeployError(f"{error}; {remedy}" if remedy else str(error)) from error
