from __future__ import annotations

import shutil
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from rehearsal import charts

if TYPE_CHECKING:
    from pathlib import Path

if shutil.which("helm") is None:
    pytest.skip("there is no helm on the PATH", allow_module_level=True)

GIVEN = {
    "aws-load-balancer-controller": (
        "clusterName=c,region=us-west-2,vpcId=vpc-1,defaultTags.ml-pipeline:deployment=c"
    ),
    "cluster-autoscaler": "autoDiscovery.clusterName=c,awsRegion=us-west-2",
}


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return charts.pack(tmp_path_factory.mktemp("charts"))


def template(mirror: Path, name: str, *given: str) -> subprocess.CompletedProcess[str]:
    pinned = tomllib.loads(charts.PINNED.read_text())[name]
    sets = [f"--set={each}" for each in (GIVEN[name], *given)]
    chart = mirror / f"{pinned['chart']}-{pinned['version']}.tgz"
    values = charts.PINNED.with_name(f"{name}.yaml")
    command = ["helm", "template", name, str(chart), f"--namespace={pinned['namespace']}"]
    return subprocess.run(
        [*command, f"--values={values}", *sets], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", GIVEN)
def test_it_takes_the_values_of_a_deployment(mirror: Path, name: str) -> None:
    done = template(mirror, name)
    assert done.returncode == 0, done.stderr
    objects: dict[str, Any] = {each["kind"]: each for each in yaml.safe_load_all(done.stdout)}
    assert {"ServiceAccount", "ConfigMap"} <= set(objects)
    assert all(each["metadata"]["name"] in {name, "alb"} for each in objects.values())
    values = yaml.safe_load(objects["ConfigMap"]["data"]["values"])
    assert values.get("clusterName", "c") == "c"


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize(
    "given", ["clustername=c", "replicaCount=many", "image.tagg=v1", "clusterName=,awsRegion="]
)
def test_it_refuses_values_that_the_real_chart_does_not_know(
    mirror: Path, name: str, given: str
) -> None:
    done = template(mirror, name, given)
    assert done.returncode != 0
    assert "don't meet the specifications" in done.stderr
