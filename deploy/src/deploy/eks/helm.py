"""helm as a process: releases in one cluster."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from deploy.console import say
from deploy.eks import reasons
from deploy.eks.processes import answer, started
from deploy.eks.waiting import Patience, wait_until_done
from deploy.errors import DeployError, UnreachableError
from deploy.kubectl import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from deploy.eks.charts import Chart
    from deploy.kubectl import Kubectl

INSTALL_SECONDS = 300
LOOK_SECONDS = 4.0
PENDING_SECONDS = 60.0  # for which a helm that an earlier run started may still be at it
_FIRST_WITH_ROLLBACK = 4  # in whose place earlier ones have --atomic
_UNREACHABLE = re.compile(r"cluster unreachable|connection refused|i/o timeout|no such host")


@dataclass(frozen=True, slots=True)
class Helm:
    """Releases in the cluster of a kubectl."""

    kubectl: Kubectl

    def is_as_wanted(self, chart: Chart, values: Mapping[str, Any]) -> bool:
        """Whether a release was made of this chart with these values, and went well.

        One that somebody works on is waited for; one that was left halfway is taken back.
        """
        found = self._settled(chart)
        if not found or found["status"] != "deployed":
            return False
        if found["chart"] != f"{chart.chart}-{chart.version}":
            return False
        told = self._run("get", "values", *_named(chart), "-o", "json")
        return bool(json.loads(told) == values)

    def upgrade(self, chart: Chart, values: Mapping[str, Any], source: Sequence[str]) -> None:
        """Installs or upgrades, and waits until its pods are ready; else all is as before.

        Args:
            chart: that the release is made of.
            values: all that differ from the chart's own.
            source: arguments that say where the chart is.

        Raises:
            DeployError: helm fails, or the pods do not get ready.
        """
        path = self._folder / f"{chart.chart}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(values, indent=2), encoding="utf-8")
        command = self._command(
            *("upgrade", "--install", chart.chart, *source, "--namespace", chart.namespace),
            *("--values", str(path), f"--timeout={INSTALL_SECONDS}s", "--wait", self._undo()),
        )
        news = ""
        with started(command, {}, stderr=subprocess.STDOUT) as process:

            def look() -> str | None:
                nonlocal news
                try:
                    process.wait(LOOK_SECONDS)
                except subprocess.TimeoutExpired:
                    news = self._news(chart)
                    return news
                return None

            patience = Patience(INSTALL_SECONDS + 60, every=0.0)
            wait_until_done(f"chart {chart.chart}", look, patience)
            told = process.stdout.read() if process.stdout else ""
        if process.returncode:
            raise self._error(f"chart {chart.chart}: {one_line(told)}; last: {news}", told)

    @property
    def _folder(self) -> Path:
        if self.kubectl.kubeconfig is None:
            raise DeployError("helm: it needs a kubeconfig of the deployment's own")
        return self.kubectl.kubeconfig.parent / "charts"

    def _settled(self, chart: Chart) -> dict[str, str] | None:
        """The release, with nobody at work on it."""
        found = self._find(chart)

        def look() -> str | None:
            nonlocal found
            found = self._find(chart)
            return found["status"] if found and "pending" in found["status"] else None

        if found is None or "pending" not in found["status"]:
            return found
        say(f"  chart {chart.chart}: it is {found['status']} since an earlier run")
        try:
            wait_until_done(f"chart {chart.chart}", look, Patience(PENDING_SECONDS))
        except DeployError:
            is_new = found["status"] == "pending-install"
            verb = ("uninstall", "--wait") if is_new else ("rollback", "--wait")
            self._run(verb[0], *_named(chart), verb[1])
            found = self._find(chart)
        return found

    def _find(self, chart: Chart) -> dict[str, str] | None:
        states = ("--deployed", "--failed", "--pending", "--uninstalling")
        place = ("--namespace", chart.namespace, "--filter", f"^{chart.chart}$")
        listed = json.loads(self._run("list", *states, *place, "-o", "json"))
        return dict(listed[0]) if listed else None

    def _news(self, chart: Chart) -> str:
        """Why the release's pods are not ready."""
        kubectl = replace(self.kubectl, namespace=chart.namespace)
        try:
            found = kubectl.find("pods", {"app.kubernetes.io/instance": chart.chart})
            pod = reasons.unready(found)
            if pod is None:
                return "its pods are ready" if found else "its pods are being made"
            name = pod["metadata"]["name"]
            return f"{name}: {reasons.pod_reason(pod, kubectl.events(name))}"
        except UnreachableError as error:
            return str(error)

    def _undo(self) -> str:
        """The option that takes a change back which fails; its name depends on the version."""
        told = answer(["helm", "version", "--template", "{{.Version}}"], {}).stdout
        major = re.match(r"v?(\d+)", told)
        newer = major and int(major[1]) >= _FIRST_WITH_ROLLBACK
        return "--rollback-on-failure" if newer else "--atomic"

    def _run(self, *arguments: str) -> str:
        told = answer(self._command(*arguments), {})
        if told.returncode:
            raise self._error(f"helm {arguments[0]}: {one_line(told.stderr)}", told.stderr)
        return told.stdout

    def _command(self, *arguments: str) -> list[str]:
        config = f"--kubeconfig={self.kubectl.kubeconfig}"
        return ["helm", *arguments, config, f"--kube-context={self.kubectl.context}"]

    def _error(self, message: str, told: str) -> DeployError:
        kind = UnreachableError if _UNREACHABLE.search(told) else DeployError
        return kind(message)


def _named(chart: Chart) -> tuple[str, ...]:
    return (chart.chart, "--namespace", chart.namespace)
