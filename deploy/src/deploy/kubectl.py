"""The cluster, by way of kubectl as a process: manifests in, manifests out."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from deploy.errors import DeployError, NameTakenError, UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

Manifest = dict[str, Any]

REQUEST_SECONDS = 15
LOG_SECONDS = 60  # after which a log is asked for anew: a broken connection may just be silent
_UNREACHABLE = re.compile(
    r"connection refused|was refused|unable to connect|no such host|no route to host|timed? ?out"
    r"|deadline exceeded|connection reset|unexpected eof|service unavailable"
    r"|server is currently unable",
    re.IGNORECASE,
)
_NO_CONTEXT = re.compile(r"context .*does not exist|context was not found", re.IGNORECASE)
_CONTEXTS = (
    "`kubectl config get-contexts` shows those there are, `ctlptl apply -f k8s/cluster.yaml` makes "
    "kind-ml-pipeline"
)
_OWN_CONFIG = (
    "see that it is there, and that it lets this machine's address in (the option --admin-cidrs)"
)
_APPLIED = re.compile(r"(\S+/\S+) (created|configured|unchanged)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Kubectl:
    """One namespace of one cluster.

    Attributes:
        context: of the kubeconfig, so that no other cluster is touched.
        kubeconfig: None for the user's.
    """

    context: str
    namespace: str
    kubeconfig: Path | None = None

    def find(self, kind: str, labels: Mapping[str, str] | None = None) -> list[Manifest]:
        """All objects of a kind that have these labels."""
        selector = ",".join(f"{name}={value}" for name, value in (labels or {}).items())
        return self._items("get", kind, "--selector", selector)

    def events(self, name: str) -> list[Manifest]:
        """What was reported of the object, the oldest first."""
        selector = ("--field-selector", f"involvedObject.name={name}")
        return self._items("get", "events", *selector, "--sort-by", ".lastTimestamp")

    def get(self, kind: str, name: str) -> Manifest | None:
        """One object, or None when there is none of this name."""
        text = self._run("get", kind, name, "--ignore-not-found", "--output", "json")
        return dict(json.loads(text)) if text.strip() else None

    def create(self, manifest: Mapping[str, Any]) -> Manifest:
        """The object as the cluster made it.

        Raises:
            NameTakenError: there is one of this name.
        """
        arguments = ("create", "--filename", "-", "--output", "json")
        return dict(json.loads(self._run(*arguments, text=json.dumps(manifest))))

    def apply(self, manifests: Sequence[Mapping[str, Any]]) -> list[str]:
        """Makes the cluster's objects like these, and leaves alone what is like them already.

        Returns:
            What was made or changed, such as "deployment.apps/ml-backend".
        """
        content = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
        if self._is_applied(content):
            return []
        told = self._run("apply", "--filename", "-", text=content)
        return [name for name, verb in _APPLIED.findall(told) if verb != "unchanged"]

    def delete(self, kind: str, name: str) -> None:
        """Removes an object and what belongs to it, without waiting for that."""
        self._run("delete", kind, name, "--ignore-not-found", "--wait=false")

    def server_version(self) -> str:
        """Of Kubernetes, such as "v1.35.1"."""
        answer = json.loads(self._run("version", "--output", "json"))
        return str(answer.get("serverVersion", {}).get("gitVersion", "unknown"))

    def last_lines(self, pod: str, container: str, count: int, *, previous: bool) -> list[str]:
        """The end of a container's log.

        Args:
            pod: its name.
            container: the container's.
            count: lines at most.
            previous: of the container that ended before the one there is now.
        """
        which = ("--previous",) if previous else ()
        ways = ("--container", container, f"--tail={count}", *which)
        return self._run("logs", pod, *ways).splitlines()

    @contextmanager
    def log(self, pod: str, container: str, since: str | None) -> Iterator[Iterator[str]]:
        """The lines of a container, each after its time, until it ends or the connection does.

        After `LOG_SECONDS` the connection does.

        Args:
            pod: its name.
            container: the container's.
            since: a time in RFC 3339; lines of that second may come again.
        """
        start = (f"--since-time={since}",) if since else ()
        ways = ("--follow", "--timestamps", f"--request-timeout={LOG_SECONDS}s")
        with subprocess.Popen(
            self._command("logs", pod, "--container", container, *ways, *start),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # why it ended is told by the pod
            encoding="utf-8",
            errors="replace",
        ) as process:
            try:
                yield iter(process.stdout or ())
            finally:
                process.terminate()

    def shown(self, *arguments: str) -> str:
        """A command, for the user to type."""
        return " ".join(self._command(*arguments))

    def _is_applied(self, content: str) -> bool:
        """Whether to apply this would change nothing.

        Asked first, since `apply` sends a patch for some objects, and tells that they are
        configured, each time. What cannot be compared is applied, which tells the fault.
        """
        timeout = f"--request-timeout={REQUEST_SECONDS}s"
        return run([*self._command("diff", "--filename", "-"), timeout], content).returncode == 0

    def _items(self, *arguments: str) -> list[Manifest]:
        return list(json.loads(self._run(*arguments, "--output", "json"))["items"])

    def _run(self, *arguments: str, text: str = "") -> str:
        timeout = f"--request-timeout={REQUEST_SECONDS}s"
        answer = run([*self._command(*arguments), timeout], text)
        if answer.returncode == 0:
            return answer.stdout
        fault = one_line(answer.stderr)
        if "(AlreadyExists)" in fault:
            raise NameTakenError(fault)
        if _NO_CONTEXT.search(fault):
            place = self.kubeconfig or f"--context {self.context}"
            raise UsageError(f"{place}: there is no such context; {self._remedy}")
        if _UNREACHABLE.search(fault):
            raise UnreachableError(
                f"the cluster of context {self.context} does not answer ({fault}); {self._remedy}"
            )
        raise DeployError(f"kubectl {arguments[0]}: {fault}")

    def _command(self, *arguments: str) -> list[str]:
        config = [] if self.kubeconfig is None else ["--kubeconfig", str(self.kubeconfig)]
        place = ["--context", self.context, "--namespace", self.namespace]
        return ["kubectl", *config, *place, *arguments]

    @property
    def _remedy(self) -> str:
        return _CONTEXTS if self.kubeconfig is None else _OWN_CONFIG


def render(overlay: Path) -> list[Manifest]:
    """The manifests that an overlay gives; no cluster is asked.

    Raises:
        UsageError: it is no overlay.
    """
    answer = run(["kubectl", "kustomize", str(overlay)])
    if answer.returncode != 0:
        raise UsageError(f"--overlay {overlay}: {one_line(answer.stderr)}")
    return [each for each in yaml.safe_load_all(answer.stdout) if each]


def run(command: list[str], text: str = "") -> subprocess.CompletedProcess[str]:
    """Runs a program to its end.

    Raises:
        UsageError: it is not installed.
    """
    try:
        return subprocess.run(
            command,
            input=text,
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise UsageError(
            f"{command[0]}: cannot be started ({error.strerror}); install it, or put it on the PATH"
        ) from error


def one_line(text: str) -> str:
    """The last line of what a program says is wrong, without its `error:`."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["it does not tell why"]
    return lines[-1].removeprefix("error: ").removeprefix("Error: ")
