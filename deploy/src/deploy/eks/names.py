"""Names that a deployment needs and something else may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.eks.account import CONFIG, told_in_one_line
from deploy.eks.findings import Finding
from deploy.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from deploy.eks.account import Account
    from deploy.eks.deployment import Deployment
    from deploy.eks.template import Resource

UNKNOWN = "${"  # in a name that Amazon makes


def find_taken(
    account: Account, deployment: Deployment, resources: Sequence[Resource]
) -> Iterator[Finding]:
    """Clusters, repositories and log groups that are there already, when no stack is.

    Raises:
        DeployError: Amazon does not let them be looked at.
    """
    taken = [
        *_clusters(account, _names(resources, "AWS::EKS::Cluster", "Name")),
        *_repositories(account, _names(resources, "AWS::ECR::Repository", "RepositoryName")),
        *_log_groups(account, _names(resources, "AWS::Logs::LogGroup", "LogGroupName")),
    ]
    where = f"--name {deployment.name} --region {deployment.region}"
    for each in taken:
        yield Finding(
            f"{each} is there already, though no stack {deployment.name} is",
            f"give another --name; what an earlier deployment left, ./noxw -s destroy_eks -- "
            f"{where} deletes",
        )


def _names(resources: Sequence[Resource], kind: str, key: str) -> list[str]:
    found = [str(each.properties[key]) for each in resources if _has(each, kind, key)]
    return [each for each in found if UNKNOWN not in each]


def _has(resource: Resource, kind: str, key: str) -> bool:
    return resource.is_made and resource.kind == kind and key in resource.properties


def _clusters(account: Account, names: Sequence[str]) -> Iterator[str]:
    client = account.session.client("eks", config=CONFIG)
    for name in names:
        try:
            with told_in_one_line("DescribeCluster"):
                client.describe_cluster(name=name)
        except DeployError as error:
            if "ResourceNotFoundException" not in str(error):
                raise
        else:
            yield f"the cluster {name}"


def _repositories(account: Account, names: Sequence[str]) -> Iterator[str]:
    client = account.session.client("ecr", config=CONFIG)
    for name in names:
        try:
            with told_in_one_line("DescribeRepositories"):
                client.describe_repositories(repositoryNames=[name])
        except DeployError as error:
            if "RepositoryNotFoundException" not in str(error):
                raise
        else:
            yield f"the repository {name}"


def _log_groups(account: Account, names: Sequence[str]) -> Iterator[str]:
    client = account.session.client("logs", config=CONFIG)
    for name in names:
        with told_in_one_line("DescribeLogGroups"):
            found = client.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        if any(each.get("logGroupName") == name for each in found):
            yield f"the log group {name}"
