"""A Job, followed to its end: why it does not start, what it logs, how it ended."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from deploy import log, pods
from deploy.errors import DeployError, UnreachableError
from deploy.jobs import CONTAINER

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.kubectl import Kubectl, Manifest
    from deploy.log import Line

LAST_LINES = 200
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Waits:
    """How long is waited, in seconds.

    Attributes:
        look: from one look at the cluster to the next.
        tell: before it is told why a pod does not start.
        silence: for which the cluster may be gone before that ends the following.
    """

    look: float = 1.0
    tell: float = 5.0
    silence: float = 30.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a Job ended.

    Attributes:
        fault: None when it succeeded.
        lines: the last ones of its log.
    """

    fault: str | None
    lines: tuple[Line, ...]


@dataclass
class Follower:
    """What is known of a Job while it is followed.

    Attributes:
        name: the Job's.
        show: gets each line of the log once.
        say: gets what is told beside it.
    """

    kubectl: Kubectl
    name: str
    show: Callable[[Line], None]
    say: Callable[[str], None]
    waits: Waits = field(default_factory=Waits)
    _lines: deque[Line] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    _read: dict[str, str] = field(default_factory=dict)  # pod -> time of its last line
    _done: set[str] = field(default_factory=set)  # pods whose log was read to the end
    _since: float = field(default_factory=time.monotonic)  # something last happened
    _told: set[str] = field(default_factory=set)  # reasons, of which some take turns

    def follow(self) -> Outcome:
        """Waits for the end.

        Raises:
            DeployError: the Job was removed.
            UnreachableError: the cluster is gone for too long.
        """
        while True:
            job, found = self._look()
            started = [pod for pod in found if pods.has_started(pod)]
            unread = [pod for pod in started if pod["metadata"]["name"] not in self._done]
            for pod in unread:
                self._read_log(pod)
            # Also with a pod whose end nobody told, such as that of a node that is gone.
            if pods.condition(job, "Complete"):
                return Outcome(None, tuple(self._lines))
            if pods.condition(job, "Failed"):
                return Outcome(pods.failure(job, found), tuple(self._lines))
            if not unread:
                self._tell_waiting(found)
                time.sleep(self.waits.look)

    def _look(self) -> tuple[Manifest, list[Manifest]]:
        job = self._patiently(lambda: self.kubectl.get("job", self.name))
        if job is None:
            raise DeployError(f"the Job {self.name} was removed before its end was seen")
        labels = {"batch.kubernetes.io/job-name": self.name}
        found = self._patiently(lambda: self.kubectl.find("pods", labels))
        return job, pods.in_order(found)

    def _patiently(self, ask: Callable[[], Answer]) -> Answer:
        end = time.monotonic() + self.waits.silence
        while True:
            try:
                return ask()
            except UnreachableError:
                if time.monotonic() > end:
                    raise
                time.sleep(self.waits.look)

    def _read_log(self, pod: Manifest) -> None:
        """Shows what is new, up to the container's end or the connection's."""
        name, ended = pod["metadata"]["name"], pods.exit_state(pod)
        last = self._read.get(name, "")
        with self.kubectl.log(name, CONTAINER, last or None) as timestamped:
            for line in map(log.parse, timestamped):
                if line.time > last:
                    self._lines.append(line)
                    self._read[name] = line.time
                    self.show(line)
        self._since = time.monotonic()
        self._told.clear()
        if ended is None:
            time.sleep(self.waits.look)  # the connection may have broken at once
        else:
            self._done.add(name)

    def _tell_waiting(self, found: list[Manifest]) -> None:
        """Tells why nothing runs, after a while, and each reason once."""
        if time.monotonic() - self._since < self.waits.tell:
            return
        reason = self._waiting_reason(found)
        if reason not in self._told:
            self._told.add(reason)
            self.say(f"{self.name} waits: {reason}")

    def _waiting_reason(self, found: list[Manifest]) -> str:
        waiting = [pod for pod in found if not pods.is_over(pod)]
        if known := next(filter(None, map(pods.pending_reason, waiting)), None):
            return known
        ends = [end for pod in found if (end := pods.exit_state(pod))]
        if ends and not waiting:
            return f"try {len(ends)} failed, {pods.describe_exit(ends[-1])}; another one follows"
        subject = waiting[-1]["metadata"]["name"] if waiting else self.name
        events = self._patiently(lambda: self.kubectl.events(subject))
        return pods.last_warning(events) or "its pod is being started"


def last_words(outcome: Outcome) -> str:
    """The last error that was logged, else the last line."""
    errors = [line for line in outcome.lines if line.level in {"error", "critical"}]
    told = (errors or list(outcome.lines))[-1:]
    return log.printable(told[0].message) if told else "it logged nothing"
