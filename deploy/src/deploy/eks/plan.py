"""What a deployment would do, worked out without an account: the same for the same options."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deploy import kubectl
from deploy.eks import (
    charts,
    costs,
    data,
    inputs,
    overlay,
    stacks,
    stages,
    template,
    zones,
)
from deploy.eks.findings import Finding
from deploy.eks.images import SERVICES, repository
from deploy.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from deploy.eks.costs import Costs
    from deploy.eks.options import Options
    from deploy.eks.stages import Stage
    from deploy.eks.template import Resource

# What only the account, or this machine's place in the internet, can tell.
UNKNOWN = {
    "AdminArn": "${the role or user that deploys}",
    "AdminCidrs": "${this machine}/32",
    "Zones": ",".join(f"${{zone {number}}}" for number in range(1, zones.COUNT + 1)),
}
NO_DIGEST = "${digest}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a plan tells.

    Attributes:
        stages: of the rendered overlay; empty when it could not be rendered.
        fault: why it could not be.
        findings: what is wrong or worth knowing, as far as that can be said without an account.
    """

    options: Options
    parameters: Mapping[str, str]
    resources: Sequence[Resource]
    stages: Sequence[Stage]
    fault: str
    costs: Costs
    findings: Sequence[Finding]

    @property
    def made(self) -> list[Resource]:
        """The resources whose conditions hold."""
        return [each for each in self.resources if each.is_made]


def make(options: Options) -> Plan:
    """Works everything out; kubectl renders the overlay.

    Raises:
        UsageError: the template or the overlay cannot be read.
    """
    text, deployment = template.read(stacks.template()), options.deployment
    known = template.defaults(text) | dict(options.parameters)
    parameters = UNKNOWN | known
    where = (parameters, deployment.name, deployment.region)
    resources = template.resources(text, *where)
    values = parameters | template.outputs(text, *where)
    rendered, fault = _render(values)
    priced = costs.estimate(resources, deployment.region, costs.prices())
    found = list(_look(options, known, resources))
    return Plan(options, parameters, resources, rendered, fault, priced, found)


def _look(
    options: Options, values: Mapping[str, str], resources: Sequence[Resource]
) -> Iterator[Finding]:
    """What stands in the way, of all that needs no account."""
    region = options.deployment.region
    yield from inputs.check_region(region)
    yield from inputs.check(values, resources, region)
    yield from charts.check(options.chart_mirror)
    try:
        data.check(options.data, is_fenced=True)
    except UsageError as error:
        yield Finding(str(error))


def _render(values: Mapping[str, str]) -> tuple[Sequence[Stage], str]:
    if not shutil.which("kubectl"):
        return (), "kubectl is not on the PATH, so that the objects are not shown"
    images = {each: f"{repository(values, each)}@{NO_DIGEST}" for each in SERVICES}
    with tempfile.TemporaryDirectory() as folder:
        overlay.write(Path(folder), values, images)
        return stages.split(kubectl.render(Path(folder))), ""
