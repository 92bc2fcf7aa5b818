"""A plan as a text in Markdown."""

from __future__ import annotations

import re
import textwrap
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import yaml

from deploy.eks import charts, instances, permissions
from deploy.eks.images import SERVICES
from deploy.eks.steps import STEPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from deploy.eks.permissions import Statement
    from deploy.eks.plan import Plan
    from deploy.eks.template import Resource

WIDTH = 100
_SECRETS = re.compile(r"(?<=://)[^/@]*@|[?#].*")


def write(plan: Plan) -> str:
    """The plan as text: a summary first, then what it sums up."""
    parts = (
        _summary,
        _findings,
        _steps,
        _costs,
        _parameters,
        _resources,
        _permissions,
        _images,
        _objects,
    )
    return "\n".join(line for part in parts for line in (*part(plan), ""))


def _summary(plan: Plan) -> Iterator[str]:
    deployment, made = plan.options.deployment, plan.made
    kinds = len({each.kind for each in made})
    statements = permissions.of_resources(made)
    objects = sum(len(each.manifests) for each in plan.stages)
    holders = len({each.holder for each in statements})
    yield f"# Plan: {deployment.name} in {deployment.region}"
    yield ""
    yield "Amazon was not asked and nothing was changed. ${…} is what only Amazon can tell."
    yield ""
    if plan.options.is_example_region:
        yield f"- region: {deployment.region}, an example; none was given"
    yield f"- steps: {len(STEPS)}, with a time-out each"
    cost = f"{plan.costs.how} {plan.costs.total:,.0f} USD a month"
    yield f"- cost: {cost}, at list prices of {plan.costs.date}"
    yield f"- stack: {len(made)} resources of {kinds} types"
    yield f"- permissions: {len(statements)} statements in policies of {holders} resources"
    yield f"- images: {len(SERVICES)}, for linux/{plan.parameters['Architecture']}"
    yield f"- controllers: {', '.join(each.chart for each in charts.read())}"
    yield f"- objects in the cluster: {plan.fault or objects}"
    yield f"- training: on {_data(plan.options.data)}"
    if plan.parameters["CertificateArn"]:
        yield "- the page: by HTTPS"
    else:
        yield "- the page: by HTTP, NOT ENCRYPTED; --certificate-arn changes that"


def _findings(plan: Plan) -> Iterator[str]:
    faults = sum(each.is_fatal for each in plan.findings)
    yield f"## Faults ({faults}) and notes ({len(plan.findings) - faults})"
    yield ""
    yield "Found without asking Amazon; before anything is made, a deployment looks at more."
    if plan.findings:
        yield ""
    for each in plan.findings:
        yield from wrapped(str(each), "- ")


def _data(given: str | None) -> str:
    """What is trained on, without what may be secret in an address."""
    if given is None:
        return "the bundled digits, or on what was trained on before"
    return _SECRETS.sub("", given)


def _steps(_: Plan) -> Iterator[str]:
    yield f"## Steps ({len(STEPS)})"
    yield ""
    rows = [(f"{number}", each.name, f"{each.seconds:.0f}") for number, each in enumerate(STEPS, 1)]
    yield from table(("", "step", "seconds at most"), rows)


def _costs(plan: Plan) -> Iterator[str]:
    base, region = plan.costs.base, plan.options.deployment.region
    yield f"## Costs: {plan.costs.how} {plan.costs.total:,.2f} USD a month"
    yield ""
    yield from wrapped(
        f"List prices of {plan.costs.date} in US dollars, written down in "
        "deploy/src/deploy/eks/prices.toml and not looked up, for a month of 730 hours, without "
        "taxes, free tiers and discounts. Quantities of data and hours of training are those of a "
        "small deployment; yours will differ. Traffic to the internet comes on top."
    )
    yield ""
    rows = [
        (
            each.what + (" *" if each.is_borrowed else ""),
            f"{each.quantity:,.0f} {each.unit}",
            "?" if each.price is None else f"{each.price:.4f}",
            "?" if each.price is None else f"{each.month:,.2f}",
            each.source,
        )
        for each in plan.costs.lines
    ]
    yield from table(("what", "quantity", "price", "a month", "source"), rows)
    if any(each.is_borrowed for each in plan.costs.lines):
        yield ""
        yield f"* the price of {base}, since that of {region} is not written down."
    if any(each.price is None for each in plan.costs.lines):
        yield ""
        yield "? is not written down, and not in the sum."


