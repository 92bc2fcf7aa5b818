"""A deployment from an empty account to a page that classifies, step by step."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from deploy import kubectl as kubernetes
from deploy.console import say, tell
from deploy.eks import (
    changes,
    charts,
    cluster,
    costs,
    data,
    images,
    outline,
    overlay,
    plan,
    preflight,
    rollout,
    stacks,
    stages,
    verification,
    zones,
)
from deploy.eks.account import caller, open_account
from deploy.eks.findings import Finding, refuse
from deploy.eks.steps import STEPS, Done, Step, take
from deploy.errors import DeployError, UsageError
from deploy.jobs import find_training_job

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deploy.eks.account import Account
    from deploy.eks.changes import ChangeSet
    from deploy.eks.options import Options
    from deploy.kubectl import Kubectl, Manifest

PAGE = "ml-frontend"
MOST_NAMED = 5  # objects in one line


def deploy(options: Options) -> None:
    """Deploys, or with `plan` only tells what that would do.

    Raises:
        DeployError: a step failed.
        UsageError: something stands in the way, so that nothing was made or changed.
    """
    if options.plan:
        planned = plan.make(options)
        tell(outline.write(planned))
        refuse(planned.findings)
        return
    work = Work(open_account(options.deployment.region), options)
    actions: dict[str, Callable[[float], Done]] = {
        "preflight": work.look,
        "stack": work.update_stack,
        "images": work.push_images,
        "cluster": work.connect,
        "controllers": work.install_charts,
        "storage": work.make_storage,
        "training": work.train,
        "backend": partial(work.roll_out, "backend", "ml-backend"),
        "frontend": partial(work.roll_out, "frontend", PAGE),
        "autoscaling": work.scale,
        "ingress": work.expose,
        "verification": work.verify,
    }
    is_changed = take(
        [Step(each.name, partial(actions[each.name], each.seconds)) for each in STEPS]
    )
    for line in work.summary(is_changed=is_changed):
        tell(line)


class Work:
    """A deployment on its way; each step adds what the next ones need.

    Args:
        account: to deploy to.
        options: what the user asked for.
    """

    _kubectl: Kubectl

    def __init__(self, account: Account, options: Options) -> None:
        self._account = account
        self._options = options
        self._deployment = options.deployment
        self._values: Mapping[str, str] = {}
        self._images: Mapping[str, str] = {}
        self._stages: dict[str, tuple[Manifest, ...]] = {}
        self._url = ""

    def look(self, _: float) -> Done:
        """Finds all that would stop the deployment, at once."""
        findings = [*preflight.check(self._account, self._options), *self._look_at_data()]
        for each in findings:
            say(f"  {each}")
        refuse(findings)
        return Done("nothing stands in the way")

    def update_stack(self, seconds: float) -> Done:
        """Brings the stack up to date, if the user agrees."""
        name = self._deployment.name
        before = stacks.find(self._account, name)
        # Of a stack that never came up nothing is kept: it is made anew.
        kept = before.values if before and before.status not in stacks.EMPTY else {}
        first = self._first_settings(kept)
        given = {**first, **self._options.parameters}
        change_set = stacks.prepare(self._account, self._deployment, given)
        if change_set is not None:
            self._confirm(change_set)
            stacks.execute(self._account, change_set, seconds)
        stack = stacks.find(self._account, name)
        if stack is None:
            raise DeployError(f"stack {name}: somebody deleted it just now")
        self._values = stack.values
        if change_set is None:
            return Done()
        return Done(f"resources: {changes.summary(change_set.changes)}", is_change=True)

    def push_images(self, seconds: float) -> Done:
        """Builds and pushes the images that have changed."""
        pushed = images.push(self._account, self._values, seconds)
        self._images = pushed.images
        if not pushed.new:
            return Done()
        return Done(f"{len(pushed.new)} pushed: {', '.join(pushed.new)}", is_change=True)

    def connect(self, seconds: float) -> Done:
        """Waits until the cluster lets us in."""
        self._kubectl = cluster.connect(self._account, self._deployment)
        cluster.wait(self._kubectl, self._values, seconds)
        folder = self._deployment.folder / "overlay"
        overlay.write(folder, self._values, self._images)
        staged = stages.split(kubernetes.render(folder))
        self._stages = {each.name: each.manifests for each in staged}
        return Done(f"kubeconfig: {self._kubectl.kubeconfig}")

    def install_charts(self, _: float) -> Done:
        """Installs the controllers."""
        mirror = self._options.chart_mirror
        changed = charts.install(self._kubectl, self._deployment, self._values, mirror)
        return Done(", ".join(changed), is_change=bool(changed))

    def make_storage(self, seconds: float) -> Done:
        """Applies what everything else needs, and waits for the volumes."""
        done = self.apply("storage", seconds)
        rollout.wait_for_claims(self._kubectl, seconds)
        return done

    def train(self, _: float) -> Done:
        """Trains, unless that was done with these very settings."""
        job = find_training_job(self._stages["training"])
        given = self._plan_data()
        told = rollout.train(self._kubectl, job, self._images["trainer"], given)
        return Done(told or "", is_change=told is not None)

    def roll_out(self, stage: str, deployment: str, seconds: float) -> Done:
        """Applies a service, and waits until all its pods are new and ready."""
        done = self.apply(stage, seconds)
        rollout.wait_for_deployment(self._kubectl, deployment, seconds)
        return done

    def scale(self, seconds: float) -> Done:
        """Applies the autoscaler, and waits until there are as many pods as it keeps at least."""
        done = self.apply("autoscaling", seconds)
        rollout.wait_for_scaler(self._kubectl, "ml-backend", seconds)
        return done

    def apply(self, stage: str, _: float) -> Done:
        """Makes the cluster's objects as the overlay has them."""
        changed = rollout.apply(self._kubectl, self._stages[stage])
        for each in changed if len(changed) > MOST_NAMED else ():
            say(f"  {each}")
        told = f"{len(changed)} objects" if len(changed) > MOST_NAMED else ", ".join(changed)
        return Done(f"applied: {told}" if changed else "", is_change=bool(changed))

    def expose(self, seconds: float) -> Done:
        """Applies the Ingress, and waits for the load balancer's address."""
        done = self.apply("ingress", seconds)
        self._url = verification.find_url(self._kubectl, seconds)
        return Done(f"{self._url}; {done.told}", is_change=True) if done.told else done

    def verify(self, seconds: float) -> Done:
        """Has a picture classified, by way of the load balancer."""
        return Done(str(verification.verify(self._url, seconds)))

    def summary(self, *, is_changed: bool) -> list[str]:
        """The end of it: where the page is, what it costs, what to do next."""
        where = f"-- --name {self._deployment.name} --region {self._deployment.region}"
        month = costs.monthly(self._values, self._deployment.region)
        cost = f"{month.how} {month.total:,.0f} USD a month"
        lines = [
            "" if is_changed else "nothing was changed: everything is as it is described\n",
            f"page        {self._url}",
            f"cost        {cost}, at list prices, while it runs",
            f"kubectl     export KUBECONFIG={self._kubectl.kubeconfig}",
            f"watch       ./noxw -s status_eks {where}",
            f"train       ./noxw -s train_eks {where} --data s3://BUCKET/KEY",
            f"roll back   ./noxw -s rollback_eks {where}",
            f"end it      ./noxw -s destroy_eks {where}",
        ]
        if not self._values.get("CertificateArn"):
            lines.insert(2, "            NOT ENCRYPTED: give --certificate-arn for HTTPS")
        return [each for each in lines if each]

    def _plan_data(self) -> data.Given:
        return data.plan(self._options.data, self._account, is_fenced=True)

    def _look_at_data(self) -> list[Finding]:
        try:
            self._plan_data()
        except UsageError as error:
            return [Finding(str(error))]
        return []

    def _first_settings(self, before: Mapping[str, str]) -> dict[str, str]:
        """What a first deployment has to be told and the user need not tell."""
        settings: dict[str, str] = {}
        if not (before.get("AdminArn") or "AdminArn" in self._options.parameters):
            settings["AdminArn"] = caller(self._account)
        if not (before.get("AdminCidrs") or "AdminCidrs" in self._options.parameters):
            address = preflight.own_address()
            if address is None:
                raise UsageError("this machine's address is not known; give --admin-cidrs")
            settings["AdminCidrs"] = address
        if not (before.get("Zones") or "Zones" in self._options.parameters):
            settings["Zones"] = zones.first(self._account)
        return settings

    def _confirm(self, change_set: ChangeSet) -> None:
        """Shows what would be done, and goes on only if the user agrees.

        Raises:
            UsageError: there is nobody to ask.
            DeployError: the user does not agree.
        """
        name, region = self._deployment.name, self._deployment.region
        say(f"  change set for the stack {name} in {region}:")
        for line in changes.lines(change_set.changes):
            say(f"  {line}")
        say(f"  {changes.summary(change_set.changes)}")
        for each in changes.losses(change_set.changes):
            say(f"  ATTENTION: the data of {each} would be gone")
        if self._options.yes:
            return
        try:
            self._ask()
        except BaseException:
            stacks.discard(self._account, change_set)
            raise

    def _ask(self) -> None:
        if not sys.stdin.isatty():
            raise UsageError("there is no terminal to ask on; --yes goes on without asking")
        say("  make these changes? They cost money. [y/N]")
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise DeployError("not confirmed, so nothing was changed")
