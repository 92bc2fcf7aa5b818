"""The cluster of a deployment: a kubeconfig without secrets, and the wait until it lets us in."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import yaml

from deploy.eks.account import CONFIG, CREDENTIALS, told_in_one_line
from deploy.eks.deployment import NAMESPACE
from deploy.eks.waiting import Patience, wait_until_done
from deploy.errors import DeployError, UnreachableError, UsageError
from deploy.kubectl import Kubectl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.eks.account import Account
    from deploy.eks.deployment import Deployment

ACCESS_SECONDS = 300.0
# What an API server says to somebody whose access entry has not reached it yet.
_NOT_YET = ("Unauthorized", "must be logged in", "provide credentials", "(Forbidden)")
_PLUG_IN_FAILED = "getting credentials"  # says kubectl
# What a plug-in needs to find the same credentials in another shell, and is no secret.
_VARIABLES = ("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE")


def connect(account: Account, deployment: Deployment) -> Kubectl:
    """The cluster, by a kubeconfig that is written for it; nobody asks it anything yet.

    Raises:
        DeployError: there is no such cluster.
    """
    with told_in_one_line("DescribeCluster"):
        eks = account.session.client("eks", config=CONFIG)
        found = eks.describe_cluster(name=deployment.name)["cluster"]
    path = deployment.folder / "kubeconfig"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(kubeconfig(found, deployment)), encoding="utf-8")
    path.chmod(0o600)  # helm warns of one that others may read
    return Kubectl(deployment.name, NAMESPACE, path)


def kubeconfig(found: Mapping[str, Any], deployment: Deployment) -> dict[str, Any]:
    """The cluster, as DescribeCluster tells it, and how a token is made for it."""
    name = deployment.name
    variables = {each: os.environ[each] for each in _VARIABLES if os.environ.get(each)}
    plug_in = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": ["-m", "deploy.eks", "token", "--name", name, "--region", deployment.region],
        "env": [{"name": each, "value": value} for each, value in variables.items()],
        "interactiveMode": "Never",
        "provideClusterInfo": False,
    }
    server = {
        "server": found["endpoint"],
        "certificate-authority-data": found["certificateAuthority"]["data"],
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": server}],
        "users": [{"name": name, "user": {"exec": plug_in}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }


def wait(kubectl: Kubectl, values: Mapping[str, str], seconds: float = ACCESS_SECONDS) -> None:
    """Waits until the cluster answers, and lets us in.

    Args:
        kubectl: of the cluster.
        values: the stack's, which say who may come from where.
        seconds: after which it is given up.

    Raises:
        DeployError: it does not, and why.
    """

    def look() -> str | None:
        try:
            kubectl.get("namespace", "kube-system")
        except DeployError as error:
            if _PLUG_IN_FAILED in str(error):
                raise UsageError(
                    f"no token for the cluster could be made; {CREDENTIALS}"
                ) from error
            if not isinstance(error, UnreachableError) and not _is_early(str(error)):
                raise
            return str(error)
        return None

    try:
        wait_until_done("cluster", look, Patience(seconds, every=3.0))
    except DeployError as error:
        raise DeployError(f"{error}; {_remedy(str(error), values)}") from error


def _is_early(fault: str) -> bool:
    return any(each in fault for each in _NOT_YET)


def _remedy(fault: str, values: Mapping[str, str]) -> str:
    if _is_early(fault):
        who = [values.get("AdminArn", ""), values.get("DeployerArn", "")]
        admins = " and ".join(filter(None, who))
        return f"{admins} may use it: work as one of them, or give --deployer-arn"
    return f"{values.get('AdminCidrs', 'no address')} may reach it: give --admin-cidrs"