def _parameters(plan: Plan) -> Iterator[str]:
    yield f"## Parameters ({len(plan.parameters)})"
    yield ""
    given = plan.options.parameters
    taken = {name: ",".join(kinds) for name, kinds in instances.types(plan.resources).items()}
    rows = [
        (name, value or taken.get(name) or "-", "given" if name in given else "default")
        for name, value in sorted(plan.parameters.items())
    ]
    yield from table(("parameter", "value", "which is"), rows)


def _resources(plan: Plan) -> Iterator[str]:
    yield f"## Resources ({len(plan.made)})"
    yield ""
    yield from _by_kind(plan.made)
    left_out = [each for each in plan.resources if not each.is_made]
    if left_out:
        yield ""
        yield f"Not made with these parameters ({len(left_out)}):"
        yield ""
        for condition in dict.fromkeys(each.condition for each in left_out):
            names = ", ".join(each.name for each in left_out if each.condition == condition)
            yield from wrapped(f"{condition} does not hold: {names}", "- ")


def _by_kind(resources: Iterable[Resource]) -> Iterator[str]:
    names = defaultdict(list)
    for each in resources:
        names[each.kind].append(each.name)
    for kind, found in sorted(names.items()):
        yield from wrapped(f"{kind} ({len(found)}): {', '.join(found)}", "- ")


def _permissions(plan: Plan) -> Iterator[str]:
    statements = permissions.of_resources(plan.made)
    amazons = permissions.managed(plan.made)
    yield f"## Permissions ({len(statements)} statements)"
    for holder in dict.fromkeys([*(each.holder for each in statements), *amazons]):
        yield ""
        yield f"### {holder}"
        yield ""
        for each in statements:
            if each.holder == holder:
                yield from wrapped(_told(each), "- ")
        for policy in amazons.get(holder, ()):
            yield f"- as Amazon's policy says: {policy}"


def _told(statement: Statement) -> str:
    """A statement as a sentence."""
    who = f"{', '.join(statement.who)} " if statement.who else ""
    but = "all but " if statement.is_other else ""
    on = f" on {', '.join(statement.on)}" if statement.on else ""
    conditions = f" if {' and '.join(statement.conditions)}" if statement.conditions else ""
    verb = statement.effect.lower()
    text = f"{but}{', '.join(statement.actions)}{on}{conditions}"
    return f"{statement.policy}: {verb} {who}{text}"


def _images(plan: Plan) -> Iterator[str]:
    yield f"## Images ({len(SERVICES)}) and controllers"
    yield ""
    yield "An image is built and pushed when its sources have changed since it was pushed last."
    yield ""
    platform = f"linux/{plan.parameters['Architecture']}"
    name = plan.options.deployment.name
    rows = [(each, f"{each}/", platform, f"{name}/{each}") for each in SERVICES]
    yield from table(("image", "built of", "platform", "repository"), rows)
    yield ""
    found = [(each.chart, each.version, each.repository, each.namespace) for each in charts.read()]
    yield from table(("chart", "version", "repository", "namespace"), found)


def _objects(plan: Plan) -> Iterator[str]:
    yield f"## Objects in the cluster ({sum(len(each.manifests) for each in plan.stages)})"
    if plan.fault:
        yield ""
        yield f"{plan.fault}."
    for stage in plan.stages:
        yield ""
        yield f"### {stage.name} ({len(stage.manifests)})"
        yield ""
        yield "```yaml"
        yield yaml.safe_dump_all(stage.manifests, sort_keys=False, width=WIDTH).rstrip()
        yield "```"


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """A Markdown table whose columns line up."""
    cells = [list(heads), *(list(map(str, row)) for row in rows)]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, ["-" * width for width in widths])
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"| {' | '.join(padded)} |"


def wrapped(text: str, mark: str = "") -> Iterator[str]:
    """Lines of a readable length, those after the first below the text of the first."""
    yield from textwrap.wrap(
        mark + text,
        WIDTH,
        subsequent_indent=" " * len(mark),
        break_long_words=False,
        break_on_hyphens=False,
    )
