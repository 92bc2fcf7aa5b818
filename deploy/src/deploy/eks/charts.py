"""The controllers, from their charts: installed by helm when the release is not as it should be."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from deploy.eks.deployment import ROOT, TAG
from deploy.eks.findings import Finding
from deploy.eks.helm import Helm
from deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from deploy.eks.deployment import Deployment
    from deploy.kubectl import Kubectl

CHARTS = ROOT / "deploy/charts"
ARCHIVES = "`helm pull` fetches the archives of deploy/charts/charts.toml"


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart at a version, with the values that all deployments share.

    Attributes:
        chart: its name, and the release's.
        repository: its URL, https:// or oci://.
        namespace: where the release goes.
        values: of deploy/charts.
    """

    chart: str
    version: str
    repository: str
    namespace: str
    values: Mapping[str, Any]


def read() -> tuple[Chart, ...]:
    """The charts of deploy/charts, in the order in which they are installed."""
    listed = tomllib.loads((CHARTS / "charts.toml").read_text(encoding="utf-8"))
    return tuple(
        Chart(
            each["chart"],
            each["version"],
            each["repository"],
            each["namespace"],
            yaml.safe_load((CHARTS / f"{name}.yaml").read_text(encoding="utf-8")) or {},
        )
        for name, each in listed.items()
    )


def install(
    kubectl: Kubectl, deployment: Deployment, values: Mapping[str, str], mirror: Path | None
) -> list[str]:
    """Brings the releases to these charts and values; what is so already is left alone.

    Args:
        kubectl: of the cluster, with a kubeconfig.
        deployment: whose cluster it is.
        values: the stack's parameters and outputs.
        mirror: a folder with the charts' archives, in place of their repositories.

    Returns:
        The charts that were installed or upgraded, with their versions.

    Raises:
        DeployError: helm fails, or a controller does not get ready.
    """
    helm = Helm(kubectl)
    changed = []
    for each in read():
        wanted = merged(each.values, own_values(each.chart, deployment, values))
        if helm.is_as_wanted(each, wanted):
            continue
        helm.upgrade(each, wanted, source(each, mirror))
        changed.append(f"{each.chart} {each.version}")
    return changed


def own_values(chart: str, deployment: Deployment, values: Mapping[str, str]) -> Mapping[str, Any]:
    """What a chart is told of this deployment, beside its values file."""
    name, region = deployment.name, deployment.region
    given: dict[str, dict[str, Any]] = {
        "aws-load-balancer-controller": {
            "clusterName": name,
            "region": region,
            "vpcId": values["VpcId"],
            "defaultTags": {TAG: name},
        },
        "cluster-autoscaler": {"autoDiscovery": {"clusterName": name}, "awsRegion": region},
    }
    return given.get(chart, {})


def merged(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Both, as helm merges two files of values: maps by their keys, all else by the second."""
    result = dict(shared)
    for key, value in own.items():
        before = result.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            result[key] = merged(before, value)
        else:
            result[key] = value
    return result


def check(mirror: Path | None) -> Iterator[Finding]:
    """The charts that a mirror lacks.

    Args:
        mirror: a folder with the charts' archives; None when there is none.
    """
    if mirror and not mirror.is_dir():
        yield Finding(f"--chart-mirror {mirror}: there is no such folder", ARCHIVES)
        return
    for each in read():
        try:
            source(each, mirror)
        except UsageError as error:
            yield Finding(str(error), ARCHIVES)


def source(chart: Chart, mirror: Path | None) -> list[str]:
    """The arguments that tell helm where a chart is.

    Args:
        chart: that is meant.
        mirror: a folder with archives, in place of the repository.

    Raises:
        UsageError: the folder does not have it.
    """
    if mirror:
        path = mirror / f"{chart.chart}-{chart.version}.tgz"
        if not path.is_file():
            raise UsageError(f"--chart-mirror {mirror}: there is no {path.name} in it")
        return [str(path.resolve())]
    if chart.repository.startswith("oci://"):
        return [f"{chart.repository}/{chart.chart}", "--version", chart.version]
    return [chart.chart, "--repo", chart.repository, "--version", chart.version]
